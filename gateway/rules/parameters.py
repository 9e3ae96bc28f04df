"""The numbers of the rules: dated, per resource, each with its source, in one table.

None of them is a law. They are defaults that were read in a source or that we propose, and every
row says which of the two, so that a person can weigh it. A number is never rewritten: another
row with a later date takes its place, and a reading is judged by the row of its capture time.
Rows begin at midnight UTC of their date, for a rule has no house and so no clock on a wall.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from drivers.reading import Resource, to_ms
from gateway.model import FOREVER_MS

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


class Mark(StrEnum):
    """How far a number can be relied on."""

    SOURCED = "S"
    """Read in the source named."""
    MEMORY = "M"
    """From memory: to be checked before anybody leans on it."""
    PROPOSED = "P"
    """Our own proposal."""


class Parameter(NamedTuple):
    """One number from one date on; `resource` None stands for all that have no row of their own."""

    rule: str
    name: str
    resource: Resource | None
    valid_from: date
    value: int
    mark: Mark
    source: str


class Limits(NamedTuple):
    """The numbers for one resource at one time; what each means stands beside its row."""

    ahead_ms: int
    clock_error_s: int
    still_ms: int
    usage_factor: int
    usage_periods_min: int
    usage_empty_divisor: int
    slip_places: int
    slip_tolerance_percent: int
    silent_ms: int
    coverage_percent: int
    gap_linear_ms: int
    gap_even_ms: int
    gap_even_last_ms: int
    like_days: int
    like_days_back: int
    spike_percent: int
    outlier_reach: int
    outlier_tenths: int
    noise_permille: int
    sum_units: int
    main_units: int
    main_permille: int
    main_units_min: int
    estimated_in_a_row: int


# Dates begin somewhere; no meter's clock shows an earlier one.
EVER = date(1970, 1, 1)
_S, _M, _P = Mark.SOURCED, Mark.MEMORY, Mark.PROPOSED

ROWS = (
    # How far gateway and edge may stand apart with both clocks in order: network time keeps
    # either within a second, an hour of lost network within a few; a minute is generous.
    Parameter("V-TIME", "ahead_ms", None, EVER, 60_000, _P, "60 s"),
    # A registration interval may vary by 1 %: 9 s of a quarter of an hour.
    Parameter("V-TIME", "clock_error_s", None, EVER, 9, _S, "PTB-A 50.8"),
    # How long a resource may stand still before somebody should look. An uninstalled meter's is
    # the longest.
    Parameter("V-ZERO", "still_ms", None, EVER, 240 * _DAY_MS, _P, "the longest of all"),
    # A tariff register rests up to 16 hours a day; a refrigerator moves the whole within one.
    Parameter("V-ZERO", "still_ms", Resource.ELECTRICITY, EVER, 3 * _DAY_MS, _P, "a refrigerator"),
    # Three weeks outlast most holidays; a stricter limit calls every vacant flat's meter stuck.
    Parameter("V-ZERO", "still_ms", Resource.COLD_WATER, EVER, 21 * _DAY_MS, _P, "a holiday"),
    Parameter("V-ZERO", "still_ms", Resource.HOT_WATER, EVER, 21 * _DAY_MS, _P, "a holiday"),
    # A flat that cooks by electricity in a warm month.
    Parameter("V-ZERO", "still_ms", Resource.GAS, EVER, 45 * _DAY_MS, _P, "a summer month"),
    # The whole time between two heating seasons.
    Parameter("V-ZERO", "still_ms", Resource.HEAT, EVER, 240 * _DAY_MS, _P, "between two seasons"),
    # Use per day against the usual one: three times as much, or less than a third.
    Parameter("V-HILO", "usage_factor", None, EVER, 3, _P, "r > 3 or r < 1/3"),
    Parameter("V-HILO", "usage_periods_min", None, EVER, 3, _P, "3 periods of history"),
    # A period under a tenth of the median is an empty home: neither usual nor suspiciously low.
    Parameter("V-HILO", "usage_empty_divisor", None, EVER, 10, _P, "skip below 0.1 median"),
    # A decimal point is lost by one to three places; more changes the look of a dial.
    Parameter("V-DEC", "slip_places", None, EVER, 3, _P, "10^n, n = ±1..3"),
    # Where "about ten times" ends: far from a factor of ten, far above weeks of ordinary use.
    Parameter("V-DEC", "slip_tolerance_percent", None, EVER, 5, _P, "R_new / R_exp ≈ 10^n"),
    # A daily read and half a day of patience.
    Parameter("V-SILENT", "silent_ms", None, EVER, 36 * _HOUR_MS, _S, "mako edmd: 36 h"),
    Parameter("V-SILENT", "coverage_percent", None, EVER, 95, _S, "mako edmd: 95 %"),
    # The day series: how long a gap may be for each way of filling it (gateway/profile/).
    Parameter("V-GAP", "gap_linear_ms", None, EVER, _HOUR_MS, _S, "IESO: point to point up to 1 h"),
    Parameter("V-GAP", "gap_even_ms", None, EVER, 2 * _HOUR_MS, _M, "California: up to 2 h"),
    # Without like days to go by; beyond it the slots stay missing.
    Parameter("V-GAP", "gap_even_last_ms", None, EVER, _DAY_MS, _S, "Connexo: at most a day"),
    Parameter("V-GAP", "like_days", None, EVER, 3, _S, "Itron: 3 nearest like days"),
    Parameter("V-GAP", "like_days_back", None, EVER, 28, _S, "Connexo: within 4 weeks"),
    # (P1 - P3) / P3 above 1.8.
    Parameter("V-SPIKE", "spike_percent", None, EVER, 180, _M, "180 %"),
    Parameter("V-HAMPEL", "outlier_reach", None, EVER, 3, _S, "edmd: k = 3"),
    Parameter("V-HAMPEL", "outlier_tenths", None, EVER, 30, _S, "edmd: t = 3.0"),
    # What a slot's use may jump by without being odd, in thousandths of what fuse or pipe let
    # through: a kettle, a bath. No deviation counts as smaller; without it every shower after a
    # quiet night would be an outlier.
    Parameter("V-HAMPEL", "noise_permille", None, EVER, 100, _P, "sigma floored by resource"),
    Parameter("V-HAMPEL", "noise_permille", Resource.COLD_WATER, EVER, 150, _P, "a bath"),
    Parameter("V-HAMPEL", "noise_permille", Resource.HOT_WATER, EVER, 150, _P, "a bath"),
    Parameter("V-HAMPEL", "noise_permille", Resource.GAS, EVER, 150, _P, "a boiler starting"),
    Parameter("V-SUM", "sum_units", None, EVER, 2, _P, "2 · resolution · multiplier"),
    # How far a day of a meter and its check meter may lie apart: absolute, or in thousandths.
    Parameter("V-MAIN", "main_units", None, EVER, 0, _S, "Connexo: 0 absolute"),
    Parameter("V-MAIN", "main_permille", None, EVER, 20, _P, "two meters of class 1"),
    # Below a hundred last digits the cut-off digits weigh more than the meters' errors.
    Parameter("V-MAIN", "main_units_min", None, EVER, 100, _P, "skipped under a threshold"),
    Parameter("V-EST", "estimated_in_a_row", None, EVER, 3, _S, "prolonged estimation: 3 periods"),
)

# What the screen of ingest compares once for a whole readout cannot differ by resource.
_OF_ALL = frozenset({"ahead_ms", "clock_error_s"})


class Table:
    """Rows, ready to be asked for the numbers of a resource at a time."""

    def __init__(self, rows: Iterable[Parameter]) -> None:
        self._rows = sorted(rows, key=lambda row: row.valid_from)
        for row in self._rows:
            if row.name in _OF_ALL and row.resource is not None:
                raise ValueError(f"{row.name} is one number for all resources, got {row.resource}")
        self._starts_ms = sorted({_midnight_ms(row.valid_from) for row in self._rows})
        self._known: dict[tuple[int, Resource | None], Limits] = {}

    def epoch(self, at_ms: int) -> tuple[int, int]:
        """The time around `at_ms` in which no number changes; its end is excluded."""
        place = bisect_right(self._starts_ms, at_ms)
        begin = self._starts_ms[place - 1] if place else 0
        return begin, self._starts_ms[place] if place < len(self._starts_ms) else FOREVER_MS

    def limits(self, resource: Resource | None, at_ms: int) -> Limits:
        """The numbers for `resource` at that time; ValueError where the table has none."""
        place = bisect_right(self._starts_ms, at_ms)
        if (place, resource) not in self._known:
            self._known[place, resource] = self._resolve(resource, at_ms)
        return self._known[place, resource]

    def _resolve(self, resource: Resource | None, at_ms: int) -> Limits:
        found: dict[str, int] = {}
        for wanted in (None, resource):
            for row in self._rows:
                if row.resource is wanted and _midnight_ms(row.valid_from) <= at_ms:
                    found[row.name] = row.value
        missing = set(Limits._fields) - found.keys()
        if missing:
            raise ValueError(
                f"the rules need {', '.join(sorted(missing))} for {resource or 'every resource'} "
                f"at {at_ms} ms: add rows with an earlier date"
            )
        return Limits(**found)


def _midnight_ms(day: date) -> int:
    return to_ms(datetime.combine(day, time(), UTC))


TABLE = Table(ROWS)
