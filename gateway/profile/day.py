"""One register's day put together from the ledger: its series, and what the rules find in it.

It asks a bounded number of rows: the readings of the day and of a week on either side (a gap that
is longer is not filled), and, only where a gap needs like days, those of the four weeks before.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.model import Finding, Level
from gateway.profile import changeover, comparison, holes, outlier, spike, total
from gateway.profile.filling import Aids, filling
from gateway.profile.model import SeriesStore, Standing
from gateway.profile.series import Filling, Marks, Method, Series, build, marks
from gateway.profile.slots import DAY_MS, Grid, Span, local_day, slot_ms
from gateway.rules.parameters import TABLE, Limits, Table
from gateway.surveillance import GAPS_KEPT, interval_ms

# A gap that begins or ends further away than this stays missing.
AROUND_MS = 7 * DAY_MS
# Readings every minute of the five weeks in which a gap's like days may lie, and a slot on either
# side; more of one register are not looked at.
LEVELS_MAX = 37 * 24 * 60


class DayProfile(NamedTuple):
    """A register's day. `check` is its check meter's, if it has one."""

    register: Standing
    day: date
    series: Series
    check: "DayProfile | None"
    findings: tuple[Finding, ...]


class Profiler:
    """Makes day series; `table` holds the numbers."""

    def __init__(self, store: SeriesStore, table: Table = TABLE) -> None:
        self._store = store
        self._table = table

    def day(self, register: Standing, day: date) -> DayProfile | None:
        """A register's day with its findings; None where it is read too seldom for one."""
        zone = ZoneInfo(register.timezone)
        grid = self._grid(register, local_day(day, zone))
        if grid is None:
            return None
        limits = self._table.limits(register.dial.resource, grid.day.from_ms)
        other = self._store.check_of(register, grid.day.from_ms)
        beside = None if other is None else self._check(other, grid, day)
        help_of = {} if beside is None else _measured(beside.series.marks)
        aids = Aids(help_of, lambda: self._like_days(register, grid, day, zone), day)
        series = self._series(register, grid, filling(grid, aids, limits))
        found = self._findings(register, series, beside, limits, zone)
        return DayProfile(register, day, series, beside, tuple(found))

    def _grid(self, register: Standing, day: Span) -> Grid | None:
        """The day's slots while the meter stood, as long as it is usually read."""
        newest = self._store.newest(register.register_no, day.to_ms, GAPS_KEPT + 1)
        slot = slot_ms(interval_ms(newest))
        return None if slot is None else Grid(day, slot)

    def _series(self, register: Standing, grid: Grid, fill: Filling) -> Series:
        first_ms, last_ms = grid.day.from_ms - AROUND_MS, grid.day.to_ms + AROUND_MS
        found = marks(grid, self._levels(register, first_ms, last_ms), register.dial)
        return _while_standing(build(grid, found, fill), register)

    def _levels(self, register: Standing, first_ms: int, last_ms: int) -> list[Level]:
        """Its readings while it stood there, with what it was installed and removed with."""
        first_ms = max(first_ms, register.from_ms)
        last_ms = min(last_ms, last_ms if register.to_ms is None else register.to_ms)
        ends = [(register.from_ms, register.initial), (register.to_ms, register.final)]
        known = [
            Level(at_ms, mantissa)
            for at_ms, mantissa in ends
            if at_ms is not None and mantissa is not None and first_ms <= at_ms <= last_ms
        ]
        levels = self._store.levels(register.register_no, first_ms, last_ms, LEVELS_MAX)
        return sorted({one.at_ms: one for one in (*known, *levels)}.values())

    def _check(self, other: Standing, grid: Grid, day: date) -> DayProfile:
        """The check meter on the same slots; what it was not read in is no help."""
        series = self._series(other, grid, lambda _gap: None)
        return DayProfile(other, day, series, None, ())

    def _like_days(
        self, register: Standing, grid: Grid, day: date, zone: ZoneInfo
    ) -> Mapping[date, Sequence[int]]:
        """The days of the weeks before that were measured whole and are as long as this one."""
        limits = self._table.limits(register.dial.resource, grid.day.from_ms)
        back = [day - timedelta(days=one) for one in range(1, limits.like_days_back + 8)]
        first_ms = local_day(back[-1], zone).from_ms - grid.slot_ms
        levels = self._levels(register, first_ms, grid.day.from_ms + grid.slot_ms)
        known = {}
        for one in back:
            around = Grid(local_day(one, zone), grid.slot_ms)
            first = bisect_left(levels, around.day.from_ms - grid.slot_ms, key=_at_ms)
            last = bisect_left(levels, around.day.to_ms + grid.slot_ms, key=_at_ms)
            taken = marks(around, levels[first:last], register.dial)
            series = build(around, taken, lambda _gap: None)
            amounts = [amount for amount in series.amounts if amount is not None]
            if len(amounts) == around.size == grid.size:
                known[one] = amounts
        return known

    def _findings(
        self,
        register: Standing,
        series: Series,
        beside: DayProfile | None,
        limits: Limits,
        zone: ZoneInfo,
    ) -> list[Finding]:
        dial = register.dial
        # Of a day on which nothing came, and nothing since, V-SILENT speaks.
        silent = all(one.method is Method.MISSING for one in series.slots)
        found = [
            None if silent else holes.check(series),
            spike.check(series, dial, limits),
            outlier.check(series, dial, limits),
            total.check(series, dial, limits),
            changeover.check(series, zone),
        ]
        main = comparison.advance_of(series, dial, register.factor, register.meter)
        if beside is not None and main is not None:
            one = beside.register
            other = comparison.advance_of(beside.series, one.dial, one.factor, one.meter)
            found.append(None if other is None else comparison.check(main, other, limits))
        return [one for one in found if one is not None]


def _at_ms(level: Level) -> int:
    return level.at_ms


def _measured(found: Marks) -> dict[int, int]:
    """What ran in each slot that has a reading at both its edges, also beyond the day."""
    return {edge: found[edge + 1].way - found[edge].way for edge in found if edge + 1 in found}


def _while_standing(series: Series, register: Standing) -> Series:
    """Without the slots of a day before the meter was there, or after it was removed."""
    end_ms = register.to_ms
    kept = tuple(
        one
        for one in series.slots
        if one.to_ms > register.from_ms and (end_ms is None or one.from_ms < end_ms)
    )
    return series._replace(slots=kept)
