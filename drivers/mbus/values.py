"""The data of a record as exact numbers, times and text, decode and encode side by side.

Which of the two dozen readings a data field has is known from the field and the kind of its VIF
alone, so `decoder` chooses once and hands out a function of the bytes; a meter sends the same
blocks every time and `records` keeps the choice.

A number is an integer or an exact decimal, never a float. That holds for 32-bit reals too: a real
is a dyadic fraction and every dyadic fraction is a finite decimal, so its *exact* decimal is given
and not the shortest text that would round back to it. 18511.912109375 W is what the meter sent;
18511.912 W would be a guess at what it meant. (libmbus prints the exact value to six places, which
is how the choice is checked.)

Types are those of EN 13757-3:2018, annex A. What a type declares invalid becomes a problem.
"""

import struct
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation

from msgspec import Struct

from drivers.driver import FrameError
from drivers.mbus import times
from drivers.mbus.vif import Kind

# The data field, the low four bits of a DIF (6.3.3), and how many bytes of data each one has.
NO_DATA = 0x0
REAL32 = 0x5
SELECTION = 0x8
VARIABLE = 0xD
SPECIAL = 0xF
INTEGERS = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8}
BCDS = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
LENGTHS = {NO_DATA: 0, REAL32: 4, SELECTION: 0} | INTEGERS | BCDS

# LVAR, the byte that opens variable data (6.3.3, table 5), by ranges. The standard ends the BCD
# ranges at C9h and D9h; the documentation before it went on to CFh and DFh, and so does this codec.
TEXT_LENGTH_MAX = 0xBF
_POSITIVE_BCD = 0xC0
_NEGATIVE_BCD = 0xD0
_BINARY = 0xE0
_LONG = 0xF0
# From F0h to F4h in steps of four bytes, then 48 and 64: keys, certificates, never a number.
_LONG_BINARY = {0xF0: 16, 0xF1: 20, 0xF2: 24, 0xF3: 28, 0xF4: 32, 0xF5: 48, 0xF6: 64}

# The last place of a real is 10^-149, and a VIF with ten factors moves it by 10^-72 at most; from
# there up to the largest real with ten factors of a thousand are fewer than 400 places. Nothing is
# ever rounded in this context, it would raise.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation])

_REAL = struct.Struct("<f")


class Datum(Struct, frozen=True, gc=False):
    """What the data says: a number, a time or a text, or a problem why it says nothing."""

    number: int | Decimal | None = None
    time: str | None = None
    text: str | None = None
    problem: str | None = None


Decoder = Callable[[bytes], Datum]

_NOTHING = Datum(problem="no-data")
_INVALID = Datum(text="invalid", problem="no-data")
_NOT_A_NUMBER = Datum(problem="not-a-number")


def decoder(field: int, kind: Kind) -> Decoder:
    """How data of this field and kind is read; variable data starts with its LVAR byte."""
    if field in {NO_DATA, SELECTION}:
        return _decode_nothing
    if kind is Kind.OPAQUE:
        return _decode_container if field == VARIABLE else _decode_opaque
    if kind is Kind.TIME:
        return _decode_time if field in INTEGERS else _decode_no_time
    return _number_decoder(field, unsigned=kind is Kind.UNSIGNED)


def _number_decoder(field: int, *, unsigned: bool) -> Decoder:
    if field == VARIABLE:
        return _decode_unsigned_variable if unsigned else _decode_signed_variable
    if field == REAL32:
        return decode_real
    if field in BCDS:
        return decode_bcd
    return decode_unsigned if unsigned else decode_signed


def encode(field: int, kind: Kind, datum: Datum) -> bytes:
    """The data of `datum`; ValueError where `field` cannot hold it."""
    if datum.time is not None:
        return times.encode(datum.time, LENGTHS[field], summer=datum.text == times.SUMMER)
    if field == VARIABLE:
        return _encode_variable(datum)
    if field in {NO_DATA, SELECTION}:
        return b""
    if datum.number is None:
        raise ValueError(f"expected a number for the data field {field:X}h, got none")
    if field == REAL32:
        return encode_real(datum.number)
    whole = _integral(datum.number)
    if field in BCDS:
        return encode_bcd(whole, BCDS[field])
    return _encode_integer(whole, INTEGERS[field], kind)


def decode_signed(data: bytes) -> Datum:
    """Type B. The most negative number is its mark for "invalid"."""
    value = int.from_bytes(data, "little", signed=True)
    if value < 0 and value == -(1 << (8 * len(data) - 1)):
        return _INVALID
    return Datum(value)


def decode_unsigned(data: bytes) -> Datum:
    """Types C and D."""
    return Datum(int.from_bytes(data, "little"))


def decode_bcd(data: bytes) -> Datum:
    """Type A: two digits a byte; Fh in front is a minus, any other hex digit an error code.

    Meters show such codes on their displays (EEEE, bbbb); the digits are kept as text.
    """
    digits = data[::-1].hex()
    if digits.isdecimal():
        return Datum(int(digits))
    if digits.startswith("f") and digits[1:].isdecimal():
        return Datum(-int(digits[1:]))
    return Datum(text=digits.upper() or None, problem="invalid-bcd")


def encode_bcd(value: int, length: int) -> bytes:
    """Type A in `length` bytes."""
    width = 2 * length - (value < 0)
    digits = f"{abs(value):0{width}d}"
    if len(digits) > width:
        raise ValueError(f"{value} has more than {width} digits")
    return bytes.fromhex(("F" if value < 0 else "") + digits)[::-1]


def decode_real(data: bytes) -> Datum:
    """Type H, IEEE 754 binary32, exact. NaN and the infinities are "not-a-number"."""
    (real,) = _REAL.unpack(data)
    value = Decimal(real)
    if not value.is_finite():
        return _NOT_A_NUMBER
    # Minus zero is no other reading than zero.
    return Datum(value or 0)


def encode_real(number: int | Decimal) -> bytes:
    """Type H, the nearest binary32."""
    try:
        return _REAL.pack(float(number))
    except OverflowError as error:
        raise ValueError(f"{number} is too large for a 32-bit real") from error


def variable_length(lvar: int) -> int:
    """How many bytes follow the LVAR byte (table 5); FrameError where it is reserved."""
    if lvar <= TEXT_LENGTH_MAX:
        return lvar
    if lvar < _LONG:
        return lvar & 0x0F
    if lvar not in _LONG_BINARY:
        raise FrameError(f"the length byte {lvar:02X}h of a variable-length record is reserved")
    return _LONG_BINARY[lvar]


def _decode_nothing(_data: bytes) -> Datum:
    return _NOTHING


def _decode_opaque(data: bytes) -> Datum:
    return Datum(text=data.hex().upper())


def _decode_container(data: bytes) -> Datum:
    """What a container holds, in the order of the wire, without the byte that says how much."""
    return _decode_opaque(data[1:])


def _decode_time(data: bytes) -> Datum:
    """Types F, G, I, J; other lengths have no type, so the record keeps its bytes as text."""
    if len(data) not in times.LENGTHS:
        return _decode_no_time(data)
    time, text = times.decode(data)
    return Datum(None, time, text, None if time else "no-data")


def _decode_no_time(data: bytes) -> Datum:
    """Among them type M, of variable length, which no meter within reach sends to check against."""
    return Datum(text=data.hex().upper(), problem="reserved")


def _decode_signed_variable(data: bytes) -> Datum:
    return _decode_variable(data, decode_signed)


def _decode_unsigned_variable(data: bytes) -> Datum:
    return _decode_variable(data, decode_unsigned)


def _decode_variable(data: bytes, decode_binary: Decoder) -> Datum:
    lvar, content = data[0], data[1:]
    if lvar <= TEXT_LENGTH_MAX:
        # The last character comes first, as with every other multi-byte datum.
        return Datum(text=content[::-1].decode("latin-1"))
    if lvar >= _LONG:
        return Datum(text=content[::-1].hex().upper())
    if not content:
        return _NOTHING
    if lvar >= _BINARY:
        return decode_binary(content)
    digits = content[::-1].hex().upper()
    if not digits.isdecimal():
        return Datum(text=digits, problem="invalid-bcd")
    return Datum(int(digits) if lvar < _NEGATIVE_BCD else -int(digits))


def _encode_variable(datum: Datum) -> bytes:
    """Text as it is, numbers as BCD of the fewest bytes."""
    if datum.number is None:
        content = (datum.text or "").encode("latin-1")[::-1]
        if len(content) > TEXT_LENGTH_MAX:
            raise ValueError(f"expected at most {TEXT_LENGTH_MAX} characters, got {len(content)}")
        return bytes((len(content),)) + content
    value = _integral(datum.number)
    length = (len(str(abs(value))) + 1) // 2
    if length > 0x0F:
        raise ValueError(f"{value} has more than 30 digits")
    lead = _NEGATIVE_BCD if value < 0 else _POSITIVE_BCD
    return bytes((lead + length,)) + encode_bcd(abs(value), length)


def _encode_integer(value: int, length: int, kind: Kind) -> bytes:
    try:
        return value.to_bytes(length, "little", signed=kind is not Kind.UNSIGNED)
    except OverflowError as error:
        raise ValueError(f"{value} does not fit into {length} bytes") from error


def _integral(number: int | Decimal) -> int:
    """The integer that `number` is; ValueError for one with a fraction."""
    whole = int(number)
    if whole != number:
        raise ValueError(f"{number} is finer than the record's scale")
    return whole
