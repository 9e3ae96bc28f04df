"""What stands in the registers of a Modbus meter while its profile's values are shown.

A value may be spread over several numbers: tariffs that are added up, a whole part with its
fraction. Coarse numbers take as many whole steps as there are, numbers of equal steps share them,
and the finest takes the rest. What is finer still no counter shows.

The signs by which a search recognises the model stand there, too, unless a register of the meter
has their place.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from drivers.modbus import values
from drivers.modbus.profile import ModbusProfile, ModbusRegister, Place, Sign


class Cells(NamedTuple):
    """Consecutive registers; a value that must not be cut in two is `whole`."""

    address: int
    words: tuple[int, ...]
    whole: bool

    @property
    def end(self) -> int:
        """The address behind them."""
        return self.address + len(self.words)


class RegisterMap:
    """The registers of one meter model, by function."""

    def __init__(self, profile: ModbusProfile, serial_number: int) -> None:
        self._profile = profile
        self._serial_number = serial_number

    def cells(self, function: int, shown: Mapping[str, int]) -> list[Cells]:
        """All that a function reads; cells that come first have a place for themselves."""
        found = [
            Cells(place.address, _encode(number, place), whole=True)
            for place, number in self._numbers(shown)
            if place.function == function
        ]
        signs = [sign for sign in self._profile.signs if sign.function == function]
        return found + [Cells(sign.address, _sign(sign), whole=False) for sign in signs]

    def _numbers(self, shown: Mapping[str, int]) -> Iterator[tuple[Place, Decimal]]:
        for register in self._profile.registers:
            value = Decimal(shown[register.obis]).scaleb(register.exponent)
            yield from spread(value, register)
        if self._profile.identification is not None:
            yield self._profile.identification, Decimal(self._serial_number)


def spread(value: Decimal, register: ModbusRegister) -> Iterator[tuple[Place, Decimal]]:
    """The number in each place of a register whose value is `value`."""
    resolution = Decimal(1).scaleb(register.exponent)
    parts = register.parts
    steps = [
        resolution if values.is_float(part.place.kind) else part.scale.normalize() for part in parts
    ]
    for part, held in zip(parts, shares(value, steps), strict=True):
        yield part.place, held / part.scale


def shares(value: Decimal, steps: Sequence[Decimal]) -> list[Decimal]:
    """`value`, down to whole steps, in as many summands, each a multiple of its own step."""
    held = [Decimal(0)] * len(steps)
    rest = value
    for step in sorted(set(steps), reverse=True):
        group = [at for at, one in enumerate(steps) if one == step]
        whole, odd = divmod(rest // step, len(group))
        for at in group:
            held[at] = whole * step
        held[group[0]] += odd * step
        rest -= sum(held[at] for at in group)
    return held


def _encode(value: Decimal, place: Place) -> tuple[int, ...]:
    return values.encode(
        value, place.kind, word_order=place.word_order, byte_order=place.byte_order
    )


def _sign(sign: Sign) -> tuple[int, ...]:
    """Registers that show a sign: its text, its words, or the least number it allows."""
    if sign.text is not None:
        text = sign.text + " " * (len(sign.text) % 2)
        return values.bytes_to_words(text.encode("ascii"))
    if sign.words is not None:
        return values.bytes_to_words(bytes.fromhex(sign.words))
    number = sign.low if sign.low is not None else sign.high
    kind = sign.kind or "uint16"
    return values.encode(
        number or Decimal(0), kind, word_order=sign.word_order, byte_order=sign.byte_order
    )
