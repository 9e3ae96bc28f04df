"""A photograph in, digits out: find the register, cut it straight, read its cells, decode the row.

A cut that is a little off costs the outer wheels, and nobody sees it in the corners alone. So a
register is cut several times, tighter and wider. What the reader is surest of counts; a digit that
another cut or look shows otherwise is left open, because it hangs on where the register was cut.

Where no frame was given each place the finder offers is read, upside down too.
"""

from collections.abc import Callable, Iterable
from math import dist, exp, log
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.photo.cells import CellReader
from gateway.photo.decoding import Scores, decode
from gateway.photo.finding import Finder
from gateway.photo.geometry import Corners
from gateway.photo.mask import Kind, Mask, Prior
from gateway.photo.reading import Reading
from gateway.photo.rectify import strip
from gateway.photo.serials import seen_serials

# Margins in which a register is cut: parts of a cell to either side, parts of its height.
CUTS = ((0.1, 0.05), (-0.05, 0.0), (0.25, 0.12), (0.1, -0.06))
# Cells a strip is cut for while it is not known how many there are.
_CELLS_USUAL = 8
# Upside down a register has to be read this much more surely: phones turn what they take, and many
# digits look like digits when they stand on their head.
_TURNED = 0.9
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


class Recogniser:
    """Finder and reader, loaded once. It may be asked from several threads.

    `serials` reads the print beside a register.
    """

    def __init__(
        self,
        finder: Finder | None = None,
        reader: CellReader | None = None,
        serials: Serials = seen_serials,
    ) -> None:
        self._finder = finder or Finder()
        self._reader = reader or CellReader()
        self._serials = serials

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
        places = [corners] if corners is not None else self._places(image)
        best = self._best(image, places, mask, prior, kind)
        return best._replace(serial=" ".join(self._serials(image, best.corners)))

    def _places(self, image: NDArray[np.uint8]) -> list[Corners]:
        """Where a register may be, each upright and upside down."""
        places = self._finder.candidates(image)
        height, width = image.shape[:2]
        if width > STRIP_FROM * height:
            whole = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
            places.append(Corners(whole, 0.5))
        return places + [one.turned()._replace(sure=one.sure * _TURNED) for one in places]

    def _best(
        self,
        image: NDArray[np.uint8],
        places: Iterable[Corners],
        mask: Mask | None,
        prior: Prior | None,
        kind: Kind | None,
    ) -> Recognised:
        """The surest reading of any place."""
        seen = [
            self._unmasked(image, place, kind)
            if mask is None
            else self._masked(image, place, mask, prior)
            for place in places
        ]
        best = max(seen, key=_score, default=Recognised(None, None))
        if best.reading is None:
            return best
        alike = [one.reading for one in seen if one.reading and _is_same_place(one, best)]
        return best._replace(reading=_agreed(best.reading, alike))

    def _masked(
        self, image: NDArray[np.uint8], place: Corners, mask: Mask, prior: Prior | None
    ) -> Recognised:
        """The register at a place: the surest of its cuts, as far as the others agree."""
        seen = []
        for wider, taller in CUTS:
            cut = strip(image, place, mask.cells, wider=wider, taller=taller)
            scores = self._reader.read(cut, mask)
            reading = decode(scores, mask, prior)
            seen.append((_sure(reading, scores), reading))
        sure, best = max(seen, key=itemgetter(0))
        agreed = _agreed(best, [reading for _, reading in seen])
        return Recognised(agreed, place, mask, sure * place.sure)

    def _unmasked(self, image: NDArray[np.uint8], place: Corners, kind: Kind | None) -> Recognised:
        """The same where the reader has to say how many cells there are."""
        wider, taller = CUTS[0]
        guessed = self._reader.guess(strip(image, place, _CELLS_USUAL, wider=wider, taller=taller))
        mask = guessed.mask._replace(kind=kind or guessed.mask.kind)
        return self._masked(image, place, mask, None)


def _is_same_place(one: Recognised, other: Recognised) -> bool:
    """Whether both are the same register, the same way up."""
    if one.corners is None or other.corners is None:
        return False
    here, there = one.corners.points, other.corners.points
    return dist(here[0], there[0]) < dist(there[0], there[1]) / 2


def _agreed(best: Reading, others: Iterable[Reading]) -> Reading:
    """The reading with every digit open that others of as many cells show otherwise."""
    all_read = [one for one in others if len(one.cells) == len(best.cells)]
    cells = [
        cell if all(one.cells[place].best == cell.best for one in all_read)
        else cell._replace(digit=None)
        for place, cell in enumerate(best.cells)
    ]  # fmt: skip
    return Reading(tuple(cells))


def _sure(reading: Reading, scores: Scores) -> float:
    """The geometric mean of how sure the digits are, and that there are cells at all."""
    pairs = zip(reading.cells, scores.found.tolist(), strict=True)
    logs = [log(max(cell.sure, 1e-6)) + log(max(found, 1e-3)) for cell, found in pairs]
    return exp(sum(logs) / len(logs))


def _score(seen: Recognised) -> float:
    return seen.score
