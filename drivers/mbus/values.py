"""The data of a record as exact numbers and text, decode and encode side by side.

A number is a mantissa and a power of ten, never a float. That holds for 32-bit reals too: a real
is a dyadic fraction and every dyadic fraction is a finite decimal, so its *exact* decimal is given
and not the shortest text that would round back to it. 18511.912109375 W is what the meter sent;
18511.912 W would be a guess at what it meant. (libmbus prints the exact value to six places, which
is how the choice is checked.)

Types are those of EN 13757-3:2018, annex A. What a type declares invalid becomes a problem.
"""

import struct
from decimal import Decimal
from typing import NamedTuple

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

TEXT_LENGTH_MAX = 0xBF
_POSITIVE_BCD = 0xC0
_NEGATIVE_BCD = 0xD0
_BINARY = 0xE0
# Long binary data, with irregular steps (table 5): keys, certificates, never a number.
_LONG_BINARY = {0xF0: 16, 0xF1: 20, 0xF2: 24, 0xF3: 28, 0xF4: 32, 0xF5: 48, 0xF6: 64}

_REAL_FRACTION_BITS = 23
_REAL_BIAS = 127


class Number(NamedTuple):
    """`mantissa` times ten to the `exponent`, exactly."""

    mantissa: int
    exponent: int = 0


class Datum(NamedTuple):
    """What the data says: a number, a time or a text, or a problem why it says nothing."""

    number: Number | None = None
    time: str | None = None
    text: str | None = None
    problem: str | None = None


def decode(field: int, data: bytes, kind: Kind) -> Datum:
    """The datum in `data`, which starts with the LVAR byte where `field` is VARIABLE."""
    if field in {NO_DATA, SELECTION}:
        return Datum(problem="no-data")
    if kind is Kind.OPAQUE:
        return Datum(text=data.hex().upper())
    if kind is Kind.TIME:
        return _decode_time(field, data)
    return _decode_variable(data, kind) if field == VARIABLE else _decode_number(field, data, kind)


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
    mantissa = _integral(datum.number)
    if field in BCDS:
        return encode_bcd(mantissa, BCDS[field])
    return _encode_integer(mantissa, INTEGERS[field], kind)


def decode_integer(data: bytes, kind: Kind) -> Datum:
    """Types B, C and D. The most negative number of type B is its mark for "invalid"."""
    if kind is Kind.UNSIGNED:
        return Datum(Number(int.from_bytes(data, "little")))
    value = int.from_bytes(data, "little", signed=True)
    if data and value == -(1 << (8 * len(data) - 1)):
        return Datum(text="invalid", problem="no-data")
    return Datum(Number(value))


def decode_bcd(data: bytes) -> Datum:
    """Type A: two digits a byte; Fh in front is a minus, any other hex digit an error code.

    Meters show such codes on their displays (EEEE, bbbb); the digits are kept as text.
    """
    digits = data[::-1].hex().upper()
    sign, magnitude = (-1, digits[1:]) if digits.startswith("F") else (1, digits)
    if not magnitude.isdecimal():
        return Datum(text=digits or None, problem="invalid-bcd")
    return Datum(Number(sign * int(magnitude)))


def encode_bcd(value: int, length: int) -> bytes:
    """Type A in `length` bytes."""
    width = 2 * length - (value < 0)
    digits = f"{abs(value):0{width}d}"
    if len(digits) > width:
        raise ValueError(f"{value} has more than {width} digits")
    return bytes.fromhex(("F" if value < 0 else "") + digits)[::-1]


def decode_real(data: bytes) -> Datum:
    """Type H, IEEE 754 binary32, exact. NaN and the infinities are "not-a-number"."""
    bits = int.from_bytes(data, "little")
    sign = -1 if bits >> 31 else 1
    biased = bits >> _REAL_FRACTION_BITS & 0xFF
    fraction = bits & (1 << _REAL_FRACTION_BITS) - 1
    if biased == 0xFF:
        return Datum(problem="not-a-number")
    if biased:
        fraction |= 1 << _REAL_FRACTION_BITS
    power = max(biased, 1) - _REAL_BIAS - _REAL_FRACTION_BITS
    return Datum(_dyadic(sign * fraction, power))


def encode_real(number: Number) -> bytes:
    """Type H, the nearest binary32."""
    try:
        return struct.pack("<f", float(Decimal(number.mantissa).scaleb(number.exponent)))
    except OverflowError as error:
        raise ValueError(f"{number} is too large for a 32-bit real") from error


def variable_length(lvar: int) -> int:
    """How many bytes follow the LVAR byte (table 5); FrameError where it is reserved."""
    if lvar <= TEXT_LENGTH_MAX:
        return lvar
    if lvar < 0xF0:
        return lvar & 0x0F
    if lvar not in _LONG_BINARY:
        raise FrameError(f"the length byte {lvar:02X}h of a variable-length record is reserved")
    return _LONG_BINARY[lvar]


def _decode_number(field: int, data: bytes, kind: Kind) -> Datum:
    if field == REAL32:
        return decode_real(data)
    return decode_bcd(data) if field in BCDS else decode_integer(data, kind)


def _decode_time(field: int, data: bytes) -> Datum:
    """Types F, G, I, J; other lengths have no type, so the record keeps its bytes as text."""
    if field not in INTEGERS or len(data) not in times.LENGTHS:
        return Datum(text=data.hex().upper(), problem="reserved")
    time, text = times.decode(data)
    return Datum(time=time, text=text, problem=None if time else "no-data")


def _decode_variable(data: bytes, kind: Kind) -> Datum:
    lvar, content = data[0], data[1:]
    if lvar <= TEXT_LENGTH_MAX:
        # The last character comes first, as with every other multi-byte datum.
        return Datum(text=content[::-1].decode("latin-1"))
    if lvar in _LONG_BINARY:
        return Datum(text=content[::-1].hex().upper())
    if not content:
        return Datum(problem="no-data")
    if lvar >= _BINARY:
        return decode_integer(content, kind)
    digits = content[::-1].hex().upper()
    if not digits.isdecimal():
        return Datum(text=digits, problem="invalid-bcd")
    return Datum(Number(int(digits) if lvar < _NEGATIVE_BCD else -int(digits)))


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


def _integral(number: Number) -> int:
    """The integer that `number` is; ValueError for one with a fraction."""
    if number.exponent >= 0:
        return number.mantissa * int(10**number.exponent)
    whole, rest = divmod(number.mantissa, int(10**-number.exponent))
    if rest:
        raise ValueError(f"{number.mantissa}e{number.exponent} is finer than the record's scale")
    return whole


def _dyadic(mantissa: int, power_of_two: int) -> Number:
    """`mantissa` times two to `power_of_two` as a decimal without a needless digit."""
    while power_of_two < 0 and mantissa % 2 == 0 and mantissa:
        mantissa //= 2
        power_of_two += 1
    if not mantissa:
        return Number(0)
    if power_of_two >= 0:
        return Number(mantissa << power_of_two)
    return Number(mantissa * int(5**-power_of_two), power_of_two)
