"""From the broker into the ledger: receive, group, ingest, answer with receipts.

Messages wait in a bounded queue until there are enough of them or the first has waited long
enough; each group is one transaction in the thread that owns the ledger. The broker is told that a
message is done with after its group is committed, and not before: what a killed collector had
taken and not stored is delivered again, by the broker or by its edge, which forgets nothing without
a receipt. While the queue is full nothing is read from the broker, which then holds its senders
back. Devices are served in turn, and who is refused too often is not heard (flood.py), so that none
costs the others much.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import NamedTuple, Protocol

import structlog

from cloud_sync import topics
from cloud_sync.command import is_answer
from cloud_sync.transport import CollectorTransport, Delivery, Disconnected, Message, Transport
from gateway.config import IngestConfig
from gateway.fair import FairQueue
from gateway.handoff.pump import Caller, directly
from gateway.ingest import Incoming, Ingest, Outcome, Prepared
from gateway.replies import Replies
from gateway.store import StoreError
from gateway.word.courier import Courier

FIRST_DELAY_S = 0.5
# A broker that restarts is back in seconds; half a minute keeps a fleet's return bearable.
LAST_DELAY_S = 30.0
# A ledger that cannot write (disk full, failover under way) is asked again after this long.
STORE_DELAY_S = 2.0
# Groups that are verified while one is written; each is held several times over.
AHEAD = 1
# A person who gave a command waits for its answer.
CARRY_S = 1.0

log = structlog.get_logger()


class Connect(Protocol):
    """How a connection to the broker is made."""

    def __call__(self) -> AbstractAsyncContextManager[CollectorTransport]:
        """A connection for the length of an `async with`; Disconnected if there is none."""


class _Group(NamedTuple):
    """Messages that share a transaction."""

    deliveries: Sequence[Delivery]
    answers: Sequence[Message]
    prepared: Prepared


class Intake:
    """Feeds `ingest` from the broker until cancelled, connecting again whenever it must.

    `batches` is the topic filter it listens to, empty for none. Commands are carried by `courier`
    while `leads` says so: one process of many does that.
    """

    def __init__(
        self,
        ingest: Ingest,
        connect: Connect,
        config: IngestConfig,
        clock: Callable[[], int],
        random: Random,
        *,
        batches: str = topics.ALL_BATCHES,
        call: Caller = directly,
        courier: Courier | None = None,
        leads: Callable[[], bool] = lambda: True,
        store_delay_s: float = STORE_DELAY_S,
    ) -> None:
        self._courier = courier
        self._leads = leads
        self._store_delay_s = store_delay_s
        self._batches = batches
        self._ingest = ingest
        self._connect = connect
        self._config = config
        self._clock = clock
        self._random = random
        self._call = call
        self._attempts = 0
        self._ahead = asyncio.Semaphore(AHEAD)

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

    async def _serve(self, transport: CollectorTransport) -> None:
        if self._batches:
            await transport.subscribe(self._batches)
            log.info("listening for batches", topic=self._batches)
        self._attempts = 0
        queue, replies = FairQueue(self._config.queue_messages_max), Replies()
        groups: asyncio.Queue[_Group] = asyncio.Queue()
        self._ahead = asyncio.Semaphore(AHEAD)
        works = [
            self._receive(transport, queue),
            self._gather(queue, groups),
            self._store_groups(groups, replies),
            replies.run(transport),
        ]
        if self._courier is not None:
            works.append(self._carry(transport, self._courier))
        await _until_one_ends(works)

    async def _receive(self, transport: CollectorTransport, queue: FairQueue) -> None:
        flood = self._ingest.flood
        async for arrived in transport.deliveries():
            delivery = _canonical(arrived)
            message = delivery.message
            # What a device says of itself in plain is for people who watch.
            if _is_state(message) and not (is_answer(message.payload) and self._leads()):
                delivery.done()
                continue
            now_ms = self._clock()
            if flood.turns_away(*message, now_ms):
                delivery.done()
            elif not await queue.put(delivery):
                flood.unheard(*message, now_ms, "its sender has its share waiting")
                delivery.done()
        raise Disconnected("the broker ended the subscription")

    async def _carry(self, transport: Transport, courier: Courier) -> None:
        """Publish commands while the connection lasts and this process leads."""
        listens = led = False
        while True:
            leads = self._leads()
            if leads and not listens:
                await transport.subscribe(topics.ALL_STATES)
                listens = True
            if leads and not led:
                # What was published before, here or by another leader, may be lost.
                courier.forget_connection()
            led = leads
            try:
                due = await self._call(lambda: courier.due(self._clock())) if leads else []
            except StoreError as error:
                log.warning("ledger cannot write", error=str(error))
                due = []
            for topic, message in due:
                await transport.publish(topic, message)
            await asyncio.sleep(CARRY_S)

    async def _gather(self, queue: FairQueue, groups: asyncio.Queue[_Group]) -> None:
        """Make groups, and have the next one verified while one is written."""
        while True:
            deliveries = [await queue.get()]
            await self._fill(deliveries, queue)
            await self._ahead.acquire()
            groups.put_nowait(self._prepared(deliveries))

    async def _fill(self, group: list[Delivery], queue: FairQueue) -> None:
        try:
            async with asyncio.timeout(self._config.group_wait_s):
                while len(group) < self._config.group_messages_max:
                    group.append(await queue.get())
        except TimeoutError:
            return

    def _prepared(self, deliveries: Sequence[Delivery]) -> _Group:
        messages = [delivery.message for delivery in deliveries]
        answers = [message for message in messages if _is_state(message)]
        incoming = [Incoming(*message) for message in messages if not _is_state(message)]
        return _Group(deliveries, answers, self._ingest.prepare(incoming))

    async def _store_groups(self, groups: asyncio.Queue[_Group], replies: Replies) -> None:
        while True:
            group = await groups.get()
            self._ahead.release()
            replies.put(await self._stored(group))
            for delivery in group.deliveries:
                delivery.done()

    async def _stored(self, group: _Group) -> list[tuple[str, bytes]]:
        """The receipts of a group, once it is stored: it is tried until it is."""
        while True:
            try:
                return await self._store(group)
            except StoreError as error:
                waiting = len(group.deliveries)
                log.error("ledger cannot write", error=str(error), messages=waiting)  # noqa: TRY400 - a refusal to explain, not a bug to trace
            await asyncio.sleep(self._store_delay_s)

    async def _store(self, group: _Group) -> list[tuple[str, bytes]]:
        courier = self._courier
        if courier is not None and group.answers:
            await self._call(lambda: courier.take(group.answers, self._clock(), self._ingest.flood))
        outcome: Outcome = await self._call(
            lambda: self._ingest.process_prepared(group.prepared, self._clock())
        )
        return outcome.receipts

    def _delay_s(self) -> float:
        full = min(LAST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(self._attempts, 16))
        self._attempts += 1
        return full * self._random.uniform(0.5, 1.0)


def _is_state(message: Message) -> bool:
    return message.topic.endswith("/state")


def _canonical(delivery: Delivery) -> Delivery:
    """What a seal is bound to is the topic that the device published on."""
    topic, payload = delivery.message
    known = topics.canonical(topic)
    # Nearly always it is that already, and a flood comes through here whole.
    return delivery if known == topic else Delivery(Message(known, payload), delivery.done)


async def _until_one_ends(works: Sequence[Coroutine[None, None, None]]) -> None:
    """Run all until one has ended, then end the others; what is worse than Disconnected counts.

    No TaskGroup: in Python 3.11 that forgets that it was cancelled when a task fails meanwhile.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        errors = [error for task in tasks if not task.cancelled() and (error := task.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, Disconnected)):
        raise error
