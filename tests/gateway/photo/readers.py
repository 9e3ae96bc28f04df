"""Recognisers for tests, of which a process makes one by its name."""

import os
import resource
import signal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.photo.geometry import Corners
from gateway.photo.mask import Mask, Prior
from gateway.photo.reading import Cell, Reading

USED = 4_250
PLACE = "PLOMBA_TEST_PLACE"
"""Says where `Unsure` sees a register: left, top, right and bottom, as parts of 1."""
FOUND = Corners(((10.0, 10.0), (90.0, 10.0), (90.0, 30.0), (10.0, 30.0)), 0.9)


class Recognised(NamedTuple):
    reading: Reading | None
    corners: Corners | None
    serial: str | None = None


class Plain:
    """Reads what the prior says was last, in as many cells as the mask has."""

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
        digits = str(prior.last).zfill(mask.cells)
        cells = tuple(Cell(int(one), 0.99) for one in digits)
        return Recognised(Reading(cells), corners or FOUND, "1234567")


class Bad(Plain):
    """What the colour in the corner of a picture tells it, it does."""

    def read(
        self,
        image: NDArray[np.uint8],
        mask: Mask | None,
        corners: Corners | None,
        prior: Prior | None,
    ) -> Recognised:
        red, green, blue = (int(one) > 128 for one in image[0, 0])
        if red and not green:
            os.kill(os.getpid(), signal.SIGSEGV)
        if green and not red:
            signal.pause()
        if blue and not red:
            return Recognised(Reading((Cell(len(bytearray(8 * 1024**3)) % 10, 1.0),)), None)
        return super().read(image, mask, corners, prior)


class Curious(Plain):
    """Tells its limits: of memory, of its dump, and of time beside what it had used."""

    def read(
        self,
        *_asked: object,
    ) -> Recognised:
        limits = (
            resource.getrlimit(resource.RLIMIT_AS)[0],
            resource.getrlimit(resource.RLIMIT_CORE)[0],
            resource.getrlimit(resource.RLIMIT_CPU)[0],
        )
        return Recognised(None, None, " ".join(map(str, limits)))


class Loud(Plain):
    """Prints what it does, as libraries do."""

    def read(
        self,
        image: NDArray[np.uint8],
        mask: Mask | None,
        corners: Corners | None,
        prior: Prior | None,
    ) -> Recognised:
        os.write(1, b"reading...\n" * 100)
        return super().read(image, mask, corners, prior)


class Unsure(Plain):
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
