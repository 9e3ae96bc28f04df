"""Parsers of what an installer gives: records of visits, photos, numbers on dials, an old card."""

import io
from collections.abc import Iterator

from PIL import ExifTags, Image

from cloud_sync import visit
from cloud_sync.visit import (
    Check,
    DeviceExchange,
    Exchange,
    Install,
    Level,
    Remove,
    Visit,
    When,
)
from cloud_sync.wire import WireError
from drivers.reading import ClockState, Resource, Unit
from edge.visit import dial, later, photo
from edge.visit.core import VisitError
from edge.visit.dial import NotANumber
from edge.visit.photo import NotAPhoto
from simulators.fuzz.engine import Parser

_AT = When(1_796_040_000_000, ClockState.SYNCHRONISED, bytes(8))
_LEVEL = Level("8-0:1.0.0", 123_456, -3, Unit.M3, 8)
_PHOTO_WORDS = (
    b"\xff\xd8", b"\xff\xd9", b"\xff\xda\x00\x02", b"\xff\xe1", b"Exif\0\0", b"MM\0*", b"II*\0",
    b"\xff\xc0", b"\xff\xc2", b"\xff\x00", b"\xff\xd0", b"\xff\xff", b"\0\0", b"\x01\x12",
)  # fmt: skip
_NUMBER_WORDS = (b",", b".", b"-", b"e5", b"\xc2\xa0", "٣".encode(), b"999999999999999999", b"0x")
_CARD_WORDS = (b"[", b"]", b'"', b"\n", b"=", b"[[lines.meters]]\n", b"-1", b"\xff", b"'''")
_CARD = b"""\
[device]
name = "edge-0"
key = "k"
gateway_key = "g"
state_dir = "s"
[broker]
host = "127.0.0.1"
without_tls = true
[[lines]]
name = "house"
url = "tcp://127.0.0.1:1"
[[lines.meters]]
serial = "1"
profile = "eastron_sdm120"
address = 1
"""


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    yield Parser(
        "record-of-visit", visit.decode, (WireError,), (visit.encode(_visit()),), is_cbor=True
    )
    yield Parser("photo-of-visit", _stripped, (NotAPhoto,), tuple(_photos()), _PHOTO_WORDS)
    yield Parser("dial", _seen, (NotANumber,), (b"123,456", b" 1 234.5", b"-0"), _NUMBER_WORDS)
    yield Parser("old-card", later.old_card, (VisitError,), (_CARD,), _CARD_WORDS)


def _visit() -> Visit:
    install = Install(
        "11223344", "itron_cyble_cold", "Itron Cyble", Resource.COLD_WATER, "house", "5", "cold-1",
        "flat 1", (_LEVEL,), (_LEVEL,), _AT, "A-17", (bytes(32),), 2, 1, 116, "",
    )  # fmt: skip
    other = Install(
        "2", "itron_cyble_cold", "Itron Cyble", Resource.COLD_WATER, "house", "6", "", "", (), (),
        _AT, "", (), 0, 0, 0, "",
    )  # fmt: skip
    events = (
        DeviceExchange("edge-0", ("11223344",), _AT),
        install,
        Exchange("1", (), "none", "burnt", other),
        Remove("3", (_LEVEL,), "read", "", _AT),
    )
    checks = (Check("line house", ok=True, said=("answers", "mbus"), detail="meters answer"),)
    return Visit(
        1, "edge-1", 1, "commissioning", "House", "Ivan", _AT, _AT, "plomba", checks, events, "",
    )  # fmt: skip


def _stripped(data: bytes) -> bytes:
    """A photo without its camera's words; once more changes nothing."""
    kept = photo.stripped(data)
    if photo.stripped(kept) != kept:
        raise AssertionError("a stripped photo was stripped further")
    return kept


def _seen(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    return dial.look((_LEVEL,), {_LEVEL.obis: text}, [dial.Other("7", (_LEVEL,))])


def _photos() -> Iterator[bytes]:
    """Small photos as phones make them: upright and turned, in one scan and in many."""
    for turned, progressive in ((6, False), (1, True)):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = turned
        exif[ExifTags.Base.Make] = "A phone"
        out = io.BytesIO()
        Image.new("RGB", (16, 16)).save(out, "JPEG", exif=exif, progressive=progressive)
        yield out.getvalue()
