"""Intake over a scripted broker and the real ingest: groups, receipts, coming back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from cloud_sync import receipt, signing, topics
from cloud_sync.transport import Delivery, Disconnected, Message
from gateway.config import IngestConfig
from gateway.ingest import Incoming, Ingest, Outcome, Prepared
from gateway.intake import Intake
from gateway.replies import Replies
from gateway.sql.word import WordLedger
from gateway.store import StoreError
from gateway.word.courier import Courier
from tests.gateway.town import DEVICE, GATEWAY_KEY, HOUR_MS, Town

T = TypeVar("T")
RECEIPTS = topics.receipt_topic(DEVICE)


class Broker:
    """Hands out what is put in, keeps what is published, and breaks when told."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        self.published: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.subscribed: list[str] = []
        self.done: list[Message] = []
        self.connections = 0
        self.away = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Broker"]:
        if self.away:
            self.away -= 1
            raise Disconnected("nobody listens")
        self.connections += 1
        yield self

    async def subscribe(self, topic: str) -> None:
        self.subscribed.append(topic)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self.published.put((topic, payload, retain))

    async def messages(self) -> AsyncIterator[Message]:
        async for message, _ in self.deliveries():
            yield message

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while (message := await self.incoming.get()) is not None:
            yield Delivery(message, partial(self.done.append, message))
        raise Disconnected("cut")

    def bring(self, sealed: Incoming) -> None:
        self.incoming.put_nowait(Message(*sealed))

    async def through(self) -> int:
        """Through which batch the next receipt reaches."""
        topic, sealed, retained = await asyncio.wait_for(self.published.get(), 60)
        assert (topic, retained) == (RECEIPTS, True)
        parsed = signing.parse(sealed)
        GATEWAY_KEY.public.verify(parsed, topic)
        return receipt.decode(parsed.payload).through


class Counting(Ingest):
    """The real ingest, with the sizes of its groups; fails as often as it is told."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.store, GATEWAY_KEY)
        self.groups: list[int] = []
        self.asked = asyncio.Event()
        self.failures = 0

    def process_prepared(self, prepared: Prepared, now_ms: int) -> Outcome:
        self.groups.append(sum(map(len, prepared.groups)))
        self.asked.set()
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        return super().process_prepared(prepared, now_ms)


class Ahead(Ingest):
    """The real ingest, with the sizes of what was given to be verified."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.store, GATEWAY_KEY)
        self.prepared: list[int] = []

    def prepare(self, messages: Sequence[Incoming]) -> Prepared:
        self.prepared.append(len(messages))
        return super().prepare(messages)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    return town


def batches(town: Town, count: int) -> list[Incoming]:
    sealed = []
    for number in range(count):
        town.read("A1", town.now_ms + HOUR_MS, 10_000 + number)
        sealed.append(town.seal())
    return sealed


@asynccontextmanager
async def running(
    broker: Broker, ingest: Ingest, town: Town, *, group_messages_max: int = 100, **more: Any
) -> AsyncIterator[None]:
    settings = IngestConfig(group_wait_s=0.05, group_messages_max=group_messages_max)
    intake = Intake(ingest, broker.connect, settings, lambda: town.now_ms, Random(1), **more)
    task = asyncio.create_task(intake.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_batches_are_stored_and_answered_with_a_retained_signed_receipt(town: Town) -> None:
    broker = Broker()
    async with running(broker, town.ingest, town):
        for sealed in batches(town, 3):
            broker.bring(sealed)
        while await broker.through() < 3:
            pass
    assert broker.subscribed == [topics.ALL_BATCHES]


async def test_a_group_is_bounded_and_what_waits_shares_a_transaction(town: Town) -> None:
    broker, ingest = Broker(), Counting(town)
    for sealed in batches(town, 10):
        broker.bring(sealed)
    async with running(broker, ingest, town, group_messages_max=4):
        while await broker.through() < 10:
            pass
    assert ingest.groups == [4, 4, 2]


async def test_a_cut_connection_is_made_again_and_nothing_is_stored_twice(town: Town) -> None:
    broker = Broker()
    first, second = batches(town, 2)
    async with running(broker, town.ingest, town):
        broker.bring(first)
        assert await broker.through() == 1
        broker.away = 1
        broker.incoming.put_nowait(None)
        broker.bring(first)
        broker.bring(second)
        while await broker.through() < 2:
            pass
    assert broker.connections == 2
    assert town.store.ledger.totals()["accepted"] == 2


async def test_what_a_ledger_could_not_write_is_tried_again_until_it_can(town: Town) -> None:
    broker, ingest = Broker(), Counting(town)
    ingest.failures = 2
    (sealed,) = batches(town, 1)
    async with running(broker, ingest, town, store_delay_s=0.01):
        broker.bring(sealed)
        await asyncio.wait_for(ingest.asked.wait(), 60)
        assert broker.published.empty()
        assert broker.done == []
        assert await broker.through() == 1
    assert ingest.groups == [1, 1, 1]


async def test_the_broker_keeps_a_message_until_its_group_is_stored(town: Town) -> None:
    broker, release = Broker(), asyncio.Event()
    first, second = batches(town, 2)

    async def call(work: Callable[[], T]) -> T:
        await release.wait()
        return work()

    async with running(broker, town.ingest, town, call=call):
        broker.bring(first)
        broker.bring(second)
        broker.bring(Incoming(topics.state_topic(DEVICE), b"{}"))
        while not broker.done:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        # What a device says of itself nobody here waits for.
        assert broker.done == [Message(topics.state_topic(DEVICE), b"{}")]
        release.set()
        while await broker.through() < 2:
            pass
        assert set(broker.done[1:]) == {first, second}


async def test_the_next_group_is_verified_while_one_is_written_and_no_more(town: Town) -> None:
    broker, release, ingest = Broker(), asyncio.Event(), Ahead(town)
    for sealed in batches(town, 8):
        broker.bring(sealed)

    async def call(work: Callable[[], T]) -> T:
        await release.wait()
        return work()

    async with running(broker, ingest, town, group_messages_max=2, call=call):
        while len(ingest.prepared) < 2:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert ingest.prepared == [2, 2]
        release.set()
        while await broker.through() < 8:
            pass
    assert ingest.prepared == [2, 2, 2, 2]


async def test_only_the_leader_hears_answers_and_carries_commands(town: Town) -> None:
    broker, leads = Broker(), asyncio.Event()
    courier = Courier(town.store, WordLedger(town.store.database.connection))
    async with running(broker, town.ingest, town, courier=courier, leads=leads.is_set):
        broker.bring(batches(town, 1)[0])
        assert await broker.through() == 1
        assert broker.subscribed == [topics.ALL_BATCHES]
        leads.set()
        async with asyncio.timeout(60):
            while topics.ALL_STATES not in broker.subscribed:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)


async def test_a_partition_in_a_topic_is_the_broker_s_and_no_seal_is_bound_to_it(
    town: Town,
) -> None:
    broker = Broker()
    (sealed,) = batches(town, 1)
    mine = topics.partition_filter(3)
    async with running(broker, town.ingest, town, batches=mine):
        broker.bring(Incoming(f"{sealed.topic}/3", sealed.payload))
        assert await broker.through() == 1
    assert broker.subscribed == ["plomba/v1/+/batch/3"]
    assert topics.canonical("plomba/v1/a/receipt/3") == "plomba/v1/a/receipt/3"
    assert topics.canonical("plomba/v1/a/batch/3/4") == "plomba/v1/a/batch/3/4"


async def test_of_receipts_that_wait_the_newest_of_each_device_goes_out() -> None:
    broker, replies = Broker(), Replies()
    replies.put([("plomba/v1/a/receipt", b"1"), ("plomba/v1/b/receipt", b"1")])
    replies.put([("plomba/v1/a/receipt", b"2")])
    sending = asyncio.create_task(replies.run(broker))
    said = [await asyncio.wait_for(broker.published.get(), 60) for _ in range(2)]
    sending.cancel()
    assert said == [("plomba/v1/a/receipt", b"2", True), ("plomba/v1/b/receipt", b"1", True)]
    assert broker.published.empty()


async def test_ended_in_the_moment_the_connection_breaks_it_ends(town: Town) -> None:
    broker = Broker()
    settings = IngestConfig(group_wait_s=0.05)
    intake = Intake(town.ingest, broker.connect, settings, lambda: town.now_ms, Random(1))
    task = asyncio.create_task(intake.run())
    while not broker.subscribed:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    broker.incoming.put_nowait(None)
    # As many steps as it takes for the break to come through the tasks of a connection.
    for _ in range(20):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.wait([task]), 60)
    assert task.cancelled()


async def test_a_bug_is_told_as_itself_and_not_as_the_end_of_a_connection(town: Town) -> None:
    class Broken(Ingest):
        def process_prepared(self, prepared: Prepared, now_ms: int) -> Outcome:
            raise ZeroDivisionError(prepared, now_ms)

    broker = Broker()
    broker.bring(batches(town, 1)[0])
    settings = IngestConfig(group_wait_s=0.05)
    ingest = Broken(town.store, GATEWAY_KEY)
    intake = Intake(ingest, broker.connect, settings, lambda: town.now_ms, Random(1))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(intake.run(), 60)
