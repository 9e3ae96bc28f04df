"""What a master hears when several meters answer at once.

On M-Bus a meter sends a space by drawing more current, and a master sees only whether anybody
does: the wires are an AND over all who send. Answers that begin at different moments overlap at
any bit, so they are laid over one another as bits of characters and read back as a receiver does,
which looks for the next start bit and takes what follows.

Two meters that acknowledge at the same instant therefore look like one, and almost everything else
comes out as bytes that neither of them sent.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

# M-Bus sends start, eight data bits from the lowest up, even parity, stop (EN 13757-2, 5.3).
CHARACTER_BITS = 11
_DATA_BITS = 8
_SPACE, _MARK = "1", "0"


class Sent(NamedTuple):
    """Bytes of one meter and the bit at which it begins to send them."""

    at_bit: int
    data: bytes


def heard(sent: Sequence[Sent]) -> bytes:
    """The bytes that arrive when all of `sent` share the wires."""
    if len(sent) == 1:
        return sent[0].data
    ends = [one.at_bit + CHARACTER_BITS * len(one.data) for one in sent]
    length = max(ends, default=0)
    spaces = 0
    for one, end in zip(sent, ends, strict=True):
        spaces |= int("0" + "".join(map(_character, one.data)), 2) << (length - end)
    return _received(f"{spaces:0{length}b}" if length else "")


def _received(bits: str) -> bytes:
    """Characters from the first start bit on; what parity and stop say is not looked at."""
    found = bytearray()
    start = bits.find(_SPACE)
    while start >= 0:
        data = bits[start + 1 : start + 1 + _DATA_BITS].ljust(_DATA_BITS, _MARK)
        found.append(int(data[::-1], 2) ^ 0xFF)
        start = bits.find(_SPACE, start + CHARACTER_BITS)
    return bytes(found)


@cache
def _character(byte: int) -> str:
    """The bits of one character in the order of time; a data bit of 1 is a mark."""
    data = "".join(_MARK if byte >> bit & 1 else _SPACE for bit in range(_DATA_BITS))
    parity = _SPACE if byte.bit_count() % 2 == 0 else _MARK
    return _SPACE + data + parity + _MARK
