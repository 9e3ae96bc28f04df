"""NATS nodes with rules from the registry: who may say and hear what, and what a reload ends."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_sync import mqtt, topics
from cloud_sync.authority import Profile
from cloud_sync.transport import Disconnected, Message, Transport
from gateway.broker import nats as rules
from gateway.broker.keeper import texts
from gateway.broker.model import Listener, Plan, RulesError, Tls
from gateway.broker.rules import PACKET_BYTES_MAX
from tests.cloud_sync.brokers import HOST
from tests.e2e.edges import settings_of
from tests.gateway.broker.walls import Realm, cut_off, heard
from tests.servers import nats

# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

COLLECTOR = "plomba-gateway"
PARTITIONS = 1
# Three nodes and whatever else runs beside them share the machine's cores.
SOON_S = 60
MINE, THEIRS = topics.batch_topic("edge-1"), topics.batch_topic("edge-2")
PLAN = Plan(
    folder=Path("/etc/nats/plomba"),
    tls=Tls(Path("/etc/ca.pem"), Path("/etc/broker.pem"), Path("/etc/broker.key")),
    devices=Listener("", 8883, 20_000),
    collectors=Listener("", 8883, 16),
    collector_names=(COLLECTOR,),
    store=None,
    engine="nats",
    partitions=8,
)


class Speakers:
    """Whoever a test says may speak."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def speaking(self) -> list[str]:
        return self.names


class TestText:
    def test_a_device_may_say_two_things_and_hear_two_of_its_own(self) -> None:
        said = rules.accounts(PLAN, ["edge-1"])
        (line,) = [line for line in said.splitlines() if "CN=edge-1" in line]
        assert re.findall(r'"([^"]*)"', line) == [
            "CN=edge-1",
            "plomba.v1.edge-1.batch.*",
            "plomba.v1.edge-1.state",
            "plomba.v1.edge-1.receipt",
            "plomba.v1.edge-1.command",
            "$MQTT.sub.>",
        ]
        assert "allowed_connection_types: [MQTT]" in line

    def test_a_mapping_sorts_the_devices_into_partitions(self) -> None:
        mapping = '"plomba.v1.*.batch": "plomba.v1.{{wildcard(1)}}.batch.{{partition(8,1)}}"'
        assert mapping in rules.accounts(PLAN, [])

    def test_kept_sessions_are_bounded_beside_those_of_the_partitions(self) -> None:
        assert "jetstream: { max_consumers: 24 }" in rules.accounts(PLAN, [])

    def test_a_node_asks_for_certificates_and_takes_the_name_from_them(self) -> None:
        said = [line.strip() for line in rules.configuration(PLAN).splitlines()]
        for line in (
            "port: 8883",
            'min_version: "1.3"',
            "verify_and_map: true",
            "stream_replicas: 3",
            "max_payload: 263680",
            "max_connections: 20016",
            'include "accounts.conf"',
        ):
            assert said.count(line) == 1

    def test_the_files_are_two_and_need_no_revocation_list(self) -> None:
        made = texts(PLAN, ["edge-1", "plomba-gateway", "Bad.Name"], b"")
        assert sorted(made) == ["accounts.conf", "plomba.conf"]
        accounts = made["accounts.conf"].decode()
        assert (accounts.count("CN=edge-1"), accounts.count("Bad.Name")) == (1, 0)
        # A device with a collector's name is none.
        assert accounts.count("CN=plomba-gateway") == 1

    def test_what_cannot_be_is_said_in_a_line(self) -> None:
        with pytest.raises(RulesError, match=r"ingest\.partitions: NATS has no shared"):
            rules.configuration(PLAN._replace(partitions=0))
        with pytest.raises(RulesError, match="a collector's name"):
            rules.accounts(PLAN._replace(collector_names=('x"',)), [])
        with pytest.raises(RulesError, match="NATS could not read"):
            rules.configuration(PLAN._replace(tls=PLAN.tls._replace(ca=Path('/a"b'))))


def test_a_client_id_can_be_known_by_its_owner_only(tmp_path: Path) -> None:
    realm = Realm(tmp_path / "realm")
    own, other = realm.issue("edge-1"), realm.issue("edge-1")
    name = mqtt.client_id("edge-1", "3.1.1", own)
    assert re.fullmatch(r"edge-1-[0-9a-f]{24}", name)
    assert mqtt.client_id("edge-1", "3.1.1", own) == name
    # As edge and gateway make it of their configuration: by the key, whoever is called so.
    assert settings_of("edge-1", [(HOST, 1)], other, "3.1.1").client_id != name
    assert mqtt.client_id("edge-1", "5", own) == "edge-1"


class Cluster:
    """Three nodes, and who comes in, each at a node of its own: there is no other to try."""

    def __init__(self, nodes: nats.Nodes, speakers: Speakers) -> None:
        self.nodes = nodes
        self.speakers = speakers
        self._doors = dict(zip((COLLECTOR, "edge-1", "edge-2"), nodes.doors(), strict=True))

    def device(self, name: str) -> mqtt.Settings:
        return self._settings(name, self.nodes.realm.issue(name))

    def collector(self) -> mqtt.Settings:
        return self._settings(COLLECTOR, self.nodes.realm.issue(COLLECTOR, Profile.COLLECTOR))

    def _settings(self, name: str, tls: mqtt.Tls) -> mqtt.Settings:
        return settings_of(name, [self._doors[name]], tls, "3.1.1")


@asynccontextmanager
async def let_in(settings: mqtt.Settings) -> AsyncIterator[Transport]:
    """A connection, asked for until there is one.

    A node whose JetStream does not answer it within 2 s refuses, as happens to its first client.
    """
    async with AsyncExitStack() as stack:
        line: Transport | None = None
        async with asyncio.timeout(SOON_S):
            while line is None:
                try:
                    line = await stack.enter_async_context(mqtt.connect(settings))
                except Disconnected:
                    await asyncio.sleep(0.1)
        yield line


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    speakers = Speakers("edge-1", "edge-2")
    async with nats.cluster(tmp_path / "nats", speakers, partitions=PARTITIONS) as nodes:
        yield Cluster(nodes, speakers)


@pytest.mark.processes
class TestNodes:
    async def test_state_will_receipt_and_batch_go_their_ways(self, cluster: Cluster) -> None:
        state, receipt = topics.state_topic("edge-1"), topics.receipt_topic("edge-1")
        async with let_in(cluster.collector()) as collector:
            await collector.subscribe(topics.partition_filter(0))
            await collector.subscribe(topics.ALL_STATES)
            await collector.publish(receipt, b"kept", retain=True)
            async with let_in(cluster.device("edge-1")) as edge:
                assert await _kept(edge, receipt) == Message(receipt, b"kept")
                await _reaches(edge, state, collector)
                await edge.publish(MINE, b"batch")
                await edge.publish(state, b"here", retain=True)
                line = edge._client._client.socket()  # type: ignore[attr-defined] # to be cut
                line.shutdown(socket.SHUT_RDWR)
                arrived = await heard(collector, b'{"state":"offline"}')
        assert [message.payload for message in arrived] == [b"batch", b"here"]
        assert topics.canonical(arrived[0].topic) == MINE

    async def test_nobody_speaks_for_another_or_hears_what_is_not_for_it(
        self, cluster: Cluster
    ) -> None:
        async with (
            let_in(cluster.collector()) as collector,
            let_in(cluster.device("edge-2")) as edge,
        ):
            await collector.subscribe(topics.partition_filter(0))
            await _reaches(edge, THEIRS, collector)
            for topic in (MINE, f"{MINE}/0", topics.receipt_topic("edge-2"), "other"):
                await edge.publish(topic, b"forged")
            await edge.publish(THEIRS, b"end")
            assert await heard(collector, b"end") == []
            for wanted in (
                *("#", "plomba/#", topics.ALL_BATCHES, topics.partition_filter(0)),
                *(topics.receipt_topic("edge-1"), topics.ALL_RECEIPTS, topics.ALL_STATES),
                *("$MQTT/sub/+", "$MQTT/#", "$JS/API/#", "$SYS/#"),
            ):
                with pytest.raises(Disconnected, match="subscribe to"):
                    await edge.subscribe(wanted)

    async def test_a_message_over_the_bound_ends_its_own_connection(self, cluster: Cluster) -> None:
        async with (
            let_in(cluster.collector()) as collector,
            let_in(cluster.device("edge-2")) as other,
        ):
            await collector.subscribe(topics.partition_filter(0))
            async with let_in(cluster.device("edge-1")) as edge:
                await _reaches(edge, MINE, collector)
                await cut_off(edge, MINE, bytes(PACKET_BYTES_MAX + 1))
            await _reaches(other, THEIRS, collector)
            await other.publish(THEIRS, b"end")
            assert await heard(collector, b"end") == []
        logs = [node.log() for node in cluster.nodes.nodes.values()]
        assert sum(log.count("maximum payload exceeded") for log in logs) == 1

    async def test_a_device_takes_so_many_kept_sessions_and_no_more(self, cluster: Cluster) -> None:
        """Its certificate is good under any client id; each such session costs all the nodes."""
        one, own = cluster.device("edge-1"), topics.receipt_topic("edge-1")

        async def keep(number: int) -> None:
            settings = replace(one, client_id=f"many-{number}", keep_session=True)
            async with let_in(settings) as edge:
                await edge.subscribe(own)

        bound = PARTITIONS + rules.CONSUMERS_SPARE
        for number in range(bound):
            await keep(number)
        with pytest.raises(Disconnected, match="subscribe to"):
            await keep(bound)
        async with (
            let_in(cluster.collector()) as collector,
            let_in(cluster.device("edge-2")) as other,
        ):
            await collector.subscribe(topics.partition_filter(0))
            await _reaches(other, THEIRS, collector)

    async def test_who_is_not_registered_any_more_is_cut_off_and_stays_out(
        self, cluster: Cluster
    ) -> None:
        one, two = cluster.device("edge-1"), cluster.device("edge-2")
        async with let_in(one) as edge, let_in(two) as other:
            cluster.speakers.names = ["edge-2"]
            assert len(await cluster.nodes.look()) == len(nats.NAMES)
            with pytest.raises(Disconnected):
                async with asyncio.timeout(SOON_S):
                    await anext(aiter(edge.messages()))
            await other.publish(THEIRS, b"still here")
        with pytest.raises(Disconnected):
            async with mqtt.connect(one):
                pytest.fail("it was let in")
        cluster.speakers.names = ["edge-1", "edge-2"]
        await cluster.nodes.look()
        assert await cluster.nodes.look() == []
        async with let_in(one):
            pass

    async def test_no_certificate_no_route_and_no_way_beside_mqtt(self, cluster: Cluster) -> None:
        tls = cluster.nodes.realm.issue("edge-1")
        node = cluster.nodes.nodes["n1"]
        # At the door between the nodes everything may be said.
        own = cluster.nodes.realm.issue("localhost", Profile.NODE)
        assert await _as_a_node(node.route, own.context()) == b"PONG\r\n"
        said = await _as_a_node(node.route, tls.context())
        assert said == b"-ERR 'Authorization Violation'\r\n"
        # NATS' own protocol on this machine: there are no users for it.
        reader, writer = await asyncio.open_connection(HOST, node.native)
        await reader.readline()
        writer.write(b'CONNECT {"verbose":true}\r\nSUB $MQTT.sub.> 1\r\n')
        assert b"Authorization Violation" in await reader.read(1000)
        writer.close()
        bare = mqtt.Settings(host=HOST, port=node.mqtt, client_id="x", protocol="3.1.1")
        with pytest.raises(Disconnected):
            async with mqtt.connect(bare):
                pytest.fail("it was let in")


async def _reaches(speaker: Transport, topic: str, hearer: Transport) -> None:
    """Speak until it is heard: of what was subscribed to at one node the others learn later."""
    said: list[bytes] = []

    async def hear() -> None:
        async for message in hearer.messages():
            if message.payload == said[-1]:
                return

    hearing = asyncio.ensure_future(hear())
    async with asyncio.timeout(SOON_S):
        while not hearing.done():
            said.append(b"ready %d" % len(said))
            await speaker.publish(topic, said[-1])
            await asyncio.wait([hearing], timeout=1)
    await hearing


async def _kept(edge: Transport, topic: str) -> Message:
    """What is retained there; a node that has not heard of it yet has it for a later asking."""
    arriving = asyncio.ensure_future(anext(aiter(edge.messages())))
    async with asyncio.timeout(SOON_S):
        while not arriving.done():
            await edge.subscribe(topic)
            await asyncio.wait([arriving], timeout=1)
    return await arriving


async def _as_a_node(port: int, context: ssl.SSLContext) -> bytes:
    """What is answered at the door of the nodes to one who says that it is a node."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    try:
        async with asyncio.timeout(SOON_S):
            # Who it is a node tells before it asks, to whoever has a certificate of the authority.
            assert (await reader.readline()).startswith(b"INFO ")
            writer.write(b'CONNECT {"name":"x","cluster":"plomba","tls_required":true}\r\n')
            writer.write(b'INFO {"server_id":"x","server_name":"x","cluster":"plomba"}\r\nPING\r\n')
            while not (line := await reader.readline()).startswith((b"PONG", b"-ERR")):
                assert line
            return line
    finally:
        writer.transport.abort()
