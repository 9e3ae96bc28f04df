"""What a real mosquitto does under our rules: who may speak, who may hear, and from when not."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud_sync import topics
from cloud_sync.authority import Profile
from cloud_sync.mqtt import Settings, Tls
from cloud_sync.transport import Disconnected, Message
from gateway.broker import rules
from tests.cloud_sync.brokers import HOST, needs_mosquitto
from tests.gateway.broker.walls import COLLECTOR, Realm, Walls, connect, cut_off, heard, walls

# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = [
    *needs_mosquitto,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MINE, THEIRS = topics.batch_topic("edge-1"), topics.batch_topic("edge-2")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Walls]:
    async with walls(tmp_path, "edge-1", "edge-2") as running:
        yield running
    gc.collect()


async def refused(settings: Settings) -> str:
    """Why there is no connection; a publish, since TLS 1.3 tells a client late."""
    try:
        async with connect(settings) as transport:
            await transport.publish(topics.batch_topic("edge-1"), b"let me in")
    except Disconnected as error:
        return str(error)
    raise AssertionError("was let in")


async def test_a_device_speaks_and_hears_on_its_own_topics(broker: Walls) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    async with (
        connect(broker.collector(gateway)) as collector,
        connect(broker.device("edge-1", one)) as device,
    ):
        await collector.subscribe(topics.ALL_BATCHES)
        await collector.subscribe(topics.ALL_STATES)
        await device.subscribe(topics.receipt_topic("edge-1"))
        await device.subscribe(topics.command_topic("edge-1"))
        await device.publish(topics.state_topic("edge-1"), b"here")
        await device.publish(MINE, b"end")
        assert await heard(collector, b"end") == [Message(topics.state_topic("edge-1"), b"here")]
        await collector.publish(topics.receipt_topic("edge-1"), b"receipt")
        await collector.publish(topics.command_topic("edge-1"), b"end")
        assert await heard(device, b"end") == [Message(topics.receipt_topic("edge-1"), b"receipt")]


@pytest.mark.parametrize(
    "topic",
    [
        THEIRS,
        topics.state_topic("edge-2"),
        topics.receipt_topic("edge-1"),
        topics.command_topic("edge-1"),
        topics.command_topic("edge-2"),
        "plomba/v1/edge-1/batch/more",
        "anything",
        "$SYS/broker/version",
    ],
)
async def test_a_device_is_not_heard_on_any_other_topic(broker: Walls, topic: str) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    two = broker.realm.issue("edge-2")
    async with (
        connect(broker.collector(gateway)) as collector,
        connect(broker.device("edge-2", two)) as other,
        connect(broker.device("edge-1", one)) as device,
    ):
        await collector.subscribe(topics.ALL_BATCHES)
        await collector.subscribe(topics.ALL_STATES)
        await other.subscribe(topics.receipt_topic("edge-2"))
        await other.subscribe(topics.command_topic("edge-2"))
        with pytest.raises(Disconnected, match="Not authorized"):
            await device.publish(topic, b"forged")
        await device.publish(MINE, b"end")
        assert await heard(collector, b"end") == []
        await collector.publish(topics.receipt_topic("edge-2"), b"end")
        assert await heard(other, b"end") == []
    await broker.denied("PUBLISH from edge-1")


@pytest.mark.parametrize(
    "wanted",
    [
        "#",
        "plomba/#",
        "plomba/v1/+/receipt",
        "plomba/v1/+/+",
        "plomba/v1/edge-2/receipt",
        "plomba/v1/+/batch",
        "$share/group/plomba/v1/+/batch",
        "$SYS/#",
    ],
)
async def test_a_device_hears_nothing_but_its_own(broker: Walls, wanted: str) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    two = broker.realm.issue("edge-2")
    own = topics.receipt_topic("edge-1")
    async with (
        connect(broker.collector(gateway)) as collector,
        connect(broker.device("edge-2", two)) as other,
        connect(broker.device("edge-1", one)) as device,
    ):
        await device.subscribe(own)
        # mosquitto may grant the filter; what counts is that nothing comes through it.
        await device.subscribe(wanted)
        await other.publish(THEIRS, b"a secret")
        await device.publish(MINE, b"own words")
        await other.publish(topics.state_topic("edge-2"), b"a secret", retain=True)
        await collector.publish(topics.receipt_topic("edge-2"), b"a secret", retain=True)
        await collector.publish(topics.command_topic("edge-2"), b"a secret")
        await collector.publish(own, b"end")
        assert await heard(device, b"end") == []


async def test_a_client_is_whoever_its_certificate_names(broker: Walls) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    async with connect(broker.collector(gateway)) as collector:
        await collector.subscribe(topics.ALL_BATCHES)
        # Under the collector's client id, at either door: its session goes on.
        async with connect(broker.device(COLLECTOR, one)) as device:
            await device.publish(MINE, b"as myself")
        async with connect(broker.collector(one)) as device:
            with pytest.raises(Disconnected, match="Not authorized"):
                await device.publish(MINE, b"at the collectors' door")
        async with connect(broker.device("edge-1", one)) as device:
            await device.publish(MINE, b"end")
            assert await heard(collector, b"end") == [Message(MINE, b"as myself")]


async def test_a_collector_may_do_nothing_at_the_devices_door(broker: Walls) -> None:
    gateway = broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    async with connect(broker.device(COLLECTOR, gateway)) as collector:
        with pytest.raises(Disconnected, match="Not authorized"):
            await collector.publish(topics.receipt_topic("edge-1"), b"receipt")


async def test_a_collector_writes_no_batches(broker: Walls) -> None:
    gateway = broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    async with connect(broker.collector(gateway)) as collector:
        with pytest.raises(Disconnected, match="Not authorized"):
            await collector.publish(MINE, b"a batch")


async def test_a_device_that_is_not_registered_may_do_nothing(broker: Walls) -> None:
    async with connect(broker.device("edge-9", broker.realm.issue("edge-9"))) as stranger:
        with pytest.raises(Disconnected, match="Not authorized"):
            await stranger.publish(topics.batch_topic("edge-9"), b"x")


async def test_who_is_not_let_in(broker: Walls, tmp_path: Path) -> None:
    realm = broker.realm
    mine = realm.issue("edge-1")
    foreign = Realm(tmp_path / "foreign").issue("edge-1")
    await refused(Settings(host=HOST, port=broker.plan.devices.port, client_id="edge-1"))
    await refused(
        broker.device(
            "edge-1", Tls(ca=realm.root, certificate=foreign.certificate, key=foreign.key)
        )
    )
    await refused(broker.device("edge-1", realm.issue("edge-1", ago_days=2, days=1)))
    await refused(broker.device("edge-1", realm.issue("edge-1", Profile.SERVER)))
    # The same door lets in who belongs.
    async with connect(broker.device("edge-1", mine)) as device:
        await device.publish(MINE, b"x")


@pytest.mark.parametrize("door", ["devices", "collectors"])
async def test_tls_without_a_certificate_or_below_1_3_is_refused(broker: Walls, door: str) -> None:
    tls = broker.realm.issue("edge-1")
    port = getattr(broker.plan, door).port
    nobody = ssl.create_default_context(cafile=tls.ca)
    reader, writer = await asyncio.open_connection(HOST, port, ssl=nobody)
    # TLS 1.3 tells a client only when it listens.
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    old = tls.context()
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(HOST, port, ssl=old)


async def test_a_packet_over_the_bound_ends_its_own_connection_only(broker: Walls) -> None:
    one, two = broker.realm.issue("edge-1"), broker.realm.issue("edge-2")
    gateway = broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    async with (
        connect(broker.collector(gateway)) as collector,
        connect(broker.device("edge-2", two)) as other,
    ):
        await collector.subscribe(topics.ALL_BATCHES)
        async with connect(broker.device("edge-1", one)) as device:
            await cut_off(device, MINE, bytes(rules.PACKET_BYTES_MAX))
        await other.publish(THEIRS, bytes(rules.MESSAGE_BYTES_MAX))
        await other.publish(THEIRS, b"end")
        (largest,) = await heard(collector, b"end")
        assert len(largest.payload) == rules.MESSAGE_BYTES_MAX


async def test_a_revoked_device_is_denied_in_its_session_and_at_the_door(broker: Walls) -> None:
    realm = broker.realm
    one, two = realm.issue("edge-1"), realm.issue("edge-2")
    gateway = realm.issue(COLLECTOR, Profile.COLLECTOR)
    own = topics.receipt_topic("edge-1")
    async with (
        connect(broker.collector(gateway)) as collector,
        connect(broker.device("edge-2", two)) as other,
        connect(broker.device("edge-1", one)) as stolen,
    ):
        await collector.subscribe(topics.ALL_BATCHES)
        await other.subscribe(topics.receipt_topic("edge-2"))
        await stolen.subscribe(own)
        await stolen.publish(MINE, b"before")
        broker.dismiss("edge-1")
        realm.revoke(one)
        assert set(await broker.look()) == {rules.DEVICE_RULES, rules.REVOKED}
        with pytest.raises(Disconnected, match="Not authorized"):
            await stolen.publish(MINE, b"after")
        # Neither does it hear what is meant for it.
        await collector.publish(own, b"not for you")
        await other.publish(THEIRS, b"end")
        assert await heard(collector, b"end") == [Message(MINE, b"before")]
        await collector.publish(topics.receipt_topic("edge-2"), b"end")
        assert await heard(other, b"end") == []
        await refused(broker.device("edge-1", one))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard(stolen, b"not for you"), 0.3)


async def test_a_reload_disturbs_nobody_and_lets_newcomers_in(broker: Walls) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    three = broker.realm.issue("edge-3")
    async with (
        connect(broker.collector(gateway)) as collector,
        connect(broker.device("edge-1", one)) as device,
    ):
        await collector.subscribe(topics.ALL_BATCHES)
        for round_ in range(5):
            await device.publish(MINE, b"%d" % round_)
            broker.admit(f"edge-{round_ + 3}")
            assert await broker.look() == [rules.DEVICE_RULES]
        async with connect(broker.device("edge-3", three)) as newcomer:
            await newcomer.publish(topics.batch_topic("edge-3"), b"new")
        await device.publish(MINE, b"end")
        said = [message.payload for message in await heard(collector, b"end")]
        assert said == [b"0", b"1", b"2", b"3", b"4", b"new"]
    assert await broker.look() == []


async def test_rules_that_somebody_took_away_are_back_with_the_next_look(broker: Walls) -> None:
    """Without its file mosquitto denies nothing, however it comes to a reload."""
    one = broker.realm.issue("edge-1")
    async with connect(broker.device("edge-1", one)) as device:
        assert await broker.look() == []
        (broker.plan.folder / rules.DEVICE_RULES).unlink()
        assert await broker.look() == [rules.DEVICE_RULES]
        with pytest.raises(Disconnected, match="Not authorized"):
            await device.publish(THEIRS, b"forged")
        await device.publish(MINE, b"own")


async def test_a_will_is_for_its_own_topics(broker: Walls) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    async with connect(broker.collector(gateway)) as collector:
        await collector.subscribe(topics.ALL_BATCHES)
        await collector.subscribe(topics.ALL_STATES)
        for topic, said in (
            (THEIRS, b"forged"),
            (topics.state_topic("edge-2"), b"forged"),
            (topics.state_topic("edge-1"), b"end"),
        ):
            settings = broker.device("edge-1", one, will=Message(topic, said))
            async with connect(settings) as device:
                line = device._client._client.socket()  # type: ignore[attr-defined] # to be cut
                line.shutdown(socket.SHUT_RDWR)
                with pytest.raises(Disconnected):
                    await anext(aiter(device.messages()))
        assert await heard(collector, b"end") == []


async def test_a_receipt_waits_for_its_device_also_over_a_restart(broker: Walls) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    own = topics.receipt_topic("edge-1")
    async with connect(broker.collector(gateway)) as collector:
        await collector.publish(own, b"latest", retain=True)
    await broker.end()
    broker.log.unlink()
    await broker.start()
    async with connect(broker.device("edge-1", one)) as device:
        await device.subscribe(own)
        assert await anext(aiter(device.messages())) == Message(own, b"latest")


async def test_a_door_takes_so_many_and_the_other_still_opens(broker: Walls) -> None:
    one, gateway = broker.realm.issue("edge-1"), broker.realm.issue(COLLECTOR, Profile.COLLECTOR)
    port, places = broker.plan.devices.port, broker.plan.devices.connections_max
    held = [await asyncio.open_connection(HOST, port) for _ in range(places)]
    await refused(broker.device("edge-1", one))
    async with connect(broker.collector(gateway)) as collector:
        await collector.publish(topics.receipt_topic("edge-1"), b"x")
    for _, writer in held:
        writer.close()
