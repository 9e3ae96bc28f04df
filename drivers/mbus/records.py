"""Data records: DIB, VIB and data, cut out of a telegram and put back together.

A record is a data information block (how the data is coded, and which storage, tariff, subunit
and kind of value it is), a value information block (what it means) and the data itself
(EN 13757-3:2018, 6.2). Records follow one another without a count or separator, so a record that
cannot be cut out (an endless chain, data past the end) leaves no way to find the next one: that is
a FrameError. A record that can be cut out but not understood is kept, with its problem.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from drivers.driver import FrameError
from drivers.mbus import values, vib
from drivers.mbus.values import Datum, Number
from drivers.mbus.vib import EXTENSION, MANUFACTURER_SPECIFIC, Meaning

MANUFACTURER_DATA = 0x0F
MORE_FOLLOWS = 0x1F
_FILLER = 0x2F
# EN 13757-3:2018, 6.3.5 and 6.4.4: at most ten of either.
EXTENSIONS_MAX = 10

FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One data record. `value` is exact and in `unit`, every multiplier applied.

    `dib`, `vib` and `data` are the bytes it was read from; `data` starts with its length byte
    where it has one. A `problem` is one word why `value`, `time` or `text` may not be used as
    they are, None if they may.
    """

    index: int
    quantity: str
    value: Decimal | None = None
    unit: str | None = None
    time: str | None = None
    text: str | None = None
    function: str = FUNCTIONS[0]
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    problem: str | None = None
    dib: bytes = b""
    vib: bytes = b""
    data: bytes = b""

    @property
    def raw(self) -> str:
        """All bytes of the record in hexadecimal."""
        return (self.dib + self.vib + self.data).hex().upper()


def decode(body: bytes, *, high_first: bool = False) -> tuple[Record, ...]:
    """The records of a telegram's user data; FrameError where they cannot be cut apart."""
    return tuple(
        _decoded(index, *blocks, high_first=high_first)
        for index, blocks in enumerate(_cut(_Reader(body)))
    )


def encode(records: Iterable[Record]) -> bytes:
    """The user data that holds `records`, without filler."""
    return b"".join(record.dib + record.vib + record.data for record in records)


def build(
    dib: bytes,
    vib_: bytes,
    *,
    index: int = 0,
    value: Decimal | None = None,
    time: str | None = None,
    text: str | None = None,
) -> Record:
    """The record that says `value`, `time` or `text` under the given blocks.

    ValueError where its data field cannot hold it: too large, or finer than the VIF's scale.
    """
    meaning = vib.read(vib_)
    number = None if value is None else _unscaled(value, meaning)
    data = values.encode(dib[0] & 0x0F, meaning.kind, Datum(number, time, text))
    return _decoded(index, dib, vib_, data)


def manufacturer_data(data: bytes, *, index: int = 0, more_follows: bool = False) -> Record:
    """The record that ends a telegram: the manufacturer's own bytes, or "more will follow"."""
    dif = MORE_FOLLOWS if more_follows else MANUFACTURER_DATA
    return _decoded(index, bytes((dif,)), b"", data)


def opaque(index: int, quantity: str, data: bytes, problem: str) -> Record:
    """A record of bytes that cannot be read."""
    text = data.hex().upper() or None
    return Record(index=index, quantity=quantity, text=text, problem=problem, data=data)


class _Reader:
    """A cursor over the user data that never reads past its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._body)

    def take(self, count: int, what: str) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise FrameError(
                f"the records end early: expected {count} bytes of {what}, got {len(taken)}"
            )
        self._at += count
        return taken

    def rest(self) -> bytes:
        rest = self._body[self._at :]
        self._at = len(self._body)
        return rest

    def chain(self, before: int, what: str) -> bytes:
        """The bytes that follow `before` and one another while the extension bit is set."""
        block = b""
        extended = before & EXTENSION
        while extended:
            if len(block) == EXTENSIONS_MAX:
                raise FrameError(f"a record has more than {EXTENSIONS_MAX} {what}s")
            block += self.take(1, what)
            extended = block[-1] & EXTENSION
        return block


def _cut(reader: _Reader) -> Iterator[tuple[bytes, bytes, bytes]]:
    """DIB, VIB and data of one record after the other."""
    while reader:
        dif = reader.take(1, "DIF")
        if dif[0] == _FILLER:
            continue
        if dif[0] in {MANUFACTURER_DATA, MORE_FOLLOWS}:
            yield dif, b"", reader.rest()
            return
        if dif[0] & 0x0F == values.SPECIAL:
            raise FrameError(f"the DIF {dif[0]:02X}h is reserved")
        dib = dif + reader.chain(dif[0], "DIFE")
        yield dib, _cut_vib(reader), _cut_data(reader, dif[0] & 0x0F)


def _cut_vib(reader: _Reader) -> bytes:
    vif = reader.take(1, "VIF")
    unit = b""
    if vif[0] & vib.CODE == vib.PLAIN_TEXT:
        # A unit in plain text stands between the VIF and its VIFEs (6.4.2).
        unit = reader.take(1, "unit length")
        unit += reader.take(unit[0], "unit")
    return vif + unit + reader.chain(vif[0], "VIFE")


def _cut_data(reader: _Reader, field: int) -> bytes:
    if field != values.VARIABLE:
        return reader.take(values.LENGTHS[field], "data")
    lvar = reader.take(1, "data length")
    return lvar + reader.take(values.variable_length(lvar[0]), "data")


def _decoded(
    index: int, dib: bytes, vib_: bytes, data: bytes, *, high_first: bool = False
) -> Record:
    if dib[0] in {MANUFACTURER_DATA, MORE_FOLLOWS}:
        record = opaque(index, MANUFACTURER_SPECIFIC, data, MANUFACTURER_SPECIFIC)
        return replace(record, dib=dib)
    meaning = vib.read(vib_)
    field = dib[0] & 0x0F
    ordered = _low_first(field, data) if high_first else data
    datum = values.decode(field, ordered, meaning.kind)
    if meaning.remark is not None:
        datum = Datum(text=meaning.remark)
    storage, tariff, subunit = _channel(dib)
    return Record(
        index=index,
        quantity=meaning.quantity,
        value=None if datum.number is None else _scaled(datum.number, meaning),
        unit=meaning.unit,
        time=datum.time,
        text=datum.text,
        function=FUNCTIONS[dib[0] >> 4 & 3],
        storage=storage,
        tariff=tariff,
        subunit=subunit,
        problem=datum.problem or meaning.problem,
        dib=dib,
        vib=vib_,
        data=data,
    )


def _low_first(field: int, data: bytes) -> bytes:
    """`data` of a telegram that sends high bytes first, in the usual order."""
    lead = 1 if field == values.VARIABLE else 0
    return data[:lead] + data[lead:][::-1]


def _channel(dib: bytes) -> tuple[int, int, int]:
    """Storage number, tariff and subunit, a few bits in each DIFE, lowest first (6.3.5)."""
    storage, tariff, subunit = dib[0] >> 6 & 1, 0, 0
    for place, dife in enumerate(dib[1:]):
        storage |= (dife & 0x0F) << 1 + 4 * place
        tariff |= (dife >> 4 & 3) << 2 * place
        subunit |= (dife >> 6 & 1) << place
    return storage, tariff, subunit


def _scaled(number: Number, meaning: Meaning) -> Decimal:
    """The value in the unit of `meaning`; built from digits, for arithmetic would round to 28."""
    mantissa = number.mantissa * meaning.factor
    exponent = number.exponent + meaning.exponent
    if meaning.offset is not None:
        lowest = min(exponent, meaning.offset)
        mantissa = mantissa * 10 ** (exponent - lowest) + 10 ** (meaning.offset - lowest)
        exponent = lowest
    digits = tuple(int(digit) for digit in str(abs(mantissa)))
    return Decimal((int(mantissa < 0), digits, exponent))


def _unscaled(value: Decimal, meaning: Meaning) -> Number:
    """What the data must hold for `value` to come out; the inverse of `_scaled`."""
    if not value.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    exponent = int(value.as_tuple().exponent)
    mantissa = int("".join(map(str, value.as_tuple().digits)))
    mantissa = -mantissa if value.is_signed() else mantissa
    if meaning.offset is not None:
        lowest = min(exponent, meaning.offset)
        mantissa = mantissa * 10 ** (exponent - lowest) - 10 ** (meaning.offset - lowest)
        exponent = lowest
    if mantissa % meaning.factor:
        raise ValueError(f"{value} is no multiple of {meaning.factor} {meaning.unit}")
    return Number(mantissa // meaning.factor, exponent - meaning.exponent)
