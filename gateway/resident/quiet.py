"""Quiet hours: nobody is written to at night, by the clock on the wall of the house.

Only what nobody asked for waits: a code or a link that somebody has just asked for goes at once.
"""

from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms, to_ms


class Quiet(NamedTuple):
    """From the first instant of silence to its end; through midnight where `until` is earlier.

    Both the same: no silence at all.
    """

    begins: time = time(21)
    until: time = time(9)

    def next_allowed(self, at_ms: int, zone: ZoneInfo) -> int:
        """`at_ms`, or the end of the silence it falls into."""
        local = from_ms(at_ms).astimezone(zone)
        clock = local.time()
        if self.begins == self.until or not self._is_silent(clock):
            return at_ms
        day = local.date() + timedelta(days=int(clock >= self.until))
        return to_ms(datetime.combine(day, self.until, zone))

    def _is_silent(self, clock: time) -> bool:
        if self.begins < self.until:
            return self.begins <= clock < self.until
        return clock >= self.begins or clock < self.until
