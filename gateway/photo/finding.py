"""Where the register stands in a whole photograph: one small net, asked twice.

The net sees a square picture and answers, for every cell of a coarse grid, whether the middle of a
register lies there and where its four corners are. It is asked for the whole photograph first, and
then again for a piece of it around the answer, turned upright: there the register is larger, and
its corners are exact enough to cut wheels by. Of the places found in the photograph the few best
are looked at closely; the closer look decides.
"""

from collections.abc import Iterator
from math import atan2, ceil, cos, hypot, sin
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from gateway.photo.geometry import Corners, Point

__all__ = ["Corners", "Finder"]

MODEL = Path(__file__).parent / "models" / "finder.onnx"
# The side of the net's picture, and how many of its pixels a cell of the answer stands for.
SIDE = 192
STRIDE = 8
# Below this a photograph is said to have no register. Chosen on rendered scenes, where 99 of 100
# registers found score above 0.5, and most walls without one below 0.1.
SURE_MIN = 0.3
# Places of the whole photograph that are looked at closely, and closer looks at each.
PLACES_MAX = 3
LOOKS = 2
# A photograph longer than this many times its width is also looked at in so many squares.
TILES_FROM, TILES_MAX = 1.2, 5
# The closer look is so many times as wide as the register: what the net was trained to see.
LOOK_WIDTH = 1.9


class Finder:
    """The net, loaded once. It may be asked from several threads."""

    def __init__(self, model: Path = MODEL) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a photograph is to take one core, however many there are
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def find(self, image: NDArray[np.uint8]) -> Corners | None:
        """The register in an RGB picture (height, width, 3), or None where none is seen."""
        return next(iter(self.candidates(image)), None)

    def candidates(self, image: NDArray[np.uint8]) -> list[Corners]:
        """Where a register may be in an RGB picture (height, width, 3), the likeliest first.

        Each place is there once for every closer look: no look is always the better one.
        """
        picture = Image.fromarray(image)
        rough = [one for look in _first_looks(picture.size) for one in self._seen(picture, *look)]
        rough.sort(key=_sureness, reverse=True)
        kept: list[Corners] = []
        for place in _apart(rough)[:PLACES_MAX]:
            found = place
            for _ in range(LOOKS):
                found = self._closer(picture, found)
                kept.append(found)
        kept.sort(key=_sureness, reverse=True)
        return [one for one in kept if one.sure >= SURE_MIN]

    def _closer(self, picture: Image.Image, found: Corners) -> Corners:
        """The same register, seen larger and upright."""
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = found.points
        across, down = x1 + x2 - x0 - x3, y1 + y2 - y0 - y3
        angle = atan2(down, across)
        side = LOOK_WIDTH * max(hypot(across, down) / 2, hypot(x3 - x0, y3 - y0), 8.0)
        middle = ((x0 + x1 + x2 + x3) / 4, (y0 + y1 + y2 + y3) / 4)
        half = side / 2
        corner = (
            middle[0] - half * cos(angle) + half * sin(angle),
            middle[1] - half * sin(angle) - half * cos(angle),
        )
        return next(self._seen(picture, corner, side, angle), found)

    def _seen(
        self, picture: Image.Image, corner: Point, side: float, angle: float
    ) -> Iterator[Corners]:
        """The registers in a square piece that begins at a corner and is turned by an angle."""
        step = side / SIDE
        right, down = (
            (step * cos(angle), step * sin(angle)),
            (-step * sin(angle), step * cos(angle)),
        )
        data = (right[0], down[0], corner[0], right[1], down[1], corner[1])
        piece = _piece(picture, data, step)
        (out,) = self._session.run(None, {"picture": piece})
        for sure, corners in peaks(np.asarray(out)[0]):
            x, y = corners[:, 0], corners[:, 1]
            xs = corner[0] + x * right[0] + y * down[0]
            ys = corner[1] + x * right[1] + y * down[1]
            points = tuple((float(a), float(b)) for a, b in zip(xs, ys, strict=True))
            yield Corners((points[0], points[1], points[2], points[3]), sure)


def _first_looks(size: tuple[int, int]) -> Iterator[tuple[Point, float, float]]:
    """Corner, side and turn of the squares a photograph is first looked at by.

    The whole of it with black beside, and, where it is long, squares of its shorter side: in these
    a register is larger.
    """
    width, height = size
    longer, shorter = max(size), min(size)
    yield ((width - longer) / 2, (height - longer) / 2), longer, 0.0
    count = min(ceil(2 * longer / shorter) - 1, TILES_MAX)
    for number in range(count if longer > TILES_FROM * shorter else 0):
        along = (longer - shorter) * number / (count - 1)
        yield ((along, 0.0) if width > height else (0.0, along)), shorter, 0.0


def _sureness(found: Corners) -> float:
    return found.sure


def _apart(found: list[Corners]) -> list[Corners]:
    """Only the first of several that are the same register: the middle of one inside another."""
    kept: list[Corners] = []
    for one in found:
        middle = np.mean(one.points, axis=0)
        if all(_far(middle, np.array(other.points)) for other in kept):
            kept.append(one)
    return kept


def _far(middle: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    away = float(np.hypot(*(middle - other.mean(0))))
    return away > 0.35 * float(np.hypot(*(other[1] - other[0])))


def peaks(out: NDArray[np.float32]) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """The places in the net's answer (9, rows, columns): score, corners (4, 2) in its pixels.

    The first channel is the score's logit, the others how far each corner is from the middle of
    the cell, in sides of the picture. The corners of a place are weighed over its neighbours.
    """
    score = 1 / (1 + np.exp(-out[0].astype(np.float64)))
    rows, columns = score.shape
    for _ in range(PLACES_MAX):
        at = int(np.argmax(score))
        row, column = divmod(at, columns)
        sure = float(score[row, column])
        if sure <= 0:
            return
        near = (
            slice(max(row - 1, 0), min(row + 2, rows)),
            slice(max(column - 1, 0), min(column + 2, columns)),
        )
        weight = score[near] ** 2
        y, x = np.mgrid[near]
        middle = np.stack([x, y]) * STRIDE + STRIDE / 2
        corners = out[1:, near[0], near[1]].reshape(4, 2, *weight.shape) * SIDE + middle
        mean = (corners * weight).sum((2, 3)) / weight.sum()
        yield sure, mean.astype(np.float32)
        score[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = 0


def _piece(
    picture: Image.Image, data: tuple[float, float, float, float, float, float], step: float
) -> NDArray[np.float32]:
    """A turned square piece of a picture as the net takes it: (1, 3, SIDE, SIDE) from -1 to 1."""
    # Pillow's transform looks at single pixels: a large piece is first made smaller by averaging.
    shrink = max(int(step), 1)
    if shrink > 1:
        picture = picture.reduce(shrink)
        data = tuple(one / shrink for one in data)  # type: ignore[assignment]
    piece = picture.transform((SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    return as_input(np.asarray(piece))


def as_input(piece: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture (SIDE, SIDE, 3) as the net takes it."""
    scaled = piece.astype(np.float32) / 127.5 - 1
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
