"""What is taken for a photo, what is left of it, and what is refused."""

import io
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drivers.reading import to_ms
from gateway.photo.intake import (
    BYTES_MAX,
    LONG_SIDE,
    PhotoError,
    Picture,
    Why,
    picture,
)
from tests.gateway.photo.photos import (
    FORMATS,
    chunk,
    encoded,
    exif,
    heic,
    moving,
    png,
    scene,
    webp,
)

NOON = "2026:10:24 12:00:00"
NOON_MS = to_ms(datetime(2026, 10, 24, 12, tzinfo=UTC))


def refused(data: bytes) -> Why:
    with pytest.raises(PhotoError) as caught:
        picture(data)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 200
    return caught.value.why


@pytest.mark.parametrize("kind", FORMATS)
def test_each_of_the_four_formats_becomes_a_plain_jpeg(kind: str) -> None:
    data = encoded(scene(width=1760, height=1320), kind)
    taken = picture(data)
    kept = Image.open(io.BytesIO(taken.jpeg))
    assert kept.format == "JPEG"
    assert kept.size == (LONG_SIDE, 1200)
    assert taken.pixels.shape == (1200, LONG_SIDE, 3)
    assert np.abs(np.asarray(kept, dtype=int) - taken.pixels).mean() < 3
    expected = np.asarray(scene(width=1760, height=1320).resize((LONG_SIDE, 1200)), dtype=int)
    assert np.abs(expected - taken.pixels).mean() < 6


@pytest.mark.parametrize("kind", FORMATS)
def test_the_camera_s_time_is_told_and_nothing_else_is_left(kind: str) -> None:
    data = encoded(scene(), kind, exif=exif(NOON, "+03:00", with_gps=True))
    assert b"GPS street" in data
    taken = picture(data)
    assert (taken.taken_at_ms, taken.has_offset) == (NOON_MS - 3 * 3_600_000, True)
    assert b"GPS" not in taken.jpeg
    assert b"Exif" not in taken.jpeg
    kept = Image.open(io.BytesIO(taken.jpeg))
    assert not kept.getexif()
    assert set(kept.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        (NOON, "", (NOON_MS, False)),
        (NOON, "-11:30", (NOON_MS + 41_400_000, True)),
        (NOON, "+25:00", (NOON_MS, False)),
        (NOON, "Moscow", (NOON_MS, False)),
        ("2026:13:24 12:00:00", "+03:00", (None, False)),
        ("0000:00:00 00:00:00", "", (None, False)),
        ("1904:01:01 00:00:00", "", (None, False)),
        ("yesterday", "", (None, False)),
        ("", "+03:00", (None, False)),
        ("9" * 10_000, "", (None, False)),
    ],
)
def test_a_camera_without_a_clock_says_no_time(
    taken: str, offset: str, expected: tuple[int | None, bool]
) -> None:
    got = picture(encoded(scene(), exif=exif(taken, offset)))
    assert (got.taken_at_ms, got.has_offset) == expected


def test_rubbish_for_exif_says_nothing_and_harms_nothing() -> None:
    for rubbish in (
        b"",
        b"Exif\0\0",
        b"II*\0\xff\xff\xff\xff",
        exif(NOON)[:40],
        b"MM\0*" + b"\xff" * 99,
    ):
        got = picture(encoded(scene(), exif=rubbish))
        assert got.taken_at_ms is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_however_the_phone_was_held(orientation: int) -> None:
    upright = scene()
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose that undoes each
    held = upright if orientation == 1 else upright.transpose(Image.Transpose(back[orientation]))
    got = picture(encoded(held, quality=95, exif=exif(orientation=orientation)))
    assert got.pixels.shape == (480, 640, 3)
    assert np.abs(np.asarray(upright, dtype=int) - got.pixels).mean() < 4


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1"])
def test_grey_coloured_and_see_through_pictures_are_taken(mode: str) -> None:
    kind = "jpeg" if mode == "CMYK" else "png"
    assert picture(encoded(scene().convert(mode), kind)).pixels.shape == (480, 640, 3)


@pytest.mark.parametrize("kind", ["gif", "tiff", "bmp", "ppm", "ico", "pdf", "avif", "tga"])
def test_other_formats_are_not_even_tried(kind: str) -> None:
    assert refused(encoded(scene(), kind)) is Why.NO_PICTURE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1000,
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
        b"%PDF-1.7\n%\xff\xd8\xff",
        b"PK\x03\x04" + b"\0" * 100,
        b"\x7fELF" + b"\0" * 100,
        b"../../etc/passwd",
        b"\0\0\0\x1cftypmp42" + b"\0" * 100,
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + b"\0" * 100,
        b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1" + b"\0" * 100,
        b"\0\0\0\x1cftyphevc\0\0\0\0mif1hevc" + b"\0" * 100,
    ],
)
def test_what_is_no_picture_is_told_so(data: bytes) -> None:
    assert refused(data) is Why.NO_PICTURE


@pytest.mark.parametrize(
    "data",
    [
        png(50_000, 50_000),
        png(20_000, 20_000, b"\0" * 1000),
        webp(16_384, 16_384),
        heic(30_000, 30_000),
        b"\0" * (BYTES_MAX + 1),
    ],
    ids=["png", "png with pixels", "webp", "heic", "bytes"],
)
def test_a_bomb_is_refused_by_what_it_says_it_is(data: bytes) -> None:
    assert refused(data) is Why.TOO_LARGE


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 100_000_000)),
        chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 100_000_000)),
        chunk(b"iTXt", b"a\0\x01\0\0\0" + zlib.compress(b"\0" * 100_000_000)),
    ],
    ids=["text", "profile", "international text"],
)
def test_a_bomb_beside_the_pixels_does_not_go_off(more: bytes) -> None:
    data = png(300, 300, b"\0" * 901 * 300, more)
    assert len(data) < 300_000
    try:
        taken = picture(data)
    except PhotoError as error:
        assert error.why is Why.DAMAGED  # noqa: PT017 - either is right
    else:
        assert len(taken.jpeg) < 10_000


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((1, 1), Why.TOO_SMALL),
        ((20_000, 1), Why.TOO_SMALL),
        ((1, 20_000), Why.TOO_SMALL),
        ((200, 150), Why.TOO_SMALL),
        ((800, 70), Why.SHAPE),
    ],
)
def test_what_no_camera_takes_is_refused(size: tuple[int, int], why: Why) -> None:
    assert refused(encoded(Image.new("RGB", size, "red"), "png")) is why


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_a_moving_picture_is_refused(kind: str) -> None:
    assert refused(moving(kind)) is Why.MOVING


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_photo_cut_off_on_its_way_is_refused(kind: str, part: float) -> None:
    data = encoded(scene(), kind)
    assert refused(data[: int(len(data) * part)]) is Why.DAMAGED


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "more",
    [
        b"<html><script>alert(1)</script>",
        b"<?php system($_GET[0]);",
        b"%PDF-1.4",
        b"PK\x05\x06" + b"\0" * 18,
    ],
    ids=["page", "program", "document", "archive"],
)
def test_a_picture_that_is_something_else_as_well_is_refused(kind: str, more: bytes) -> None:
    assert refused(encoded(scene(), kind) + more) is Why.MORE


def test_nothing_behind_a_picture_s_end_is_kept() -> None:
    # A motion photo has its film there; whatever it is, it is left behind.
    data = encoded(scene())
    film = b"\0\0\0\x18ftypmp42" + b"film" * 100
    assert picture(data + film).jpeg == picture(data).jpeg


def test_the_hash_is_that_of_the_very_bytes_that_came() -> None:
    one, other = picture(encoded(scene())), picture(encoded(scene()) + b"\0")
    assert one.sha256 != other.sha256
    assert one.phash == other.phash


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    small = scene(width=240, height=180)
    return [encoded(small, kind, exif=exif(NOON, "+03:00")) for kind in FORMATS]


@given(st.data())
def test_any_bytes_are_a_picture_or_refused_in_a_line(
    seeds: list[bytes], data: st.DataObject
) -> None:
    start = bytearray(data.draw(st.sampled_from(seeds)))
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(start) - 1), st.integers(0, 255)), max_size=12)
    ):
        start[at] = byte
    kept = data.draw(st.integers(0, len(start)))
    whole = bytes(start[:kept]) + data.draw(st.binary(max_size=20))
    try:
        taken = picture(whole)
    except PhotoError as error:
        assert str(error).isprintable()  # noqa: PT017 - either is right
    else:
        assert isinstance(taken, Picture)
        assert max(taken.pixels.shape) <= LONG_SIDE
        assert taken.jpeg.startswith(b"\xff\xd8\xff")
