"""A value information block read as one meaning: quantity, unit, scale, and how to read the data.

The chain of VIFEs (EN 13757-3:2018, 6.4) is followed to its end. Every correction factor counts,
wherever in the chain it stands; a qualifier such as "only negative contributions" makes another
quantity of it, never another value of the same one; and 7Fh hands the rest to the manufacturer.
"""

from typing import NamedTuple

from drivers.mbus import plain_text, vif, vife
from drivers.mbus.vif import Kind, Vif
from drivers.mbus.vife import RESERVED, Vife

EXTENSION = 0x80
CODE = 0x7F

PLAIN_TEXT = 0x7C
_MANUFACTURER = 0x7F
_FIRST_EXTENSION = 0xFB
_SECOND_EXTENSION = 0xFD
# Announced as a third table and never filled: the code behind it is no VIFE (6.4.1).
_THIRD_EXTENSION = 0xEF

MANUFACTURER_SPECIFIC = "manufacturer-specific"

_EXTENSIONS: dict[int, vif.Table] = {
    _FIRST_EXTENSION: vif.FIRST_EXTENSION,
    _SECOND_EXTENSION: vif.SECOND_EXTENSION,
    _THIRD_EXTENSION: {},
}


class Meaning(NamedTuple):
    """What the data of a record says: data times `factor` times ten to `exponent`, plus `offset`.

    `offset` is the exponent of a power of ten, times `factor` too, that is added; None for none.
    A `problem` stands against the value; `remark` explains it.
    """

    quantity: str
    unit: str | None = None
    exponent: int = 0
    factor: int = 1
    kind: Kind = Kind.SIGNED
    offset: int | None = None
    problem: str | None = None
    remark: str | None = None


def read(vib: bytes) -> Meaning:
    """The meaning of a complete VIB; unknown codes give problem `reserved`, nothing raises."""
    meaning, vifes = _head(vib)
    codes = iter(vifes)
    for extended in codes:
        code = extended & CODE
        if code == vife.MANUFACTURER:
            # VIF and factors before it keep their meaning: that is how meters use it in the field.
            return _qualified(meaning, _manufacturer(bytes(codes)))
        if code == vife.EXTENSION_OF_VIFES:
            code = next(codes, 0) & CODE
            meaning = _changed(meaning, code, vife.COMBINABLE_LEVEL_2.get(code))
        else:
            meaning = _changed(meaning, code, vife.COMBINABLE.get(code))
    return meaning


def _head(vib: bytes) -> tuple[Meaning, bytes]:
    """The meaning of the VIF itself, and the VIFEs that follow it."""
    first = vib[0]
    if first == _SECOND_EXTENSION and vib[1] == _SECOND_EXTENSION:
        return _looked_up(vif.SECOND_EXTENSION_LEVEL_2, vib[2]), vib[3:]
    if first in _EXTENSIONS:
        return _looked_up(_EXTENSIONS[first], vib[1]), vib[2:]
    if first & CODE == PLAIN_TEXT:
        return _plain_text(vib)
    if first & CODE == _MANUFACTURER:
        return Meaning(_manufacturer(vib[1:]), problem=MANUFACTURER_SPECIFIC), b""
    return _looked_up(vif.PRIMARY, first), vib[1:]


def _plain_text(vib: bytes) -> tuple[Meaning, bytes]:
    """A unit spelled out, its last character transmitted first (EN 13757-3:2018, C.2)."""
    found = plain_text.read(vib, 0)
    return Meaning("plain-text", found.unit[::-1].decode("latin-1") or None), found.vifes


def _manufacturer(codes: bytes) -> str:
    return f"{MANUFACTURER_SPECIFIC} {codes.hex().upper()}".rstrip()


def _looked_up(table: vif.Table, code: int) -> Meaning:
    found: Vif | None = table.get(code & CODE)
    return Meaning(RESERVED, problem=RESERVED) if found is None else Meaning(*found)


def _changed(meaning: Meaning, code: int, by: Vife | None) -> Meaning:
    """`meaning` under one more VIFE; a reserved code makes the value unusable, not the record."""
    if by is None:
        return _qualified(meaning, f"{RESERVED}-{code:02X}")._replace(problem=RESERVED)
    if by.becomes is not None:
        meaning = Meaning(
            meaning.quantity, *by.becomes[1:], problem=meaning.problem, remark=meaning.remark
        )
    if by.per:
        meaning = meaning._replace(unit=(meaning.unit or "1") + by.per)
    meaning = meaning._replace(
        exponent=meaning.exponent + by.exponent,
        offset=meaning.offset if by.offset is None else by.offset,
        kind=by.kind or meaning.kind,
        problem=by.problem or meaning.problem,
        remark=by.remark or meaning.remark,
    )
    return _qualified(meaning, by.word)


def _qualified(meaning: Meaning, word: str) -> Meaning:
    return meaning._replace(quantity=f"{meaning.quantity} {word}".rstrip())
