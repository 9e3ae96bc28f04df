"""Intake over a scripted broker and the real ingest: groups, receipts, coming back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from cloud_sync import receipt, signing, topics
from cloud_sync.transport import Disconnected, Message
from gateway.config import IngestConfig
from gateway.ingest import Incoming, Ingest, Outcome
from gateway.intake import Intake
from gateway.store import StoreError
from tests.gateway.town import DEVICE, GATEWAY_KEY, HOUR_MS, Town

RECEIPTS = topics.receipt_topic(DEVICE)


class Broker:
    """Hands out what is put in, keeps what is published, and breaks when told."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        self.published: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.subscribed: list[str] = []
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
        while (message := await self.incoming.get()) is not None:
            yield message
        raise Disconnected("cut")

    def bring(self, sealed: Incoming) -> None:
        self.incoming.put_nowait(Message(*sealed))

    async def through(self) -> int:
        """Through which batch the next receipt reaches."""
        topic, sealed, retained = await asyncio.wait_for(self.published.get(), 10)
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

    def process(self, messages: list[Incoming], now_ms: int) -> Outcome:  # type: ignore[override]
        self.groups.append(len(messages))
        self.asked.set()
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        return super().process(messages, now_ms)


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
    broker: Broker, ingest: Ingest, town: Town, **config: float
) -> AsyncIterator[None]:
    settings = IngestConfig.model_validate({"group_wait_s": 0.05, **config})
    intake = Intake(ingest, broker.connect, settings, lambda: town.now_ms, Random(1))
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


async def test_a_ledger_that_cannot_write_is_asked_again_and_gives_no_receipt(town: Town) -> None:
    broker, ingest = Broker(), Counting(town)
    ingest.failures = 1
    (sealed,) = batches(town, 1)
    async with running(broker, ingest, town):
        broker.bring(sealed)
        await asyncio.wait_for(ingest.asked.wait(), 10)
        assert broker.published.empty()
        broker.bring(sealed)
        assert await broker.through() == 1
    assert len(ingest.groups) == 2
