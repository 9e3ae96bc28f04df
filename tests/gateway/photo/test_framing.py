"""Which register is read where somebody showed one, and what a look at it costs."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.photo import framing
from gateway.photo.frame import Frame
from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind, Mask, Prior
from gateway.photo.reading import Cell, Reading
from gateway.photo.recognition import Recogniser, no_serials
from simulators.photo import strips
from simulators.photo.drawn import SIDE, register
from simulators.photo.scenes import Scene, View, scene
from tests.gateway.photo.readers import Recognised

IMAGE = np.zeros((1000, 1000, 3), np.uint8)
FRAME = Frame.of("80,383,920,383,920,617,80,617", is_loose=True)
MASK = Mask(Kind.ODOMETER, 5, 3)


class Told:
    """Sees registers at given places of the whole picture, a tenth of it wide; notes each look."""

    def __init__(self, *places: tuple[float, float]) -> None:
        self.places = places
        self.looks: list[tuple[int, int]] = []

    def read(
        self, image: Any, _mask: Mask | None, corners: Corners | None, _prior: Prior | None
    ) -> Recognised:
        self.looks.append(image.shape[:2] if corners is None else (0, 0))
        if corners is not None:
            return Recognised(Reading((Cell(9, 0.5),)), corners)
        top = 0.0 if image.shape[0] == 1000 else 1000 * 0.383 - framing.AROUND[1] * 234
        for number, (x, y) in enumerate(self.places):
            here = x, y - int(top)
            if 0 <= here[1] < image.shape[0]:
                cell = Reading((Cell(number, 0.9),))
                return Recognised(cell, _box(*here), "1234567" if top == 0.0 else "")
        return Recognised(None, None)


def _box(x: float, y: float) -> Corners:
    return Corners(((x - 50, y - 10), (x + 50, y - 10), (x + 50, y + 10), (x - 50, y + 10)))


def test_the_register_in_the_frame_is_read_with_one_look() -> None:
    reader = Told((500, 500))
    seen = framing.read(reader, IMAGE, MASK, FRAME, None)
    assert (seen.corners, seen.serial) == (_box(500, 500), "1234567")
    assert reader.looks == [(1000, 1000)]


def test_another_meter_in_the_picture_is_not_read_in_its_place() -> None:
    reader = Told((500, 60), (400, 500))
    seen = framing.read(reader, IMAGE, MASK, FRAME, None)
    assert seen.reading == Reading((Cell(1, 0.9),))
    assert seen.corners == _box(400, 500), "told in pixels of the whole picture"
    assert len(reader.looks) == 2


@pytest.mark.parametrize("places", [(), ((500, 60),), ((500, 60), (500, 200))])
def test_where_none_is_found_in_it_the_frame_is_cut_by(places: tuple[Any, ...]) -> None:
    seen = framing.read(Told(*places), IMAGE, MASK, FRAME, None)
    assert seen.corners == FRAME.corners(1000, 1000)


def test_corners_a_person_put_are_cut_by_and_without_any_nothing_is_added() -> None:
    reader = Told((500, 60))
    exact = FRAME._replace(is_loose=False)
    assert framing.read(reader, IMAGE, MASK, exact, None).corners == exact.corners(1000, 1000)
    assert framing.read(reader, IMAGE, MASK, None, None).corners == _box(500, 60)
    assert reader.looks == [(0, 0), (1000, 1000)]


def test_of_two_rendered_meters_the_one_in_the_frame_is_read() -> None:
    """The nets that ship, on two photographs one above the other."""
    reader = Recogniser(serials=no_serials)
    shown = (("00128850", 8), ("00731402", 21))
    drawn = [_drawn(digits, seed) for digits, seed in shown]
    both = np.concatenate([one.pixels for one in drawn])
    for number, ((digits, _), one) in enumerate(zip(shown, drawn, strict=True)):
        points = one.corners + np.array([0, number * SIDE])
        middle, wide = points.mean(0), 1.3 * np.ptp(points[:, 0])
        tall = max(wide / 3.6, 1.1 * np.ptp(points[:, 1]))
        spots = [(middle[0] + a * wide / 2, middle[1] + b * tall / 2) for a, b in _AROUND]
        seen = framing.read(reader, both, MASK, _frame(both, spots), None)
        assert seen.reading is not None
        assert seen.reading.likeliest == int(digits)


def _drawn(digits: str, seed: int) -> Scene:
    """A photograph of a water meter that shows these digits."""
    rng = np.random.default_rng(seed)
    row = strips.draw(
        rng, strips.store(rng, 6, 1), MASK.kind, np.array([*map(float, digits)], np.float32), 3
    )
    view = View(nearest=1.5, farthest=0.9, upright=1, little=6)
    return scene(rng, SIDE, register(row), MASK.kind, view)


_AROUND = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def _frame(image: NDArray[np.uint8], spots: list[tuple[float, float]]) -> Frame:
    height, width, _ = image.shape
    parts = [
        str(round(min(max(1000 * at / whole, 0), 1000)))
        for x, y in spots
        for at, whole in ((x, width), (y, height))
    ]
    return Frame.of(",".join(parts), is_loose=True)
