"""Registers cut loosely, tightly and askew are read as well as those cut well."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.photo.geometry import Corners, parted
from gateway.photo.mask import Kind, Mask
from gateway.photo.recognition import Recogniser, no_serials
from gateway.photo.rectify import strip
from gateway.photo.redness import red_tail
from gateway.photo.turning import Turner
from simulators.photo import drawn

MASK = Mask(Kind.ODOMETER, 5, 3)
SQUARE = Corners(((0.0, 0.0), (80.0, 0.0), (80.0, 20.0), (0.0, 20.0)), 0.7)
# Which seed is one that a person reads at once: the test is of the cut, not of the reader.
SEED = 13


def test_a_part_of_a_register_may_lie_beyond_it() -> None:
    whole = parted(SQUARE, (0.0, 1.0), (0.0, 1.0), 0.0)
    assert whole == SQUARE
    tilted = parted(SQUARE, (-0.5, 1.5), (0.0, 2.0), 0.2)
    assert tilted.points == ((-40, -2), (120, 2), (120, 42), (-40, 38))
    assert tilted.sure == 0.7


@pytest.mark.parametrize(
    ("across", "down", "tilt"),
    [
        ((0.0, 1.0), (0.0, 1.0), 0.0),
        ((-0.12, 1.12), (-0.3, 1.3), 0.0),
        ((-0.12, 1.02), (-0.1, 1.2), 0.0),
        ((0.02, 0.98), (0.08, 0.94), 0.0),
        ((-0.02, 1.02), (0.0, 1.0), 0.25),
    ],
)
def test_a_frame_may_be_loose_or_tight_or_askew(
    across: tuple[float, float], down: tuple[float, float], tilt: float
) -> None:
    ((label, one),) = drawn.showing(SEED, [MASK])
    assert label.corners is not None
    frame = parted(label.corners, across, down, tilt)
    seen = Recogniser(serials=no_serials).read(one.picture, MASK, frame, None)
    assert seen.reading is not None
    assert seen.reading.likeliest == int(label.digits)


def wheels(reds: str, light: tuple[float, float, float] = (1, 1, 1)) -> NDArray[np.uint8]:
    """A register of white wheels with strokes in black or, where it says r, in red."""
    picture = np.full((32, 24 * len(reds), 3), 230.0)
    for place, one in enumerate(reds):
        stroke = (200, 30, 40) if one == "r" else (20, 20, 20)
        picture[6:26, 24 * place + 8 : 24 * place + 15] = stroke
    return (picture * light).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("reds", "tail"), [("bbbbbrrr", 3), ("bbbbbr", 1), ("bbbbb", 0), ("rrrrr", 0), ("bbrbb", 0)]
)
def test_red_wheels_at_the_end_stand_behind_the_point(reds: str, tail: int) -> None:
    picture = wheels(reds)
    height, width = picture.shape[:2]
    whole = Corners(((0.0, 0.0), (width, 0.0), (width, height), (0.0, height)))
    assert red_tail(picture, whole, len(reds)) == tail
    # In the light of a cellar's lamp all is reddish, and the wheels still differ.
    lit = wheels(reds, (1.0, 0.8, 0.6))
    assert red_tail(lit, whole, len(reds)) == tail


def test_the_turner_favours_neither_way_up() -> None:
    ((label, one),) = drawn.showing(SEED, [MASK])
    assert label.corners is not None
    seen = strip(one.picture, label.corners, MASK.cells, wider=0.25, taller=0.15)
    upright = Turner().upright(seen, MASK.cells)
    assert upright > 0
    assert Turner().upright(seen[::-1, ::-1], MASK.cells) == pytest.approx(-upright, abs=1e-4)


def test_without_a_mask_red_wheels_say_where_the_point_stands() -> None:
    ((label, one),) = drawn.showing(SEED, [MASK])
    seen = Recogniser(serials=no_serials).read(
        one.picture, None, label.corners, None, Kind.ODOMETER
    )
    assert seen.mask == MASK
