"""The monthly average of ПП 354 п. 59: what was used in measured time, by months of that time.

A month counts by the part of it that lies between the readings its lines opened and closed with,
so a meter installed in mid-month, a last reading on the 28th and a line that makes up for an
unread month before it all weigh what they are. Where only the heating season counts, so does only
the part of a month inside it; what is estimated is the average times the same part of its month.

Exact fractions throughout; only the amount at the end is rounded, half up, at the register's
last digit.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from gateway.billing import CLOSING_TOLERANCE_MS
from gateway.periods import Bounds

# Three days: months differ in length, and the last reading before midnight makes no shorter one.
SLACK = Fraction(1, 10)


class Measured(NamedTuple):
    """A closed period of a register; `used` at the register's power of ten.

    `from_ms` and `to_ms` are when its opening and its closing were read, equal where nothing was.
    """

    period: Bounds
    from_ms: int
    to_ms: int
    used: Fraction


class Average(NamedTuple):
    """What a month uses, and how many months say so."""

    per_month: Fraction
    months: Fraction


def average_of(
    history: Sequence[Measured],
    *,
    months: int,
    months_min: int,
    seasons: Sequence[Bounds] | None = None,
    running: Bounds | None = None,
) -> Average | None:
    """The average over the newest `months` of `history` (newest first); None under `months_min`.

    `seasons` None counts all time. `running` is the period after the newest one: by its
    contract's window the newest line may have been read in it.
    """
    calendar = [one.period for one in history]
    if running is not None:
        calendar.insert(0, running)
    used = measured = Fraction(0)
    for one in history:
        stretch = _snapped(one, calendar)
        if stretch is None:
            continue
        used += one.used
        measured += sum((share(stretch, period, seasons) for period in calendar), Fraction(0))
        if measured + SLACK >= months:
            break
    if measured + SLACK < months_min or used < 0:
        return None
    return Average(used / measured, measured)


def amount(
    average: Average, part: Bounds, period: Bounds, seasons: Sequence[Bounds] | None = None
) -> int:
    """What a `part` of `period` uses by the average, rounded half up."""
    return half_up(average.per_month * share(part, period, seasons))


def half_up(exact: Fraction) -> int:
    """The nearest whole number, the higher one of two."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def share(stretch: Bounds, period: Bounds, seasons: Sequence[Bounds] | None = None) -> Fraction:
    """The part of `period` that lies in `stretch` and in one of the seasons (None: any time).

    A stretch that begins just after the period did begins with it.
    """
    both = _common(stretch._replace(start_ms=_snap(stretch.start_ms, period)), period)
    inside = [both] if seasons is None else [_common(both, season) for season in seasons]
    length = sum(max(0, one.end_ms - one.start_ms) for one in inside)
    return Fraction(length, period.end_ms - period.start_ms)


def _snapped(one: Measured, calendar: Iterable[Bounds]) -> Bounds | None:
    """The measured time of a line; None where it measured nothing or reaches out of the calendar.

    A line that makes up for months which are no longer looked at would be too much for its month.
    """
    edges = {edge for period in calendar for edge in period}
    stretch = Bounds(_snap(one.from_ms, edges), _snap(one.to_ms, edges))
    first = min(period.start_ms for period in calendar)
    if stretch.start_ms < first or stretch.end_ms <= stretch.start_ms:
        return None
    return stretch


def _snap(moment_ms: int, edges: Iterable[int]) -> int:
    """The midnight that a closing read was taken just after, whose it is; else the moment.

    The time it took the line to come to this meter is no part of a month.
    """
    near = (edge for edge in edges if 0 <= moment_ms - edge <= CLOSING_TOLERANCE_MS)
    return next(near, moment_ms)


def _common(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(max(one.start_ms, other.start_ms), min(one.end_ms, other.end_ms))
