"""Bytes from a stranger become a picture of ours, or one line that says why not.

What they are is told by their content alone, never by a name or a header. Of Pillow only the
decoders of JPEG, PNG and WebP are loaded, and libheif for HEIC: there is no table of formats in
which others could be found. Everything that can be bounded is bounded before a pixel is decoded:
bytes, sides, pixels, frames. What decodes is made upright, no longer than LONG_SIDE, and written
anew as a JPEG without any metadata, so nothing of what came survives but what is to be seen:
neither where it was taken nor anything behind its end. Only the camera's time is told beside it.

A decoder is C code that strangers feed. So the gateway has this done by a process of its own with
limits (gateway/photo/looking.py), and this module is only called there, in tests and in benches.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gateway.photo.sameness import fingerprint

# A phone's JPEG of 50 megapixels has some 12 MB; a larger one is a camera's raw or no photo.
BYTES_MAX = 12 * 1024 * 1024
# What phones take at most unless they are told to (48 and 50 megapixels): 150 MB decoded.
PIXELS_MAX = 50_000_000
# The first phones with a camera took 640 x 480; a register cut out by hand is a strip of that.
SIDE_MIN = 64
LONG_SIDE_MIN = 240
# No panorama: a meter is not eight times as wide as it is high.
PROPORTION_MAX = 8
# Digits of a register that fills a third of the picture are then some 40 pixels high.
LONG_SIDE = 1600
# At 85 a wheel's digits look as before; 1600 x 1200 take some 300 kB.
JPEG_QUALITY = 85
# "2026:11:22 15:28:00" and "+03:00", with room for a camera's blanks.
TIME_CHARS_MAX = 40
# No zone is farther from Greenwich.
OFFSET_H_MAX = 14

_ORIENTATION, _EXIF_IFD, _TAKEN, _OFFSET = 0x0112, 0x8769, 0x9003, 0x9011
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# ISO/IEC 23008-12: still pictures coded with HEVC. Sequences (hevc, msf1) and AVIF are none.
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
_OTHER_BRANDS = frozenset({b"avif", b"avis"})
# By these another program would take the bytes for something else than a picture.
_MARKS_OF_OTHERS = (b"%pdf-", b"<html", b"<script", b"<?php", b"<!doctype")
# A ZIP is found from its end: the directory's record and a comment of 65 535 bytes.
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 65_557


class Why(StrEnum):
    """What is wrong with bytes that should have been a picture."""

    TOO_LARGE = "too-large"
    NO_PICTURE = "no-picture"
    """Not one of the four formats."""
    DAMAGED = "damaged"
    TOO_SMALL = "too-small"
    SHAPE = "shape"
    """Far longer than wide."""
    MOVING = "moving"
    """Several pictures one after the other."""
    MORE = "more-than-a-picture"
    """Another program would take it for a document or an archive."""
    BUSY = "busy"
    """Nothing is wrong with it; nobody could look at it in time."""


class PhotoError(ValueError):
    """Bytes that are not taken for a photo; one line says why and what to do."""

    def __init__(self, why: Why, said: str) -> None:
        super().__init__(said)
        self.why = why


class Picture(NamedTuple):
    """A photo as it is kept: `jpeg` is its file, `pixels` what that was made of, (h, w, 3) RGB.

    `taken_at_ms` is the camera's time, None if it says none: UTC where `has_offset`, else what
    its clock showed, to be read in the zone of the house (`taken_ms`). `phash` is the fingerprint
    of sameness.py, `sha256` that of the bytes that came.
    """

    jpeg: bytes
    pixels: NDArray[np.uint8]
    taken_at_ms: int | None
    has_offset: bool
    phash: int
    sha256: bytes


def picture(data: bytes) -> Picture:
    """The picture in bytes of unknown origin; PhotoError where there is none that is taken."""
    if len(data) > BYTES_MAX:
        raise PhotoError(
            Why.TOO_LARGE, f"expected at most {BYTES_MAX >> 20} MiB, got {len(data) >> 20} MiB"
        )
    with _whatever_happens():
        image = _opened(data)
        _check(image.size, getattr(image, "n_frames", 1))
        _refuse_more(data)
        turn, taken_at_ms, has_offset = _told(image)
        upright = _small(image)
        if turn is not None:
            upright = upright.transpose(turn)
        pixels = np.asarray(upright)
        out = io.BytesIO()
        # Out of the pixels alone: Pillow would write a JPEG's comment into the new one.
        Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY)
    sha256 = hashlib.sha256(data).digest()
    return Picture(out.getvalue(), pixels, taken_at_ms, has_offset, fingerprint(pixels), sha256)


@contextmanager
def _whatever_happens() -> Iterator[None]:
    """Whatever a decoder trips over, it is the bytes that are at fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PhotoError:
        raise
    except Exception as error:
        raise _damaged(type(error).__name__) from error


def _damaged(what: str) -> PhotoError:
    return PhotoError(
        Why.DAMAGED, f"the picture is damaged or cut off ({what}): take or send it again"
    )


def _opened(data: bytes) -> ImageFile.ImageFile:
    """The decoder of the bytes, its header read; no pixel is decoded."""
    file = io.BytesIO(data)
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImageFile(file)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile(file)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _check(_webp_size(data), 1)  # its decoder makes room for the whole before it says a size
        return WebPImageFile(file)
    if data[4:8] == b"ftyp" and _is_heic(data):
        return pillow_heif.HeifImageFile(file)  # type: ignore[no-untyped-call]
    raise PhotoError(
        Why.NO_PICTURE, "expected a photo as JPEG, PNG, HEIC or WebP, got something else"
    )


def _is_heic(data: bytes) -> bool:
    length = int.from_bytes(data[:4], "big")
    brands = {data[at : at + 4] for at in range(16, min(length, 256), 4)}
    return data[8:12] in _HEIC_BRANDS and not brands & _OTHER_BRANDS


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk of a WebP (RFC 9649)."""
    kind, head = data[12:16], data[20:30]
    if len(head) < len(data[20:30].ljust(10)):
        raise _damaged("no header")
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        sides = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return next(sides), next(sides)
    raise _damaged("no header")


def _check(size: tuple[int, int], frames: int) -> None:
    """Refuse what is too large, too small or none, by what its header says."""
    short, long = sorted(size)
    said = f"{size[0]} x {size[1]} pixels"
    if short * long > PIXELS_MAX:
        raise PhotoError(
            Why.TOO_LARGE, f"expected at most {PIXELS_MAX // 1_000_000} megapixels, got {said}"
        )
    if short < SIDE_MIN or long < LONG_SIDE_MIN:
        raise PhotoError(Why.TOO_SMALL, f"expected a photo, got {said}: take it with a camera")
    if long > PROPORTION_MAX * short:
        raise PhotoError(Why.SHAPE, f"expected a photo of a meter, got a strip of {said}")
    if frames > 1:
        raise PhotoError(Why.MOVING, f"expected one picture, got {frames} in one file")


def _refuse_more(data: bytes) -> None:
    """Refuse what would be a document or an archive to another program.

    None of it would be kept anyway; the line is for whoever sent it.
    """
    plain = data.lower()
    if any(mark in plain for mark in _MARKS_OF_OTHERS) or _ZIP_END in data[-_ZIP_END_BYTES:]:
        raise PhotoError(Why.MORE, "expected a photo alone, got one with another file inside")


def _small(image: ImageFile.ImageFile) -> Image.Image:
    """The pixels in RGB, the longer side LONG_SIDE at most."""
    scale = min(1.0, LONG_SIDE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    if isinstance(image, JpegImageFile):
        image.draft("RGB", (width, height))  # the decoder leaves out what is not needed
    image.load()
    plain = image.convert("RGB")
    if plain.size == (width, height):
        return plain
    return plain.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _told(image: ImageFile.ImageFile) -> tuple[Image.Transpose | None, int | None, bool]:
    """How the camera was held, and its time: UTC or not. Rubbish there says nothing."""
    try:
        exif = image.getexif()
        turn = _TURNS.get(exif.get(_ORIENTATION, 1))
        inner = exif.get_ifd(_EXIF_IFD)
        shown, offset = _text(inner.get(_TAKEN)), _text(inner.get(_OFFSET))
    except Exception:  # noqa: BLE001 - what a stranger's EXIF makes of the parser is no news
        return None, None, False
    return (turn, *_time(shown, offset))


def _text(value: object) -> str:
    return value.strip(" \0") if isinstance(value, str) and len(value) <= TIME_CHARS_MAX else ""


def _time(shown: str, offset: str) -> tuple[int | None, bool]:
    """EXIF's DateTimeOriginal and OffsetTimeOriginal, in milliseconds; whether it is UTC."""
    try:
        at = datetime.strptime(shown, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        at_ms = int(at.timestamp()) * 1000
    except (ValueError, OverflowError):
        return None, False
    if at_ms < 0:
        return None, False
    try:
        ahead = datetime.strptime(offset, "%z").utcoffset() or timedelta()
    except ValueError:
        return at_ms, False
    if abs(ahead) > timedelta(hours=OFFSET_H_MAX):
        return at_ms, False
    return at_ms - int(ahead.total_seconds()) * 1000, True
