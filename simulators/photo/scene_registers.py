"""Registers as the finder sees them: so small in a whole photograph that a digit is a few pixels.

What the reader learns from is drawn by `strips` with every detail of wheels and glass. Here the
colours, frames and rhythm of a row of digits have to be right, and many are needed quickly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gateway.photo.mask import Kind
from simulators.photo.scene_parts import Colour, Rng, colour, shaded

# Pixels of height: about what a register has in a picture taken close.
_TALL = 48
_RED: Colour = (190, 30, 45)
# The strokes of a seven-segment digit, clockwise from the top, the middle one last.
_STROKES = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010",
            "1111111", "1111011")  # fmt: skip


class _Inks(NamedTuple):
    paper: Colour
    ink: Colour
    tail_paper: Colour
    tail_ink: Colour


def plain(rng: Rng, kind: Kind) -> NDArray[np.uint8]:
    """A register (height, width, 3) with no more detail than a whole photograph keeps."""
    return _display(rng) if kind is Kind.LCD else _wheels(rng)


def _wheels(rng: Rng) -> NDArray[np.uint8]:
    whole, decimals = int(rng.integers(4, 7)), int(rng.choice((0, 1, 1, 2, 3, 3, 3)))
    wide = _TALL * rng.uniform(0.55, 1.05)
    image = Image.new("RGB", (round(wide * (whole + decimals)), _TALL), colour(rng, 0, 60))
    inks = _inks(rng)
    draw = ImageDraw.Draw(image)
    gap = wide * float(rng.choice((0.0, 0.02, 0.08, 0.16)))
    font = ImageFont.load_default(int(_TALL * rng.uniform(0.65, 1.0)))
    margin = _TALL * rng.uniform(0, 0.14)
    for cell in range(whole + decimals):
        late = cell >= whole
        paper, ink = (inks.tail_paper, inks.tail_ink) if late else (inks.paper, inks.ink)
        left, right = cell * wide + gap, (cell + 1) * wide - gap
        draw.rectangle((left, margin, right, _TALL - margin), paper)
        last = cell == whole + decimals - 1
        rolled = rng.uniform(0, 1) if last or rng.random() < 0.2 else rng.normal(0, 0.04)
        digit = int(rng.integers(0, 10)) if rng.random() < 0.6 else 0
        for step in (-1, 0, 1):
            y = _TALL / 2 + (step - rolled) * _TALL * 1.05
            text = str((digit + step) % 10)
            thick = int(rng.integers(0, 3)) if cell == 0 else 1
            draw.text(((left + right) / 2, y), text, ink, font, anchor="mm", stroke_width=thick)
        draw.line((right + gap, 0, right + gap, _TALL), shaded(paper, 0.5), max(int(gap), 1))
    return _drum(rng, np.asarray(image, np.float32))


def _inks(rng: Rng) -> _Inks:
    white, black = colour(rng, 170, 250, 15), colour(rng, 5, 50, 12)
    grey = colour(rng, 90, 160, 12)
    choice = rng.random()
    if choice < 0.35:
        return _Inks(white, black, white, _RED)
    if choice < 0.5:
        return _Inks(white, black, _RED, white)
    if choice < 0.65:
        return _Inks(black, white, _RED, white)
    if choice < 0.8:
        return _Inks(black, white, black, white)
    if choice < 0.9:
        return _Inks(grey, black, grey, _RED)
    return _Inks(black, white, white, _RED)


def _drum(rng: Rng, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Darker towards the top and the bottom, as round wheels are."""
    at = np.linspace(-1, 1, len(pixels), dtype=np.float32)
    dark = 1 - rng.uniform(0, 0.6) * np.abs(at - rng.normal(0, 0.2)) ** 2
    return np.asarray((pixels * dark[:, None, None]).clip(0, 255), np.uint8)


def _display(rng: Rng) -> NDArray[np.uint8]:
    count = int(rng.integers(5, 9))
    wide = _TALL * rng.uniform(0.5, 0.75)
    glass = colour(rng, 110, 200, 15) if rng.random() < 0.7 else (150, 180, 90)
    ink = shaded(glass, rng.uniform(0.1, 0.6))
    if rng.random() < 0.12:
        glass, ink = colour(rng, 5, 50, 10), (240, 60, 40) if rng.random() < 0.6 else (60, 230, 90)
    image = Image.new("RGB", (round(wide * count + _TALL * 0.2), _TALL), glass)
    draw = ImageDraw.Draw(image)
    thick = max(int(_TALL * rng.uniform(0.06, 0.13)), 2)
    lean = _TALL * rng.uniform(0, 0.12)
    for cell in range(count):
        x = _TALL * 0.1 + cell * wide
        _segments(
            draw,
            (x, _TALL * 0.1, wide * 0.72, _TALL * 0.8),
            int(rng.integers(0, 10)),
            lean=lean,
            ink=ink,
            thick=thick,
        )
    point = _TALL * 0.1 + wide * (count - int(rng.integers(1, 4))) - wide * 0.14
    draw.rectangle((point - thick, _TALL * 0.9 - thick, point, _TALL * 0.9), ink)
    return np.asarray(image)


def _segments(
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    digit: int,
    *,
    lean: float,
    ink: Colour,
    thick: int,
) -> None:
    left, top, wide, tall = box
    xs, ys = (left, left + wide), (top, top + tall / 2, top + tall)
    ends = (
        (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 1, 1), (0, 1, 1, 1), (0, 1, 0, 2), (1, 1, 1, 2),
        (0, 2, 1, 2),
    )  # fmt: skip
    for lit, (x0, y0, x1, y1) in zip(_STROKES[digit], ends, strict=True):
        if lit == "1":
            shift0, shift1 = lean * (2 - y0) / 2, lean * (2 - y1) / 2
            draw.line((xs[x0] + shift0, ys[y0], xs[x1] + shift1, ys[y1]), ink, thick)
