"""Rendered photographs to measure on: whole meters around registers whose reading is known.

Registers carry as real ones do; nothing is drawn that a meter cannot show. The seeds of training
begin elsewhere, so no scene was ever trained on.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind, Mask
from simulators.photo import lcd, strips, wheels
from simulators.photo.labels import Label
from simulators.photo.scene_parts import Rng
from simulators.photo.scenes import scene

# The side of a drawn photograph: what is left of a phone's picture after the page made it smaller.
SIDE = 1000
# A share of displays, and of meters that stand still between two digits.
_LCD_SHARE, _STILL_SHARE = 0.25, 0.3
# So far, of the way to its next digit, a last wheel is seen at most: further on people write down
# the next digit, and what is true would be a matter of taste.
_GONE_MAX = 0.7
_FACES, _DISPLAYS = 120, 30
_SEED_APART = 1_000_003


class Drawn(NamedTuple):
    """A photograph that was never a file."""

    picture: NDArray[np.uint8]

    def pixels(self) -> NDArray[np.uint8]:
        """The picture (height, width, 3)."""
        return self.picture


def pictures(seed: int, count: int) -> Iterator[tuple[Label, Drawn]]:
    """So many photographs and the truth about them; the same for the same seed."""
    rng = np.random.default_rng(seed + _SEED_APART)
    kept = strips.store(rng, _FACES, _DISPLAYS)
    for number in range(1, count + 1):
        yield _picture(rng, kept, number, _mask(rng))


def showing(seed: int, masks: Iterable[Mask]) -> Iterator[tuple[Label, Drawn]]:
    """Photographs of registers with these masks, and the truth about them."""
    rng = np.random.default_rng(seed + _SEED_APART)
    kept = strips.store(rng, _FACES, _DISPLAYS)
    for number, mask in enumerate(masks, 1):
        yield _picture(rng, kept, number, mask)


def _mask(rng: Rng) -> Mask:
    kind = Kind.LCD if rng.random() < _LCD_SHARE else Kind.ODOMETER
    return Mask(kind, int(rng.integers(4, 7)), int(rng.choice((0, 1, 2, 3, 3, 3))))


def _picture(rng: Rng, kept: strips.Store, number: int, mask: Mask) -> tuple[Label, Drawn]:
    kind = mask.kind
    digits = rng.integers(0, 10, mask.cells)
    digits[: rng.integers(0, mask.whole)] = 0
    drawn = strips.draw(rng, kept, kind, _shows(rng, kind, digits), mask.decimals)
    seen = scene(rng, SIDE, register(drawn), kind)
    points = [(float(x), float(y)) for x, y in seen.corners]
    corners = Corners((points[0], points[1], points[2], points[3]))
    text = "".join(str(one) for one in digits)
    label = Label(number, f"{number:05}.png", text, mask.decimals, kind, mask, corners)
    return label, Drawn(seen.pixels)


def _shows(rng: Rng, kind: Kind, digits: NDArray[np.int64]) -> NDArray[np.float32]:
    if kind is Kind.LCD:
        shows = digits.astype(np.float32)
        leading = int(np.argmax(digits > 0)) if digits.any() else len(digits) - 1
        if rng.random() < 0.5:
            shows[:leading] = lcd.EMPTY
        return shows
    fraction = 0.0 if rng.random() < _STILL_SHARE else float(rng.uniform(0, _GONE_MAX))
    return wheels.positions(digits.tolist(), fraction, rng)


def register(drawn: wheels.Strip) -> NDArray[np.uint8]:
    """The digits' window of a drawn strip, its cells as wide as they really are."""
    left, top, right, bottom = (round(one) for one in drawn.box)
    window = Image.fromarray(drawn.canvas[top:bottom, left:right])
    wide = round((bottom - top) * drawn.aspect * len(drawn.shows))
    return np.asarray(window.resize((wide, bottom - top), Image.Resampling.BICUBIC))
