"""What is known of a register before it is looked at: its kind, its digits, and where it may stand.

A mask says how many digits a register shows and how many of them stand behind the point: "5+3" are
five black wheels and three red ones. A prior says where the register may stand now: from the last
accepted value to the highest its meter can have reached.
"""

import re
from enum import StrEnum
from typing import NamedTuple, Self

# The widest register in the catalogue has nine digits; one more leaves room, and no mask of a
# stranger can make the decoder work without end.
CELLS_MAX = 10
_MASK = re.compile(r"([1-9]|10)(?:\+([0-9]))?", re.ASCII)


class Kind(StrEnum):
    """How a register shows its digits."""

    ODOMETER = "odometer"
    LCD = "lcd"


class Mask(NamedTuple):
    """The digits of a register: `whole` before the point, `decimals` behind it."""

    kind: Kind
    whole: int
    decimals: int

    @classmethod
    def of(cls, text: str, kind: Kind) -> Self:
        """The mask written "5+3" or "6".

        ValueError where it is not, or where there are more than CELLS_MAX digits.
        """
        match = _MASK.fullmatch(text)
        if match is None:
            said = 'a mask is digits before and behind the point, "5+3"'
            raise ValueError(f"{said}, not {text[:40]!r}")
        whole, decimals = int(match[1]), int(match[2] or 0)
        if whole + decimals > CELLS_MAX:
            raise ValueError(f"a mask has at most {CELLS_MAX} digits, {text!r} has more")
        return cls(kind, whole, decimals)

    def __str__(self) -> str:
        return f"{self.whole}+{self.decimals}" if self.decimals else str(self.whole)

    @property
    def cells(self) -> int:
        """How many digits there are."""
        return self.whole + self.decimals


class Prior(NamedTuple):
    """Where a register may stand, both ends included, as mantissas at the mask's decimals.

    `most` below `last` says that the register may have passed its end between the two.
    """

    last: int
    most: int
