"""The outbox pump: takes what is due to each target and keeps what the target said.

At least once: an event is acknowledged in the ledger only after its target has it, so a crash in
between delivers it again, under the same idempotency key. A target that fails is asked again
after a delay that doubles up to an hour, with jitter, so that many gateways do not return to a
recovering billing system in step. Targets do not wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

from gateway.handoff.target import Answer, Attempt, DueEvent, Outbox, State, Target

FIRST_DELAY_S = 2.0
# An outage of billing over a weekend costs a hundred attempts per event, not a million.
LAST_DELAY_S = 3600.0

T = TypeVar("T")


class Caller(Protocol):
    """How the ledger is reached: directly, or through the thread that owns it."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """The result of `work`."""


async def directly(work: Callable[[], T]) -> T:
    """Run `work` here and now."""
    return work()


class Pump:
    """Moves events from `outbox` to `targets`. `random` spreads the retries."""

    def __init__(
        self,
        outbox: Outbox,
        targets: Sequence[Target],
        random: Random,
        call: Caller = directly,
    ) -> None:
        self._outbox = outbox
        self._targets = tuple(targets)
        self._random = random
        self._call = call

    async def once(self, now_ms: int) -> int:
        """Deliver all that is due at `now_ms`; how many events were tried."""
        return sum(await asyncio.gather(*(self._drain(one, now_ms) for one in self._targets)))

    async def _drain(self, target: Target, now_ms: int) -> int:
        """Every event that was due at `now_ms` is tried once, so this ends."""
        tried = 0
        while events := await self._due(target, now_ms):
            answers = await target.deliver(events)
            # Drawn once for all of them: what was due together stays together, or a file of a
            # period would be written in parts that a later attempt does not know of.
            spread = jitter(self._random)
            attempts = [
                Attempt(event.event_no, answer, _next_ms(event, answer, now_ms, spread))
                for event, answer in zip(events, answers, strict=True)
            ]
            await self._record(target, attempts, now_ms)
            tried += len(events)
        return tried

    async def _due(self, target: Target, now_ms: int) -> list[DueEvent]:
        return await self._call(lambda: self._outbox.due(target.name, now_ms))

    async def _record(self, target: Target, attempts: list[Attempt], now_ms: int) -> None:
        await self._call(lambda: self._outbox.record(target.name, attempts, now_ms))


def _next_ms(event: DueEvent, answer: Answer, now_ms: int, spread: float) -> int:
    if answer.state is not State.PENDING:
        return now_ms
    asked_s = min(LAST_DELAY_S, answer.retry_after_s or 0.0)
    return now_ms + max(delay_ms(event.attempts, spread), round(1000 * asked_s))


def jitter(random: Random) -> float:
    """By what a delay is multiplied."""
    return random.uniform(0.5, 1.0)


def delay_ms(attempts: int, spread: float, first_s: float = FIRST_DELAY_S) -> int:
    """How long to wait after that many failures: doubling from `first_s`, bounded."""
    delay_s = min(LAST_DELAY_S, first_s * 2.0 ** min(attempts, 16))
    return max(1, round(1000 * delay_s * spread))
