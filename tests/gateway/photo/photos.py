"""Photos and what pretends to be one, made from nothing."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image

FORMATS = ("jpeg", "png", "webp", "heic")
GPS_LATITUDE = 55.123456
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825


def scene(seed: int = 1, width: int = 640, height: int = 480) -> Image.Image:
    """A picture with large and small things in it, another one for each seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    fine = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    size = (width, height)
    smooth = Image.Resampling.BICUBIC
    return Image.blend(coarse.resize(size, smooth), fine.resize(size, smooth), 0.3)


def encoded(image: Image.Image, kind: str = "jpeg", **how: object) -> bytes:
    """The bytes of a picture in one of FORMATS, or any other that Pillow writes."""
    out = io.BytesIO()
    if kind == "heic":
        pillow_heif.from_pillow(image).save(out, quality=70, **how)
    else:
        image.save(out, kind.upper(), **how)
    return out.getvalue()


def exif(
    taken: str = "", offset: str = "", orientation: int = 1, *, with_gps: bool = False
) -> bytes:
    """EXIF as a camera writes it."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = "Camera of GPS street"
    inner = made.get_ifd(_EXIF_IFD)
    if taken:
        inner[0x9003] = taken
    if offset:
        inner[0x9011] = offset
    if with_gps:
        made.get_ifd(_GPS_IFD).update({1: "N", 2: (55.0, 7.0, 24.4), 3: "E", 4: (37.0, 1.0, 2.0)})
    return made.tobytes()


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    checked = name + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(width: int, height: int, pixels: bytes = b"", *more: bytes) -> bytes:
    """A PNG that says it is so large, whatever it holds."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join((chunk(b"IHDR", head), *more, body, chunk(b"IEND", b"")))


def webp(width: int, height: int) -> bytes:
    """A WebP that says it is so large, with the pixels of a small one."""
    small = encoded(scene(), "webp")
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides
    body = b"WEBP" + extended + small[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def heic(width: int, height: int) -> bytes:
    """A HEIC that says it is so large, with the pixels of a small one."""
    data = bytearray(encoded(scene(), "heic"))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", width, height)
    return bytes(data)


def moving(kind: str) -> bytes:
    """Three pictures one after the other."""
    first, *rest = (scene(seed) for seed in (1, 2, 3))
    return encoded(first, kind, save_all=True, append_images=rest, duration=100)
