"""What a metering point used, month by month over years, from roll-ups alone.

A meter's way is cut at what it showed when it was hung and taken down, and at the first and last
reading of each month. Between two months it is shared by time, so that the months add up to the
whole way exactly; a reading at midnight leaves nothing to share. What had to be shared over more
than two days was not read and counts as *estimated*, so a chart can show it as such.

Only months that lie whole within a meter's time at the point are taken as months; where it was
hung or taken down, its days are, so that what it counted elsewhere stays there.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from gateway.history.checking import in_months
from gateway.history.model import HistoryError, Rollup
from gateway.periods import bounds, containing, following
from gateway.profile.model import Standing
from gateway.profile.series import shared
from gateway.profile.slots import DAY_MS
from gateway.rules.subject import advance

# Readings of a day that was missed are still as good as read for a month.
SHARED_MAX_MS = 2 * DAY_MS
# A chart of more months than this would be a comb.
MONTHS_MAX = 240
_SPANS = ("0000", "9999")


class MonthUse(NamedTuple):
    """A month's use in the register's unit; `estimated` is what was shared over a long gap."""

    month: str
    measured: Decimal
    estimated: Decimal

    @property
    def used(self) -> Decimal:
        """All of it."""
        return self.measured + self.estimated


class Years(NamedTuple):
    """A register of a point over the months, from the first to the last without a gap.

    `exponent`: what its last digit is worth, of several meters the finest one's.
    """

    point: str
    resource: str
    obis: str
    unit: str
    exponent: int
    months: tuple[MonthUse, ...]


class Standings(Protocol):
    """Who stood where."""

    def named(self, name: str, from_ms: int, to_ms: int) -> Sequence[Standing]:
        """The registers that stood at a point, or of a meter, in a time."""


class RollupRows(Protocol):
    """Roll-ups as they were made."""

    def months_of(self, register_no: int, first: str, last: str) -> Sequence[Rollup]:
        """A register's months."""

    def days_of(self, register_no: int, first: str, last: str) -> Sequence[Rollup]:
        """A register's days."""


class _Step(NamedTuple):
    """A part of a meter's way, in whole last digits."""

    from_ms: int
    to_ms: int
    way: int


def years(standings: Standings, rows: RollupRows, point: str, now_ms: int) -> list[Years]:
    """The registers of a point; HistoryError where there is none of that name."""
    stood = [one for one in standings.named(point, 0, now_ms) if one.point == point]
    if not stood:
        raise HistoryError(f"no metering point is called {point!r}: see registry show")
    ordered = sorted(stood, key=lambda one: (one.resource, one.obis, one.unit, one.from_ms))
    return [
        _years(rows, list(group), now_ms)
        for _, group in groupby(ordered, key=lambda one: (one.resource, one.obis, one.unit))
    ]


def _years(rows: RollupRows, stood: Sequence[Standing], now_ms: int) -> Years:
    zone = ZoneInfo(stood[0].timezone)
    measured: dict[str, Fraction] = defaultdict(Fraction)
    estimated: dict[str, Fraction] = defaultdict(Fraction)
    for one in stood:
        unit = Fraction(10) ** one.exponent * one.factor
        parts = _parts(rows, one, now_ms, zone)
        for step in _steps(one, parts):
            sums = measured if step.to_ms - step.from_ms <= SHARED_MAX_MS else estimated
            for month, way in _by_month(step, zone):
                sums[month] += way * unit
        for rollup in parts:
            measured[rollup.span[:7]] += rollup.went(one.dial.capacity) * unit
    known = sorted(measured.keys() | estimated.keys())
    months = list(_between(known[0], known[-1]))[-MONTHS_MAX:] if known else []
    used = [MonthUse(one, _exact(measured[one]), _exact(estimated[one])) for one in months]
    named = (stood[0].point, stood[0].resource, stood[0].obis, stood[0].unit)
    return Years(*named, min(one.exponent for one in stood), tuple(used))


def _parts(rows: RollupRows, one: Standing, now_ms: int, zone: ZoneInfo) -> list[Rollup]:
    """The months of a meter at the point, in the order of time."""
    until_ms = now_ms if one.to_ms is None else one.to_ms
    whole = [
        month
        for month in rows.months_of(one.register_no, *_SPANS)
        if _is_within(month, one.from_ms, until_ms)
        and bounds(month.span, zone).start_ms >= one.from_ms
    ]
    known = {month.span for month in whole}
    # The months of which the meter was here a part of the time only.
    edges = {containing(at_ms, zone) for at_ms in (one.from_ms, until_ms)} - known
    days = [
        day
        for month in sorted(edges)
        for day in rows.days_of(one.register_no, f"{month}-01", f"{month}-31")
        if _is_within(day, one.from_ms, until_ms)
    ]
    return sorted([*whole, *in_months(days).values()], key=lambda part: part.first_at_ms)


def _is_within(rollup: Rollup, from_ms: int, until_ms: int) -> bool:
    return from_ms <= rollup.first_at_ms and rollup.last_at_ms <= until_ms


def _steps(one: Standing, parts: Sequence[Rollup]) -> Iterator[_Step]:
    """What lies between the parts, and before and after all of them."""
    at_ms, shown = one.from_ms, one.initial
    for part in parts:
        if shown is not None:
            rolled = part.first_rolled * one.dial.capacity
            yield _Step(at_ms, part.first_at_ms, part.first - shown + rolled)
        at_ms, shown = part.last_at_ms, part.last
    if one.to_ms is not None and one.final is not None and shown is not None:
        yield _Step(at_ms, one.to_ms, advance(shown, one.final, one.dial).delta)


def _by_month(step: _Step, zone: ZoneInfo) -> Iterator[tuple[str, int]]:
    """A step's parts by the time it lies in each month, their sum exact."""
    months = list(_between(containing(step.from_ms, zone), containing(step.to_ms, zone)))
    weights = []
    for month in months:
        begin_ms, end_ms = bounds(month, zone)
        weights.append(min(end_ms, step.to_ms) - max(begin_ms, step.from_ms))
    # What took no time, a meter hung and read at once, belongs to its month.
    if not sum(weights):
        months, weights = months[-1:], [1]
    return zip(months, shared(step.way, weights), strict=True)


def _between(first: str, last: str) -> Iterator[str]:
    month = first
    while month <= last:
        yield month
        month = following(month)


def _exact(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)
