"""A register as it was read: what people are shown, and what becomes of it. No picture, no nets."""

from typing import NamedTuple


class Cell(NamedTuple):
    """One digit as read: `digit` is None where it is left open.

    `sure` is the calibrated probability, from 0 to 1, of the most likely digit; `best` is that
    digit even where it is left open: for measuring, never for showing.
    """

    digit: int | None
    sure: float
    best: int | None = None


class Reading(NamedTuple):
    """A register as read, from the first digit to the last: as many cells as its mask has."""

    cells: tuple[Cell, ...]

    @property
    def mantissa(self) -> int | None:
        """The value at the mask's decimals; None while any digit is open."""
        return _number([cell.digit for cell in self.cells])

    @property
    def likeliest(self) -> int | None:
        """The value of the most likely digits, open or not: for measuring, never for showing."""
        return _number([cell.best for cell in self.cells])


def _number(digits: list[int | None]) -> int | None:
    value = 0
    for digit in digits:
        if digit is None:
            return None
        value = value * 10 + digit
    return value
