"""The fixed data structure, CI 73h and 77h: two counters and no records (MBDOC48, 6.2).

EN 13757-3 gave it up, meters of the nineties still answer with it. It is decoded into the records
that the two counters would be; nothing encodes it.
"""

from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from drivers.driver import FrameError
from drivers.mbus import media, values
from drivers.mbus.records import Record
from drivers.mbus.values import Datum
from drivers.mbus.vife import RESERVED

LENGTH = 16

_BINARY_BIT = 0x01
_STORED_BIT = 0x02
# Bits 2 to 4 (power low, permanent, temporary error) stand where the variable structure has them;
# bits 0 and 1 mean the counters' coding here and no error.
_STATUS_MASK = 0xFC
_UNIT_MASK = 0x3F
_SAME_BUT_STORED = 0x3E

# Units in steps of ten: first code, how many, quantity, unit, exponent of the first.
_RANGES = (
    (0x02, 9, "energy", "Wh", 0),
    (0x0B, 9, "energy", "J", 3),
    (0x14, 9, "power", "W", 0),
    (0x1D, 9, "power", "J/h", 3),
    (0x26, 9, "volume", "m3", -6),
    (0x2F, 9, "volume-flow", "m3/h", -6),
)
_UNITS = {
    first + step: (quantity, unit, exponent + step)
    for first, count, quantity, unit, exponent in _RANGES
    for step in range(count)
} | {
    0x38: ("temperature", "°C", -3),
    0x39: ("heat-cost-allocation", "HCA", 0),
    0x3F: ("dimensionless", None, 0),
}


class Fixed(NamedTuple):
    """What a fixed structure says."""

    identification: str
    access_number: int
    status: int
    medium: str
    records: tuple[Record, ...]


def decode(body: bytes, *, high_first: bool) -> Fixed:
    """The structure in `body`, of 16 bytes; FrameError for any other length."""
    if len(body) != LENGTH:
        raise FrameError(f"expected {LENGTH} bytes of a fixed structure, got {len(body)}")
    order = -1 if high_first else 1
    status = body[5]
    first, second = body[6] & _UNIT_MASK, body[7] & _UNIT_MASK
    counters = (
        _record(0, first, body[8:12], order, status),
        _record(1, first if second == _SAME_BUT_STORED else second, body[12:], order, status),
    )
    if second == _SAME_BUT_STORED:
        counters = counters[0], replace(counters[1], storage=1)
    return Fixed(
        identification=body[:4][::-order].hex().upper(),
        access_number=body[4],
        status=status & _STATUS_MASK,
        medium=media.fixed_name(body[6] >> 6 | body[7] >> 6 << 2),
        records=counters,
    )


def _record(index: int, unit_code: int, counter: bytes, order: int, status: int) -> Record:
    if status & _BINARY_BIT:
        datum = values.decode_signed(counter[::order])
    else:
        datum = values.decode_bcd(counter[::order])
    quantity, unit, exponent = _UNITS.get(unit_code, (RESERVED, None, 0))
    return Record(
        index=index,
        quantity=quantity,
        value=_value(datum, exponent),
        unit=unit,
        text=datum.text,
        storage=int(bool(status & _STORED_BIT)),
        problem=datum.problem or (RESERVED if quantity == RESERVED else None),
        data=counter,
    )


def _value(datum: Datum, exponent: int) -> Decimal | None:
    """A counter has ten digits at most, far below where scaleb would round."""
    return None if datum.number is None else Decimal(datum.number).scaleb(exponent)
