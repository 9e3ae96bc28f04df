"""The road itself: MQTT 5, QoS 1, mutual TLS. The only user of aiomqtt.

Every connection starts a clean session: what was under way when one ended is repeated by its
sender, because only a receipt (never a PUBACK) lets an edge forget. So no message is ever left
to a broker's queue, whose bound would drop it in silence.

Incoming messages are acknowledged to the broker when the reader takes them, not when they
arrive. Together with MQTT 5's Receive Maximum that is back-pressure: a slow reader holds the
broker back. Not every broker keeps to it (mosquitto 2.0.11 sends two for every one taken), so the
queue here has a bound of its own; what is beyond it is let go of, and its sender repeats it.
"""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_sync.transport import Disconnected, Message, Transport

# A mobile link's NAT forgets an idle connection after as little as a minute.
KEEPALIVE_S = 30
# How long the broker may take to answer one packet before the connection counts as gone.
ANSWER_S = 15.0
# Four times the largest batch: a message that is too long is still seen, and refused by name;
# an absurd one never leaves the broker.
PACKET_BYTES_MAX = 1024 * 1024
# Messages under way to a reader. 256 batches of a poll round are about 2 MB.
INCOMING_MAX = 256
# How far a broker may go beyond that before messages are let go of.
QUEUE_MAX = 4 * INCOMING_MAX
# Publishes under way at once; the broker's own Receive Maximum is 20 by default.
OUTGOING_MAX = 64

# paho says through its logger what is raised here as Disconnected anyway.
_QUIET = logging.getLogger("plomba.mqtt")
_QUIET.setLevel(logging.CRITICAL)
log = structlog.get_logger("cloud_sync.mqtt")


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
    """One broker as one client sees it. `will` is published, retained, if the client vanishes."""

    host: str
    port: int
    client_id: str
    tls: Tls | None = None
    will: Message | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def connect(settings: Settings) -> AbstractAsyncContextManager[Transport]:
    """A connection for the length of an `async with`; Disconnected if there is none to be had."""
    return _connect(settings)


@asynccontextmanager
async def _connect(settings: Settings) -> AsyncIterator[Transport]:
    client = _Client(settings)
    try:
        async with client:
            yield _Connection(client, settings)
    except aiomqtt.MqttError as error:
        raise Disconnected(f"broker {settings}: {error}") from error


class _Client(aiomqtt.Client):
    """aiomqtt's client with paho's manual acknowledgement, which it does not pass on."""

    def __init__(self, settings: Settings) -> None:
        will = settings.will
        super().__init__(
            settings.host,
            settings.port,
            identifier=settings.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=None if will is None else aiomqtt.Will(*will, qos=1, retain=True),
            timeout=ANSWER_S,
            keepalive=KEEPALIVE_S,
            clean_start=True,
            max_queued_incoming_messages=QUEUE_MAX,
            max_concurrent_outgoing_calls=OUTGOING_MAX,
            properties=_connect_properties(),
            tls_context=None if settings.tls is None else settings.tls.context(),
            logger=_QUIET,
        )
        self._client.manual_ack_set(True)
        self._overflowing = False
        self._refusal: ReasonCode | None = None

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that the reader has this message."""
        self._client.ack(message.mid, message.qos)
        if self._queue.qsize() < INCOMING_MAX:
            self._overflowing = False

    def refused(self) -> ReasonCode | None:
        """Why the broker would not take a message, asked once; the connection is worth little."""
        refusal, self._refusal = self._refusal, None
        return refusal

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
        if not self._queue.full():
            super()._on_message(client, userdata, message)
            return
        # Never acknowledged it would hold a place of Receive Maximum until the connection ends.
        client.ack(message.mid, message.qos)
        if not self._overflowing:
            log.warning("incoming messages overflow: their senders will repeat them")
        self._overflowing = True


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
            granted = await self._client.subscribe(topic, qos=1)
        except aiomqtt.MqttError as error:
            raise self._gone("subscribe to", topic, error) from error
        refused = [code for code in granted if isinstance(code, ReasonCode) and code.is_failure]
        if refused:
            raise Disconnected(f"broker {self._settings}: subscribe to {topic}: {refused[0]}")

    async def messages(self) -> AsyncIterator[Message]:
        try:
            async for message in self._client.messages:
                self._client.acknowledge(message)
                yield Message(str(message.topic), bytes(message.payload))
        except aiomqtt.MqttError as error:
            raise Disconnected(f"broker {self._settings}: {error}") from error

    def _gone(self, what: str, topic: str, error: aiomqtt.MqttError) -> Disconnected:
        return Disconnected(f"broker {self._settings}: {what} {topic}: {error}")


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
    properties.ReceiveMaximum = INCOMING_MAX
    properties.MaximumPacketSize = PACKET_BYTES_MAX
    return properties
