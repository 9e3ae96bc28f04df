"""Data records: DIB, VIB and data, cut out of a telegram and put back together.

A record is a data information block (how the data is coded, and which storage, tariff, subunit
and kind of value it is), a value information block (what it means) and the data itself
(EN 13757-3:2018, 6.2). Records follow one another without a count or separator, so behind one
that cannot be cut out (an endless chain, data past the end) nothing can be found any more: the
records before it stand, and the *damage* says why they are not all. A record that can be cut out
but not understood is kept, with its problem.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from drivers.driver import FrameError
from drivers.mbus import heading, plain_text, values, vib
from drivers.mbus.heading import FUNCTIONS, Heading
from drivers.mbus.values import Datum
from drivers.mbus.vib import EXTENSION, MANUFACTURER_SPECIFIC

MANUFACTURER_DATA = 0x0F
MORE_FOLLOWS = 0x1F
_FILLER = 0x2F
# EN 13757-3:2018, 6.3.5 and 6.4.4: at most ten of either.
EXTENSIONS_MAX = 10

_EXTENDED = rb"[\x80-\xff]"
_LAST = rb"[\x00-\x7f]"
# DIB and VIB of all records but the few that stand for themselves (a DIF whose data field is Fh)
# and those whose unit is spelled out (VIF 7Ch and FCh).
_BLOCKS = re.compile(
    rb"(?!%b)%b{0,10}%b(?![\x7c\xfc])%b{0,10}%b"
    % (b"[" + bytes(range(0x0F, 0x100, 0x10)) + b"]", _EXTENDED, _LAST, _EXTENDED, _LAST)
)


class Record(Struct, frozen=True, gc=False):
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


class Decoded(NamedTuple):
    """The records of a telegram, and why they end before it does, if they do."""

    records: tuple[Record, ...]
    damage: str | None = None


def decode(body: bytes, *, high_first: bool = False) -> Decoded:
    """The records of a telegram's user data; any bytes give some answer."""
    found: list[Record] = []
    try:
        _decode_into(found, body, high_first)
    except FrameError as error:
        return Decoded(tuple(found), str(error))
    return Decoded(tuple(found))


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
    head = heading.read(dib + vib_)
    number = None if value is None else head.unscaled(value)
    data = values.encode(dib[0] & 0x0F, vib.read(vib_).kind, Datum(number, time, text))
    return _record(index, head, data, False)


def manufacturer_data(data: bytes, *, index: int = 0, more_follows: bool = False) -> Record:
    """The record that ends a telegram: the manufacturer's own bytes, or "more will follow"."""
    dib = bytes((MORE_FOLLOWS if more_follows else MANUFACTURER_DATA,))
    text = data.hex().upper() or None
    return Record(
        index, MANUFACTURER_SPECIFIC, text=text, problem=MANUFACTURER_SPECIFIC, dib=dib, data=data
    )


def _decode_into(found: list[Record], body: bytes, high_first: bool) -> None:
    """Add the records of `body` to `found`; FrameError where they cannot be cut apart."""
    at, end = 0, len(body)
    while at < end:
        blocks = _BLOCKS.match(body, at)
        if blocks is not None:
            begun = blocks.end()
            head = heading.read(blocks.group())
        elif body[at] == _FILLER:
            at += 1
            continue
        elif body[at] & 0x0F == values.SPECIAL:
            found.append(_last(len(found), body[at:]))
            return
        else:
            begun = _blocks_end(body, at)
            head = heading.read(body[at:begun])
        at = begun + (head.data_length or _variable_length(body, begun, head))
        data = body[begun:at]
        if at > end:
            raise _ended_early("data", at - begun, len(data))
        found.append(_record(len(found), head, data, high_first))


def _last(index: int, rest: bytes) -> Record:
    """The manufacturer's block, for which no standard says where it ends (6.3.3)."""
    if rest[0] not in {MANUFACTURER_DATA, MORE_FOLLOWS}:
        raise FrameError(f"the DIF {rest[0]:02X}h is reserved")
    return manufacturer_data(rest[1:], index=index, more_follows=rest[0] == MORE_FOLLOWS)


def _blocks_end(body: bytes, at: int) -> int:
    """Where DIB and VIB end that are not of the usual form; FrameError where they do not."""
    at = _chain_end(body, at, "DIF", "DIFE")
    if at == len(body) or body[at] & vib.CODE != vib.PLAIN_TEXT:
        return _chain_end(body, at, "VIF", "VIFE")
    return plain_text.read(body, at).end


def _chain_end(body: bytes, at: int, first: str, more: str, most: int = 1 + EXTENSIONS_MAX) -> int:
    """Where the byte at `at` and those end that follow it while the extension bit is set."""
    for place in range(at, min(at + most, len(body))):
        if body[place] < EXTENSION:
            return place + 1
    if at + most <= len(body):
        raise FrameError(f"a record has more than {EXTENSIONS_MAX} {more}s")
    raise _ended_early(first if at == len(body) else more, 1, 0)


def _variable_length(body: bytes, at: int, head: Heading) -> int:
    """How many bytes of data a record has whose heading does not say it, the first included."""
    if head.data_length == 0:
        return 0
    if at == len(body):
        raise _ended_early("data length", 1, 0)
    length = values.variable_length(body[at])
    there = len(body) - at - 1
    if there < length:
        raise _ended_early("data", length, there)
    return 1 + length


def _ended_early(what: str, expected: int, came: int) -> FrameError:
    return FrameError(f"the records end early: expected {expected} bytes of {what}, got {came}")


def _record(index: int, head: Heading, data: bytes, high_first: bool) -> Record:
    datum = head.decode(_low_first(head, data) if high_first else data)
    number = datum.number
    return Record(
        index,
        head.quantity,
        None if number is None else head.scaled(number),
        head.unit,
        datum.time,
        datum.text,
        head.function,
        head.storage,
        head.tariff,
        head.subunit,
        datum.problem or head.problem,
        head.dib,
        head.vib,
        data,
    )


def _low_first(head: Heading, data: bytes) -> bytes:
    """`data` of a telegram that sends high bytes first, in the usual order."""
    lead = 1 if head.data_length is None else 0
    return data[:lead] + data[lead:][::-1]
