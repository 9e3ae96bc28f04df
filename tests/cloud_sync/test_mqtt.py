"""The road over a real mosquitto: what arrives, what is refused, what happens when it breaks."""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud_sync import mqtt, topics
from cloud_sync.mqtt import Settings, Tls, TlsError
from cloud_sync.transport import Disconnected, Message, Transport
from simulators.demo.brokers import EmbeddedBroker, NoDemo, mark
from tests.cloud_sync.brokers import (
    HOST,
    Authority,
    Mosquitto,
    free_port,
    mosquitto,
    needs_mosquitto,
    tls_listener,
)

BATCHES = topics.batch_topic("edge-1")
STATE = topics.state_topic("edge-1")
RECEIPTS = topics.receipt_topic("edge-1")


def settings(broker: Mosquitto, client_id: str, **more: object) -> Settings:
    return Settings(host=HOST, port=broker.port, client_id=client_id, **more)  # type: ignore[arg-type]


async def take(transport: Transport, count: int) -> list[Message]:
    taken: list[Message] = []
    async with asyncio.timeout(60):
        async for message in transport.messages():
            taken.append(message)
            if len(taken) == count:
                break
    return taken


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path) as running:
        yield running


class Silent:
    """A door behind which nobody speaks; it keeps what it heard last, to the end."""

    def __init__(self) -> None:
        self.asked, self.ended = asyncio.Event(), asyncio.Event()
        self.heard = b""

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.heard = await reader.read(1000)
        self.asked.set()
        self.heard = await reader.read()
        writer.close()
        self.ended.set()

    def welcome(self) -> None:
        """An answer after all: CONNACK of MQTT 3.1.1."""
        self._writer.write(b"\x20\x02\0\0")


DISCONNECT = b"\xe0\0"


class TestWithMosquitto:
    pytestmark = needs_mosquitto

    async def test_what_is_published_arrives_in_order_byte_for_byte(
        self, broker: Mosquitto
    ) -> None:
        payloads = [bytes([n]) * 1000 for n in range(100)] + [bytes(262_656)]
        async with (
            mqtt.connect(settings(broker, "gateway")) as gateway,
            mqtt.connect(settings(broker, "edge-1")) as edge,
        ):
            await gateway.subscribe(topics.ALL_BATCHES)
            for payload in payloads:
                await edge.publish(BATCHES, payload)
            assert await take(gateway, len(payloads)) == [Message(BATCHES, p) for p in payloads]

    async def test_more_than_the_broker_may_send_ahead_still_arrives_whole(
        self, broker: Mosquitto
    ) -> None:
        # The reader takes nothing while everything is published: the broker has to hold it back.
        count = mqtt.INCOMING_MAX + 500
        async with (
            mqtt.connect(settings(broker, "gateway")) as gateway,
            mqtt.connect(settings(broker, "edge-1")) as edge,
        ):
            await gateway.subscribe(topics.ALL_BATCHES)
            await asyncio.gather(*(edge.publish(BATCHES, b"%d" % n) for n in range(count)))
            arrived = {message.payload for message in await take(gateway, count)}
        assert arrived == {b"%d" % n for n in range(count)}

    async def test_a_reader_that_takes_nothing_holds_so_much_and_the_rest_waits_at_the_broker(
        self, broker: Mosquitto
    ) -> None:
        # After one acknowledgement mosquitto 2.0.11 keeps to no Receive Maximum any more.
        count = 4 * mqtt.INCOMING_MAX
        async with (
            mqtt.connect(settings(broker, "gateway")) as gateway,
            mqtt.connect(settings(broker, "edge-1")) as edge,
        ):
            client = gateway._client  # type: ignore[attr-defined] # what it holds is its own affair
            await gateway.subscribe(topics.ALL_BATCHES)
            deliveries = gateway.deliveries()
            taken = []
            for start in range(0, count, 512):
                numbers = range(start, start + 512)
                await asyncio.gather(*(edge.publish(BATCHES, b"%d" % n) for n in numbers))
                taken.append(await anext(deliveries))
                taken[-1].done()
            async with asyncio.timeout(60):
                while client._held < mqtt.INCOMING_MAX:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.01)
                most = client._held
                while len(taken) < count:
                    taken.append(await anext(deliveries))
                    taken[-1].done()
                    most = max(most, client._held)
            # One read may take several packets.
            assert most <= mqtt.INCOMING_MAX + mqtt.OUTGOING_MAX
        assert [int(one.message.payload) for one in taken] == list(range(count))

    async def test_whoever_is_told_to_end_as_the_answer_comes_ends(self, broker: Mosquitto) -> None:
        async with mqtt.connect(settings(broker, "edge-1")) as edge:
            pending = edge._client._pending_subscribes  # type: ignore[attr-defined] # when it comes, nobody else tells
            asking = asyncio.create_task(edge.subscribe(RECEIPTS))
            while not pending:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            (answer,) = pending.values()
            while not answer.done():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    async def test_what_was_not_done_with_comes_again_in_a_kept_session(
        self, broker: Mosquitto
    ) -> None:
        mine = settings(broker, "gateway", protocol="3.1.1", keep_session=True)
        async with mqtt.connect(settings(broker, "edge-1", protocol="3.1.1")) as edge:
            async with mqtt.connect(mine) as gateway:
                await gateway.subscribe(topics.ALL_BATCHES)
                for n in range(3):
                    await edge.publish(BATCHES, b"%d" % n)
                deliveries = gateway.deliveries()
                first, _second = await anext(deliveries), await anext(deliveries)
                first.done()
            await edge.publish(BATCHES, b"3")
            async with mqtt.connect(mine) as gateway:
                again = await take(gateway, 3)
        first.done()  # long after its connection: nothing happens
        assert [message.payload for message in again] == [b"1", b"2", b"3"]

    async def test_where_the_first_door_is_shut_the_next_one_is_taken(
        self, broker: Mosquitto
    ) -> None:
        doors = [(HOST, free_port()), (HOST, broker.port), (HOST, free_port())]
        first, *others = doors
        for client in ("edge-1", "edge-2", "edge-3", "edge-4"):
            told = Settings(host=first[0], port=first[1], also=tuple(others), client_id=client)
            assert sorted(told.doors()) == sorted(doors)
            async with mqtt.connect(told) as edge:
                await edge.publish(BATCHES, b"in")
        nowhere = Settings(host=HOST, port=first[1], also=(others[1],), client_id="edge-1")
        with pytest.raises(Disconnected, match=f"{HOST}:{first[1]}, {HOST}:{others[1][1]}"):
            async with mqtt.connect(nowhere):
                pytest.fail("connected to nothing")

    async def test_a_door_behind_which_nobody_answers_is_left_and_shut(
        self, broker: Mosquitto
    ) -> None:
        door = Silent()
        listener = await asyncio.start_server(door.attend, HOST, 0)
        async with listener, asyncio.timeout(60):
            # Of two doors a client begins with either: one of them has nobody behind it.
            silent, open_ = (HOST, listener.sockets[0].getsockname()[1]), (HOST, broker.port)
            told = [
                Settings(host=HOST, port=silent[1], also=(open_,), client_id=f"edge-{n}")
                for n in range(20)
            ]
            mine = next(one for one in told if one.doors() == [silent, open_])
            async with mqtt.connect(mine) as edge:
                await edge.publish(BATCHES, b"in")
                await door.ended.wait()
        assert door.heard.startswith(DISCONNECT[:1])

    async def test_a_retained_message_waits_for_whoever_comes_later(
        self, broker: Mosquitto
    ) -> None:
        async with mqtt.connect(settings(broker, "gateway")) as gateway:
            await gateway.publish(RECEIPTS, b"latest", retain=True)
        async with mqtt.connect(settings(broker, "edge-1")) as edge:
            await edge.subscribe(RECEIPTS)
            assert await take(edge, 1) == [Message(RECEIPTS, b"latest")]

    async def test_the_will_is_published_when_the_client_is_pushed_out(
        self, broker: Mosquitto
    ) -> None:
        will = Message(STATE, b"gone")
        async with mqtt.connect(settings(broker, "watcher")) as watcher:
            await watcher.subscribe(STATE)
            async with (
                mqtt.connect(settings(broker, "edge-2", will=will)) as edge,
                mqtt.connect(settings(broker, "edge-2")),
            ):
                with pytest.raises(Disconnected):
                    await take(edge, 1)
            assert await take(watcher, 1) == [will]

    async def test_an_orderly_end_publishes_no_will(self, broker: Mosquitto) -> None:
        async with mqtt.connect(settings(broker, "watcher")) as watcher:
            await watcher.subscribe(STATE)
            async with mqtt.connect(settings(broker, "edge-1", will=Message(STATE, b"gone"))):
                pass
            await watcher.publish(STATE, b"after")
            assert await take(watcher, 1) == [Message(STATE, b"after")]

    async def test_a_killed_broker_ends_reading_and_publishing(self, broker: Mosquitto) -> None:
        async with mqtt.connect(settings(broker, "edge-1")) as edge:
            await broker.kill()
            with pytest.raises(Disconnected, match=f"{HOST}:{broker.port}"):
                await take(edge, 1)
            with pytest.raises(Disconnected, match=f"publish {BATCHES}"):
                await edge.publish(BATCHES, b"x")
            with pytest.raises(Disconnected, match=f"subscribe to {RECEIPTS}"):
                await edge.subscribe(RECEIPTS)

    async def test_after_a_broken_connection_the_next_one_works(self, broker: Mosquitto) -> None:
        for _ in range(3):
            async with mqtt.connect(settings(broker, "edge-1")) as edge:
                await broker.kill()
                with pytest.raises(Disconnected):
                    await take(edge, 1)
            await broker.start()
        async with mqtt.connect(settings(broker, "edge-1")) as edge:
            await edge.subscribe(BATCHES)
            await edge.publish(BATCHES, b"again")
            assert await take(edge, 1) == [Message(BATCHES, b"again")]


class TestMutualTls:
    pytestmark = needs_mosquitto

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    @pytest.fixture
    async def tls_broker(self, tmp_path: Path, authority: Authority) -> AsyncIterator[Mosquitto]:
        server = authority.issue("server")
        extra = tls_listener(server, tmp_path / "acl")
        async with mosquitto(tmp_path, extra=extra) as running:
            yield running

    async def test_a_device_with_its_certificate_has_its_own_topics(
        self, tls_broker: Mosquitto, authority: Authority
    ) -> None:
        tls = authority.issue("edge-1")
        async with mqtt.connect(settings(tls_broker, "edge-1", tls=tls)) as edge:
            await edge.subscribe(RECEIPTS)
            await edge.publish(BATCHES, b"batch")

    async def test_another_device_s_receipts_are_not_delivered(
        self, tls_broker: Mosquitto, authority: Authority
    ) -> None:
        one, two = authority.issue("edge-1"), authority.issue("edge-2")
        theirs = topics.receipt_topic("edge-2")
        async with mqtt.connect(settings(tls_broker, "edge-1", tls=one)) as edge:
            await edge.subscribe(theirs)
            # The broker's rules let nobody write a receipt here; it would not reach a stranger.
            async with mqtt.connect(settings(tls_broker, "edge-2", tls=two)) as other:
                await other.publish(topics.batch_topic("edge-2"), b"mine")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await anext(aiter(edge.messages()))

    async def test_without_a_certificate_there_is_no_connection(
        self, tls_broker: Mosquitto
    ) -> None:
        with pytest.raises(Disconnected):
            async with mqtt.connect(settings(tls_broker, "edge-1")):
                pytest.fail("a connection in clear was accepted")

    async def test_a_certificate_of_a_foreign_authority_is_refused(
        self, tls_broker: Mosquitto, authority: Authority, tmp_path: Path
    ) -> None:
        foreign = Authority(tmp_path, "foreign").issue("edge-1")
        tls = Tls(ca=authority.file, certificate=foreign.certificate, key=foreign.key)
        with pytest.raises(Disconnected):
            async with mqtt.connect(settings(tls_broker, "edge-1", tls=tls)) as edge:
                await edge.publish(BATCHES, b"x")

    # paho leaves the socket of a failed handshake to the garbage collector.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    async def test_a_broker_that_is_not_the_expected_one_is_refused(
        self, tls_broker: Mosquitto, authority: Authority, tmp_path: Path
    ) -> None:
        mine = authority.issue("edge-1")
        tls = Tls(ca=Authority(tmp_path, "other").file, certificate=mine.certificate, key=mine.key)
        with pytest.raises(Disconnected, match="certificate verify failed"):
            async with mqtt.connect(settings(tls_broker, "edge-1", tls=tls)):
                pytest.fail("a stranger was taken for the broker")
        await asyncio.sleep(0)  # the loop lets go of the try that failed
        gc.collect()


async def test_the_embedded_broker_of_the_demo_carries_the_same(tmp_path: Path) -> None:
    port = free_port()
    mark(tmp_path)
    embedded = EmbeddedBroker(port, tmp_path)
    await embedded.start()
    try:
        async with (
            mqtt.connect(Settings(host=HOST, port=port, client_id="gateway")) as gateway,
            mqtt.connect(Settings(host=HOST, port=port, client_id="edge-1")) as edge,
        ):
            await gateway.subscribe(topics.ALL_BATCHES)
            await edge.subscribe(RECEIPTS)
            for n in range(500):
                await edge.publish(BATCHES, b"%d" % n)
            assert [m.payload for m in await take(gateway, 500)] == [b"%d" % n for n in range(500)]
            await gateway.publish(RECEIPTS, b"receipt", retain=True)
            assert await take(edge, 1) == [Message(RECEIPTS, b"receipt")]
    finally:
        await embedded.stop()


def test_the_embedded_broker_starts_for_a_demo_only(tmp_path: Path) -> None:
    with pytest.raises(NoDemo, match=r"is not a demo's folder.*use mosquitto"):
        EmbeddedBroker(free_port(), tmp_path)
    assert list(tmp_path.iterdir()) == []


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_that_speaks_no_tls_1_3_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, mine = authority.issue("server"), authority.issue("edge-1")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.load_cert_chain(server.certificate, server.key)
    listener = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0, ssl=old)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        edge = Settings(host=HOST, port=port, client_id="edge-1", tls=mine)
        with pytest.raises(Disconnected, match="SSL"):
            async with mqtt.connect(edge):
                pytest.fail("an older TLS was spoken")
    await asyncio.sleep(0)  # the loop lets go of the try that failed
    gc.collect()


async def test_a_connection_that_comes_about_after_it_was_cancelled_is_closed() -> None:
    door = Silent()
    listener = await asyncio.start_server(door.attend, HOST, 0)
    async with listener, asyncio.timeout(60):
        port = listener.sockets[0].getsockname()[1]
        told = Settings(host=HOST, port=port, client_id="edge-1", protocol="3.1.1")
        connecting = asyncio.ensure_future(mqtt.connect(told).__aenter__())
        await door.asked.wait()
        connecting.cancel()
        await asyncio.wait([connecting])
        assert connecting.cancelled()
        door.welcome()
        await door.ended.wait()
    assert door.heard == DISCONNECT


async def test_where_no_broker_listens_there_is_one_clear_line() -> None:
    port = free_port()
    nowhere = Settings(host=HOST, port=port, client_id="edge-1")
    with pytest.raises(Disconnected, match=f"broker {HOST}:{port}: .*refused"):
        async with mqtt.connect(nowhere):
            pytest.fail("connected to nothing")


def test_certificate_files_that_do_not_do_are_named(tmp_path: Path) -> None:
    tls = Authority(tmp_path).issue("edge-1")
    other = Authority(tmp_path, "other").issue("edge-1")
    with pytest.raises(TlsError, match=r"missing\.pem as CA"):
        Tls(ca=tmp_path / "missing.pem", certificate=tls.certificate, key=tls.key).context()
    with pytest.raises(TlsError, match=r"other-edge-1\.key"):
        Tls(ca=tls.ca, certificate=tls.certificate, key=other.key).context()
