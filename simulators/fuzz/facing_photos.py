"""Parsers of what residents send: photos, and the numbers they type.

A decoder of pictures is C code, of which no lines are seen here; what is looked for is that nothing
of it comes through but a picture or a refusal.
"""

import io
from collections.abc import Iterator

import numpy as np
import pillow_heif
from PIL import Image

from gateway.photo import intake, sameness
from gateway.photo.frame import Frame
from gateway.photo.intake import PhotoError
from gateway.resident import submission
from simulators.fuzz.engine import Parser

# The smallest that is taken for a photo at all.
_SIZE = (intake.LONG_SIDE_MIN, intake.SIDE_MIN)
_WORDS = (
    b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xe1\x00\x10Exif\0\0", b"\xff\xc2", b"\xff\xda",
    b"\x89PNG\r\n\x1a\n", b"IHDR", b"acTL", b"iCCP", b"zTXt", b"eXIf", b"IEND",
    b"RIFF", b"WEBP", b"VP8X", b"VP8L", b"VP8 ", b"ANIM", b"ftypheic", b"ftypavif", b"meta",
    b"ispe", b"iloc", b"grid", b"idat", b"\xff\xff\xff\xff", b"\0\0\0\0", b"%PDF-", b"<html",
    b"PK\x05\x06", b"2026:10:24 12:00:00", b"+99:99",
)  # fmt: skip


def parsers() -> Iterator[Parser]:
    """The rows of the table."""
    yield Parser("photo", _taken, (PhotoError,), tuple(_photos()), _WORDS)
    number = submission.number_of(bytes(range(submission.RANDOM_BYTES)))
    yield Parser(
        "submission-number",
        lambda data: submission.normal(data.decode("latin-1")),
        (),
        (number.encode(), number.lower().replace("-", " ").encode()),
        (b"O", b"i", b"-", b"\xb2", b"\xdf"),
    )
    yield Parser(
        "photo-frame",
        lambda data: Frame.of(data.decode("latin-1")).corners(*_SIZE),
        (ValueError,),
        (b"80,383,920,383,920,617,80,617", b"0,0,1000,0,1000,1000,0,1000"),
        (b",", b"-", b"1001", b"\xb2", b"\n"),
    )


def _taken(data: bytes) -> object:
    """What is told of a photo beside its pixels."""
    taken = intake.picture(data)
    mark = sameness.fingerprint(taken.pixels)
    return taken.pixels.shape, taken.taken_at_ms, taken.has_offset, mark, len(taken.jpeg)


def _photos() -> Iterator[bytes]:
    """One small photo in each format, with a camera's words in it."""
    pixels = np.random.default_rng(1).integers(0, 255, (4, 16, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize(_SIZE)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2026:10:24 12:00:00", 0x9011: "+03:00"})
    for kind in ("JPEG", "PNG", "WEBP"):
        out = io.BytesIO()
        image.save(out, kind, exif=exif.tobytes())
        yield out.getvalue()
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True)
    yield out.getvalue()
    out = io.BytesIO()
    image.save(out, "WEBP", save_all=True, append_images=[image.rotate(9)])
    yield out.getvalue()
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=50, exif=exif.tobytes())
    yield out.getvalue()
