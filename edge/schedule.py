"""When a meter is due: on the even multiples of its interval, and at its house's midnight.

Slots are points of the calendar, not "so long after the last one": a restart, a slow line or a
clock that was set never shifts the grid, and readings of different meters stand side by side.
A slot that passes while the line is busy or the meter silent stays due until the next one; of
several missed slots the most valuable one is made up for, a daily read before an interval read.
"""

from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import Source, from_ms, to_ms

_DAY_S = 86_400
# The offsets of a zone, in summer and in winter, are looked up in this year.
_ANY_YEAR = 2026


class Due(NamedTuple):
    """When a meter is to be read, and why."""

    at_ms: int
    source: Source


class Timetable:
    """The slots of one meter."""

    def __init__(self, interval_s: int, zone: ZoneInfo) -> None:
        if interval_s <= 0:
            raise ValueError(f"expected an interval of at least a second, got {interval_s}")
        self._interval_ms = interval_s * 1000
        self._zone = zone

    def next(self, after_ms: int) -> Due:
        """The first slot later than `after_ms`, UTC."""
        midnight_ms = next_midnight_ms(after_ms, self._zone)
        interval = self.next_interval(after_ms)
        if midnight_ms <= interval.at_ms:
            return Due(midnight_ms, Source.DAILY)
        return interval

    def next_interval(self, after_ms: int) -> Due:
        """The same for a time that is no calendar's (since boot): such a day has no midnight."""
        slot = after_ms // self._interval_ms + 1
        return Due(slot * self._interval_ms, Source.INTERVAL)

    def source_now(self, due: Due, now_ms: int) -> Source:
        """Why a meter due then is read now: a midnight in between makes it a daily read."""
        if due.source is Source.INTERVAL and next_midnight_ms(due.at_ms, self._zone) <= now_ms:
            return Source.DAILY
        return due.source

    def since_midnight_ms(self, due: Due, now_ms: int) -> int | None:
        """How long ago the midnight was that a meter due then is read for; None if for none."""
        midnight_ms = last_midnight_ms(now_ms, self._zone)
        return now_ms - midnight_ms if due.at_ms <= midnight_ms else None

    def to_midnight_ms(self, now_ms: int) -> int:
        """How far the next midnight is."""
        return next_midnight_ms(now_ms, self._zone) - now_ms

    def is_reachable(self, due: Due, now_ms: int) -> bool:
        """Whether a plan made on this clock could lie so far ahead; after a jump back it does."""
        return due.at_ms - now_ms <= self._interval_ms


def reads_per_day(interval_s: int, zone: ZoneInfo) -> int:
    """The most slots that a timetable has within 24 hours, the midnight's among them."""
    slots = -(-_DAY_S // interval_s)
    midnights = (to_ms(datetime(_ANY_YEAR, month, 1, tzinfo=zone)) for month in range(1, 13))
    is_on_grid = all(moment % (interval_s * 1000) == 0 for moment in midnights)
    return slots if is_on_grid else slots + 1


def next_midnight_ms(after_ms: int, zone: ZoneInfo) -> int:
    """The first local midnight later than `after_ms`; where a clock change skips it, its hour."""
    return next(moment for moment in _midnights(after_ms, zone) if moment > after_ms)


def last_midnight_ms(now_ms: int, zone: ZoneInfo) -> int:
    """The latest local midnight that is not after `now_ms`."""
    return max(moment for moment in _midnights(now_ms, zone) if moment <= now_ms)


def _midnights(about_ms: int, zone: ZoneInfo) -> list[int]:
    today = from_ms(about_ms).astimezone(zone).date()
    # A day back and two days ahead are enough for any change of the clock.
    days = (today + timedelta(days=ahead) for ahead in range(-1, 3))
    return [to_ms(datetime.combine(day, time(), zone)) for day in days]
