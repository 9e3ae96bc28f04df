"""Consumption as a bar chart: pygal draws it here, a browser only shows it as a picture."""

import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pygal
from pygal import PluginImportFixer
from pygal.style import Style

from drivers.reading import from_ms, to_ms
from gateway.history.years import Years
from gateway.overview import Series
from gateway.profile.day import DayProfile
from gateway.profile.report import amount
from gateway.profile.series import Method
from gateway.resident.history import Kept
from gateway.web.texts import Words

# pygal leaves an import hook for its maps, of a form Python has given up: every later import of
# the process would warn of it. There are no maps here.
sys.meta_path[:] = [hook for hook in sys.meta_path if not isinstance(hook, PluginImportFixer)]

# Four beside each other on a desktop, one the width of a phone.
WIDTH, HEIGHT = 360, 170
# A day has 96 bars, which take the width of a page.
DAY_WIDTH, DAY_HEIGHT = 720, 220
YEARS_WIDTH, YEARS_HEIGHT = 720, 260
# A resident looks at it on a phone, and must read its months there.
PHONE_WIDTH, PHONE_HEIGHT = 400, 320
# Across a sheet of A4 between its margins, with the letters of the paper around it.
PAPER_WIDTH, PAPER_HEIGHT = 720, 250
_SCREEN_FONT, _PAPER_FONT = "system-ui, sans-serif", "Libertinus Serif"

DAYS = 30
HOURS = 48
# With less history than this, days would be two or three lonely bars.
HOURLY_BELOW_MS = 4 * 86_400_000
_HOUR_MS = 3_600_000

COLOURS = {
    "electricity": "#be8300",
    "cold-water": "#2f7ed8",
    "hot-water": "#d9534f",
    "heat": "#b5541c",
    "gas": "#6c5ce7",
}
_ESTIMATED_COLOUR = "#9aa7ae"
# Beside each other and beside any resource's colour both are told apart, also without colours.
_BEFORE_COLOUR, _HOUSE_COLOUR = "#7b8d97", "#2b3840"


class Scale(NamedTuple):
    """The edges between the chart's steps, and whether the steps are days."""

    edges_ms: tuple[int, ...]
    daily: bool


def scale(first_ms: int | None, now_ms: int, zone: ZoneInfo) -> Scale:
    """Local days, or hours while there is little history; the last step is the running one."""
    if first_ms is not None and now_ms - first_ms < HOURLY_BELOW_MS:
        hour_ms = now_ms - now_ms % _HOUR_MS + _HOUR_MS
        return Scale(tuple(hour_ms - _HOUR_MS * back for back in range(HOURS, -1, -1)), daily=False)
    midnight = from_ms(now_ms).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight + timedelta(days=1 - back) for back in range(DAYS, -1, -1))
    return Scale(tuple(to_ms(day) for day in days), daily=True)


def bars(series: Series, daily: bool, words: Words, zone: ZoneInfo) -> bytes:
    """The SVG of one series."""
    chart = pygal.Bar(_config(series, words))
    labels = list(_labels(series.steps_ms, daily, words, zone))
    chart.x_labels = labels
    # A label a week or every six hours; the rest would overlap on a phone.
    chart.x_labels_major_every = 7 if daily else 12
    chart.show_minor_x_labels = False
    chart.add(words.unit(series.unit), [float(amount) for amount in series.amounts])
    chart.add_xml_filter(_without_scripts)
    svg: bytes = chart.render()
    return svg


def slots(profile: DayProfile, words: Words, zone: ZoneInfo) -> bytes:
    """The SVG of a register's day: what was measured, and what was estimated."""
    register, series = profile.register, profile.series
    steps = tuple(one.from_ms for one in series.slots)
    amounts = tuple(amount(profile, one.amount) or Decimal() for one in series.slots)
    shown = Series(register.resource, register.unit, steps, amounts)
    config = _config(shown, words)
    config.width, config.height = DAY_WIDTH, DAY_HEIGHT
    config.style = _style(COLOURS.get(register.resource, "#4a6572"), _ESTIMATED_COLOUR)
    config.show_legend, config.legend_at_bottom = True, True
    chart = pygal.StackedBar(config)
    chart.x_labels = list(_labels(steps, daily=False, words=words, zone=zone))
    # A label every three hours.
    chart.x_labels_major_every = max(1, 3 * _HOUR_MS // series.grid.slot_ms)
    chart.show_minor_x_labels = False
    measured = [one.method is Method.MEASURED for one in series.slots]
    for key, wanted in (("profile_measured", True), ("profile_estimated", False)):
        parts = zip(amounts, measured, strict=True)
        chart.add(words(key), [float(one) if is_so is wanted else 0 for one, is_so in parts])
    chart.add_xml_filter(_without_scripts)
    svg: bytes = chart.render()
    return svg


def months(register: Years, words: Words) -> bytes:
    """The SVG of a register's months: what was read, and what was shared over gaps."""
    amounts = tuple(one.used for one in register.months)
    shown = Series(register.resource, register.unit, (), amounts)
    config = _config(shown, words)
    config.width, config.height = YEARS_WIDTH, YEARS_HEIGHT
    config.style = _style(COLOURS.get(register.resource, "#4a6572"), _ESTIMATED_COLOUR)
    config.show_legend, config.legend_at_bottom = True, True
    # A label a year; the months between are counted by eye.
    config.x_labels_major = [one.month[:4] for one in register.months if one.month.endswith("-01")]
    config.show_minor_x_labels = False
    chart = pygal.StackedBar(config)
    chart.x_labels = [_january(one.month) for one in register.months]
    for key, part in (
        ("years_measured", [one.measured for one in register.months]),
        ("years_estimated", [one.estimated for one in register.months]),
    ):
        named = zip(part, register.months, strict=True)
        chart.add(
            words(key),
            [{"value": float(one), "label": words.period(month.month)} for one, month in named],
        )
    chart.add_xml_filter(_without_scripts)
    svg: bytes = chart.render()
    return svg


def compared(register: Kept, words: Words, *, on_paper: bool = False) -> bytes:
    """The SVG of a dwelling's months beside those of a year before and the house's average.

    `on_paper`: as wide as a sheet, in a font that typst carries (cloud_sync/typeset.py).
    """
    kind = register.register
    amounts = [one.used or one.before or Decimal() for one in register.months]
    config = _config(Series(kind.resource, kind.unit, (), tuple(amounts)), words)
    colours = (_BEFORE_COLOUR, COLOURS.get(kind.resource, "#4a6572"), _HOUSE_COLOUR)
    config.width, config.height = PHONE_WIDTH, PHONE_HEIGHT
    config.style = _style(*colours)
    config.show_legend, config.legend_at_bottom = True, True
    config.legend_at_bottom_columns = 1
    if on_paper:
        config.width, config.height = PAPER_WIDTH, PAPER_HEIGHT
        config.style = _style(*colours, font=_PAPER_FONT)
        config.legend_at_bottom_columns = 3
    chart = pygal.Bar(config)
    chart.x_labels = [words.month(int(one.period[5:])) for one in register.months]
    for key, part in (
        ("history_before", [one.before for one in register.months]),
        ("history_used", [one.used for one in register.months]),
        ("history_house", [one.house for one in register.months]),
    ):
        if any(one is not None for one in part):
            # What there is none of has no bar; nothing used has one of no height.
            chart.add(words(key), [None if one is None else float(one) for one in part])
    chart.add_xml_filter(_without_scripts)
    svg: bytes = chart.render()
    return svg


def _january(month: str) -> str:
    """The year at its first month, and the month elsewhere."""
    return month[:4] if month.endswith("-01") else month


def _config(series: Series, words: Words) -> Any:
    return pygal.Config(
        width=WIDTH,
        height=HEIGHT,
        margin=6,
        spacing=6,
        js=(),
        show_legend=False,
        print_values=False,
        show_x_guides=False,
        truncate_label=-1,
        max_scale=4,
        min_scale=2,
        range=None if any(series.amounts) else (0, 1),
        value_formatter=lambda value: words.number(_plain(value)),
        style=_style(COLOURS.get(series.resource, "#4a6572")),
    )


def _style(*colours: str, font: str = _SCREEN_FONT) -> Style:
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground="#5b6770",
        foreground_strong="#26323a",
        foreground_subtle="#dfe5e8",
        opacity=".9",
        opacity_hover="1",
        colors=colours,
        font_family=font,
        label_font_size=12,
        major_label_font_size=12,
        legend_font_size=12,
        guide_stroke_dasharray="2,4",
        major_guide_stroke_dasharray="2,4",
    )


def _labels(steps_ms: Sequence[int], daily: bool, words: Words, zone: ZoneInfo) -> Iterator[str]:
    for step_ms in steps_ms:
        local = from_ms(step_ms).astimezone(zone)
        yield words.day(local) if daily else f"{local:%H:%M}"


def _plain(value: float) -> Decimal:
    """An axis value without the tail that binary fractions bring."""
    return Decimal(f"{value:.6g}").normalize() + 0


def _without_scripts(root: Any) -> Any:
    """A picture needs none, and pygal's would ask a foreign server for more."""
    for parent in list(root.iter()):
        for child in [one for one in parent if str(one.tag).endswith("script")]:
            parent.remove(child)
    return root
