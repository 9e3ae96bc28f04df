"""The list of waiting points: its seal, its bounds, and how a point is named."""

import pytest
from msgspec.structs import replace

from cloud_sync import points
from cloud_sync.points import Expected, Points, PointsError, WaitingPoint
from cloud_sync.signing import SigningKey
from drivers.reading import Resource, Unit

KEY = SigningKey.from_seed(b"g" * 32)
WATER = Expected("8-0:1.0.0", Unit.M3, -3, 8)
POINT = WaitingPoint(7, "A-1", "1", "кухня", Resource.COLD_WATER, "", "", (WATER,))
LIST = Points(1, "Лесная 5", "", 1_793_480_400_000, (POINT,))


def test_what_the_gateway_sealed_is_read_as_it_was() -> None:
    assert points.opened(points.seal(LIST, KEY), KEY.public) == LIST


@pytest.mark.parametrize("at", [0, 30, 60, -1])
def test_any_changed_byte_is_refused(at: int) -> None:
    sealed = bytearray(points.seal(LIST, KEY))
    sealed[at] ^= 1
    with pytest.raises(PointsError):
        points.opened(bytes(sealed), KEY.public)


def test_a_seal_of_another_key_or_for_another_purpose_is_none() -> None:
    with pytest.raises(PointsError):
        points.opened(points.seal(LIST, SigningKey.from_seed(b"x" * 32)), KEY.public)
    with pytest.raises(PointsError):
        points.opened(KEY.seal(points.encode(LIST), "plomba/v1/edge-1/receipt"), KEY.public)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(LIST, points=(POINT, POINT)),
        replace(LIST, points=(replace(POINT, registers=(replace(WATER, obis="water"),)),)),
        replace(LIST, points=(replace(POINT, number=0),)),
        replace(LIST, points=(replace(POINT, serial="a b"),)),
        replace(LIST, house=""),
    ],
)
def test_what_no_gateway_says_is_refused(wrong: Points) -> None:
    with pytest.raises(PointsError):
        points.decode(points.encode(wrong))


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x81" * 50_000, b"\x9b" + b"\xff" * 8, b"\xa1\x00\x00"]
)
def test_bombs_and_other_encodings_are_refused(data: bytes) -> None:
    with pytest.raises(PointsError):
        points.decode(data)


def test_a_tower_fits_and_what_does_not_is_said() -> None:
    many = tuple(replace(POINT, number=one) for one in range(1, 3001))
    assert len(points.encode(replace(LIST, points=many))) < points.POINTS_BYTES_MAX
    long = tuple(replace(one, place="к" * 120) for one in many)
    with pytest.raises(PointsError, match="shorten"):
        points.encode(replace(LIST, points=long))


def test_a_label_names_a_point_by_its_number() -> None:
    assert points.number_of(points.by_number(7)) == 7
    assert points.address_of(POINT).endswith("/point/7")


@pytest.mark.parametrize("name", ["7", "#", "#0", "#07", "#-1", "#7 ", "# 7", "A-1", "#²"])
def test_a_name_is_no_number(name: str) -> None:
    assert points.number_of(name) is None
