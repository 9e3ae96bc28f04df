"""The MQTT packets a device needs, 3.1.1 and 5, as bytes: no I/O.

A fleet holds ten thousand connections in one process, so a connection may cost a few hundred bytes
and a packet a few microseconds. The client of the real edge (cloud_sync/mqtt.py) costs a task, a
thread-safe queue and some ten times the time per message; this one knows only what a device does:
connect with a will, subscribe, publish with QoS 1, acknowledge, stay alive.

Properties of MQTT 5 are sent empty and skipped when they come.
"""

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

# The gateway's largest message to a device is a receipt or a command of a few kB.
PACKET_BYTES_MAX = 1024 * 1024
_LENGTH_BYTES_MAX = 4  # MQTT 5, 1.5.5


class Version(IntEnum):
    """The protocol level, as CONNECT gives it."""

    V311 = 4
    V5 = 5


class Kind(IntEnum):
    """The first half byte of a packet."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Packet(NamedTuple):
    """What came: `code` is 0 for anything that is no refusal."""

    kind: Kind
    packet_id: int = 0
    code: int = 0
    topic: str = ""
    payload: bytes = b""


class PacketError(ValueError):
    """Bytes a broker should not have sent."""


PINGREQ = bytes((Kind.PINGREQ << 4, 0))
DISCONNECT = bytes((Kind.DISCONNECT << 4, 0))
# Clean session; a will that is retained, QoS 1.
_CLEAN, _WILL = 0x02, 0x04 | 0x08 | 0x20
_REFUSED = 0x80


def connect(
    version: Version, client_id: str, keepalive_s: int, will_topic: str, will: bytes
) -> bytes:
    """CONNECT for a clean session whose will is retained."""
    none = _no_properties(version)
    body = b"".join(
        (
            _text("MQTT"),
            bytes((version, _CLEAN | _WILL)),
            struct.pack("!H", keepalive_s),
            none,
            _text(client_id),
            none,
            _text(will_topic),
            struct.pack("!H", len(will)),
            will,
        )
    )
    return _packet(Kind.CONNECT << 4, body)


def subscribe(version: Version, packet_id: int, topics: Sequence[str]) -> bytes:
    """SUBSCRIBE with QoS 1, and in 3.1.1 with QoS 0, as the real edge does (cloud_sync/mqtt.py)."""
    qos = bytes((version is Version.V5,))
    asked = b"".join(_text(topic) + qos for topic in topics)
    body = struct.pack("!H", packet_id) + _no_properties(version) + asked
    return _packet(Kind.SUBSCRIBE << 4 | 2, body)


def publish(
    version: Version, packet_id: int, topic: str, payload: bytes, *, retain: bool = False
) -> bytes:
    """PUBLISH with QoS 1."""
    head = _text(topic) + struct.pack("!H", packet_id) + _no_properties(version)
    return _packet(Kind.PUBLISH << 4 | 2 | retain, head + payload)


def puback(packet_id: int) -> bytes:
    """PUBACK; without a reason it is the same in both versions."""
    return struct.pack("!BBH", Kind.PUBACK << 4, 2, packet_id)


class Reader:
    """Cuts what comes from a broker into packets."""

    __slots__ = ("_bytes", "_has_properties")

    def __init__(self, version: Version) -> None:
        self._has_properties = version is Version.V5
        self._bytes = b""

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that are whole now; PacketError for what is none."""
        data = self._bytes + data if self._bytes else data
        at = 0
        while (found := _length(data, at + 1)) is not None:
            start, length = found
            if length > PACKET_BYTES_MAX:
                raise PacketError(f"expected at most {PACKET_BYTES_MAX} bytes, got {length}")
            if start + length > len(data):
                break
            yield self._packet(data[at], data[start : start + length])
            at = start + length
        self._bytes = data[at:]

    def _packet(self, first: int, body: bytes) -> Packet:
        try:
            return self._parsed(Kind(first >> 4), first, body)
        except (ValueError, IndexError, struct.error) as error:
            raise PacketError(f"not a packet for a client: {first:#04x} {error}") from error

    def _parsed(self, kind: Kind, first: int, body: bytes) -> Packet:
        if kind is Kind.PUBLISH:
            return self._publish(first, body)
        if kind is Kind.PUBACK:
            code = body[2] if len(body) > 2 and body[2] >= _REFUSED else 0
            return Packet(kind, _number(body, 0), code)
        if kind is Kind.SUBACK:
            codes = body[self._after_properties(body, 2) :]
            return Packet(kind, _number(body, 0), max(codes) & _REFUSED)
        if kind is Kind.CONNACK:
            return Packet(kind, code=body[1])
        # 3.1.1 knows no DISCONNECT from a broker; that of 5 says why it ends the connection.
        return Packet(kind, code=body[0] if body else 0)

    def _publish(self, first: int, body: bytes) -> Packet:
        at = 2 + _number(body, 0)
        if at > len(body):
            raise ValueError("a topic that ends beyond its packet")
        topic = body[2:at].decode()
        packet_id = 0
        if first & 0x06:
            packet_id = _number(body, at)
            at += 2
        return Packet(Kind.PUBLISH, packet_id, 0, topic, body[self._after_properties(body, at) :])

    def _after_properties(self, body: bytes, at: int) -> int:
        if not self._has_properties:
            return at
        found = _length(body, at)
        if found is None or sum(found) > len(body):
            raise ValueError("properties that end beyond their packet")
        return sum(found)


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    head = bytearray((first,))
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + body


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """Where what is counted begins, and its length; None while the length is not whole."""
    length = 0
    for place, byte in enumerate(data[at : at + _LENGTH_BYTES_MAX]):
        length |= (byte & 0x7F) << 7 * place
        if byte < _REFUSED:
            return at + place + 1, length
    if len(data) >= at + _LENGTH_BYTES_MAX:
        raise PacketError("a length of more than four bytes")
    return None


def _number(data: bytes, at: int) -> int:
    """Two bytes; struct.error where they are not there."""
    (number,) = struct.unpack_from("!H", data, at)
    return int(number)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _no_properties(version: Version) -> bytes:
    return b"\x00" if version is Version.V5 else b""
