"""A register cut and read several times over, each time a little otherwise; then all of it as one.

Corners are never exact: a person's finger or a finder leaves a tenth of the register beside it too
much, or too little, and turns it a little. So it is cut first in a few widths and heights; where
the reader saw the middles of the cells in the best of these says where the register really
begins and ends. It is cut there anew, also tilted a little either way. What the surest of these
looks say is averaged: a digit that hangs on the cut is not sure any more.
"""

from math import exp, log
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.photo.cells import CellReader
from gateway.photo.decoding import Floats, Scores, decode
from gateway.photo.geometry import Corners, parted, widened
from gateway.photo.mask import Mask
from gateway.photo.rectify import strip

# Margins of the first cuts: parts of a cell to either side, parts of the height above and below.
# Corners that people drag are loose oftener than tight: the last two undo that.
FIRST = ((0.1, 0.05), (-0.05, 0.0), (0.25, 0.12), (0.1, -0.06), (-0.3, -0.1), (-0.6, -0.18))
# Margins and tilt (parts of the height by which the right end lies lower) of those that follow.
CLOSER = (
    (0.0, 0.0, 0.0), (0.05, 0.04, 0.0), (-0.06, -0.05, 0.0), (0.15, 0.1, 0.0),
    (0.0, 0.0, 0.08), (0.0, 0.0, -0.08), (0.0, 0.04, 0.16), (0.0, 0.04, -0.16),
)  # fmt: skip
# So many of the surest looks are averaged.
AVERAGED = 5


class Look(NamedTuple):
    """What was read of one cut; `sure` from 0 to 1: that these are digits, and which."""

    sure: float
    scores: Scores
    corners: Corners


def first(
    reader: CellReader, image: NDArray[np.uint8], place: Corners, mask: Mask
) -> tuple[Look, ...]:
    """The first looks at a place, the surest first."""
    quads = [widened(place, wider / mask.cells, taller) for wider, taller in FIRST]
    return _looks(reader, image, quads, mask)


def closer(
    reader: CellReader, image: NDArray[np.uint8], looks: tuple[Look, ...], mask: Mask
) -> tuple[Look, ...]:
    """These looks and those at where the surest of them saw the register, the surest first."""
    best = looks[0]
    left, right = _ends(best.scores, mask.cells)
    cell = (right - left) / mask.cells
    quads = [
        parted(best.corners, (left - wider * cell, right + wider * cell), (-taller, 1 + taller), by)
        for wider, taller, by in CLOSER
    ]
    more = _looks(reader, image, quads, mask)
    return tuple(sorted(looks + more, key=attrgetter("sure"), reverse=True))


def settled(looks: tuple[Look, ...], mask: Mask) -> Corners:
    """Where the register is by the surest look: from its first cell to its last."""
    best = looks[0]
    return parted(best.corners, _ends(best.scores, mask.cells), (0.0, 1.0), 0.0)


def averaged(looks: tuple[Look, ...]) -> Scores:
    """What the surest looks say together, each by how sure it is."""
    some = looks[:AVERAGED]
    weights = np.array([one.sure for one in some]) ** 2 + 1e-9
    weights /= weights.sum()

    def mean(parts: list[Floats]) -> Floats:
        return np.asarray(np.tensordot(weights, np.stack(parts), 1), np.float64)

    return Scores(
        mean([one.scores.wheels for one in some]),
        mean([one.scores.digits for one in some]),
        mean([one.scores.found for one in some]),
    )


def _looks(
    reader: CellReader, image: NDArray[np.uint8], quads: list[Corners], mask: Mask
) -> tuple[Look, ...]:
    strips = [strip(image, quad, mask.cells) for quad in quads]
    scored = zip(reader.read_all(strips, mask), quads, strict=True)
    looks = [Look(_sure(scores, mask), scores, quad) for scores, quad in scored]
    return tuple(sorted(looks, key=attrgetter("sure"), reverse=True))


def _sure(scores: Scores, mask: Mask) -> float:
    """The geometric mean of how sure the digits are, and that there are cells at all."""
    pairs = zip(decode(scores, mask).cells, scores.found.tolist(), strict=True)
    logs = [log(max(cell.sure, 1e-6)) + log(max(found, 1e-3)) for cell, found in pairs]
    return exp(sum(logs) / len(logs))


def _ends(scores: Scores, cells: int) -> tuple[float, float]:
    """Where the first cell begins and the last one ends, as parts of the cut's width."""
    if scores.at is None or cells == 1:
        return 0.0, 1.0
    pitch, start = np.polyfit(np.arange(cells), scores.at, 1).tolist()
    return start - pitch / 2, start + (cells - 0.5) * pitch
