"""A photograph in, digits out: find the register, cut it straight, read its cells, decode the row.

Where somebody framed the register it is read there (gateway/photo/cuts.py says how often). Where
nobody did each place the finder offers is looked at, upside down too; the surest is read closely.
A place that was found is only as sure as it is to be the right way up, and a digit that another
look of the finder at the same place shows otherwise is left open.

Without a mask the reader says how many cells there are, and red wheels say where the point stands.
"""

from collections.abc import Callable, Iterable, Iterator
from math import dist, exp
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.photo import cuts
from gateway.photo.cells import CellReader
from gateway.photo.cuts import Look
from gateway.photo.decoding import decode
from gateway.photo.finding import Finder
from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind, Mask, Prior
from gateway.photo.reading import Cell, Reading
from gateway.photo.rectify import strip
from gateway.photo.redness import red_tail
from gateway.photo.serials import seen_serials
from gateway.photo.turning import Turner

# Cells a strip is cut for while it is not known how many there are, and its margins.
_CELLS_USUAL = 8
_GUESSED = (0.1, 0.05)
# Margins of the strip that is asked which way up it is: a display's point stands at its edge.
_TURNED = (0.25, 0.15)
# Log odds that the finder has a register the right way up before it is looked at: 9 in 10 of
# rendered scenes.
_FOUND_UPRIGHT = 2.0
# How much that weighs against how well a place reads, when places are compared.
_UPRIGHT_WEIGHS = 0.3
# No net is surer than this: one in 3000.
_ODDS_MAX = 8.0
# Where nobody framed the register and its surest look is less sure than this, some of its cells
# were hardly seen, and all are left open: print, or a part of a register, was taken for the whole.
# There a digit below the second is left open too: more can be wrong than the digit alone. Chosen on
# drawn scenes: docs/photo-model.md says which.
_LOOK_MIN, _FOUND_SURE_MIN = 0.8, 0.95
# A picture so many times as wide as high shows a register and little else.
STRIP_FROM = 2.2


class Recognised(NamedTuple):
    """What was read and where; both None where no register was seen.

    `score` says how sure all of it is, from 0 to 1: the digits, their cells, and the place.
    """

    reading: Reading | None
    corners: Corners | None
    mask: Mask | None = None
    score: float = 0.0
    serial: str = ""
    """Numbers printed beside it that may be its serial, with spaces between; often none."""


Serials = Callable[[NDArray[np.uint8], Corners | None], tuple[str, ...]]


def no_serials(_pixels: NDArray[np.uint8], _register: Corners | None) -> tuple[str, ...]:
    """None at all, for whoever only wants the register."""
    return ()


class _Tried(NamedTuple):
    """A place and what the first looks at it showed; `upright`: how likely it is this way up."""

    place: Corners
    mask: Mask
    looks: tuple[Look, ...]
    upright: float = 1.0

    @property
    def score(self) -> float:
        """How well all of it fits together, to compare places by."""
        placed: float = self.upright**_UPRIGHT_WEIGHS
        return self.looks[0].sure * self.place.sure * placed


class Recogniser:
    """Finder and reader, loaded once. It may be asked from several threads.

    `serials` reads the print beside a register.
    """

    def __init__(
        self,
        finder: Finder | None = None,
        reader: CellReader | None = None,
        serials: Serials = seen_serials,
        turner: Turner | None = None,
    ) -> None:
        self._finder = finder or Finder()
        self._reader = reader or CellReader()
        self._serials = serials
        self._turner = turner or Turner()

    def read(
        self,
        image: NDArray[np.uint8],
        mask: Mask | None,
        corners: Corners | None,
        prior: Prior | None,
        kind: Kind | None = None,
    ) -> Recognised:
        """Read the register of an RGB picture (height, width, 3).

        `corners` are where a person framed it, None where it has to be found. Without a mask the
        number of cells is inferred, and `prior` is not used; `kind` then says what is looked for.
        """
        if corners is not None:
            best = self._framed(image, corners, mask, prior, kind)
        else:
            best = self._found(image, mask, prior, kind)
        return best._replace(serial=" ".join(self._serials(image, best.corners)))

    def _framed(
        self,
        image: NDArray[np.uint8],
        place: Corners,
        mask: Mask | None,
        prior: Prior | None,
        kind: Kind | None,
    ) -> Recognised:
        tried = self._tried(image, place, mask, kind)
        seen, looks = self._closely(image, tried, prior if mask else None)
        return _pointed(image, seen, looks) if mask is None else seen

    def _found(
        self, image: NDArray[np.uint8], mask: Mask | None, prior: Prior | None, kind: Kind | None
    ) -> Recognised:
        """The surest reading of any place."""
        tried = [
            one
            for place in self._places(image)
            for one in self._both_ways(image, place, mask, kind)
        ]
        best = max(tried, key=attrgetter("score"), default=None)
        if best is None:
            return Recognised(None, None)
        prior = prior if mask else None
        seen, looks = self._closely(image, best, prior)
        alike = [one for one in tried if _is_same_place(one.place, best.place)]
        others = [decode(one.looks[0].scores, one.mask, prior) for one in alike]
        look = looks[0].sure
        at_most = best.upright if look >= _LOOK_MIN else min(best.upright, look)
        agreed = seen._replace(reading=_doubted(seen.reading, others, at_most))
        return _pointed(image, agreed, looks) if mask is None else agreed

    def _places(self, image: NDArray[np.uint8]) -> list[Corners]:
        """Where a register may be."""
        places = self._finder.candidates(image)
        height, width = image.shape[:2]
        if width > STRIP_FROM * height:
            whole = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
            places.append(Corners(whole, 0.5))
        return places

    def _both_ways(
        self, image: NDArray[np.uint8], place: Corners, mask: Mask | None, kind: Kind | None
    ) -> Iterator[_Tried]:
        cells = mask.cells if mask else _CELLS_USUAL
        wider, taller = _TURNED
        seen = strip(image, place, cells, wider=wider, taller=taller)
        odds = self._turner.upright(seen, cells) + _FOUND_UPRIGHT
        upright = 1 / (1 + exp(-max(min(odds, _ODDS_MAX), -_ODDS_MAX)))
        yield self._tried(image, place, mask, kind)._replace(upright=upright)
        turned = self._tried(image, place.turned(), mask, kind)
        yield turned._replace(upright=1 - upright)

    def _tried(
        self, image: NDArray[np.uint8], place: Corners, mask: Mask | None, kind: Kind | None
    ) -> _Tried:
        if mask is None:
            wider, taller = _GUESSED
            guessed = strip(image, place, _CELLS_USUAL, wider=wider, taller=taller)
            mask = self._reader.guess(guessed).mask
            mask = mask._replace(kind=kind or mask.kind)
        return _Tried(place, mask, cuts.first(self._reader, image, place, mask))

    def _closely(
        self, image: NDArray[np.uint8], tried: _Tried, prior: Prior | None
    ) -> tuple[Recognised, tuple[Look, ...]]:
        """What a place shows by all looks, and these."""
        place, mask, looks, _ = tried
        looks = cuts.closer(self._reader, image, looks, mask)
        reading = decode(cuts.averaged(looks), mask, prior)
        seen = Recognised(reading, place, mask, looks[0].sure * place.sure)
        return seen, looks


def _pointed(image: NDArray[np.uint8], seen: Recognised, looks: tuple[Look, ...]) -> Recognised:
    """The same with its point where the red wheels begin, if its wheels tell."""
    if seen.mask is None or seen.mask.kind is not Kind.ODOMETER:
        return seen
    behind = red_tail(image, cuts.settled(looks, seen.mask), seen.mask.cells)
    return seen._replace(mask=Mask(Kind.ODOMETER, seen.mask.cells - behind, behind))


def _is_same_place(one: Corners, other: Corners) -> bool:
    """Whether both are the same register, the same way up."""
    here, there = one.points, other.points
    return dist(here[0], there[0]) < dist(there[0], there[1]) / 2


def _doubted(reading: Reading | None, others: Iterable[Reading], at_most: float) -> Reading | None:
    """The reading with every digit open that others of as many cells show otherwise.

    None of its digits is surer than `at_most`, and below _FOUND_SURE_MIN they are open as well.
    """
    if reading is None:
        return None
    alike = [one for one in others if len(one.cells) == len(reading.cells)]
    cells = []
    for place, cell in enumerate(reading.cells):
        agreed = all(one.cells[place].best == cell.best for one in alike)
        sure = min(cell.sure, at_most)
        cells.append(
            Cell(cell.digit if agreed and sure >= _FOUND_SURE_MIN else None, sure, cell.best)
        )
    return Reading(tuple(cells))
