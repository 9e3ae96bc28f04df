"""What an unread meter used, by the check meter beside it.

A second meter in the same pipe or wire counted the same, so its line goes before any average. It
must have been read at both ends of the period: a line that makes up for months before, or that
ends in the middle, says nothing of this one. Where only a part of the period is unread, it is
given the same part of the check meter's time.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from gateway.estimation.average import half_up
from gateway.periods import Bounds

# A day's consumption is a thirtieth of a month's [P]: nearer no daily read comes for certain.
APART_MS_MAX = 24 * 3_600_000


class Checked(NamedTuple):
    """A check meter's line of the same period: what it measured between two readings.

    `used` is what the line bills, in the unit, its factor already in it.
    """

    point: str
    from_ms: int
    to_ms: int
    used: Fraction


class ByCheck(NamedTuple):
    """What the check meter says, at the register's power of ten, and who says it."""

    billed: int
    point: str


def by_check(
    lines: Iterable[Checked], parts: Sequence[Bounds], period: Bounds, scale: Fraction
) -> ByCheck | None:
    """What the first check meter that covers the period says of its `parts`.

    `scale` is what the register's last digit is worth in the unit.
    """
    for line in lines:
        apart = max(abs(line.from_ms - period.start_ms), abs(line.to_ms - period.end_ms))
        if apart <= APART_MS_MAX and line.used >= 0:
            used = sum((_of_part(line, part, period) for part in parts), Fraction(0))
            return ByCheck(half_up(used / scale), line.point)
    return None


def _of_part(line: Checked, part: Bounds, period: Bounds) -> Fraction:
    """The whole of the line for the whole of the period, else by time."""
    start, end = max(part.start_ms, period.start_ms), min(part.end_ms, period.end_ms)
    return line.used * Fraction(max(0, end - start), period.end_ms - period.start_ms)
