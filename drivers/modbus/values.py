"""Modbus registers <-> exact decimals: integers and floats of 16 to 64 bits, in any word order.

Modbus says how one 16-bit register travels (high byte first) and leaves everything wider to the
makers. The common orders are: high word first ("AB CD", the default), low word first ("CD AB":
Carlo Gavazzi, Wiren Board) and either of them with swapped bytes ("BA DC", "DC BA").

An integer is exact. A float is the exact decimal of its bits: rounding it to the register's
resolution is `Register.rounded`'s business. What is not a number gives None.
"""

import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, get_args

Kind = Literal[
    "int16", "uint16", "int32", "uint32", "int48", "uint48", "int64", "uint64", "float32", "float64"
]
Order = Literal["big", "little"]

KINDS: tuple[Kind, ...] = get_args(Kind)


def width(kind: Kind) -> int:
    """How many 16-bit registers a value of `kind` takes."""
    return int(kind.removeprefix("u").lstrip("intfloa")) // 16


def is_float(kind: Kind) -> bool:
    """Whether `kind` is a binary float, whose decimals are rounded."""
    return kind.startswith("float")


def decode(
    words: Sequence[int], kind: Kind, *, word_order: Order = "big", byte_order: Order = "big"
) -> Decimal | None:
    """The number in `words`; None where a float is none. ValueError if the width is another."""
    if len(words) != width(kind):
        raise ValueError(f"a {kind} takes {width(kind)} registers, got {len(words)}")
    data = _reorder(words_to_bytes(words), word_order, byte_order)
    if is_float(kind):
        (number,) = struct.unpack(_FLOATS[kind], data)
        return Decimal(number) if math.isfinite(number) else None
    return Decimal(int.from_bytes(data, "big", signed=kind.startswith("int")))


def encode(
    value: Decimal, kind: Kind, *, word_order: Order = "big", byte_order: Order = "big"
) -> tuple[int, ...]:
    """The registers of `value`, as a meter would send them; a float is the nearest one.

    ValueError where an integer kind cannot hold `value`.
    """
    if is_float(kind):
        data = struct.pack(_FLOATS[kind], float(value))
    else:
        data = _pack_integer(value, kind)
    return bytes_to_words(_reorder(data, word_order, byte_order))


def words_to_bytes(words: Sequence[int]) -> bytes:
    """Registers as they travel, high byte first."""
    return b"".join(word.to_bytes(2, "big") for word in words)


def bytes_to_words(data: bytes) -> tuple[int, ...]:
    """The registers of an even number of bytes."""
    return tuple(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))


def _pack_integer(value: Decimal, kind: Kind) -> bytes:
    number = int(value)
    signed = kind.startswith("int")
    bits = 16 * width(kind)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    if number != value or not low <= number < high:
        raise ValueError(f"{value} does not fit a {kind}")
    return number.to_bytes(bits // 8, "big", signed=signed)


def _reorder(data: bytes, word_order: Order, byte_order: Order) -> bytes:
    """Between wire order and big-endian; the same steps lead both ways."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if word_order == "little":
        words.reverse()
    if byte_order == "little":
        words = [word[::-1] for word in words]
    return b"".join(words)


_FLOATS = {"float32": ">f", "float64": ">d"}
