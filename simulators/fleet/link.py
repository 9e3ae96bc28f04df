"""One device's connection: a non-blocking socket, TLS 1.3 where asked for, and MQTT over it.

No task, no stream and no lock per connection: the event loop calls in when the socket can be read
or written. TLS runs on the socket itself, for asyncio's own keeps a quarter of a megabyte for each.

All connections share one TLS context. A connection copies the certificate the context holds at the
moment it is made (SSL_new), so the context is given each device's own just before.
"""

import asyncio
import os
import socket
import ssl
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple, Protocol

from simulators.fleet import packets
from simulators.fleet.packets import Kind, Packet, PacketError, Version

# As the real edge.
KEEPALIVE_S = 30
# Publishes not acknowledged by the broker yet. What CONNACK says of it is not read: this is below
# mosquitto's default of 20 and the 64 of our rules (docs/broker.md).
IN_FLIGHT_MAX = 16
_READ_BYTES = 64 * 1024
# The ports of one address for connections to one server; the system's default range has 28 000.
_PER_ADDRESS = 20_000
_PACKET_ID_MAX = 0xFFFF


class Identity(NamedTuple):
    """What a device shows the broker."""

    certificate: Path
    key: Path


class Road(NamedTuple):
    """Where the broker is, and how it is spoken to."""

    host: str
    port: int
    version: Version = Version.V5
    context: ssl.SSLContext | None = None
    also: tuple[tuple[str, int], ...] = ()
    """Other doors of the same broker, the nodes of a cluster."""

    @property
    def doors(self) -> int:
        """How many there are."""
        return 1 + len(self.also)

    def by(self, turn: int) -> "Road":
        """The same through one of its doors; each turn through the next."""
        host, port = ((self.host, self.port), *self.also)[turn % self.doors]
        return self._replace(host=host, port=port)


def tls_context(ca: Path) -> ssl.SSLContext:
    """The context all connections share."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class Owner(Protocol):
    """Whose connection it is."""

    name: str
    number: int
    identity: Identity | None
    will: tuple[str, bytes]

    def on_connected(self) -> list[bytes]:
        """The broker let it in: what to send first of all (SUBSCRIBE is the last of it)."""

    def on_up(self) -> None:
        """The subscription stands."""

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message came."""

    def on_room(self) -> None:
        """The broker acknowledged a publish."""

    def on_down(self, reason: str) -> None:
        """The connection ended, or never came about."""


class Link:
    """One connection, from the first SYN to its end; then it is done with."""

    __slots__ = (
        "_in_flight", "_last_id", "_loop", "_owner", "_reader", "_road", "_socket", "_unsent",
        "heard_s", "is_up", "said_s",
    )  # fmt: skip

    def __init__(self, owner: Owner, road: Road, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._road = road
        self._loop = loop
        self._socket: socket.socket | None = None
        self._unsent = bytearray()
        self._reader = packets.Reader(road.version)
        self._in_flight = 0
        self._last_id = 0
        self.is_up = False
        self.heard_s = self.said_s = loop.time()

    def open(self) -> None:
        """Begin to connect; the owner hears how it went."""
        made = socket.socket(_family(self._road.host), socket.SOCK_STREAM)
        self._socket = made
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._owner.number >= _PER_ADDRESS and self._road.host == "127.0.0.1":
                made.bind((f"127.0.0.{2 + self._owner.number // _PER_ADDRESS}", 0))
            made.connect((self._road.host, self._road.port))
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(str(error))
            return
        self._loop.add_writer(made, self._connected, made)

    def has_room(self) -> bool:
        """Whether one more may be published."""
        return self.is_up and self._in_flight < IN_FLIGHT_MAX

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1; the owner's `on_room` follows its acknowledgement."""
        self._in_flight += 1
        self.send(packets.publish(self._road.version, self._id(), topic, payload))

    def first_words(self, topics: list[str], state: bytes) -> list[bytes]:
        """A device's state and subscription, in the order in which they are sent."""
        version = self._road.version
        self._in_flight += 1
        told = packets.publish(version, self._id(), self._owner.will[0], state, retain=True)
        return [told, packets.subscribe(version, self._id(), topics)]

    def send(self, data: bytes) -> None:
        """Send bytes now, or when there is room."""
        self.said_s = self._loop.time()
        if self._unsent:
            self._unsent += data
            return
        rest = data[self._written(data) :]
        if rest and self._socket is not None:
            self._unsent += rest
            self._loop.add_writer(self._socket, self._flush)

    def close(self) -> None:
        """An orderly end."""
        if self.is_up:
            self.send(packets.DISCONNECT)
        self._forget()

    def cut(self) -> None:
        """An end as of a broken line: nothing is said, and no port is kept waiting."""
        if self._socket is not None:
            linger = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._end("cut")

    def look(self, now_s: float, ask_s: float, silence_s: float) -> None:
        """Ask the broker whether it is there when all was quiet; give up when it stays so."""
        if now_s - self.heard_s > silence_s:
            self._end("the broker does not answer")
        elif self.is_up and now_s - self.said_s > ask_s:
            self.send(packets.PINGREQ)

    def _id(self) -> int:
        self._last_id = self._last_id % _PACKET_ID_MAX + 1
        return self._last_id

    def _connected(self, made: socket.socket) -> None:
        self._loop.remove_writer(made)
        failed = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._end(os.strerror(failed))
            return
        if self._road.context is None or self._owner.identity is None:
            self._greet(made)
            return
        try:
            self._road.context.load_cert_chain(*self._owner.identity)
            shaken = self._road.context.wrap_socket(
                made, server_hostname=self._road.host, do_handshake_on_connect=False
            )
        except OSError as error:
            self._end(str(error))
            return
        self._socket = shaken
        self._shake(shaken)

    def _shake(self, shaken: ssl.SSLSocket) -> None:
        """One step of the TLS handshake."""
        self._loop.remove_writer(shaken)
        try:
            shaken.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.add_reader(shaken, self._shake, shaken)
        except ssl.SSLWantWriteError:
            self._loop.add_writer(shaken, self._shake, shaken)
        except OSError as error:
            self._end(str(error))
        else:
            self._greet(shaken)

    def _greet(self, ready: socket.socket) -> None:
        self._loop.add_reader(ready, self._readable)
        self.send(
            packets.connect(self._road.version, self._owner.name, KEEPALIVE_S, *self._owner.will)
        )

    def _readable(self) -> None:
        self.heard_s = self._loop.time()
        while self._socket is not None:
            try:
                data = self._socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._end(str(error))
                return
            if not data:
                self._end("the broker ended the connection")
                return
            self._take(data)
            if len(data) < _READ_BYTES and self._road.context is None:
                return

    def _take(self, data: bytes) -> None:
        try:
            for packet in self._reader.feed(data):
                self._on_packet(packet)
        except PacketError as error:
            self._end(str(error))

    def _on_packet(self, packet: Packet) -> None:
        if packet.code:
            self._end(f"the broker refused {packet.kind.name}: {packet.code:#04x}")
        elif packet.kind is Kind.PUBLISH:
            if packet.packet_id:
                self.send(packets.puback(packet.packet_id))
            self._owner.on_message(packet.topic, packet.payload)
        elif packet.kind is Kind.PUBACK:
            self._in_flight -= 1
            self._owner.on_room()
        elif packet.kind is Kind.CONNACK:
            self.send(b"".join(self._owner.on_connected()))
        elif packet.kind is Kind.SUBACK:
            self.is_up = True
            self._owner.on_up()
        elif packet.kind is Kind.DISCONNECT:
            self._end("the broker said goodbye")

    def _flush(self) -> None:
        del self._unsent[: self._written(bytes(self._unsent))]
        if not self._unsent and self._socket is not None:
            self._loop.remove_writer(self._socket)

    def _written(self, data: bytes) -> int:
        """How many bytes the socket took."""
        if self._socket is None:
            return len(data)  # nobody will send them any more
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            self._end(str(error))
            return len(data)

    def _end(self, reason: str) -> None:
        if self._socket is not None:
            self._forget()
            self._owner.on_down(reason)

    def _forget(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
        self._socket = None
        self.is_up = False
        self._unsent.clear()


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        return socket.AF_INET
