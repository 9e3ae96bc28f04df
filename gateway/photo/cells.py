"""The reader of cells: a strip of a register in, what each of its cells may show out.

The strip is brought to one size (so many pixels for every cell the mask has), and one small net
says of every fourth column whether a cell's middle is there and what that cell shows. As many
middles as the mask has are then chosen at once, about evenly apart: a crop that is too wide, too
narrow or askew moves them, a frame between two wheels does not make one more.

Without a mask the strip is read as if it had each of the usual numbers of cells, and the number
whose middles explain best what the net saw is taken; where its point stands is not seen.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from gateway.photo.decoding import CLASSES, POSITIONS, Floats, Scores
from gateway.photo.mask import Kind, Mask

MODEL = Path(__file__).parent / "models" / "reader.onnx"
# The size of a cell as the net sees it, and what is added at either end of the strip, in pixels.
TALL, WIDE, PAD = 32, 24, 12
# Columns of a strip that one column of the answer stands for.
STRIDE = 4
# What the net says of a column: 100 positions of a wheel, ten digits of a display and an empty
# place, whether a cell's middle is here, and whether the cell stands behind the point. The last
# is learned along with the others, and nothing relies on it: docs/photo-model.md says why.
HEADS = POSITIONS + CLASSES + 2
# A strip is a rectified register: a larger one is a mistake, and would take time and memory.
SIDE_MAX = 4096
# Registers of these many digits are looked for when the mask is not known.
COUNTS = range(4, 10)
# Two middles are so many columns apart, and the pitch of a register may differ so from a cell's.
_APART = range(3, 10)
_PITCHES = WIDE / STRIDE * np.linspace(0.75, 1.25, 11)
# How much a middle off its even place is worth, against how surely one is seen elsewhere.
_EVEN = 8.0
_FAINT = 0.02


class Read(NamedTuple):
    """What the net saw: the scores of the cells, and the mask given or, without one, seen."""

    scores: Scores
    mask: Mask


class CellReader:
    """The net, loaded once. It may be asked from several threads."""

    def __init__(self, model: Path = MODEL) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a photograph is to take one core, however many there are
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def read(self, strip: NDArray[np.uint8], mask: Mask) -> Scores:
        """The scores of the cells of this mask; `strip` is (height, width, 3), RGB.

        ValueError where it is no such picture, or larger than SIDE_MAX.
        """
        return self._look([strip], mask.cells)[0][0]

    def read_all(self, strips: Iterable[NDArray[np.uint8]], mask: Mask) -> list[Scores]:
        """The scores of many strips at once: as `read` of each, but faster."""
        return [scores for scores, _ in self._look(strips, mask.cells)]

    def guess(self, strip: NDArray[np.uint8]) -> Read:
        """The scores and the mask of a register about which nothing is known.

        The mask says how many cells there are; where the point stands it does not say.
        """
        looks = [self._look([strip], count)[0] for count in COUNTS]
        scores = max(looks, key=lambda look: look[1])[0]
        return Read(scores, _mask(scores))

    def _look(self, strips: Iterable[NDArray[np.uint8]], cells: int) -> list[tuple[Scores, float]]:
        tensor = np.stack([as_input(strip, cells) for strip in strips])
        logits = np.asarray(self._session.run(None, {"strips": tensor})[0], np.float64)
        return [_scores(one, cells) for one in logits]


def as_input(strip: NDArray[np.uint8], cells: int) -> NDArray[np.float32]:
    """The strip as the net wants it: (3, TALL, cells * WIDE + 2 * PAD), from 0 to 1."""
    if strip.shape[2:] != (3,) or strip.dtype != np.uint8:
        raise ValueError(f"a strip is (height, width, 3) of uint8, not {strip.shape} {strip.dtype}")
    if not 0 < min(strip.shape[:2]) <= max(strip.shape[:2]) <= SIDE_MAX:
        raise ValueError(f"a strip has 1 to {SIDE_MAX} pixels a side, this one is {strip.shape}")
    image = Image.fromarray(strip).resize((cells * WIDE, TALL), Image.Resampling.BICUBIC)
    padded = np.pad(np.asarray(image), ((0, 0), (PAD, PAD), (0, 0)), mode="edge")
    return (padded.transpose(2, 0, 1) / 255).astype(np.float32)


def _scores(logits: Floats, cells: int) -> tuple[Scores, float]:
    """The scores at the middles chosen, and how well these explain all that was seen."""
    heat = 1 / (1 + np.exp(-logits[-2]))
    middles = _middles(np.log(np.maximum(heat, _FAINT)), cells)
    # A cell is read from the columns around its middle, by how surely each is one.
    columns = np.clip(middles[:, None] + np.arange(-1, 2), 0, heat.size - 1)
    weights = np.maximum(heat[columns], 1e-3) * np.array([0.5, 1.0, 0.5])
    weights /= weights.sum(axis=1, keepdims=True)
    wheels = _mixed(logits[:POSITIONS], columns, weights)
    digits = _mixed(logits[POSITIONS : POSITIONS + CLASSES], columns, weights)
    found = heat[columns].max(axis=1)
    rest = heat.copy()
    rest[np.clip(middles[:, None] + np.arange(-2, 3), 0, heat.size - 1)] = 0
    explained = float(np.log(np.maximum(found, _FAINT)).mean() - rest.sum() / cells)
    at = ((middles + 0.5) * STRIDE - PAD) / (heat.size * STRIDE - 2 * PAD)
    return Scores(wheels, digits, found, at), explained


def _mixed(logits: Floats, columns: NDArray[np.int64], weights: Floats) -> Floats:
    """The probabilities (cells, classes) of the weighted mean of the columns' logarithms."""
    logs = logits - logits.max(axis=0)
    logs = logs - np.log(np.exp(logs).sum(axis=0))
    mean = np.einsum("kcn,cn->ck", logs[:, columns], weights)
    likely = np.exp(mean - mean.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float64)


def _middles(seen: Floats, cells: int) -> NDArray[np.int64]:
    """The columns (cells,) that are middles most surely, about evenly apart.

    `seen` is the logarithm of how surely each column is one. The best chain up to every column is
    kept, for every pitch, cell after cell.
    """
    best = np.repeat(seen[None], len(_PITCHES), axis=0)
    came: list[NDArray[np.int64]] = []
    for _ in range(cells - 1):
        ways = np.full((len(_APART), *best.shape), -1e9)
        for number, apart in enumerate(_APART):
            uneven = _EVEN * ((apart - _PITCHES) / _PITCHES) ** 2
            ways[number, :, apart:] = best[:, :-apart] - uneven[:, None]
        came.append(ways.argmax(axis=0) + _APART.start)
        best = ways.max(axis=0) + seen
    pitch, column = np.unravel_index(int(best.argmax()), best.shape)
    middles = [int(column)]
    for step in reversed(came):
        middles.append(middles[-1] - int(step[pitch, middles[-1]]))
    return np.array(middles[::-1])


def _mask(scores: Scores) -> Mask:
    """The mask that these scores look like: the kind of which the net is surer, no decimals."""
    near = sum(np.roll(scores.wheels, by, axis=1) for by in range(-2, 3))
    wheels = np.log(np.max(near, axis=1)).sum()
    displays = np.log(scores.digits.max(axis=1)).sum()
    return Mask(Kind.LCD if displays > wheels else Kind.ODOMETER, len(scores.found), 0)
