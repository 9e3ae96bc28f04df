"""Photos: what a camera wrote into them goes, what draws the picture stays."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from cloud_sync.visit import PHOTO_BYTES_MAX
from edge.visit.photo import NotAPhoto, stripped

_PLACE = b"GPS 55.7558 N"


def a_photo(
    *, progressive: bool = False, turned: int = 1, size: tuple[int, int] = (64, 48)
) -> bytes:
    picture = Image.new("RGB", size, (200, 30, 30))
    picture.putpixel((3, 3), (0, 255, 0))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    exif[ExifTags.Base.ImageDescription] = _PLACE.decode()
    exif[ExifTags.Base.Make] = "A phone"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (55.0, 45.0, 21.0)
    out = io.BytesIO()
    picture.save(
        out, "JPEG", exif=exif, progressive=progressive, comment=b"by Ivan", icc_profile=b"x"
    )
    return out.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_the_picture_stays_and_the_place_goes(turned: int, *, progressive: bool) -> None:
    photo = a_photo(progressive=progressive, turned=turned)
    assert _PLACE in photo
    kept = stripped(photo)
    assert _PLACE not in kept
    assert b"A phone" not in kept
    assert b"by Ivan" not in kept
    before, after = Image.open(io.BytesIO(photo)), Image.open(io.BytesIO(kept))
    assert before.tobytes() == after.tobytes()
    assert dict(after.getexif()).get(ExifTags.Base.Orientation, 1) == turned
    assert set(after.getexif()) <= {ExifTags.Base.Orientation}
    assert not after.getexif().get_ifd(ExifTags.IFD.GPSInfo)


def test_what_stands_behind_the_picture_goes() -> None:
    photo = a_photo()
    assert stripped(photo + b"a second picture " + photo) == stripped(photo)


def test_stripping_twice_is_stripping_once() -> None:
    kept = stripped(a_photo(turned=6))
    assert stripped(kept) == kept


def test_too_large_a_photo_is_refused_with_what_to_do() -> None:
    with pytest.raises(NotAPhoto, match="lower resolution"):
        stripped(a_photo() + bytes(PHOTO_BYTES_MAX))


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (b"", "something else"),
        (b"\x89PNG\r\n\x1a\n", "something else"),
        (b"\xff\xd8", "cut off"),
        (b"\xff\xd8\xff\xd9", "one picture"),
        (b"\xff\xd8\xff\xe0\x00\x01", "cut off"),
        (b"\xff\xd8\xff\xe0\xff\xff", "cut off"),
        (b"\xff\xd8\xff\x01\x00\x02", "a marker 01"),
        (b"\xff\xd8\xff\xda\x00\x02\x01\x02", "cut off"),
        (b"\xff\xd8" + b"\xff\xdb\x00\x02" * 1001, "more than 1000 parts"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x10\x01\x01\x11\x00\xff\xda\x00\x02\x01\xff\xd9",
         "pixels"),
    ],
)  # fmt: skip
def test_what_is_no_photo_is_refused_in_one_line(photo: bytes, said: str) -> None:
    with pytest.raises(NotAPhoto, match=said):
        stripped(photo)


@given(cut=st.integers(0, 3000), noise=st.binary(max_size=30), at=st.integers(0, 3000))
def test_any_damage_is_a_photo_or_refused(cut: int, noise: bytes, at: int) -> None:
    photo = a_photo(turned=6)
    spoiled = photo[:at] + noise + photo[at + len(noise) : max(cut, at)]
    try:
        kept = stripped(spoiled)
    except NotAPhoto:
        return
    assert stripped(kept) == kept
