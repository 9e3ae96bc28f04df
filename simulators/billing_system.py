"""A billing system to hand lines to: it books each event id once, and fails like its peers do.

Sometimes it is away; sometimes it books an event and the acknowledgement is lost on the way back,
so that the same event comes again. What it has booked is what the invariants compare.
"""

import asyncio
from collections.abc import Sequence
from random import Random

from gateway.handoff.event import data_of
from gateway.handoff.target import ACKNOWLEDGED, Answer, DueEvent, failed

# How long billing takes to answer.
ANSWER_S = 2.0


class BillingSystem:
    """A `gateway.handoff.target.Target` in memory; it outlives every crash of the gateway."""

    name = "billing"

    def __init__(
        self, random: Random, *, away: float = 0.0, forgets_to_answer: float = 0.0
    ) -> None:
        self._random = random
        self.away = away
        self.forgets_to_answer = forgets_to_answer
        self.booked: dict[str, dict[str, str]] = {}
        self.repeats = 0
        self.contradictions = 0
        """Events that came again with other contents."""

    async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
        """One answer per event, a moment after they are booked: time enough to be killed in."""
        answers = [self._take(event) for event in events]
        await asyncio.sleep(ANSWER_S)
        return answers

    def _take(self, event: DueEvent) -> Answer:
        if self._random.random() < self.away:
            return failed("away")
        line = data_of(event.payload)
        known = self.booked.setdefault(event.event_id, line)
        if known is not line:
            self.repeats += 1
            self.contradictions += known != line
        if self._random.random() < self.forgets_to_answer:
            return failed("the answer was lost")
        return ACKNOWLEDGED
