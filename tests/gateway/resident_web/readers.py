"""What a recogniser may say of a photo, for the tests of the pages; a process makes it by name."""

import os

import numpy as np
from numpy.typing import NDArray

from gateway.photo.geometry import Corners
from gateway.photo.mask import Mask, Prior
from gateway.photo.reading import Cell, Reading
from tests.gateway.photo.readers import Recognised

USED = 4_250
PLACE = "PLOMBA_TEST_PLACE"
"""The variable that says where the register is: left, top, right and bottom, as parts of 1."""


class Unsure:
    """Reads somewhat more than last time, and leaves the last digit before the point open."""

    def read(
        self,
        image: NDArray[np.uint8],
        mask: Mask | None,
        corners: Corners | None,
        prior: Prior | None,
    ) -> Recognised:
        assert image.ndim == 3
        if mask is None or prior is None:
            return Recognised(None, None)
        digits = str(prior.last + USED).zfill(mask.cells)
        cells = [Cell(int(one), 0.99) for one in digits]
        cells[mask.whole - 1] = Cell(None, 0.4, int(digits[mask.whole - 1]))
        height, width, _ = image.shape
        parts = [float(part) for part in os.environ.get(PLACE, "0.1 0.4 0.9 0.6").split()]
        left, top, right, bottom = (
            part * side for part, side in zip(parts, (width, height) * 2, strict=True)
        )
        found = Corners(((left, top), (right, top), (right, bottom), (left, bottom)), 0.9)
        return Recognised(Reading(tuple(cells)), corners or found)
