"""The header before a telegram's records: who the meter is, how it is, how the rest is coded.

The CI field says which of three headers stands there (EN 13757-7:2018, table 2): the long one with
the meter's identity, the short one without, or none. CI 76h is the long one with every multi-byte
number high byte first.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

from drivers.driver import FrameError
from drivers.mbus import media

LONG = 0x72
LONG_HIGH_FIRST = 0x76
SHORT = 0x7A
NONE = 0x78
LENGTHS = {LONG: 12, LONG_HIGH_FIRST: 12, SHORT: 4, NONE: 0}

IDENTITY_LENGTH = 8
_SHORT_LENGTH = 4
# One entry per meter of a line and its neighbours; a bus carries 250.
_IDENTITIES_KEPT = 1024


class Identity(NamedTuple):
    """Who a meter is: the four fields of its secondary address.

    `identification` is the meter's eight digits (hexadecimal ones if it sends such), the
    `manufacturer` three letters as registered with the FLAG association, `medium` a word of
    `media`.
    """

    identification: str
    manufacturer: str
    version: int
    medium: str


NOBODY = Identity("00000000", "@@@", 0, media.OTHER)
"""The identity of eight zero bytes."""


class Header(NamedTuple):
    """What stands before the records; None for what the layout has no place for."""

    identity: Identity | None = None
    access_number: int | None = None
    status: int | None = None
    configuration: int | None = None


def parse(ci: int, body: bytes) -> Header:
    """The header that opens `body` under this CI field; FrameError where it ends early."""
    length = LENGTHS[ci]
    if len(body) < length:
        raise FrameError(f"expected a header of {length} bytes, got {len(body)}")
    if not length:
        return Header()
    at = length - _SHORT_LENGTH
    low, high = (at + 3, at + 2) if ci == LONG_HIGH_FIRST else (at + 2, at + 3)
    identity = parse_identity(body[:at], byte_order(ci)) if at else None
    return Header(identity, body[at], body[at + 1], body[low] | body[high] << 8)


def encode(ci: int, header: Header) -> bytes:
    """The header that `ci` asks for; what `header` has no value for is zero."""
    short = bytes((header.access_number or 0, header.status or 0))
    short += (header.configuration or 0).to_bytes(2, byte_order(ci))
    whole = encode_identity(header.identity or NOBODY, byte_order(ci)) + short
    return whole[len(whole) - LENGTHS[ci] :]


def byte_order(ci: int) -> Literal["big", "little"]:
    """How numbers of more than one byte are sent."""
    return "big" if ci == LONG_HIGH_FIRST else "little"


@lru_cache(maxsize=_IDENTITIES_KEPT)
def parse_identity(data: bytes, order: Literal["big", "little"]) -> Identity:
    """The identity in the eight bytes of a secondary address."""
    return Identity(
        identification=f"{int.from_bytes(data[:4], order):08X}",
        manufacturer=_letters(int.from_bytes(data[4:6], order)),
        version=data[6],
        medium=media.name(data[7]),
    )


def encode_identity(identity: Identity, order: Literal["big", "little"] = "little") -> bytes:
    """The eight bytes of a secondary address; ValueError for what is no identity."""
    number = int(identity.identification, 16).to_bytes(4, order)
    manufacturer = _number(identity.manufacturer).to_bytes(2, order)
    return number + manufacturer + bytes((identity.version, media.code(identity.medium)))


def _letters(number: int) -> str:
    """Three letters in five bits each, A being 1 (EN 13757-7:2018, 7.5.2).

    Bit 15 says that the identification is unique only on its bus; it is no part of the name.
    """
    return "".join(chr(64 + (number >> shift & 31)) for shift in (10, 5, 0))


def _number(letters: str) -> int:
    if len(letters) != 3 or not all(64 <= ord(letter) < 96 for letter in letters):
        raise ValueError(f"expected a manufacturer of three capitals, got {letters!r}")
    high, middle, low = (ord(letter) - 64 for letter in letters)
    return high << 10 | middle << 5 | low
