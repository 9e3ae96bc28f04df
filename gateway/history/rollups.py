"""Roll-ups follow the stream of changes: the days of what came or changed are made anew.

A day is always made from the readings themselves, never from the roll-up before and a difference,
so late, repeated, reviewed and withdrawn readings need no cases of their own, and a portion done
twice is the same portion. The rows and the cursor are written together; the readings are looked
at before that, beside ingest. A day is the house's own, from its midnight to its midnight; a
meter keeps to the clock of the first house it hung in, so that its days neither overlap nor leave
an hour out when it is moved to another zone.

A day that touches a month whose readings were put into files stays as it was: the ledger holds
only what closed lines need of it.
"""

from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.history.model import Day, Rollup, RollupLook
from gateway.profile.slots import day_of, local_day
from gateway.stream import Cursor, Place, Portion, Position, is_at, portion

NAME = "rollups"
"""The follower's name in the ledger."""
# The days of so many readings at once: a quarter of a second of looking, some ten milliseconds of
# writing.
READINGS_MAX = 2000


class Plan(NamedTuple):
    """From where to where."""

    cursor: Cursor
    horizon: Position


class Made(NamedTuple):
    """Days made anew: all that were looked at, those that hold something, and where that leads."""

    days: frozenset[Day]
    rollups: tuple[Rollup, ...]
    reached: Cursor


class RollupStore(Protocol):
    """Where roll-ups are written."""

    def cursor(self, name: str) -> Cursor | None:
        """Where a follower is."""

    def horizon(self) -> Position:
        """The end of the stream."""

    def start(self, name: str, now_ms: int) -> Cursor:
        """Let it begin, anew if it had begun before."""

    def keep(self, name: str, was: Cursor, made: Made) -> bool:
        """Write days, their months and the cursor, unless somebody else moved it."""


def plan(store: RollupStore, now_ms: int, before: Plan | None = None) -> Plan:
    """What is to be done; the first time with everything that is stored.

    The horizon of the plan `before` is kept until it is reached.
    """
    cursor = store.cursor(NAME) or store.start(NAME, now_ms)
    if before is None or is_at(cursor, before.horizon):
        return Plan(cursor, store.horizon())
    return Plan(cursor, before.horizon)


def make(look: RollupLook, plan: Plan, now_ms: int) -> Made | None:
    """The days of the next portion; None where there is none."""
    found = portion(look, plan.cursor, plan.horizon, READINGS_MAX)
    if found is None:
        return None
    days = _days(look, found)
    rollups = look.days(days) if days else ()
    sent = plan.cursor.sent + len(days)
    return Made(days, tuple(rollups), found.cursor._replace(sent=sent, moved_at_ms=now_ms))


def _days(look: RollupLook, found: Portion) -> frozenset[Day]:
    zones = look.zones({place.register_no for place in found.places})
    archived = look.archived()
    days = {day_at(place, zones[place.register_no]) for place in found.places
            if place.register_no in zones}  # fmt: skip
    return frozenset(day for day in days if not archived.intersection(months_of(day)))


def day_at(place: Place, timezone: str) -> Day:
    """The day a reading belongs to."""
    zone = ZoneInfo(timezone)
    day = day_of(place.at_ms, zone)
    return Day(place.register_no, day.isoformat(), *local_day(day, zone))


def months_of(day: Day) -> set[str]:
    """The months, UTC, that a local day lies in."""
    return {month_at(day.from_ms), month_at(day.to_ms - 1)}


def month_at(at_ms: int) -> str:
    """The month, UTC, of an instant."""
    return f"{from_ms(at_ms):%Y-%m}"
