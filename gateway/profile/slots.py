"""The slots of a local day.

How long a slot is follows from how often the register was seen to be read: the shortest usual
slot that a reading falls into each time. A local day is as long as its clocks make it: 92, 96 or
100 quarter hours where the clocks change, and accordingly for other slots. A day that a slot does
not divide (23 hours of two) ends with a shorter one.

Edges count in real time from local midnight, on either side of the day as well, so that a gap
over midnight is one gap.
"""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms, to_ms

_MINUTE_MS = 60_000
HOUR_MS = 60 * _MINUTE_MS
DAY_MS = 24 * HOUR_MS
# What meters and load profiles are read by; shorter than a quarter of an hour says more of habits
# than a bill's check needs, and a day of more slots would fill a screen.
SLOTS_MS = tuple(minutes * _MINUTE_MS for minutes in (15, 30, 60, 120, 180, 240, 360, 720, 1440))
# A poll that takes its turn on a line is late by some seconds; a tenth keeps the slot it was meant
# for, and is far from the next one.
_LATE_DIVISOR = 10


class Span(NamedTuple):
    """A time, its end excluded."""

    from_ms: int
    to_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.to_ms - self.from_ms


class Grid(NamedTuple):
    """A local day in slots. Edge 0 is its midnight, edge `size` the next one."""

    day: Span
    slot_ms: int

    @property
    def size(self) -> int:
        """How many slots the day must hold."""
        return -(-self.day.length_ms // self.slot_ms)

    def edge_ms(self, index: int) -> int:
        """The time of an edge, also of those before and after the day."""
        if index < self.size:
            return self.day.from_ms + index * self.slot_ms
        return self.day.to_ms + (index - self.size) * self.slot_ms

    def nearest(self, at_ms: int) -> int | None:
        """The edge a reading belongs to; None for one exactly between two."""
        origin, first = self.day.from_ms, 0
        if at_ms > (self.edge_ms(self.size - 1) + self.day.to_ms) // 2:
            origin, first = self.day.to_ms, self.size
        index = first + (2 * (at_ms - origin) + self.slot_ms) // (2 * self.slot_ms)
        return index if 2 * abs(at_ms - self.edge_ms(index)) < self.slot_ms else None


def local_day(day: date, zone: ZoneInfo) -> Span:
    """From midnight to midnight on the clocks of the house."""
    begin, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return Span(to_ms(begin), to_ms(end))


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """The local day an instant lies in."""
    return from_ms(at_ms).astimezone(zone).date()


def slot_ms(interval_ms: int | None) -> int | None:
    """The slot of a register read so often; None for one read too seldom for a day's series."""
    if interval_ms is None:
        return None
    meant = (one for one in SLOTS_MS if interval_ms * _LATE_DIVISOR <= one * (_LATE_DIVISOR + 1))
    return next(meant, None)
