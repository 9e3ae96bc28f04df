"""Days to try rules on: a register read every quarter of an hour, or as a test says."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

from drivers.reading import Resource, Unit
from gateway.model import Level
from gateway.profile.filling import Aids, filling
from gateway.profile.series import Filling, Series, build, marks
from gateway.profile.slots import HOUR_MS, Grid, local_day
from gateway.rules.parameters import TABLE, Limits
from gateway.rules.subject import Dial

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 2)
QUARTER_MS = HOUR_MS // 4
DIAL = Dial(Unit.KWH, -2, 8, 1380, Resource.ELECTRICITY)
LIMITS = TABLE.limits(Resource.ELECTRICITY, local_day(MONDAY, MOSCOW).from_ms)
QUIET = LIMITS._replace(noise_permille=0)
NO_AIDS = Aids({}, dict, MONDAY)


def grid(day: date = MONDAY, zone: ZoneInfo = MOSCOW, slot_ms: int = QUARTER_MS) -> Grid:
    return Grid(local_day(day, zone), slot_ms)


def levels(on: Grid, amounts: Sequence[int | None], start: int = 1000) -> list[Level]:
    """The readings at the edges of slots that used `amounts`; None: the edge after was not read."""
    at, found = start, [Level(on.edge_ms(0), start)]
    for index, amount in enumerate(amounts, 1):
        at += amount or 0
        if amount is not None:
            found.append(Level(on.edge_ms(index), at))
    return found


def series(on: Grid, read: Sequence[Level], fill: Filling | None = None) -> Series:
    return build(on, marks(on, read, DIAL), fill or filling(on, NO_AIDS, LIMITS))


def a_day(*amounts: int | None, slot_ms: int = HOUR_MS) -> Series:
    on = grid(slot_ms=slot_ms)
    used = [*amounts, *[0] * (on.size - len(amounts))]
    return series(on, levels(on, used))


def within(**changes: object) -> Limits:
    return QUIET._replace(**changes)  # type: ignore[arg-type]


ONE = Fraction(1)
