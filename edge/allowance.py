"""How often a meter that lives on a battery may be read, and what is kept for the daily read.

A maker promises years of battery for so many reads a day. Here that holds for any 24 hours, whoever
asked and whatever came of it: a repeat after a failure counts, and so does a read on demand. A read
other than the first one after midnight leaves room for the next midnight's, which closes the day.

How long ago a read was is told by the uptime as long as the agent runs. Across restarts only the
wall clock knows (`edge/read_log.py`); while that is not set, earlier reads count as if just made.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import ClockState
from edge.clock import Stamp
from edge.schedule import reads_per_day

DAY_MS = 86_400_000
# Reads of one slot do not fall on the same second every day: so much later than yesterday's may the
# midnight read come, rather than that the last read before it is left out.
GRACE_MS = 300_000
DAY_S = 86_400
# Intervals that a person would choose; each divides the next but one, and all divide a day.
_USUAL_S = (300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, DAY_S)


class Taken(NamedTuple):
    """A read: when by the uptime, and by the wall clock if that was set.

    One of an earlier run has for its uptime the moment it was learned of, and is older than that.
    """

    uptime_ms: int
    utc_ms: int | None
    is_earlier: bool = False

    def age_ms(self, now: Stamp) -> int:
        """How long ago it was, rather too little than too much."""
        age_ms = now.uptime_ms - self.uptime_ms
        if self.is_earlier and self.utc_ms is not None and now.state is not ClockState.RELATIVE:
            age_ms = max(age_ms, now.utc_ms - self.utc_ms)
        return age_ms


class Journal(Protocol):
    """Where the reads of a meter are written down."""

    def note(self, taken: Taken) -> None:
        """A read is about to be made; an error if that cannot be kept."""

    def strike(self, taken: Taken) -> None:
        """It was not made after all."""


class Allowance:
    """One meter's reads: at most `reads_max` within any 24 hours."""

    def __init__(
        self, reads_max: int, taken: Iterable[Taken] = (), journal: Journal | None = None
    ) -> None:
        if reads_max < 1:
            raise ValueError(f"expected at least one read a day, got {reads_max}")
        self.reads_max = reads_max
        self.taken = list(taken)
        self._journal = journal

    def wait_ms(
        self, now: Stamp, *, to_midnight_ms: int | None, since_midnight_ms: int | None = None
    ) -> int:
        """How long the meter must be left alone; 0 if it may be read now.

        `to_midnight_ms` is how far the next midnight is, None if nobody knows. `since_midnight_ms`
        is given where the read that is due is a midnight's, and says how long ago that was.
        """
        ages_ms = self._ages_ms(now)
        # What is left of each read's day, soonest over first.
        left_ms = [DAY_MS - age for age in ages_ms]
        wait_ms = _until_below(self.reads_max, left_ms)
        if since_midnight_ms is not None and all(age > since_midnight_ms for age in ages_ms):
            return wait_ms
        if to_midnight_ms is None:
            return _until_below(max(self.reads_max - 1, 1), left_ms)
        in_the_way = sum(left > to_midnight_ms + GRACE_MS for left in left_ms)
        if in_the_way >= self.reads_max - 1:
            return to_midnight_ms
        return min(wait_ms, to_midnight_ms)

    def take(self, now: Stamp) -> None:
        """Count a read that is about to be made."""
        self._ages_ms(now)
        utc_ms = None if now.state is ClockState.RELATIVE else now.utc_ms
        taken = Taken(now.uptime_ms, utc_ms)
        if self._journal is not None:
            self._journal.note(taken)
        self.taken.append(taken)

    def give_back(self) -> None:
        """The read that was taken last was not made: nobody was asked."""
        taken = self.taken.pop()
        if self._journal is not None:
            self._journal.strike(taken)

    def _ages_ms(self, now: Stamp) -> list[int]:
        """The ages of the reads that count, oldest first; all others are forgotten."""
        self.taken = [one for one in self.taken if one.age_ms(now) < DAY_MS]
        return sorted((one.age_ms(now) for one in self.taken), reverse=True)


def check_interval(interval_s: int, reads_max: int | None, zone: ZoneInfo) -> None:
    """ValueError, saying what to write, where reading so often is more than the meter allows.

    Once a day always fits, whatever else the meter is asked for is then left out.
    """
    if reads_max is None or interval_s == DAY_S:
        return
    needed = reads_per_day(interval_s, zone)
    if needed > reads_max:
        fitting_s = fitting_interval_s(interval_s, reads_max, zone)
        raise ValueError(
            f"the meter allows {reads_max} reads a day, interval_s = {interval_s} makes {needed}: "
            f"write interval_s = {fitting_s}"
        )


def fitting_interval_s(wanted_s: int, reads_max: int | None, zone: ZoneInfo) -> int:
    """`wanted_s` if the meter allows that, else the next longer interval that it does."""
    if reads_max is None or reads_per_day(wanted_s, zone) <= reads_max:
        return wanted_s
    longer = (one for one in _USUAL_S if one > wanted_s and reads_per_day(one, zone) <= reads_max)
    return next(longer, DAY_S)


def _until_below(most: int, left_ms: Sequence[int]) -> int:
    """How long until fewer than `most` reads count."""
    excess = len(left_ms) - most + 1
    return left_ms[excess - 1] if excess > 0 else 0
