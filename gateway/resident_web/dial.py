"""A register as people see it on the meter: one cell for each digit, black ones and red ones.

What comes back from a form is read as strictly: black digits all or, from the left, as many as
there are; red ones may be left out from the right, since a claim may be cut off (123 is anything
from 123.000 to 123.999), but not in between.
"""

from decimal import Decimal
from typing import NamedTuple

from gateway.resident_web.ports import Item, NotDone

# As many as a register may have.
CELLS_MAX = 18


class Cell(NamedTuple):
    """A digit's place in a form; `value` is empty while it is open."""

    name: str
    value: str
    red: bool
    first: bool


def shape(item: Item) -> tuple[int, int]:
    """How many digits stand before the point and behind it."""
    red = max(-item.exponent, 0)
    return max(min(item.digits, CELLS_MAX) - red, 1), red


def cells(item: Item, digits: tuple[int | None, ...] | str) -> list[Cell]:
    """The cells of a register, filled as far as `digits` goes; the first open one is marked."""
    whole, red = shape(item)
    shown = ["" if one is None or one == " " else str(one) for one in digits]
    values = (shown + [""] * (whole + red))[: whole + red]
    opened = values.index("") if "" in values else -1
    return [Cell(f"d{i}", one, i >= whole, i == opened) for i, one in enumerate(values)]


def given(item: Item, form: dict[str, str]) -> str:
    """What stands in the cells of a form, a blank for an empty one."""
    whole, red = shape(item)
    found = [form.get(f"d{i}", "").strip() for i in range(whole + red)]
    if any(one and (len(one) > 1 or one not in "0123456789") for one in found):
        raise NotDone("digits", 422)
    return "".join(one or " " for one in found)


def value_of(item: Item, digits: str) -> Decimal:
    """The value of filled cells; NotDone("digits") where one is missing in between."""
    whole, _ = shape(item)
    black, red = digits[:whole].lstrip(), digits[whole:].rstrip()
    if not black or " " in black or " " in red:
        raise NotDone("digits", 422)
    return Decimal(f"{black}.{red}" if red else black)


def parsed(text: str) -> Decimal:
    """A value as our own pages carry it on; NotDone for what they never wrote."""
    whole, point, red = text.partition(".")
    plain = all(part.isascii() and part.isdecimal() for part in (whole, red) if part)
    if not whole or not plain or (point and not red) or len(text) > CELLS_MAX + 1:
        raise NotDone("not_understood")
    return Decimal(text)
