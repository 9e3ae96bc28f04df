"""Billing periods: the calendar months of a house, in the house's own time zone.

A period is written ``YYYY-MM`` and runs from local midnight to local midnight, so a month with a
change of clocks is an hour shorter or longer and still leaves no instant out.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms, to_ms

_PERIOD = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_MONTHS = 12


class PeriodError(ValueError):
    """A text that names no billing period."""


class Bounds(NamedTuple):
    """From the first instant of a period to the first instant after it."""

    start_ms: int
    end_ms: int


class Taking(NamedTuple):
    """Which readings may end a period beside one at its very end.

    `window`: the days on which they are taken for it (None: any). `is_drawn`: where none was taken
    at the end, a line between those around it is drawn, and no reading stands for the end.
    """

    window: Bounds | None = None
    is_drawn: bool = False


WHENEVER = Taking()


def is_period(text: str) -> bool:
    """Whether a text names a period."""
    return _PERIOD.fullmatch(text) is not None


def following(period: str) -> str:
    """The period after `period`."""
    year, month = _numbers(period)
    return f"{year + month // _MONTHS:04d}-{month % _MONTHS + 1:02d}"


def preceding(period: str) -> str:
    """The period before `period`."""
    year, month = _numbers(period)
    return f"{year - (month == 1):04d}-{(month - 2) % _MONTHS + 1:02d}"


def containing(moment_ms: int, timezone: ZoneInfo) -> str:
    """The period `moment_ms` falls into where the clocks show `timezone`."""
    return from_ms(moment_ms).astimezone(timezone).strftime("%Y-%m")


def bounds(period: str, timezone: ZoneInfo) -> Bounds:
    """When `period` begins and ends in `timezone`; PeriodError if it is none."""
    return Bounds(_midnight(period, timezone), _midnight(following(period), timezone))


def days(first: date, last: date, timezone: ZoneInfo) -> Bounds:
    """From the first midnight of `first` to the one that ends `last` in `timezone`."""
    ends = (first, last + timedelta(days=1))
    return Bounds(*(to_ms(datetime.combine(day, time(), timezone)) for day in ends))


def _midnight(period: str, timezone: ZoneInfo) -> int:
    year, month = _numbers(period)
    return to_ms(datetime(year, month, 1, tzinfo=timezone))


def _numbers(period: str) -> tuple[int, int]:
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise PeriodError(f"expected a period like 2026-10, got {period!r}")
    return int(match[1]), int(match[2])
