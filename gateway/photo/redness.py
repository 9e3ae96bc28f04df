"""Which wheels are red: red digits, or a red ground, stand behind the point of most meters.

Only asked where the mask is not known. Light in cellars is yellow and flashes are blue, so wheels
are compared with each other: what is red about all of them is the light's.
"""

import numpy as np
from numpy.typing import NDArray

from gateway.photo.cells import TALL, WIDE
from gateway.photo.geometry import Corners
from gateway.photo.rectify import cut

# Red pixels have so much more red than green and blue, as parts of what is brightest.
_REDDER = 0.3
# Darker than this, colours are noise.
_DARK = 40
# A red wheel has at least so many more red pixels, of all its pixels, than the black ones have.
_MORE = 0.08
# No register has more wheels behind the point, and at least two stand before it.
_TAIL_MAX, _HEAD_MIN = 4, 2


def red_tail(image: NDArray[np.uint8], register: Corners, cells: int) -> int:
    """How many of the last wheels of a register in an RGB picture are red; 0 where none clearly."""
    seen = cut(image, register, (WIDE * cells, TALL)).astype(np.float64)
    # The rims between wheels and the frame above and below may be red as well.
    inner = seen.reshape(TALL, cells, WIDE, 3)[TALL // 6 : -TALL // 6, :, WIDE // 8 : -WIDE // 8]
    bright = inner.max(axis=3)
    excess = (inner[..., 0] - np.maximum(inner[..., 1], inner[..., 2])) / np.maximum(bright, 1)
    reds = ((excess > _REDDER) & (bright > _DARK)).mean(axis=(0, 2))
    best, tail = 0.0, 0
    for count in range(1, min(_TAIL_MAX, cells - _HEAD_MIN) + 1):
        # By the least red of the tail and the reddest before it: one wheel in glare decides nothing
        # about the others, but a tail that is red in part only is none.
        apart = float(reds[-count:].min() - reds[:-count].max())
        if apart > max(best, _MORE):
            best, tail = apart, count
    return tail
