"""The people who decide about readings, over a town's ledger."""

from decimal import Decimal
from pathlib import Path

from drivers.reading import Resource, Unit
from gateway.review import decisions
from gateway.review.reference import Reference
from gateway.review.rising import Limits
from gateway.review.words import Decided, Kind, Order, Read
from gateway.sql.review import SqlQueue, SqlReviewStore
from tests.gateway.town import HOUR_MS, Town, local

MIDNIGHT = local(10, 1)
GOOD, FELL, FAST = local(9, 24, 23), local(9, 25), local(9, 25, 0, 1)
ANY = {(Resource.ELECTRICITY, Unit.KWH): Decimal(10**9)}
LIMITS = {(Resource.ELECTRICITY, Unit.KWH): Decimal(600)}
OBIS = "1-0:1.8.0"


class Office:
    """The people who decide, over a town's ledger."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.store = SqlReviewStore(town.store.database)
        self.queue = SqlQueue(town.store.database.connection)

    def decide(
        self,
        act: Kind,
        at_ms: int,
        *,
        copy: int = 0,
        actor: str = "Иванова",
        limits: Limits | None = None,
        read: Read | None = None,
        through_ms: int | None = None,
        now_ms: int | None = None,
    ) -> Decided:
        name = Reference("A1", OBIS, at_ms, copy)
        order = Order(act, name, actor, "test", "причина", read, through_ms)
        now_ms = self.town.now_ms + HOUR_MS if now_ms is None else now_ms
        return decisions.decide(self.store, order, now_ms, ANY if limits is None else limits)

    def confirm(self, number: int, actor: str) -> Decided:
        return decisions.confirm(self.store, number, (actor, "test", "верно"), self.town.now_ms)

    def states(self) -> list[tuple[int, int, int]]:
        """Mantissa, state and flags of every reading, by time."""
        return self.town.store.database.connection.execute(
            "SELECT mantissa, state, flags FROM reading ORDER BY captured_at_ms, copy"
        ).fetchall()

    def waiting(self) -> list[str]:
        return [f"{row.value} {row.rule}" for row in self.queue.waiting(None, 100)]


def a_town(folder: Path) -> Town:
    """120.00 accepted, then 110.00 that fell, then 90 000.00 that is faster than any meter."""
    town = Town(folder)
    town.install("A1", town.point("P1"))
    town.read("A1", GOOD, 12_000)
    town.read("A1", FELL, 11_000)
    town.read("A1", FAST, 9_000_000)
    town.send()
    return town
