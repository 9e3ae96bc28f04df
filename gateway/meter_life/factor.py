"""Factors: what a register's values are multiplied by, exactly, so that lines add up.

Behind current and voltage transformers a meter shows a part of what flows (×40), a pulse counter
shows pulses (×1/3200 kWh). A factor is a decimal or a fraction of whole numbers, never a float.

Not the difference of two values is rounded but each *position*: ``volume(x) = ⌊x · factor⌋`` at
the register's exponent. Whatever the positions a register's way is cut at, the parts then add up
to the whole exactly; rounded differences would not. A full turn of the register counts as
``⌊10^digits · factor⌋``, the same for every turn.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

# 110 kV / 100 V times 2000 A / 5 A is 440 000; pulses go to 100 000 per unit.
PART_MAX: Final = 10_000_000
_DECIMAL = re.compile(r"[0-9]{1,8}([.,][0-9]{1,6})?")
_FRACTION = re.compile(r"([0-9]{1,8})/([0-9]{1,8})")
EXPECTED: Final = f"a factor like 40, 1.5 or 1/3200, above 0, with parts of at most {PART_MAX} each"
ONE: Final = "1"


@lru_cache(maxsize=4096)
def parse(text: str) -> Fraction:
    """The factor in `text`; ValueError for anything else."""
    match = _FRACTION.fullmatch(text)
    if match is not None and int(match[2]):
        found = Fraction(int(match[1]), int(match[2]))
    elif _DECIMAL.fullmatch(text):
        found = Fraction(text.replace(",", "."))
    else:
        raise ValueError(f"expected {EXPECTED}, got {text!r}")
    if not found or max(found.numerator, found.denominator) > PART_MAX:
        raise ValueError(f"expected {EXPECTED}, got {text!r}")
    return found


def canonical(text: str) -> str:
    """`text` in its one form: lowest terms, a whole number or a fraction."""
    return str(parse(text))


def volume(mantissa: int, factor: str) -> int:
    """Where a register that shows `mantissa` stands in units that are billed."""
    if factor == ONE:
        return mantissa
    exact = parse(factor)
    return mantissa * exact.numerator // exact.denominator


def used(before: int, after: int, *, turns: int, digits: int, factor: str) -> int:
    """What was used on the way from one value to another with `turns` over the last digit."""
    way = volume(after, factor) - volume(before, factor)
    return way + turns * volume(10**digits, factor)
