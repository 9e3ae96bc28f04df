"""Where a person says the register is: four corners in thousandths of the picture.

A phone makes a picture smaller before it sends it, and intake.py turns it upright and makes another
of it; thousandths of width and height mean the same in all of them. They come from outside, so what
is no convex figure, clockwise and of some size, is refused before anything is cut by it.
"""

import re
from itertools import pairwise
from typing import NamedTuple, Self

from gateway.photo.geometry import Corners, Point

WHOLE = 1000
# A register so small has digits of two or three pixels.
SIDE_MIN = 5
_TEXT = re.compile(r"[0-9]{1,4}(?:,[0-9]{1,4}){7}")
_EXPECTED = "expected four corners clockwise from the top left of the digits"

Spot = tuple[int, int]


class Frame(NamedTuple):
    """Four corners, clockwise from the top left of the digits, (x, y) from 0 to 1000 each.

    `is_loose`: the register stands somewhere within, as in the frame of a camera's view; else these
    are its own corners.
    """

    points: tuple[Spot, Spot, Spot, Spot]
    is_loose: bool = False

    @classmethod
    def of(cls, text: str, *, is_loose: bool = False) -> Self:
        """The frame written "x,y,x,y,x,y,x,y"; ValueError where it is none."""
        if not _TEXT.fullmatch(text):
            raise ValueError(f"{_EXPECTED} as eight numbers, got {text[:80]!r}")
        numbers = [int(one) for one in text.split(",")]
        if max(numbers) > WHOLE:
            raise ValueError(f"expected numbers from 0 to {WHOLE}, got {max(numbers)}")
        a, b, c, d = zip(numbers[::2], numbers[1::2], strict=True)
        found = cls((a, b, c, d), is_loose)
        if not found._is_convex():
            raise ValueError(f"{_EXPECTED}, none inside the others, got {text}")
        return found

    def __str__(self) -> str:
        return ",".join(f"{x},{y}" for x, y in self.points)

    def corners(self, width: int, height: int) -> Corners:
        """The same in pixels of a picture of that size."""
        a, b, c, d = (_in_pixels(one, width, height) for one in self.points)
        return Corners((a, b, c, d))

    def _is_convex(self) -> bool:
        """Whether one goes round it by right turns alone, with sides that are some."""
        around = [*self.points, *self.points[:2]]
        sides = [(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in pairwise(around)]
        turns = [ax * by - ay * bx for (ax, ay), (bx, by) in pairwise(sides)]
        return min(turns) >= SIDE_MIN * SIDE_MIN


def _in_pixels(spot: Spot, width: int, height: int) -> Point:
    return spot[0] * width / WHOLE, spot[1] * height / WHOLE
