"""From the broker into the ledger: receive, group, ingest, answer with receipts.

Messages wait in a bounded queue until there are enough of them or the first has waited long
enough; each group is one transaction in the thread that owns the ledger. While the queue is full
nothing is taken from the broker, which then holds its senders back. Devices are served in turn,
and who is refused too often is not heard (flood.py), so that none costs the others much. Whatever
is lost on the way is sent again by its edge, which forgets nothing without a receipt.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Protocol

import structlog

from cloud_sync import topics
from cloud_sync.command import is_answer
from cloud_sync.transport import Disconnected, Message, Transport
from gateway.config import IngestConfig
from gateway.fair import FairQueue
from gateway.handoff.pump import Caller, directly
from gateway.ingest import Incoming, Ingest, Outcome
from gateway.store import StoreError
from gateway.word.courier import Courier

FIRST_DELAY_S = 0.5
# A broker that restarts is back in seconds; half a minute keeps a fleet's return bearable.
LAST_DELAY_S = 30.0
# A ledger that cannot write (disk full, held by another process) is asked again after this long.
STORE_DELAY_S = 2.0
# A person who gave a command waits for its answer.
CARRY_S = 1.0

log = structlog.get_logger()


class Connect(Protocol):
    """How a connection to the broker is made."""

    def __call__(self) -> AbstractAsyncContextManager[Transport]:
        """A connection for the length of an `async with`; Disconnected if there is none."""


class Intake:
    """Feeds `ingest` from the broker until cancelled, connecting again whenever it must."""

    def __init__(
        self,
        ingest: Ingest,
        connect: Connect,
        config: IngestConfig,
        clock: Callable[[], int],
        random: Random,
        *,
        call: Caller = directly,
        courier: Courier | None = None,
    ) -> None:
        self._courier = courier
        self._ingest = ingest
        self._connect = connect
        self._config = config
        self._clock = clock
        self._random = random
        self._call = call
        self._attempts = 0

    async def run(self) -> None:
        """Never returns."""
        while True:
            try:
                async with self._connect() as transport:
                    await self._serve(transport)
            except Disconnected as error:
                delay_s = self._delay_s()
                log.warning("broker away", error=str(error), retry_in_s=round(delay_s, 1))
                await asyncio.sleep(delay_s)

    async def _serve(self, transport: Transport) -> None:
        await transport.subscribe(topics.ALL_BATCHES)
        log.info("listening for batches", topic=topics.ALL_BATCHES)
        self._attempts = 0
        if self._courier is not None:
            await transport.subscribe(topics.ALL_STATES)
        queue = FairQueue(self._config.queue_messages_max)
        receiving = asyncio.create_task(self._receive(transport, queue))
        carrying = asyncio.create_task(self._carry(transport))
        try:
            async for group in self._groups(queue, receiving):
                await self._answer(transport, group)
        finally:
            receiving.cancel()
            carrying.cancel()
            await asyncio.wait([receiving, carrying])

    async def _receive(self, transport: Transport, queue: FairQueue) -> None:
        flood = self._ingest.flood
        async for message in transport.messages():
            # What a device says of itself in plain is for people who watch.
            if _is_state(message) and not is_answer(message.payload):
                continue
            now_ms = self._clock()
            if not flood.hears(message.topic, now_ms):
                flood.unheard(*message, now_ms, "its sender was refused too often")
            elif not await queue.put(message):
                flood.unheard(*message, now_ms, "its sender has its share waiting")
        raise Disconnected("the broker ended the subscription")

    async def _carry(self, transport: Transport) -> None:
        """Publish commands while the connection lasts; that it ended, receiving says."""
        courier = self._courier
        if courier is None:
            return
        courier.forget_connection()
        while True:
            try:
                for topic, message in await self._call(lambda: courier.due(self._clock())):
                    await transport.publish(topic, message)
            except Disconnected:
                return
            except StoreError as error:
                log.warning("ledger cannot write", error=str(error))
            await asyncio.sleep(CARRY_S)

    async def _groups(
        self, queue: FairQueue, receiving: asyncio.Task[None]
    ) -> AsyncIterator[list[Message]]:
        """Groups of messages, until receiving has ended; how it ended is raised then."""
        while True:
            first = asyncio.create_task(queue.get())
            try:
                await asyncio.wait([first, receiving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                first.cancel()
                await asyncio.wait([first])
            if first.cancelled():
                await receiving
                return
            group = [first.result()]
            await self._fill(group, queue)
            yield group

    async def _fill(self, group: list[Message], queue: FairQueue) -> None:
        try:
            async with asyncio.timeout(self._config.group_wait_s):
                while len(group) < self._config.group_messages_max:
                    group.append(await queue.get())
        except TimeoutError:
            return

    async def _answer(self, transport: Transport, group: Sequence[Message]) -> None:
        answers = [message for message in group if _is_state(message)]
        incoming = [Incoming(*message) for message in group if not _is_state(message)]
        courier = self._courier
        try:
            if courier is not None and answers:
                await self._call(lambda: courier.take(answers, self._clock()))
            outcome: Outcome = await self._call(
                lambda: self._ingest.process(incoming, self._clock())
            )
        except StoreError as error:
            log.error("ledger cannot write", error=str(error), messages=len(group))  # noqa: TRY400 - a refusal to explain, not a bug to trace
            await asyncio.sleep(STORE_DELAY_S)
            return
        receipts = (
            transport.publish(topic, sealed, retain=True) for topic, sealed in outcome.receipts
        )
        await asyncio.gather(*receipts)

    def _delay_s(self) -> float:
        full = min(LAST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(self._attempts, 16))
        self._attempts += 1
        return full * self._random.uniform(0.5, 1.0)


def _is_state(message: Message) -> bool:
    return message.topic.endswith("/state")
