"""A photo as it may leave the house: a JPEG within its bound, without what its camera wrote in.

A phone writes the place, its owner's device and a small copy of the picture into the file. Only
what draws the picture is kept, and which way is up. The segments are walked, never decoded: a
length that leads past the end, or a file without a picture, is refused in one line.
"""

from collections.abc import Iterator
from typing import NamedTuple

from cloud_sync.visit import PHOTO_BYTES_MAX

# ISO/IEC 10918-1, table B.1.
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_RST = range(0xD0, 0xD8)
# Behind FFh in coded data: 00h is an FFh that was meant, FFh fills up.
_STUFFED, _FILL = 0x00, 0xFF
# JFIF says how pixels are shaped, Adobe's segment how colours are coded: both draw the picture.
_APP0, _APP1, _APP14, _COM = 0xE0, 0xE1, 0xEE, 0xFE
_DROPPED = frozenset({*range(0xE0, 0xF0), _COM}) - {_APP0, _APP14}
# Tables, frames and scans: what a picture is made of.
_DRAWING = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD, _APP0, _APP14}) - {0xC8}
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# A progressive picture has ten scans with their tables; a thousand segments are no photo.
_SEGMENTS_MAX = 1000
# 100 megapixels: more no phone has, and a decoder at the other end must hold them.
_PIXELS_MAX = 100_000_000
_EXIF = b"Exif\x00\x00"
_ORIENTATION, _SHORT = 0x0112, 3
# The entries of the first directory of any camera; more are not looked through.
_ENTRIES_MAX = 256


class NotAPhoto(ValueError):
    """Bytes that are no photo that can be kept; the text says why."""


class _Segment(NamedTuple):
    """A marker, what stands behind its length, and for a scan the data that follow."""

    marker: int
    body: bytes
    scan: bytes


def stripped(data: bytes) -> bytes:
    """The same picture without what its camera wrote into it; NotAPhoto otherwise."""
    if len(data) > PHOTO_BYTES_MAX:
        raise NotAPhoto(
            f"the photo has {len(data)} bytes, at most {PHOTO_BYTES_MAX} are kept: take it with "
            "a lower resolution"
        )
    segments = list(_segments(data))
    frames = [one for one in segments if one.marker in _FRAMES]
    if len(frames) != 1 or not any(one.marker == _SOS for one in segments):
        raise NotAPhoto("expected a JPEG with one picture in it")
    _check_size(frames[0].body)
    turned = next((_turned(one.body) for one in segments if _is_exif(one)), 1)
    parts = [b"\xff\xd8"]
    if turned != 1:
        parts.append(_whole(_Segment(_APP1, _orientation(turned), b"")))
    parts += [_whole(one) for one in segments if one.marker in _DRAWING]
    return b"".join([*parts, b"\xff\xd9"])


def _segments(data: bytes) -> Iterator[_Segment]:
    if not data.startswith(b"\xff\xd8"):
        raise NotAPhoto("expected a JPEG photo, this file is something else")
    at = 2
    for _ in range(_SEGMENTS_MAX):
        marker, at = _marker(data, at)
        if marker == _EOI:
            return
        if marker not in _DRAWING | _DROPPED:
            raise NotAPhoto(f"expected a JPEG photo, got a marker {marker:02x} in it")
        length = int.from_bytes(data[at : at + 2], "big")
        if length < len("ll") or at + length > len(data):
            raise NotAPhoto("the photo is cut off: send it again")
        body, at = data[at + 2 : at + length], at + length
        end = _scan_end(data, at) if marker == _SOS else at
        yield _Segment(marker, body, data[at:end])
        at = end
    raise NotAPhoto(f"expected a photo, got more than {_SEGMENTS_MAX} parts")


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at`, and where what follows begins; fill bytes before it are skipped."""
    if data[at : at + 1] != b"\xff":
        raise NotAPhoto("the photo is cut off or damaged: send it again")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise NotAPhoto("the photo is cut off: send it again")
    return data[at], at + 1


def _scan_end(data: bytes, at: int) -> int:
    """Where the coded data end: at the next marker that is neither stuffing nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise NotAPhoto("the photo is cut off: send it again")
        following = data[at + 1]
        if following not in (_STUFFED, _FILL) and following not in _RST:
            return at
        at += 1 if following == _FILL else 2


def _check_size(frame: bytes) -> None:
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    if not 0 < height * width <= _PIXELS_MAX:
        raise NotAPhoto(f"expected a photo of at most {_PIXELS_MAX} pixels, got {width}x{height}")


def _is_exif(segment: _Segment) -> bool:
    return segment.marker == _APP1 and segment.body.startswith(_EXIF)


def _turned(body: bytes) -> int:
    """Which way is up (EXIF 2.3, 4.6.4): 1 to 8, 1 where that is not said."""
    tiff = body[len(_EXIF) :]
    order: dict[bytes, str] = {b"II": "little", b"MM": "big"}
    name = order.get(tiff[:2])
    if name is None:
        return 1
    little = name == "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if little else "big")

    directory = number(4, 4)
    for entry in range(min(number(directory, 2), _ENTRIES_MAX)):
        at = directory + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION and number(at + 2, 2) == _SHORT:
            found = number(at + 8, 2)
            return found if found in range(1, 9) else 1
    return 1


def _orientation(turned: int) -> bytes:
    """The body of an EXIF segment that says nothing but which way is up."""
    header = b"MM\x00\x2a\x00\x00\x00\x08"
    entry = _ORIENTATION.to_bytes(2, "big") + _SHORT.to_bytes(2, "big") + (1).to_bytes(4, "big")
    value = turned.to_bytes(2, "big") + bytes(2)
    return _EXIF + header + (1).to_bytes(2, "big") + entry + value + bytes(4)


def _whole(segment: _Segment) -> bytes:
    length = (len(segment.body) + 2).to_bytes(2, "big")
    return b"\xff" + bytes((segment.marker,)) + length + segment.body + segment.scan
