"""A billing system that is handed a year: it books lines and corrections, and sums them.

Sometimes it is away, sometimes its answer is lost, and sometimes it refuses an event until a
person has sent it again. It keeps what it was sent, what it took, and nothing else.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

import msgspec

from gateway.handoff.event import INTERFERENCE_CHARGED, LINE_CORRECTED, LINE_WITHDRAWN
from gateway.handoff.target import ACKNOWLEDGED, Answer, DueEvent, failed, refused

# Of a thousand deliveries.
_AWAY, _ANSWER_LOST, _REFUSED = 30, 30, 3


_CHARGE = "x-"
_AMOUNT_OF = {
    LINE_CORRECTED: "difference",
    LINE_WITHDRAWN: "amount",
    INTERFERENCE_CHARGED: "amount",
}


class Entry(NamedTuple):
    """One booked event: `amount` is a line's consumption, a correction's difference, a charge's.

    `withdraws` is the event that does not stand any more, or nothing.
    """

    resource: str
    account: str
    role: str
    amount: Decimal
    withdraws: str


class _Envelope(msgspec.Struct):
    type: str
    data: dict[str, str]


class Books:
    """A target of the hand-off."""

    name = "books"
    refuses = _REFUSED

    def __init__(self, random: Random) -> None:
        self._random = random
        self.booked: dict[str, Entry] = {}
        self.refused: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.contradictions = 0

    async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
        """One answer per event."""
        return [self._take(event) for event in events]

    def _take(self, event: DueEvent) -> Answer:
        luck = self._random.randrange(1000)
        if luck < _AWAY:
            return failed("away")
        if luck < _AWAY + self.refuses and event.event_id not in self.booked:
            self.refused.add(event.event_id)
            return refused("the account is locked")
        self._book(event)
        return failed("the answer was lost") if luck >= 1000 - _ANSWER_LOST else ACKNOWLEDGED

    def _book(self, event: DueEvent) -> None:
        said = msgspec.json.decode(event.payload, type=_Envelope)
        data = said.data
        amount = Decimal(data[_AMOUNT_OF.get(said.type, "consumption")])
        about = data["resource"], data.get("account", ""), data.get("role", "")
        entry = Entry(*about, amount, data.get("withdraws", ""))
        self.refused.discard(event.event_id)
        known = self.booked.setdefault(event.event_id, entry)
        if known is not entry:
            self.counts["repeated"] += 1
            self.contradictions += known != entry

    @property
    def standing(self) -> dict[str, Entry]:
        """What was booked and, as far as billing was told, not taken back."""
        gone = self.withdrawn
        return {
            event_id: one
            for event_id, one in self.booked.items()
            if not one.withdraws and event_id not in gone
        }

    @property
    def withdrawn(self) -> dict[str, Decimal]:
        """What it was told to take back, and how much that was."""
        return {one.withdraws: one.amount for one in self.booked.values() if one.withdraws}

    def sums(self) -> dict[str, Decimal]:
        """What lines and corrections of each resource come to; charges are no consumption."""
        found: dict[str, Decimal] = {}
        for event_id, one in self.standing.items():
            if event_id.startswith(_CHARGE):
                continue
            found[one.resource] = found.get(one.resource, Decimal()) + one.amount
        return found
