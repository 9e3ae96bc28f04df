"""Secondary addresses: naming an M-Bus meter by its identification instead of its place.

A secondary address is the first eight bytes of a meter's header. As text it is 16 hexadecimal
digits: eight of the identification as printed on the meter, four of the manufacturer in the order
they are sent (low byte first), two of the version, two of the medium. An address with wildcards is
a *mask*: F stands for any digit of the identification, FF for any of the other bytes
(EN 13757-7:2018, 8.4). Eight digits alone leave the rest open.

A master selects by sending the mask; the meters it fits answer E5h and from then on are also
reached at primary address 253, all others are deselected. Meters that send high bytes first are
selected with a CI field of their own.
"""

import re

from drivers.mbus import frame, header
from drivers.mbus.frame import Long

ANY = "F" * 16
ID_DIGITS = 8
DIGITS = 16

_SELECT = 0x52
_SELECT_HIGH_FIRST = 0x56
_BYTES = 8
_TEXT = re.compile(r"(?:[0-9A-F]{8}){1,2}")
# The fixed structure begins with the identification alone (MBDOC48, 6.2).
_FIXED, _FIXED_HIGH_FIRST = 0x73, 0x77


def parse(text: str) -> str:
    """The mask that `text` means, 16 capital digits; ValueError if it means none."""
    mask = text.strip().upper()
    if _TEXT.fullmatch(mask) is None:
        raise ValueError(
            "expected a secondary address of 8 hexadecimal digits (the identification) or 16 "
            f"(identification, manufacturer, version, medium), got {text!r}"
        )
    return mask.ljust(DIGITS, "F")


def select(mask: str, *, high_first: bool = False) -> bytes:
    """The frame that selects every meter `mask` fits, and deselects all others."""
    ci = _SELECT_HIGH_FIRST if high_first else _SELECT
    return frame.long(frame.SND_UD, frame.ADDRESS_NETWORK, ci, _sent(mask, high_first=high_first))


def mask_of(one: Long) -> tuple[str, bool] | None:
    """The mask in a select frame, and whether it is for meters that send high bytes first."""
    if one.ci not in {_SELECT, _SELECT_HIGH_FIRST} or len(one.body) < _BYTES:
        return None
    high_first = one.ci == _SELECT_HIGH_FIRST
    return _read(one.body, high_first=high_first), high_first


def is_high_first(ci: int) -> bool:
    """Whether a meter that answers so is selected as one that sends high bytes first."""
    return ci in {header.LONG_HIGH_FIRST, _FIXED_HIGH_FIRST}


def of(one: Long) -> str | None:
    """The secondary address of the meter that answered `one`; None where the answer bears none.

    The old fixed structure tells the identification only: the rest of its address is wildcards.
    """
    if one.ci in {_FIXED, _FIXED_HIGH_FIRST} and len(one.body) >= _BYTES // 2:
        identification = one.body[: _BYTES // 2] + b"\xff" * (_BYTES // 2)
        address = _read(identification, high_first=one.ci == _FIXED_HIGH_FIRST)
        return address[:ID_DIGITS].ljust(DIGITS, "F")
    if one.ci not in {header.LONG, header.LONG_HIGH_FIRST}:
        return None
    if len(one.body) < _BYTES:
        return None
    return _read(one.body, high_first=one.ci == header.LONG_HIGH_FIRST)


def fits(mask: str, address: str) -> bool:
    """Whether a meter with that address takes `mask` for its own."""
    digits = zip(mask[:ID_DIGITS], address[:ID_DIGITS], strict=True)
    if not all(wanted in {"F", digit} for wanted, digit in digits):
        return False
    pairs = (slice(at, at + 2) for at in range(ID_DIGITS, DIGITS, 2))
    return all(mask[pair] in {"FF", address[pair]} or address[pair] == "FF" for pair in pairs)


def _sent(mask: str, *, high_first: bool) -> bytes:
    data = bytes.fromhex(mask)
    # As text the identification stands high byte first, the manufacturer low byte first.
    identification, maker, rest = data[:4], data[4:6], data[6:]
    if high_first:
        return identification + maker[::-1] + rest
    return identification[::-1] + maker + rest


def _read(sent: bytes, *, high_first: bool) -> str:
    identification, maker, rest = sent[:4], sent[4:6], sent[6:_BYTES]
    if high_first:
        maker = maker[::-1]
    else:
        identification = identification[::-1]
    return (identification + maker + rest).hex().upper()
