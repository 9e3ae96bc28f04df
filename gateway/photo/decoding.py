"""From the scores of every cell to digits: all cells together, by what is known of registers.

Wheels carry. Where every wheel stands follows from the digits and from how far the last wheel has
gone on: a wheel left of nines turns with them, all others stand still, but for the play of each.
The probability of every digit is summed over all readings of the register, not taken from its cell
alone; there are few enough states between two cells to do so exactly.

What is expected comes last. A reading outside the expected range weighs less, never nothing, and
three rules keep the picture in charge: a digit that the picture alone shows clearly stands, a digit
that the picture alone does not favour is left open, and so is every digit below SURE_MIN.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.photo.mask import CELLS_MAX, Kind, Mask, Prior
from gateway.photo.reading import Cell, Reading

Floats = NDArray[np.float64]

# A wheel's positions are tenths of the way from a digit to the next; a display's eleventh class is
# an empty place.
POSITIONS, CLASSES, EMPTY = 100, 11, 10
# Below this a digit is left open. Chosen on rendered strips: docs/photo-model.md has the table.
SURE_MIN = 0.9
# A digit is only shown where the picture alone gives it at least this.
SEEN_MIN = 0.3
# How much a reading outside the expected range weighs against one inside. The range is a rule of
# thumb (an estimate may have been too high, a meter changed), so it must take a clear picture's
# word: one that is fifty times surer of another reading is believed.
OUTSIDE = 0.02
# How far a wheel stands off where it should, in tenths, and how often anything else happens.
_PLAY, _ODD = 0.8, 0.01
# Where the last wheel may stand off its digit, in tenths. Within two tenths of its next digit
# people read that one, and so does this.
GONE = range(-2, 8)
# No net is surer than this of a cell: what it has never seen it may take for anything.
_DOUBT = 0.002


class Scores(NamedTuple):
    """What the reader says of each cell, from left to right: probabilities that sum to one.

    `wheels` (cells, POSITIONS) and `digits` (cells, CLASSES); `found` (cells,) is how surely a
    cell is there, from 0 to 1; `at` (cells,) where its middle is, as a part of the strip's width.
    """

    wheels: Floats
    digits: Floats
    found: Floats
    at: Floats | None = None


def decode(scores: Scores, mask: Mask, prior: Prior | None = None) -> Reading:
    """The digits of a register with this mask.

    ValueError where the scores are of another number of cells.
    """
    cells = len(scores.found)
    if cells != mask.cells or cells > CELLS_MAX:
        raise ValueError(f"the mask {mask} has {mask.cells} cells, the scores are of {cells}")
    prior = _on_dial(prior, 10**cells)
    lcd = mask.kind is Kind.LCD
    steps = _displayed(scores.digits) if lcd else _wheeled(scores.wheels)
    seen = _marginals(steps, None)
    both = seen if prior is None else _marginals(steps, prior)
    return Reading(tuple(_cell(one, two) for one, two in zip(seen, both, strict=True)))


def _on_dial(prior: Prior | None, capacity: int) -> Prior | None:
    """The expected range as the dial shows it; None where it is the whole dial."""
    if prior is None or prior.most - prior.last >= capacity:
        return None
    return Prior(prior.last % capacity, prior.most % capacity)


def _cell(seen: Floats, both: Floats) -> Cell:
    """A digit from its probabilities by the picture alone, and with what is expected."""
    if seen.max() >= SURE_MIN:  # what is seen clearly stands
        best = int(seen.argmax())
        return Cell(best, float(seen[best]), best)
    best = int(both.argmax())
    if seen[best] < SEEN_MIN:  # expected perhaps, but not read
        return Cell(None, float(min(both[best], seen[best])), best)
    sure = float(both[best])
    return Cell(best if sure >= SURE_MIN else None, sure, best)


def _doubted(given: NDArray[np.floating]) -> Floats:
    """Probabilities as they may be believed: finite, and never nothing."""
    clean = np.nan_to_num(np.asarray(given, np.float64), nan=0.0, posinf=1.0, neginf=0.0)
    clean = np.clip(clean, 0, 1) + 1e-9
    clean /= clean.sum(axis=1, keepdims=True)
    believed: Floats = (1 - _DOUBT) * clean + _DOUBT / clean.shape[1]
    return believed


@cache
def _play() -> Floats:
    """How likely a wheel is seen at each position, by where it should stand: both POSITIONS."""
    half = POSITIONS // 2
    at = np.arange(POSITIONS)
    away = (at[:, None] - at + half) % POSITIONS - half
    near = np.exp(-((away / _PLAY) ** 2) / 2)
    return np.asarray((1 - _ODD) * near / near.sum(axis=0) + _ODD / POSITIONS, np.float64)


def _wheeled(wheels: NDArray[np.floating]) -> Floats:
    """Steps (ways, cells, 2, 10, 2): from a state, by a digit, to a state, how likely it looks.

    A way is how far the last wheel stands off its digit. The state is 1 as long as all wheels to
    the right show nine (nought, where the last one has not quite arrived), for only they turn the
    wheel at hand.
    """
    # By position where a wheel should stand: how likely it then looks as it does.
    looks = _doubted(wheels) @ _play()
    steps = np.zeros((len(GONE), len(looks), 2, 10, 2))
    digits = np.arange(10) * 10
    steps[:, :, 0, :, 0] = looks[:, digits]
    for way, gone in enumerate(GONE):
        steps[way, :, 1, :, 0] = looks[:, (digits + gone) % POSITIONS]
        on = 9 if gone >= 0 else 0
        steps[way, :, 1, on] = steps[way, :, 1, on, ::-1]
    return steps


def _displayed(digits: NDArray[np.floating]) -> Floats:
    """Steps as of wheels; the state is 1 from the first empty place on, which counts as nought."""
    looks = _doubted(digits)
    steps = np.zeros((1, len(looks), 2, 10, 2))
    steps[0, :, 0, :, 0] = looks[:, :10]
    steps[0, :, 0, 0, 1] = looks[:, EMPTY]
    steps[0, :, 1, 0, 1] = looks[:, EMPTY]
    # The last place is never empty: a display that shows nothing has no reading.
    steps[0, -1, :, 0, 1] = 0.0
    # Wheels begin in state 1 (nothing to the right of the last); so do displays, for one rule.
    steps[0, -1, 1] = steps[0, -1, 0]
    return steps


def _marginals(steps: Floats, prior: Prior | None) -> Floats:
    """The probability of every digit at every cell (cells, 10), over all readings.

    A state between two cells is the steps' own and, with a prior, two bits beside it: whether what
    stands to the right is at least the lower bound's digits, and at most the upper bound's.
    """
    ways, cells = steps.shape[:2]
    if prior is None:
        moves, ends = list(steps.swapaxes(0, 1)), np.ones(2)
    else:
        moves = [_bounded(steps[:, cell], cells - 1 - cell, prior) for cell in range(cells)]
        ends = _weights(prior)
    # From the right end up to each cell, then from the left end down to it.
    right = np.zeros((ways, len(ends)))
    right[:, -1] = 1.0
    rights = [right]
    for move in moves[:0:-1]:
        right = np.einsum("ws,wsdt->wt", right, move)
        right = right / right.sum(axis=1).max()
        rights.append(right)
    left = np.broadcast_to(ends, (ways, len(ends)))
    found = np.zeros((cells, 10))
    for cell, (move, right) in enumerate(zip(moves, reversed(rights), strict=True)):
        ahead = np.einsum("wsdt,wt->wsd", move, left)
        found[cell] = np.einsum("ws,wsd->d", right, ahead)
        left = ahead.sum(axis=2)
        left = left / left.sum(axis=1).max()
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float64)


def _bounded(step: Floats, place: int, prior: Prior) -> Floats:
    """One cell's steps with the bounds' bits in the state: (ways, 8, 10, 8)."""
    moves = np.zeros((len(step), 2, 4, 10, 2, 4))
    low, high = (bound // 10**place % 10 for bound in prior)
    for bits in range(4):
        for digit in range(10):
            reaches = digit > low or (digit == low and bits & 2 > 0)
            within = digit < high or (digit == high and bits & 1 > 0)
            moves[:, :, bits, digit, :, 2 * reaches + within] = step[:, :, digit]
    return moves.reshape(len(step), 8, 10, 8)


def _weights(prior: Prior) -> Floats:
    """What a whole reading weighs, by the state it ends in: (8,)."""
    weights = np.full(8, OUTSIDE)
    for state in range(8):
        least, most = bool(state & 2), bool(state & 1)
        if (least and most) if prior.last <= prior.most else (least or most):
            weights[state] = 1.0
    return weights
