"""MQTT packets: cut anywhere they mean the same, and nonsense is refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.fleet import packets
from simulators.fleet.packets import Kind, Packet, PacketError, Reader, Version

BOTH = pytest.mark.parametrize("version", list(Version))


def fed(version: Version, *pieces: bytes) -> list[Packet]:
    reader = Reader(version)
    return [packet for piece in pieces for packet in reader.feed(piece)]


@BOTH
@given(cut=st.lists(st.integers(0, 400), max_size=6), payload=st.binary(max_size=300))
def test_packets_mean_the_same_however_they_are_cut(
    version: Version, cut: list[int], payload: bytes
) -> None:
    stream = packets.publish(version, 7, "plomba/v1/e-1/receipt", payload) + packets.puback(9)
    edges = sorted({0, len(stream), *(at for at in cut if at < len(stream))})
    pieces = [stream[low:high] for low, high in pairwise(edges)]
    assert fed(version, *pieces) == [
        Packet(Kind.PUBLISH, 7, 0, "plomba/v1/e-1/receipt", payload),
        Packet(Kind.PUBACK, 9),
    ]


def test_properties_of_version_5_are_skipped() -> None:
    # CONNACK with Receive Maximum 20 (MQTT 5, 3.2.2.3.3) and PUBLISH with a message expiry.
    connack = bytes.fromhex("20060000 03210014")
    publish = bytes.fromhex("32 0d 0001 61 0005 05 0200000009 6869")
    assert fed(Version.V5, connack, publish) == [
        Packet(Kind.CONNACK),
        Packet(Kind.PUBLISH, 5, 0, "a", b"hi"),
    ]


@pytest.mark.parametrize(
    ("version", "answer", "kind", "code"),
    [
        (Version.V311, "20020005", Kind.CONNACK, 5),
        (Version.V5, "2003008700", Kind.CONNACK, 0x87),
        (Version.V311, "9003000180", Kind.SUBACK, 0x80),
        (Version.V5, "900400010087", Kind.SUBACK, 0x80),
        (Version.V5, "4003000187", Kind.PUBACK, 0x87),
        (Version.V5, "e0018e", Kind.DISCONNECT, 0x8E),
    ],
)
def test_a_refusal_is_told(version: Version, answer: str, kind: Kind, code: int) -> None:
    (packet,) = fed(version, bytes.fromhex(answer))
    assert (packet.kind, packet.code) == (kind, code)


@pytest.mark.parametrize(
    "nonsense",
    [
        "3080808001",  # longer than anything a gateway sends
        "3080808080",  # a length of five bytes
        "f000",  # no kind of packet
        "3003ffff61",  # a topic that ends beyond its packet
        "3203000161",  # QoS 1 without a number
        "4000",
        "90020001",  # a SUBACK that grants nothing and refuses nothing
        "2000",
    ],
)
@BOTH
def test_nonsense_is_refused(version: Version, nonsense: str) -> None:
    with pytest.raises(PacketError):
        fed(version, bytes.fromhex(nonsense))


def test_properties_that_end_beyond_their_packet_are_refused() -> None:
    with pytest.raises(PacketError):
        fed(Version.V5, bytes.fromhex("3005 0001 61 02 01"))
