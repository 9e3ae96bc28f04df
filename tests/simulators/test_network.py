"""The broker in memory: it behaves like MQTT 5 with QoS 1, and fails when told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from random import Random

import pytest

from cloud_sync.transport import Disconnected, Message
from simulators import network
from simulators.clock import run
from simulators.network import Broker, Connection, Faults, matches

A, B = "plomba/v1/a/batch", "plomba/v1/b/batch"
ALL = "plomba/v1/+/batch"


def with_broker(faults: Faults, scene: Callable[[Broker], Awaitable[None]]) -> Broker:
    broker = Broker(Random(1), faults)
    run(lambda _: scene(broker), 0)  # type: ignore[arg-type, return-value]  # scenes are coroutines
    return broker


async def take(source: AsyncIterator[Message], count: int) -> list[bytes]:
    return [(await anext(source)).payload for _ in range(count)]


async def arrived(connection: Connection, wait_s: float = 1000.0) -> list[bytes]:
    """Everything that comes within a while."""
    found: list[bytes] = []

    async def collect() -> None:
        async for message in connection.messages():
            found.append(message.payload)  # noqa: PERF401 - an endless iterator is cut by time

    with suppress(TimeoutError):
        await asyncio.wait_for(collect(), wait_s)
    return found


@pytest.mark.parametrize(
    ("topic_filter", "topic", "covered"),
    [
        (A, A, True),
        (ALL, A, True),
        (ALL, "plomba/v1/a/state", False),
        (ALL, "plomba/v1/a/b/batch", False),
        ("plomba/#", A, True),
        ("#", A, True),
        ("plomba/v1/a/batch/#", A, True),
        ("plomba/v2/#", A, False),
    ],
)
def test_filters_cover_topics(topic_filter: str, topic: str, covered: bool) -> None:
    assert matches(topic_filter, topic) is covered


def test_messages_arrive_in_order_at_every_subscriber() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("s") as subscriber, broker.connect("p") as publisher:
            await subscriber.subscribe(ALL)
            for text in (b"1", b"2", b"3"):
                await publisher.publish(A, text)
            await publisher.publish("plomba/v1/a/state", b"other")
            assert await take(subscriber.messages(), 3) == [b"1", b"2", b"3"]

    with_broker(Faults(), scene)


def test_a_late_subscriber_gets_what_is_retained_and_nothing_else() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("p") as publisher, broker.connect("s") as subscriber:
            await publisher.publish(A, b"gone")
            await publisher.publish(B, b"old", retain=True)
            await publisher.publish(B, b"kept", retain=True)
            await subscriber.subscribe(ALL)
            assert await arrived(subscriber) == [b"kept"]

    with_broker(Faults(), scene)


def test_what_waits_for_a_reader_is_bounded() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("s") as subscriber, broker.connect("p") as publisher:
            await subscriber.subscribe(ALL)
            for number in range(network.QUEUE_MAX + 5):
                await publisher.publish(A, str(number).encode())
            assert len(await arrived(subscriber)) == network.QUEUE_MAX

    assert with_broker(Faults(), scene).counters.overflowed == 5


def test_every_connection_starts_clean() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("s") as subscriber:
            await subscriber.subscribe(ALL)
        async with broker.connect("s") as subscriber, broker.connect("p") as publisher:
            await publisher.publish(A, b"unasked")
            assert await arrived(subscriber) == []

    with_broker(Faults(), scene)


def test_a_will_is_published_when_a_client_breaks_off_and_only_then() -> None:
    will = Message("plomba/v1/a/state", b"offline")

    async def scene(broker: Broker) -> None:
        async with broker.connect("a", will=will):
            pass
        assert broker.retained_for("#") == []
        with suppress(ZeroDivisionError):
            async with broker.connect("a", will=will):
                raise ZeroDivisionError
        assert broker.retained_for("#") == [will]

    with_broker(Faults(), scene)


def test_a_second_connection_of_one_client_ends_the_first() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("a") as first, broker.connect("a") as second:
            with pytest.raises(Disconnected, match="taken over"):
                await first.publish(A, b"")
            await second.publish(A, b"")

    with_broker(Faults(), scene)


def test_a_broker_that_is_down_ends_and_refuses_connections() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("a") as connection:
            broker.down()
            with pytest.raises(Disconnected):
                await anext(connection.messages())
        with pytest.raises(Disconnected, match="down"):
            async with broker.connect("a"):
                pass
        broker.up()
        async with broker.connect("a") as connection:
            await connection.publish(A, b"")

    with_broker(Faults(), scene)


async def hundred_messages(broker: Broker) -> list[bytes]:
    sent = [bytes((n,)) * 8 for n in range(100)]
    async with broker.connect("s") as subscriber, broker.connect("p") as publisher:
        await subscriber.subscribe(ALL)
        for payload in sent:
            await publisher.publish(A, payload)
        return await arrived(subscriber)


def received_under(faults: Faults) -> tuple[list[int], Broker]:
    got: list[bytes] = []

    async def scene(broker: Broker) -> None:
        got.extend(await hundred_messages(broker))

    broker = with_broker(faults, scene)
    return [payload[0] for payload in got], broker


def test_lost_messages_were_acknowledged_all_the_same() -> None:
    got, broker = received_under(Faults(lose=0.3))
    assert 0 < broker.counters.lost == 100 - len(got)


def test_duplicated_messages_come_twice() -> None:
    got, broker = received_under(Faults(duplicate=0.3))
    assert 0 < broker.counters.duplicated == len(got) - 100


def test_reordered_messages_all_come_but_not_in_order() -> None:
    got, _ = received_under(Faults(reorder=0.3))
    assert sorted(got) == list(range(100))
    assert got != sorted(got)


def test_a_corrupted_message_differs_in_one_bit() -> None:
    flipped: list[int] = []

    async def scene(broker: Broker) -> None:
        for number, payload in enumerate(await hundred_messages(broker)):
            change = int.from_bytes(payload) ^ int.from_bytes(bytes((number,)) * 8)
            flipped.append(change.bit_count())

    broker = with_broker(Faults(corrupt=0.3), scene)
    assert set(flipped) == {0, 1}
    assert sum(flipped) == broker.counters.corrupted


def test_a_broken_connection_leaves_open_whether_the_message_went_through() -> None:
    async def scene(broker: Broker) -> None:
        async with broker.connect("s") as subscriber:
            await subscriber.subscribe(ALL)
            broker.faults = Faults(disconnect=1.0)
            for _ in range(100):
                with pytest.raises(Disconnected):
                    async with broker.connect("p") as publisher:
                        await publisher.publish(A, b"x")
            assert 0 < len(await arrived(subscriber)) < 100

    with_broker(Faults(), scene)
