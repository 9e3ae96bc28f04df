"""A register is cut out straight, wherever and however it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gateway.photo.cells import TALL, WIDE
from gateway.photo.geometry import Corners, homography, widened
from gateway.photo.rectify import cut, strip

COLOURS = ((220, 30, 30), (30, 200, 40), (40, 60, 230), (230, 220, 60))
UPRIGHT = Corners(((40.0, 60.0), (232.0, 60.0), (232.0, 92.0), (40.0, 92.0)))
TILTED = Corners(((90.5, 40.25), (330.0, 121.5), (301.0, 190.75), (70.25, 101.0)))


def drawn(corners: Corners, size: tuple[int, int] = (400, 300)) -> NDArray[np.uint8]:
    """Four panes side by side in a quadrilateral, seen in perspective."""
    # Drawn four times as large and made smaller, so that edges fall between pixels as in a photo.
    image = Image.new("RGB", (size[0] * 4, size[1] * 4), (128, 128, 128))
    draw = ImageDraw.Draw(image)
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0]])
    matrix = homography(square, np.array(corners.points) * 4)
    for number, colour in enumerate(COLOURS):
        pane = np.array([[number, 0, 1], [number + 1, 0, 1], [number + 1, 1, 1], [number, 1, 1.0]])
        seen = pane @ matrix.T
        draw.polygon([(x / w, y / w) for x, y, w in seen.tolist()], colour)
    return np.asarray(image.reduce(4))


@pytest.mark.parametrize("corners", [UPRIGHT, TILTED, TILTED.turned().turned()])
def test_panes_drawn_into_a_quadrilateral_come_out_as_squares(corners: Corners) -> None:
    seen = strip(drawn(corners), corners, 4)
    assert seen.shape == (TALL, 4 * WIDE, 3)
    for number, colour in enumerate(COLOURS):
        pane = seen[2:-2, number * WIDE + 2 : (number + 1) * WIDE - 2].astype(int)
        assert np.abs(pane - colour).max() <= 12, number


def test_a_register_upside_down_is_read_from_its_other_end() -> None:
    seen = strip(drawn(TILTED), TILTED.turned(), 4)
    there = strip(drawn(TILTED), TILTED, 4)
    assert np.abs(seen[::-1, ::-1].astype(int) - there).mean() < 3


def test_pixels_of_an_upright_register_stay_what_they_are() -> None:
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    image = np.kron(image, np.ones((4, 4, 1), np.uint8))
    whole = Corners(((0.0, 0.0), (32.0, 0.0), (32.0, 32.0), (0.0, 32.0)))
    seen = cut(image, whole, (32, 32))
    # The middle of each block is untouched by its neighbours.
    assert np.abs(seen[1::4, 1::4].astype(int) - image[1::4, 1::4]).mean() < 20


def test_what_lies_beyond_the_picture_repeats_its_edge() -> None:
    image = np.full((20, 20, 3), 77, np.uint8)
    beyond = Corners(((-30.0, -9.0), (60.0, -9.0), (60.0, 44.0), (-30.0, 44.0)))
    assert (strip(image, beyond, 5) == 77).all()


def test_margins_go_out_on_all_sides() -> None:
    assert widened(UPRIGHT, 0.25, 0.5).points == (
        (-8.0, 44.0), (280.0, 44.0), (280.0, 108.0), (-8.0, 108.0),
    )  # fmt: skip


def test_corners_on_a_line_are_refused() -> None:
    flat = Corners(((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)))
    with pytest.raises(ValueError, match="no three on a line"):
        cut(np.zeros((9, 9, 3), np.uint8), flat, (8, 8))


@given(st.lists(st.floats(-1e4, 1e4), min_size=8, max_size=8))
def test_any_corners_give_a_strip_or_are_refused(numbers: list[float]) -> None:
    x, y = numbers[::2], numbers[1::2]
    corners = Corners(((x[0], y[0]), (x[1], y[1]), (x[2], y[2]), (x[3], y[3])))
    try:
        seen = strip(np.zeros((30, 40, 3), np.uint8), corners, 3)
    except ValueError:
        return
    assert seen.shape == (TALL, 3 * WIDE, 3)
