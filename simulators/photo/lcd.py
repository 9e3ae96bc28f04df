"""A register of seven-segment digits: LCD, lit LCD and LED, with the segments that should be dark.

Measures and canvas are those of simulators.photo.wheels.
"""

import numpy as np

from simulators.photo.faces import LIT, TALL, WIDE, Floats, Rng, seven_segments
from simulators.photo.wheels import (
    CANVAS_TALL,
    CELL_TALL,
    CELL_WIDE,
    MARGIN_X,
    MARGIN_Y,
    Strip,
)

# What an empty place is called among the classes.
EMPTY = 10


def by_chance(rng: Rng, cells: int) -> Floats:
    """Digits for training; the first places are empty or noughts as often as not."""
    digits = rng.integers(0, 10, cells)
    if rng.random() < 0.6:
        digits[: rng.integers(0, cells)] = EMPTY if rng.random() < 0.6 else 0
    return digits.astype(np.float32)


def draw(rng: Rng, segments: Floats, shows: Floats, decimals: int) -> Strip:
    """A register showing these digits; `segments` are the masks of its seven segments."""
    cells = len(shows)
    paper, ink = _colours(rng)
    lit = LIT[shows.astype(np.int64)]
    tall = CELL_TALL * rng.uniform(0.55, 0.95)
    small = np.where(np.arange(cells) >= cells - decimals, rng.uniform(0.65, 1.0), 1.0)
    if rng.random() < 0.75:
        small[:] = 1.0
    wide = CELL_WIDE * rng.uniform(0.5, 0.85)
    ghost = 0.0 if rng.random() < 0.4 else rng.uniform(0.0, 0.3)
    strong = rng.uniform(0.55, 1.0)
    shown = np.einsum("ns,shw->nhw", strong * np.maximum(lit, ghost * (1 - lit)), segments)
    layer = np.zeros((CANVAS_TALL, CELL_WIDE * cells + 2 * MARGIN_X), np.float32)
    down = rng.normal(0, 1.0)
    for cell in range(cells):
        size = (round(tall * small[cell]), round(wide * small[cell]))
        _put(layer, np.clip(shown[cell], 0, 1), cell, size, tall / 2 + down)
    if decimals and rng.random() < 0.8:
        _point(rng, layer, cells - decimals, tall)
    if rng.random() < 0.4:
        _signs(rng, layer)
    canvas = np.broadcast_to(paper, (*layer.shape, 3)).astype(np.float32)
    if rng.random() < 0.5:  # the digits' shadow on the back of the glass
        over, under = (int(one) for one in rng.integers(0, 4, 2))
        shadow = np.roll(layer, (under, over), (0, 1))[..., None]
        canvas = canvas * (1 - rng.uniform(0.05, 0.3) * shadow)
    canvas = canvas + (ink - canvas) * layer[..., None]
    _frame(rng, canvas)
    centres = (MARGIN_X + CELL_WIDE * (np.arange(cells) + 0.5)).astype(np.float32)
    box = (MARGIN_X, MARGIN_Y, MARGIN_X + CELL_WIDE * cells, MARGIN_Y + CELL_TALL)
    aspect = rng.uniform(0.5, 0.75)
    return Strip(
        np.clip(canvas, 0, 255).astype(np.uint8), box, centres, shows, decimals, aspect, lcd=True
    )


def by_hand(rng: Rng) -> Floats:
    """The segments of one display, by chance: (7, TALL, WIDE)."""
    return seven_segments(rng)


def _colours(rng: Rng) -> tuple[Floats, Floats]:
    kind = rng.random()
    if kind < 0.6:  # grey-green paper, dark segments
        light = rng.uniform(80, 225)
        paper = light * np.array([rng.uniform(0.8, 1.0), 1.0, rng.uniform(0.7, 1.0)])
        ink = paper * rng.uniform(0.08, 0.6) + rng.normal(0, 6, 3)
    elif kind < 0.8:  # lit from behind
        paper = rng.uniform(60, 255, 3)
        ink = paper * rng.uniform(0.1, 0.5)
    else:  # light segments on dark
        paper = rng.uniform(0, 70, 3)
        ink = np.clip(rng.uniform(90, 255, 3), 0, 255)
        if rng.random() < 0.4:
            ink = np.array([rng.uniform(170, 255), rng.uniform(10, 90), rng.uniform(10, 80)])
    return paper.astype(np.float32), ink.astype(np.float32)


def _put(layer: Floats, mask: Floats, cell: int, size: tuple[int, int], below: float) -> None:
    rows, columns = (max(one, 4) for one in size)
    row = np.clip(((np.arange(rows) + 0.5) * TALL / rows).astype(np.int64), 0, TALL - 1)
    column = np.clip(((np.arange(columns) + 0.5) * WIDE / columns).astype(np.int64), 0, WIDE - 1)
    bottom = round(CANVAS_TALL / 2 + below)
    left = round(MARGIN_X + CELL_WIDE * (cell + 0.5) - columns / 2)
    piece = layer[bottom - rows : bottom, left : left + columns]
    np.maximum(piece, mask[np.ix_(row, column)], out=piece)


def _point(rng: Rng, layer: Floats, cell: int, tall: float) -> None:
    size = int(rng.integers(2, 6))
    bottom = round(CANVAS_TALL / 2 + tall / 2 + rng.uniform(-1, 2))
    middle = MARGIN_X + CELL_WIDE * cell + int(rng.integers(-3, 2))
    layer[bottom - size : bottom, middle - size // 2 : middle - size // 2 + size] = rng.uniform(
        0.6, 1
    )


def _signs(rng: Rng, layer: Floats) -> None:
    """Small signs beside, above and below: units, arrows, tariffs."""
    tall, wide = layer.shape
    for _ in range(int(rng.integers(1, 7))):
        high, across = (int(one) for one in rng.integers(3, 12, 2))
        if rng.random() < 0.4:
            x, y = (
                int(rng.choice((rng.integers(0, 20), rng.integers(wide - 32, wide - 12)))),
                int(rng.integers(0, tall - 12)),
            )
        else:
            x, y = int(rng.integers(0, wide - 12)), int(rng.choice((0, 2, tall - 12, tall - 8)))
        piece = layer[y : y + high, x : x + across]
        np.maximum(piece, (rng.random(piece.shape) < 0.6) * 0.8, out=piece)


def _frame(rng: Rng, canvas: Floats) -> None:
    if rng.random() < 0.5:
        return
    rim = rng.uniform(0, 255, 3).astype(np.float32)
    top, side = int(rng.integers(2, MARGIN_Y)), int(rng.integers(4, MARGIN_X - 4))
    if rng.random() < 0.7:
        canvas[:top] = rim
    if rng.random() < 0.7:
        canvas[-top:] = rim
    if rng.random() < 0.6:
        canvas[:, :side] = rim
    if rng.random() < 0.6:
        canvas[:, -side:] = rim
