"""The road itself: MQTT with QoS 1 and mutual TLS. The only user of aiomqtt.

It is MQTT 5, or 3.1.1 where a broker speaks nothing newer (NATS): nothing here needs what 3.1.1
has not. A connection starts a clean session unless a collector asks for one that is kept: what was
under way when one ended is repeated by its sender, because only a receipt (never a PUBACK) lets an
edge forget.

Incoming messages are acknowledged when their reader says so: an edge takes them, a collector has
them on a disk. So many are held unacknowledged and no more. MQTT 5 has Receive Maximum for that,
but not every broker keeps to it (mosquitto 2.0.11 forgets it with the first acknowledgement), and
3.1.1 has nothing. So beyond the bound this side stops reading its socket: TCP holds the broker
back, and whatever waits, waits there. (Docs: docs/collectors.md.)
"""

import asyncio
import hashlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar
from zlib import crc32

import aiomqtt
import paho.mqtt.client as paho
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_sync.doors import Door, ProtocolName
from cloud_sync.transport import CollectorTransport, Delivery, Disconnected, Message

# A mobile link's NAT forgets an idle connection after as little as a minute.
KEEPALIVE_S = 30
# How long the broker may take to answer one packet before the connection counts as gone.
ANSWER_S = 15.0
# Four times the largest batch: a message that is too long is still seen, and refused by name;
# an absurd one never leaves the broker.
PACKET_BYTES_MAX = 1024 * 1024
# Messages held unacknowledged: ten groups of ingest, some 10 MB of batches of a poll round. On top
# comes what one read brings beyond the bound: paho takes as many packets at once as publishes are
# under way, and TLS has some 16 KB deciphered already.
INCOMING_MAX = 1024
INCOMING_BYTES_MAX = 64 * 1024 * 1024
# Where there are several doors: how long one may take to let us in, and then to answer a packet,
# before another one is tried. A cluster whose leader died leaves some packets without an answer for
# good; with this a client is through another door well within 15 s.
DOOR_S = 5.0
# Publishes under way at once; the broker's own Receive Maximum is 20 by default.
OUTGOING_MAX = 64

# paho says through its logger what is raised here as Disconnected anyway.
_QUIET = logging.getLogger("plomba.mqtt")
_QUIET.setLevel(logging.CRITICAL)
log = structlog.get_logger("cloud_sync.mqtt")

_REFUSED = 0x80
_VERSIONS = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}
_T = TypeVar("_T")


class TlsError(ValueError):
    """Certificate or key files that cannot be used; the text names them."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Mutual TLS: whom to believe, and what to show."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """The context for a connection; TlsError if a file does not do."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise TlsError(f"cannot use {self.ca} as CA certificate: {error}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            both = f"certificate {self.certificate} with key {self.key}"
            raise TlsError(f"cannot use {both}: {error}") from error
        return context


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One broker as one client sees it. `will` is published, retained, if the client vanishes.

    `also` are other doors to the same broker, the nodes of a cluster. With `keep_session`, which is
    for 3.1.1, the broker keeps what comes for this client id while it is away.
    """

    host: str
    port: int
    client_id: str
    tls: Tls | None = None
    will: Message | None = None
    also: tuple[Door, ...] = ()
    protocol: ProtocolName = "5"
    keep_session: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{host}:{port}" for host, port in ((self.host, self.port), *self.also))

    def doors(self) -> list[Door]:
        """Every door once; each client begins with one of its own, so that all are used."""
        doors = [(self.host, self.port), *self.also]
        first = crc32(self.client_id.encode()) % len(doors)
        return [*doors[first:], *doors[:first]]


def client_id(name: str, protocol: ProtocolName, tls: Tls | None) -> str:
    """The client id of who is called `name`; TlsError if the key's file cannot be read.

    A broker of MQTT 5 here binds it to the certificate. One of 3.1.1 (NATS) does not, and whoever
    knows another's id can end its session: so there it has a part that only the key's holder knows.
    """
    if protocol == "5" or tls is None:
        return name
    try:
        secret = tls.key.read_bytes()
    except OSError as error:
        raise TlsError(f"cannot read {tls.key}: {error.strerror}") from error
    return f"{name}-{hashlib.sha256(b'plomba client id ' + secret).hexdigest()[:24]}"


def connect(settings: Settings) -> AbstractAsyncContextManager[CollectorTransport]:
    """A connection for the length of an `async with`; Disconnected if there is none to be had."""
    return _connect(settings)


@asynccontextmanager
async def _connect(settings: Settings) -> AsyncIterator[CollectorTransport]:
    try:
        async with AsyncExitStack() as stack:
            client = await _let_in(settings, stack)
            yield _Connection(client, settings)
    except aiomqtt.MqttError as error:
        raise Disconnected(f"broker {settings}: {error}") from error


async def _let_in(settings: Settings, stack: AsyncExitStack) -> "_Client":
    """A client through the first door that opens; the last door's error if none does."""
    *others, last = settings.doors()
    for door in others:
        client = _Client(settings, door, DOOR_S)
        try:
            return await _entered(client, stack)
        except aiomqtt.MqttError as error:
            log.info("a door of the broker is shut", host=door[0], port=door[1], error=str(error))
    return await _entered(_Client(settings, last, ANSWER_S), stack)


async def _entered(client: "_Client", stack: AsyncExitStack) -> "_Client":
    entering = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(entering)
    except BaseException:
        # A cancellation as well as an error: connecting goes on in a thread whatever happens here.
        # What comes of it is closed then, or it would live on, and hold its client id, without
        # anybody who reads.
        entering.add_done_callback(client.abandon)
        raise
    stack.push_async_exit(client)
    return client


class _Client(aiomqtt.Client):
    """aiomqtt's client with paho's manual acknowledgement, which it does not pass on.

    It overrides callbacks and reads futures of aiomqtt 2.5 that are not public: whether they are
    still as they were with a newer one is for tests/cloud_sync/test_mqtt.py to say.
    """

    def __init__(self, settings: Settings, door: Door, patience_s: float) -> None:
        will, is_five = settings.will, settings.protocol == "5"
        how: dict[str, Any] = (
            {"clean_start": True, "properties": _connect_properties()}
            if is_five
            else {"clean_session": not settings.keep_session}
        )
        super().__init__(
            *door,
            identifier=settings.client_id,
            protocol=_VERSIONS[settings.protocol],
            will=None if will is None else aiomqtt.Will(*will, qos=1, retain=True),
            timeout=patience_s,
            keepalive=KEEPALIVE_S,
            max_concurrent_outgoing_calls=OUTGOING_MAX,
            tls_context=None if settings.tls is None else settings.tls.context(),
            logger=_QUIET,
            **how,
        )
        self._client.manual_ack_set(True)
        self._patience_s = DOOR_S if settings.also else ANSWER_S
        self._held, self._held_bytes = 0, 0
        self._is_paused = False
        self._refusal: ReasonCode | None = None

    async def __aenter__(self) -> Self:
        entered = await super().__aenter__()
        self.timeout = self._patience_s
        return entered

    def abandon(self, entering: asyncio.Future[Self]) -> None:
        """Close a connection that did not come about in time, or that nobody waits for."""
        if not entering.cancelled():
            entering.exception()  # told already, or not wanted any more
        self._client.disconnect()

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that this message is no longer its business."""
        self._client.ack(message.mid, message.qos)
        self._held -= 1
        self._held_bytes -= len(bytes(message.payload))
        if self._is_paused and not self._is_full():
            self._is_paused = False
            self._go_on()

    def refused(self) -> ReasonCode | None:
        """Why the broker would not take a message, asked once; the connection is worth little."""
        refusal, self._refusal = self._refusal, None
        return refusal

    async def _wait_for(self, fut: Awaitable[_T], timeout: float | None) -> _T:  # noqa: ASYNC109 - aiomqtt's
        # Until Python 3.12 asyncio.wait_for, which aiomqtt has here, forgets a cancellation that
        # comes together with the broker's answer: whoever was told to end went on for ever.
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None

    def _on_disconnect(self, *args: Any) -> None:
        # aiomqtt would wait for an answer to CONNECT that can no longer come.
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("connection refused by the broker"))
        super()._on_disconnect(*args)

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        # aiomqtt takes every PUBACK for a success.
        if reason_code.is_failure:
            self._refusal = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        super()._on_message(client, userdata, message)
        self._held += 1
        self._held_bytes += len(message.payload)
        socket = self._client.socket()
        if self._is_full() and not self._is_paused and socket is not None:
            self._is_paused = True
            self._loop.remove_reader(socket.fileno())

    def _is_full(self) -> bool:
        return self._held >= INCOMING_MAX or self._held_bytes >= INCOMING_BYTES_MAX

    def _go_on(self) -> None:
        socket = self._client.socket()
        if socket is not None and socket.fileno() >= 0:
            self._loop.add_reader(socket.fileno(), self._read)
            # TLS may hold packets that the socket will not tell of.
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        """What aiomqtt's own reader does, until there is nothing more or enough."""
        try:
            while not self._is_paused:
                socket = self._client.socket()
                self._client.loop_read()
                if not (isinstance(socket, ssl.SSLSocket) and socket.pending()):
                    return
        except Exception as error:  # noqa: BLE001 - as in aiomqtt: a loop's callback can tell only whoever waits for a message
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


class _Connection:
    def __init__(self, client: _Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        try:
            await self._client.publish(topic, payload, qos=1, retain=retain)
        except aiomqtt.MqttError as error:
            raise self._gone("publish", topic, error) from error
        refusal = self._client.refused()
        if refusal is not None:
            raise Disconnected(f"broker {self._settings}: publish {topic}: {refusal}")

    async def subscribe(self, topic: str) -> None:
        try:
            granted = await self._client.subscribe(topic, qos=_heard_with(self._settings))
        except aiomqtt.MqttError as error:
            raise self._gone("subscribe to", topic, error) from error
        refused = [code for code in granted if _is_refusal(code)]
        if refused:
            raise Disconnected(f"broker {self._settings}: subscribe to {topic}: {refused[0]}")

    async def messages(self) -> AsyncIterator[Message]:
        async for message, done in self.deliveries():
            done()
            yield message

    async def deliveries(self) -> AsyncIterator[Delivery]:
        try:
            async for message in self._client.messages:
                taken = Message(str(message.topic), bytes(message.payload))
                yield Delivery(taken, partial(self._client.acknowledge, message))
        except aiomqtt.MqttError as error:
            raise Disconnected(f"broker {self._settings}: {error}") from error

    def _gone(self, what: str, topic: str, error: aiomqtt.MqttError) -> Disconnected:
        return Disconnected(f"broker {self._settings}: {what} {topic}: {error}")


def _heard_with(settings: Settings) -> int:
    """The QoS of a subscription.

    For each one of QoS 1 NATS, the 3.1.1 broker here, elects a leader among three nodes, which ten
    thousand devices would be the end of; what a node's end loses of the rest comes again: receipts
    for what is sent again, commands until they are answered, states retained.
    """
    return 1 if settings.protocol == "5" or settings.keep_session else 0


def _is_refusal(code: ReasonCode | int) -> bool:
    """3.1.1 has numbers, of which 0x80 is the one that refuses."""
    return code.is_failure if isinstance(code, ReasonCode) else code >= _REFUSED


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
    properties.ReceiveMaximum = INCOMING_MAX
    properties.MaximumPacketSize = PACKET_BYTES_MAX
    return properties
