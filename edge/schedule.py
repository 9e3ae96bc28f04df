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

    def is_reachable(self, due: Due, now_ms: int) -> bool:
        """Whether a plan made on this clock could lie so far ahead; after a jump back it does."""
        return due.at_ms - now_ms <= self._interval_ms


def next_midnight_ms(after_ms: int, zone: ZoneInfo) -> int:
    """The first local midnight later than `after_ms`; where a clock change skips it, its hour."""
    today = from_ms(after_ms).astimezone(zone).date()
    # Two days ahead is enough for any change of the clock; the first that is later counts.
    days = (today + timedelta(days=ahead) for ahead in range(3))
    midnights = (to_ms(datetime.combine(day, time(), zone)) for day in days)
    return next(moment for moment in midnights if moment > after_ms)
