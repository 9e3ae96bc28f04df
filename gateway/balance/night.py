"""Night flow: water that runs in every hour of the night, night after night.

The rule asks for flow in each hour from 01:00 to 05:00 on the clocks of the house (§8 [S58], "a
hint, not an alarm"); that three nights must agree is ours [P]. A night counts as observed only
with a reading near each full hour; a meter read once a day gives no opinion.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import from_ms, to_ms
from gateway.model import Level

FIRST_HOUR, LAST_HOUR = 1, 5
# A week shows a habit (a washing machine at night) as what it is, one night of seven.
NIGHTS = 7
# Three nights in a row: a guest may fill a bath at three, hardly on three nights in each hour.
NIGHTS_MIN = 3
# How far from the full hour its reading may lie: a late poll of an hourly schedule, and less
# than half an hour, so that no reading serves two hours.
TOLERANCE_MS = 20 * 60 * 1000


class NightFlow(NamedTuple):
    """What ran in the last `nights` observed nights; `least` is the smallest hour's mantissa."""

    nights: int
    first_ms: int
    last_ms: int
    least: int


def nights(until_ms: int, zone: ZoneInfo) -> list[tuple[int, ...]]:
    """The full hours of the last nights that were over at `until_ms`, oldest first."""
    today = from_ms(until_ms).astimezone(zone).date()
    found = [_hours(today - timedelta(days=back), zone) for back in range(NIGHTS, -1, -1)]
    return [hours for hours in found if hours[-1] + TOLERANCE_MS <= until_ms][-NIGHTS:]


def flow(levels: Sequence[Level], hours: Sequence[int]) -> tuple[int, ...] | None:
    """What ran in each hour of a night; None where an hour has no reading near it.

    A register that falls (a rollover, an exchange) gives no opinion either.
    """
    marks = [_nearest(levels, hour) for hour in hours]
    if any(mark is None for mark in marks):
        return None
    found = tuple(
        after.mantissa - before.mantissa for before, after in pairwise(filter(None, marks))
    )
    return None if min(found) < 0 else found


def leak(
    hours: Sequence[tuple[int, ...]], flows: Sequence[tuple[int, ...] | None]
) -> NightFlow | None:
    """Flow in every hour of each of the last NIGHTS_MIN observed nights, or None.

    `flows` answer `hours` night by night. As many nights as agree in a row are counted.
    """
    running: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for night, found in zip(reversed(hours), reversed(flows), strict=True):
        if found is None:
            continue
        if min(found) == 0:
            break
        running.append((night, found))
    if len(running) < NIGHTS_MIN:
        return None
    least = min(min(found) for _, found in running)
    return NightFlow(len(running), running[-1][0][0], running[0][0][-1], least)


def _hours(day: date, zone: ZoneInfo) -> tuple[int, ...]:
    clocks = (clock_time(hour) for hour in range(FIRST_HOUR, LAST_HOUR + 1))
    return tuple(to_ms(datetime.combine(day, clock, zone)) for clock in clocks)


def _nearest(levels: Sequence[Level], hour_ms: int) -> Level | None:
    near = [one for one in levels if abs(one.at_ms - hour_ms) <= TOLERANCE_MS]
    return min(near, key=lambda one: abs(one.at_ms - hour_ms), default=None)
