"""Finder, cut and reader together: what is tried, and which of it counts."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.photo.cells import CellReader, Read
from gateway.photo.decoding import CLASSES, POSITIONS, SURE_MIN, Scores
from gateway.photo.finding import Finder
from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind, Mask, Prior
from gateway.photo.recognition import Recogniser, no_serials
from gateway.photo.turning import Turner

MASK = Mask(Kind.ODOMETER, 3, 1)
PLACE = Corners(((20.0, 10.0), (116.0, 10.0), (116.0, 42.0), (20.0, 42.0)), 0.9)
OTHER = Corners(((20.0, 60.0), (116.0, 60.0), (116.0, 92.0), (20.0, 92.0)), 0.9)
# Of each cell its digit as a shade: what the reader of these tests reads.
DIGITS = (0, 4, 7, 2)


def register(digits: tuple[int, ...]) -> NDArray[np.uint8]:
    cells = [np.full((32, 24, 3), 20 + 20 * digit, np.uint8) for digit in digits]
    strip = np.concatenate(cells, axis=1)
    strip[:4] = 255  # its upper edge, to tell it from one upside down
    return strip


def photograph(place: Corners = PLACE) -> NDArray[np.uint8]:
    image = np.zeros((120, 160, 3), np.uint8)
    x, y = (int(one) for one in place.points[0])
    image[y : y + 32, x : x + 96] = register(DIGITS)
    return image


class Shades(CellReader):
    """Reads digits that are shades of grey; unsure of all without a white edge above them."""

    def __init__(self) -> None:
        self.strips: list[NDArray[np.uint8]] = []

    def read(self, strip: NDArray[np.uint8], mask: Mask) -> Scores:
        self.strips.append(strip)
        wheels = np.full((mask.cells, POSITIONS), 1.0)
        sure = 9e4 if strip[:2].mean() > 120 else 2.0
        for cell, pixels in enumerate(np.array_split(strip[8:-4], mask.cells, axis=1)):
            middle = np.median(pixels[:, 8:-8])
            wheels[cell, int(np.clip(round((middle - 20) / 20), 0, 9)) * 10] = sure
        wheels /= wheels.sum(axis=1, keepdims=True)
        cells = np.ones(mask.cells)
        return Scores(wheels, np.full((mask.cells, CLASSES), 1 / CLASSES), cells)

    def read_all(self, strips: Iterable[NDArray[np.uint8]], mask: Mask) -> list[Scores]:
        return [self.read(one, mask) for one in strips]

    def guess(self, strip: NDArray[np.uint8]) -> Read:
        return Read(self.read(strip, MASK), MASK)


class White(Turner):
    """Knows upright by the white edge; where there is none on either side it does not know."""

    def __init__(self, sure: float = 20.0) -> None:
        self.sure = sure

    def upright(self, strip: NDArray[np.uint8], cells: int) -> float:
        del cells
        return self.sure * float(np.sign(strip[:8].mean() - strip[-8:].mean()))


class Says(Finder):
    """Finds what it is told."""

    def __init__(self, *places: Corners) -> None:
        self.places = places

    def candidates(self, image: NDArray[np.uint8]) -> list[Corners]:
        del image
        return list(self.places)


def recogniser(finder: Finder, turner: Turner | None = None) -> Recogniser:
    return Recogniser(finder, Shades(), no_serials, turner or White())


def digits_of(
    finder: Finder, corners: Corners | None, mask: Mask | None = MASK
) -> tuple[int | None, ...]:
    seen = recogniser(finder).read(photograph(), mask, corners, None)
    assert seen.reading is not None
    return tuple(cell.best for cell in seen.reading.cells)


def test_a_framed_register_is_read_where_it_was_framed() -> None:
    assert digits_of(Says(), PLACE) == DIGITS


def test_a_found_register_is_read() -> None:
    assert digits_of(Says(PLACE), None) == DIGITS


def test_the_surest_place_counts_not_the_first() -> None:
    assert digits_of(Says(OTHER, PLACE), None) == DIGITS


def test_a_register_found_upside_down_is_turned() -> None:
    assert digits_of(Says(PLACE.turned()), None) == DIGITS


def test_a_register_that_may_be_upside_down_is_left_open() -> None:
    seen = recogniser(Says(PLACE), White(0.5 - 2.0)).read(photograph(), MASK, None, None)
    assert seen.reading is not None
    assert all(cell.digit is None and cell.sure < SURE_MIN for cell in seen.reading.cells)
    framed = recogniser(Says(), White(-9.0)).read(photograph(), MASK, PLACE, None)
    assert framed.reading is not None
    assert framed.reading.mantissa == 472  # a person's frame is the right way up


def test_without_a_mask_the_reader_says_how_many_cells_there_are() -> None:
    assert digits_of(Says(PLACE), None, None) == DIGITS


def test_nothing_found_is_nothing_read() -> None:
    seen = recogniser(Says()).read(photograph(), MASK, None, Prior(0, 9999))
    assert (seen.reading, seen.corners) == (None, None)


def test_a_picture_that_is_all_register_needs_no_finding() -> None:
    strip = register(DIGITS)
    seen = recogniser(Says()).read(strip, MASK, None, None)
    assert seen.reading is not None
    assert tuple(cell.best for cell in seen.reading.cells) == DIGITS


@pytest.mark.parametrize("wide", [1, 3000])
def test_pictures_of_any_size_can_be_searched(wide: int) -> None:
    empty = np.zeros((7, wide, 3), np.uint8)
    for found in Finder().candidates(empty):
        assert 0 <= found.sure <= 1


def test_an_empty_wall_has_no_register() -> None:
    assert Finder().find(np.full((300, 400, 3), 180, np.uint8)) is None
