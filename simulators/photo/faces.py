"""How digits look: faces drawn by our own pen, and faces from the fonts of a Debian machine.

A face is the ten digits as masks of one size; the picture of a wheel is put together from them.
Most faces are drawn here from strokes, because the digits of meters are seldom those of text:
narrow, with square noughts, open fours and plain ones. Fonts are named, so that the same machine
gives the same faces; one that is not installed is left out.
"""

from functools import cache
from math import ceil, cos, radians, sin
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rng = np.random.Generator
# Masks and pictures in the making; single or double, as numpy finds right.
Floats = NDArray[np.floating]
Point = tuple[float, float]
Line = list[Point]

# The size of a digit's mask. Larger than any digit that the net will see, and so small that a
# thousand faces stay in memory.
TALL, WIDE = 48, 40
# Strokes are drawn so many times as large and shrunk: their edges are smooth then.
_OVER = 3
_FONTS = Path("/usr/share/fonts/truetype")
_NAMES = (
    "dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf", "dejavu/DejaVuSansCondensed.ttf",
    "dejavu/DejaVuSansCondensed-Bold.ttf",
    "dejavu/DejaVuSerif.ttf", "dejavu/DejaVuSerif-Bold.ttf",
    "liberation/LiberationSans-Regular.ttf", "liberation/LiberationSans-Bold.ttf",
    "liberation/LiberationSansNarrow-Regular.ttf", "liberation/LiberationSansNarrow-Bold.ttf",
    "liberation/LiberationSerif-Regular.ttf", "liberation/LiberationSerif-Bold.ttf",
)  # fmt: skip


class Face(NamedTuple):
    """Ten digits as masks (10, TALL, WIDE) from 0 to 1, and a digit's width by its height."""

    masks: Floats
    aspect: float


class Pen(NamedTuple):
    """What makes one drawn face differ from another; lengths are parts of a digit's height."""

    aspect: float
    thick: float
    square: float  # the power of the bowls' ellipse: 2 is round, 6 nearly a rectangle
    flag: float  # of the one; below 0.02 there is none
    foot: bool
    open_four: bool
    flat_three: bool
    straight: bool  # the tails of six and nine
    bend: float  # of the seven's leg
    waist: float  # where eight and three are narrow
    boxy: bool  # the two is bent like a seven-segment one
    hook: float  # at the left of the seven
    stem: float  # where the open four's upright begins


def pen(rng: Rng) -> Pen:
    """A pen by chance."""
    aspect = rng.uniform(0.42, 0.82)
    return Pen(
        aspect=aspect,
        thick=min(rng.uniform(0.07, 0.2), 0.28 * aspect),
        square=float(rng.choice((2.0, 2.3, 3.0, 4.5, 7.0))),
        flag=float(rng.choice((0.0, 0.15, 0.3))) * rng.uniform(0.7, 1.3),
        foot=rng.random() < 0.15,
        open_four=rng.random() < 0.3,
        flat_three=rng.random() < 0.12,
        straight=rng.random() < 0.25,
        bend=rng.uniform(0, 0.3) * (rng.random() < 0.5),
        waist=rng.uniform(0.44, 0.53),
        boxy=rng.random() < 0.15,
        hook=rng.uniform(0.08, 0.25) * (rng.random() < 0.2),
        stem=rng.uniform(0.25, 0.55),
    )


def drawn(pen_: Pen, slant: float = 0.0) -> Face:
    """The face of a pen; `slant` moves the top to the right by so much of the height."""
    masks = [_rasterised(lines, pen_, slant) for lines in _digits(pen_)]
    return Face(np.stack(masks), pen_.aspect)


@cache
def fonts() -> tuple[Face, ...]:
    """The faces of the named fonts that this machine has."""
    return tuple(_of_font(path) for name in _NAMES if (path := _FONTS / name).is_file())


def faces(rng: Rng, count: int) -> list[Face]:
    """So many faces: two thirds drawn, the others from fonts, their strokes made thicker or not."""
    known = fonts()
    made = []
    for _ in range(count):
        if known and rng.random() < 0.33:
            made.append(known[rng.integers(len(known))])
        else:
            made.append(drawn(pen(rng), rng.normal(0, 0.03)))
    return made


def _arc(centre: Point, radii: Point, from_: float, to: float, square: float) -> Line:
    # Part of a superellipse; degrees go clockwise from the right, as y goes down.
    x, y = centre
    steps = max(ceil(abs(to - from_) / 12), 2)
    line = []
    for step in range(steps + 1):
        angle = radians(from_ + (to - from_) * step / steps)
        across, down = cos(angle), sin(angle)
        power = 2 / square
        line.append(
            (
                x + radii[0] * (abs(across) ** power) * (1 if across >= 0 else -1),
                y + radii[1] * (abs(down) ** power) * (1 if down >= 0 else -1),
            )
        )
    return line


def _digits(by: Pen) -> list[list[Line]]:
    # The strokes of the digits in a box from (0, 0) to (1, 1).
    six = _six(by)
    return [
        [_arc((0.5, 0.5), (0.5, 0.5), -90, 270, by.square)],
        _one(by),
        [_two(by)],
        _three(by),
        _four(by),
        [_five(by)],
        six,
        [_seven(by)],
        _eight(by),
        [[(1 - x, 1 - y) for x, y in line] for line in six],
    ]


def _one(by: Pen) -> list[Line]:
    x = 0.5 if by.flag < 0.02 or by.foot else 0.62
    lines = [[(x, 0.0), (x, 1.0)]]
    if by.flag >= 0.02:
        lines.append([(x, 0.0), (x - 0.42, by.flag)])
    if by.foot:
        lines.append([(x - 0.35, 1.0), (x + 0.35, 1.0)])
    return lines


def _two(by: Pen) -> Line:
    if by.boxy:
        upper = [(0.0, 0.18), *_arc((0.5, 0.25), (0.5, 0.25), 200, 430, 6.0)]
        return [*upper, *_arc((0.5, 0.75), (0.5, 0.25), 270, 190, 6.0), (0.0, 1.0), (1.0, 1.0)]
    return [*_arc((0.5, 0.29), (0.48, 0.29), 190, 390, by.square), (0.0, 1.0), (1.0, 1.0)]


def _five(by: Pen) -> Line:
    bowl = _arc((0.49, 0.68), (0.51, 0.32), 215, 515, by.square)
    return [(0.93, 0.0), (0.1, 0.0), (0.04, 0.46), *bowl]


def _three(by: Pen) -> list[Line]:
    lower = (1 - by.waist) / 2
    bowl = _arc((0.47, 1 - lower), (0.53, lower), -90, 160, by.square)
    if by.flat_three:
        return [[(0.03, 0.0), (0.95, 0.0), (0.45, by.waist), *bowl]]
    upper = _arc((0.47, by.waist / 2), (0.49, by.waist / 2), 200, 450, by.square)
    return [[*upper, (0.3, by.waist)], [(0.3, by.waist), *bowl]]


def _four(by: Pen) -> list[Line]:
    if by.open_four:
        return [[(0.22, 0.0), (0.0, 0.68), (1.0, 0.68)], [(0.74, by.stem), (0.74, 1.0)]]
    return [[(0.74, 1.0), (0.74, 0.0), (0.0, 0.7), (1.0, 0.7)]]


def _six(by: Pen) -> list[Line]:
    bowl = _arc((0.5, 0.68), (0.5, 0.32), 180, 540, by.square)
    if by.straight:
        return [bowl, [(0.0, 0.7), (0.62, 0.0)]]
    tail = _arc((0.52, 0.32), (0.52, 0.32), 180, 335, by.square)
    return [bowl, [(0.0, 0.68), *tail]]


def _seven(by: Pen) -> Line:
    middle = (0.62 - by.bend, 0.4 + by.bend / 2)
    start = [(0.0, by.hook), (0.0, 0.0), (1.0, 0.0)] if by.hook else [(0.0, 0.0), (1.0, 0.0)]
    return [*start, middle, (0.3, 1.0)] if by.bend else [*start, (0.32, 1.0)]


def _eight(by: Pen) -> list[Line]:
    upper, lower = by.waist / 2, (1 - by.waist) / 2
    return [
        _arc((0.5, upper), (0.45, upper), -90, 270, by.square),
        _arc((0.5, 1 - lower), (0.5, lower), -90, 270, by.square),
    ]


def _rasterised(lines: list[Line], by: Pen, slant: float) -> Floats:
    tall, wide = TALL * _OVER, WIDE * _OVER
    half = by.thick * tall / 2
    # The mask's columns are the digit's width whatever its aspect, so the pen is an ellipse; what
    # matters is that upright and level strokes are about as thick in the picture.
    image = Image.new("L", (round(by.aspect * tall), tall))
    draw = ImageDraw.Draw(image)
    for line in lines:
        inside = [
            (
                half + x * (image.width - 2 * half) + slant * (0.5 - y) * tall,
                half + y * (tall - 2 * half),
            )
            for x, y in line
        ]
        draw.line(inside, 255, max(round(2 * half), 1), joint="curve")
        for x, y in (inside[0], inside[-1]):
            draw.ellipse((x - half, y - half, x + half, y + half), 255)
    small = image.resize((wide // _OVER, tall // _OVER), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def _of_font(path: Path) -> Face:
    font = ImageFont.truetype(str(path), TALL * 2)
    boxes = [font.getbbox(digit) for digit in "0123456789"]
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    wide = max(box[2] - box[0] for box in boxes)
    masks = []
    for digit, box in zip("0123456789", boxes, strict=True):
        image = Image.new("L", (ceil(wide), ceil(bottom - top)))
        # Narrow digits stand in the middle, as the wheels of meters have them.
        left = (wide - (box[2] - box[0])) / 2 - box[0]
        ImageDraw.Draw(image).text((left, -top), digit, 255, font)
        small = image.resize((WIDE, TALL), Image.Resampling.BOX)
        masks.append(np.asarray(small, np.float32) / 255)
    return Face(np.stack(masks), wide / (bottom - top))


def seven_segments(rng: Rng) -> Floats:
    """The seven segments of one LCD digit as masks (7, TALL, WIDE): a, b, c, d, e, f, g."""
    tall, wide = TALL * _OVER, WIDE * _OVER
    thick = rng.uniform(0.1, 0.2) * tall
    gap = rng.uniform(0.0, 0.045) * tall
    slant = rng.uniform(-0.02, 0.16) * tall if rng.random() < 0.6 else 0.0
    left, right = slant, wide - max(thick * 0.1, 1) - max(-slant, 0)
    middle = tall / 2
    return np.stack(
        [
            _segment(ends, thick, gap, slant)
            for ends in (
                ((left, thick / 2), (right, thick / 2)),
                ((right - thick / 2, 0), (right - thick / 2, middle)),
                ((right - thick / 2, middle), (right - thick / 2, tall)),
                ((left, tall - thick / 2), (right, tall - thick / 2)),
                ((left + thick / 2, middle), (left + thick / 2, tall)),
                ((left + thick / 2, 0), (left + thick / 2, middle)),
                ((left, middle), (right, middle)),
            )
        ]
    )


def _segment(ends: tuple[Point, Point], thick: float, gap: float, slant: float) -> Floats:
    tall, wide = TALL * _OVER, WIDE * _OVER
    (x0, y0), (x1, y1) = ends
    half = thick / 2
    if y0 == y1:
        x0, x1 = x0 + gap + half * 0.3, x1 - gap - half * 0.3
        shape = [
            (x0, y0),
            (x0 + half, y0 - half),
            (x1 - half, y0 - half),
            (x1, y0),
            (x1 - half, y0 + half),
            (x0 + half, y0 + half),
        ]
    else:
        y0, y1 = y0 + gap + half * 0.3, y1 - gap - half * 0.3
        shape = [
            (x0, y0),
            (x0 + half, y0 + half),
            (x0 + half, y1 - half),
            (x0, y1),
            (x0 - half, y1 - half),
            (x0 - half, y0 + half),
        ]
    leaning = [(x - slant * y / tall, y) for x, y in shape]
    image = Image.new("L", (wide, tall))
    ImageDraw.Draw(image).polygon(leaning, 255)
    small = image.resize((WIDE, TALL), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


# Which segments of a, b, c, d, e, f, g are lit, by digit; the eleventh is an empty place.
LIT = np.array(
    [
        [int(one) for one in lit]
        for lit in (
            "1111110", "0110000", "1101101", "1111001", "0110011", "1011011", "1011111",
            "1110000", "1111111", "1111011", "0000000",
        )
    ],
    np.float32,
)  # fmt: skip
