"""Strips to train and measure the reader on: a register drawn, cropped as people crop, degraded.

A sample is what the reader will be given, with where its cells are and what they show. The same
generator gives the same strips, on a machine with the same fonts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.photo.cells import TALL, WIDE
from gateway.photo.mask import Kind
from simulators.photo import faces, lcd, wheels
from simulators.photo.degrade import degraded
from simulators.photo.faces import Face, Floats, Rng
from simulators.photo.wheels import CELL_WIDE, Strip

# What the nets in the repository were trained with.
SEED = 7
# Faces in store: enough that a net cannot know them by heart, few enough to be drawn in seconds.
FACES, DISPLAYS = 600, 100


class Store(NamedTuple):
    """Faces of wheels and segments of displays, drawn once."""

    faces: list[Face]
    displays: list[Floats]


class Sample(NamedTuple):
    """A strip as cropped: image (TALL, cells*WIDE, 3) and the truth.

    `centres` are the middles of the cells in pixels of the image; `shows` as in Strip; `decimal`
    says of each cell whether it stands behind the point.
    """

    image: NDArray[np.uint8]
    centres: Floats
    shows: Floats
    decimal: Floats
    lcd: bool


def store(rng: Rng, count: int = FACES, displays: int = DISPLAYS) -> Store:
    """Faces to draw from."""
    return Store(faces.faces(rng, count), [faces.seven_segments(rng) for _ in range(displays)])


def draw(rng: Rng, kept: Store, kind: Kind, shows: Floats, decimals: int) -> Strip:
    """A clean register that shows this."""
    if kind is Kind.LCD:
        return lcd.draw(rng, kept.displays[rng.integers(len(kept.displays))], shows, decimals)
    return wheels.draw(rng, kept.faces[rng.integers(len(kept.faces))], shows, decimals)


def sample(rng: Rng, kept: Store, kind: Kind, cells: int, hard: float = 1.0) -> Sample:
    """A strip of so many cells, showing anything."""
    decimals = int(rng.integers(0, min(cells, 4)))
    by_chance = lcd.by_chance if kind is Kind.LCD else wheels.by_chance
    return cropped(rng, draw(rng, kept, kind, by_chance(rng, cells), decimals), hard)


def single(rng: Rng, kept: Store, kind: Kind, hard: float = 1.0) -> Sample:
    """One cell cut out of a register, as collections of digits have them."""
    cells = int(rng.integers(1, 4))
    by_chance = lcd.by_chance if kind is Kind.LCD else wheels.by_chance
    strip = draw(rng, kept, kind, by_chance(rng, cells), int(rng.integers(0, cells + 1)))
    one = int(rng.integers(cells))
    left = float(strip.centres[one]) - CELL_WIDE / 2
    box = (left, strip.box[1], left + CELL_WIDE, strip.box[3])
    behind = cells - strip.decimals <= one
    alone = strip._replace(
        box=box, centres=strip.centres[one : one + 1], shows=strip.shows[one : one + 1],
        decimals=int(behind),
    )  # fmt: skip
    return cropped(rng, alone, hard, loose=0.5)


def cropped(rng: Rng, strip: Strip, hard: float = 1.0, loose: float = 1.0) -> Sample:
    """The register as a person frames it: tilted, too wide or too narrow; then degraded.

    `loose` is how far the frame may be off, as a part of what is usual for whole registers.
    """
    left, top, right, bottom = strip.box
    much = loose * hard
    left -= CELL_WIDE * rng.uniform(-0.18, 0.4) * much
    right += CELL_WIDE * rng.uniform(-0.18, 0.4) * much
    top -= (bottom - top) * rng.uniform(-0.11, 0.27) * hard
    bottom += (bottom - strip.box[1]) * rng.uniform(-0.11, 0.27) * hard
    tilt = rng.normal(0, 1.8) * hard
    lean = rng.normal(0, 2.0) * hard
    swell = rng.normal(0, 1.2, 4) * hard
    quad = (
        left + lean + swell[0], top - tilt + swell[1],
        left - lean, bottom - tilt + swell[2],
        right - lean + swell[3], bottom + tilt,
        right + lean, top + tilt + swell[0],
    )  # fmt: skip
    cells = len(strip.shows)
    size = (WIDE * cells, TALL)
    image = Image.fromarray(strip.canvas).transform(
        size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC
    )
    centres = (strip.centres - left) / (right - left) * size[0]
    decimal = (np.arange(cells) >= cells - strip.decimals).astype(np.float32)
    picture = degraded(rng, np.asarray(image, np.uint8), hard)
    return Sample(picture, centres.astype(np.float32), strip.shows, decimal, strip.lcd)
