"""Where a Modbus meter keeps its registers: the protocol part of a profile.

Addresses are wire addresses, counted from 0 (a manual's 30073 is 0x0048 with function 4).
"""

from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from drivers.modbus.values import Kind, Order, is_float, width
from drivers.register import BaseProfile, Register, Sample

# The PDU is 253 bytes: function, byte count and 125 registers (Modbus Application Protocol, 6.3).
REGISTERS_MAX = 125
# Twelve full blocks with their requests stay below the 6144 bytes of evidence of a readout, and a
# poll that asks more often than that keeps a line busy for seconds.
BLOCKS_MAX = 12

Address = Annotated[int, Meta(ge=0, le=0xFFFF)]
HexRegisters = Annotated[str, Meta(pattern=r"^(?:[0-9A-F]{4}){1,4}$")]


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a value stands on the wire and in which shape."""

    function: Literal[3, 4]
    address: Address
    kind: Kind
    word_order: Order = "big"
    byte_order: Order = "big"

    @property
    def count(self) -> int:
        """How many 16-bit registers the value takes."""
        return width(self.kind)


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Registers from `first` to `last`, both included, that no request may touch."""

    function: Literal[3, 4]
    first: Address
    last: Address


class Term(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more number to add: another tariff, or the fraction beside a whole part.

    What is not said is as in the register it belongs to.
    """

    address: Address
    kind: Kind | None = None
    scale: Decimal | None = None


class Part(NamedTuple):
    """One of the numbers whose sum is a register's value."""

    place: Place
    scale: Decimal


class Sign(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a meter of this model shows, by which a search recognises it.

    Exactly one of `text` (ASCII, two characters a register), `words` (hexadecimal registers), or a
    number of `kind` from `low` to `high`, both included.
    """

    function: Literal[3, 4]
    address: Address
    text: Annotated[str, Meta(min_length=2, max_length=40)] | None = None
    words: Annotated[str, Meta(pattern=r"^(?:[0-9A-F]{4}){1,20}$")] | None = None
    kind: Kind | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    word_order: Order = "big"
    byte_order: Order = "big"

    @property
    def count(self) -> int:
        """How many 16-bit registers are looked at."""
        if self.text is not None:
            return -(-len(self.text) // 2)
        if self.words is not None:
            return len(self.words) // 4
        return width(self.kind) if self.kind is not None else 1


class ModbusRegister(Register, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One register: the raw number at `place` times `scale` is the value in `unit`.

    The numbers of `plus` are added, each with its own scale. `absent` is the pattern a meter sends
    instead of a value it does not have.
    """

    function: Literal[3, 4]
    address: Address
    kind: Kind
    word_order: Order = "big"
    byte_order: Order = "big"
    scale: Decimal = Decimal(1)
    absent: HexRegisters | None = None
    plus: Annotated[tuple[Term, ...], Meta(max_length=8)] = ()

    @property
    def place(self) -> Place:
        """Where the register stands; the first of its parts."""
        return self._place(self.address, self.kind)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The numbers whose sum is the value, the register's own first."""
        terms = (
            Part(self._place(term.address, term.kind or self.kind), term.scale or self.scale)
            for term in self.plus
        )
        return (Part(self.place, self.scale), *terms)

    @property
    def has_fraction(self) -> bool:
        """Whether whole and fraction are two numbers, true together only in one answer."""
        return len({is_float(part.place.kind) for part in self.parts}) == 2

    def _place(self, address: int, kind: Kind) -> Place:
        return Place(
            function=self.function,
            address=address,
            kind=kind,
            word_order=self.word_order,
            byte_order=self.byte_order,
        )


class ModbusSample(Sample, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exchange as RTU frames in hex, CRC included."""

    request: str
    response: str


class ModbusProfile(BaseProfile, frozen=True, kw_only=True, tag="modbus"):
    """One Modbus meter model.

    `max_registers` and `even_count` are what one request may ask for; `gap_max` registers between
    two wanted ones may be read along, if the map of this meter declares such holes readable.
    Spans in `unreadable` are never touched. `identification` is where its serial number stands;
    `signs` are what a search recognises the model by, all of them together.
    """

    registers: Annotated[tuple[ModbusRegister, ...], Meta(min_length=1, max_length=64)]
    samples: Annotated[tuple[ModbusSample, ...], Meta(min_length=1)]
    max_registers: Annotated[int, Meta(ge=1, le=REGISTERS_MAX)] = REGISTERS_MAX
    even_count: bool = False
    gap_max: Annotated[int, Meta(ge=0, le=40)] = 0
    identification: Place | None = None
    signs: Annotated[tuple[Sign, ...], Meta(max_length=8)] = ()
    unreadable: Annotated[tuple[Span, ...], Meta(max_length=64)] = ()
