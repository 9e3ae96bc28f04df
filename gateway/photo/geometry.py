"""Four corners of a register, and how they are mapped onto four others."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


class Corners(NamedTuple):
    """A register's corners in pixels (x, y): clockwise from the top left of its digits.

    `sure` is the finder's score from 0 to 1, and 1 where a person set them.
    """

    points: tuple[Point, Point, Point, Point]
    sure: float = 1.0

    def turned(self) -> "Corners":
        """The same register as it is read upside down."""
        return Corners(self.points[2:] + self.points[:2], self.sure)


def widened(corners: Corners, wider: float, taller: float) -> Corners:
    """The same register with a margin of so many parts of its width and height to either side."""
    unit = np.array(
        [[-wider, -taller], [1 + wider, -taller], [1 + wider, 1 + taller], [-wider, 1 + taller]]
    )
    top_left, top_right, bottom_right, bottom_left = np.array(corners.points)
    # Along the edges, not through the perspective: margins are small, and corners may be wrong.
    across, down = unit[:, :1], unit[:, 1:]
    upper = top_left + across * (top_right - top_left)
    lower = bottom_left + across * (bottom_right - bottom_left)
    points = [(float(x), float(y)) for x, y in upper + down * (lower - upper)]
    return Corners((points[0], points[1], points[2], points[3]), corners.sure)


def parted(
    corners: Corners, across: tuple[float, float], down: tuple[float, float], tilt: float
) -> Corners:
    """A part of a register: from so far to so far across and down, as parts of its sides.

    Less than 0 and more than 1 lie beyond it. `tilt` lets the right end hang lower than the left
    one by so many parts of the height.
    """
    top_left, top_right, bottom_right, bottom_left = np.array(corners.points)

    def at(x: float, y: float) -> Point:
        upper = top_left + x * (top_right - top_left)
        lower = bottom_left + x * (bottom_right - bottom_left)
        found = upper + y * (lower - upper)
        return float(found[0]), float(found[1])

    (left, right), (top, bottom), half = across, down, tilt / 2
    points = (
        at(left, top - half),
        at(right, top + half),
        at(right, bottom + half),
        at(left, bottom - half),
    )
    return Corners(points, corners.sure)


def homography(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (3, 3), its last element 1, that takes four points (4, 2) to four others.

    ValueError if three of either four lie on a line.
    """
    rows, right = [], []
    for (x, y), (u, v) in zip(source.tolist(), target.tolist(), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    try:
        solved = np.linalg.solve(np.array(rows), np.array(right))
    except np.linalg.LinAlgError:
        raise ValueError("expected four corners, no three on a line") from None
    return np.append(solved, 1.0).reshape(3, 3)
