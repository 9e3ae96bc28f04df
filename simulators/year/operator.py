"""The operator of a town: sees what waits for a decision, goes to the dial, and decides.

What the dial bears out is accepted; what it contradicts is rejected, or replaced by what the
meter's own archive shows for that night. Where a decision takes two people, there is a second one.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Resource, Unit
from gateway.review import decisions
from gateway.review.queue import Waiting
from gateway.review.reference import Reference, parse
from gateway.review.words import Decided, Kind, Order, Read, ReviewError
from gateway.sql.review import SqlQueue, SqlReviewStore
from gateway.sql.store import SqlStore
from simulators.truth import Register

_FIRST, _SECOND = "Petrova", "Sidorov"
# A minute after the round: what the archive shows stands for the same night.
ARCHIVE_MS = 60_000
_AT_ONCE = 5_000
# Far less than a month's use, so that a share of the decisions takes two people.
_LIMITS = {
    (Resource.ELECTRICITY, Unit.KWH): Decimal(100),
    (Resource.COLD_WATER, Unit.M3): Decimal(3),
    (Resource.HOT_WATER, Unit.M3): Decimal(3),
    (Resource.HEAT, Unit.GCAL): Decimal("0.1"),
    (Resource.GAS, Unit.M3): Decimal(5),
}
_BEFORE = {Kind.REJECT: 0, Kind.REPLACE: 1, Kind.ACCEPT: 2}


class Done(NamedTuple):
    """A decision, with when it was made: from then on the reading (or the archive's) counts."""

    act: Kind
    serial: str
    obis: str
    at_ms: int
    decided_ms: int


class Operator:
    """Decides by what the dials really show."""

    def __init__(
        self,
        store: SqlStore,
        registers: Mapping[tuple[str, str], Register],
        untimed: Container[tuple[str, int]],
        replaced: set[tuple[str, int]],
    ) -> None:
        self._store = SqlReviewStore(store.database)
        self._queue = SqlQueue(store.database.connection)
        self._registers = registers
        self._untimed = untimed
        self._replaced = replaced
        self.done: list[Done] = []
        self.counts: Counter[str] = Counter()

    def work(self, now_ms: int) -> None:
        """Decide all that waits; what cannot be decided yet waits on."""
        waiting = self._queue.waiting(None, _AT_ONCE)
        found = [(self._act(one), parse(one.reference)) for one in waiting]
        for act, reference in sorted(found, key=lambda one: (_BEFORE[one[0]], one[1])):
            self._decide(act, reference, now_ms)

    def _act(self, waiting: Waiting) -> Kind:
        reference = parse(waiting.reference)
        register = self._registers[reference.meter, reference.register]
        if (reference.meter, reference.at_ms) in self._untimed:
            return Kind.REJECT
        shown = Decimal(register.shown(reference.at_ms)).scaleb(register.exponent)
        if waiting.value == shown:
            return Kind.ACCEPT
        replaced = (reference.meter, reference.at_ms) in self._replaced and reference.copy == 0
        return Kind.REPLACE if replaced else Kind.REJECT

    def _decide(self, act: Kind, reference: Reference, now_ms: int) -> None:
        read = None
        if act is Kind.REPLACE:
            at_ms = reference.at_ms + ARCHIVE_MS
            register = self._registers[reference.meter, reference.register]
            value = Decimal(register.shown(at_ms)).scaleb(register.exponent)
            read = Read(value, at_ms, "the meter's archive")
        order = Order(act, reference, _FIRST, "simulated", "looked at the dial", read)
        try:
            decided = self._carried_out(order, now_ms)
        except ReviewError:
            self.counts["put off"] += 1
            return
        self.counts[str(act)] += decided.readings
        at_ms = reference.at_ms + (ARCHIVE_MS if act is Kind.REPLACE else 0)
        self.done.append(Done(act, reference.meter, reference.register, at_ms, now_ms))

    def _carried_out(self, order: Order, now_ms: int) -> Decided:
        decided = decisions.decide(self._store, order, now_ms, _LIMITS)
        if decided.done:
            return decided
        self.counts["took two"] += 1
        return decisions.confirm(
            self._store, decided.number, (_SECOND, "simulated", "looked, too"), now_ms
        )


def good_from(done: Sequence[Done]) -> dict[tuple[str, str, int], int]:
    """When each reading that a person accepted or took from an archive began to count."""
    return {
        (one.serial, one.obis, one.at_ms): one.decided_ms
        for one in done
        if one.act is not Kind.REJECT
    }
