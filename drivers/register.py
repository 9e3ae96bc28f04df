"""What every meter profile has in common, whatever the protocol: registers, samples, a head.

A register says how a value is billed: its OBIS name, its unit, its resolution as a power of ten and
the digits of its counter. The protocols add where the value stands (`drivers/modbus/profile.py`,
`drivers/mbus/profile.py`); the loader is `drivers/profile.py`.

Values become integers here and nowhere else. An exact source (an integer counter) must fit the
resolution exactly; a binary float is the exact decimal of its bits, rounded half to even at the
resolution, which gives back the decimal the meter meant as long as the float carries it.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.reading import (
    EXPONENT_MAX,
    MANTISSA_MAX,
    Obis,
    RegisterValue,
    Resource,
    Unit,
    scaled,
)

# The exact decimal of a float64 has at most 767 significant digits; no sum or product here
# is longer than that and a scale factor together.
EXACT = Context(prec=1000, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\r\n]+$")]
"""One line of text for people."""


class Register(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One billed or watched register of a meter.

    `exponent` is the resolution as a power of ten, in `unit`; the counter holds `digits` digits of
    that resolution, so it rolls over at 10**digits mantissas.
    """

    obis: Obis
    unit: Unit
    exponent: Annotated[int, Meta(ge=-EXPONENT_MAX, le=EXPONENT_MAX)]
    digits: Annotated[int, Meta(ge=1, le=18)]

    def exactly(self, value: Decimal) -> RegisterValue:
        """`value` in the register's unit; ValueError where the resolution would lose a digit."""
        self._check_size(value)
        return RegisterValue(self.obis, scaled(value, self.exponent), self.exponent, self.unit)

    def rounded(self, value: Decimal) -> RegisterValue:
        """`value` in the register's unit, rounded half to even at the resolution."""
        self._check_size(value)
        step = Decimal(1).scaleb(self.exponent)
        return self.exactly(value.quantize(step, context=EXACT))

    def _check_size(self, value: Decimal) -> None:
        if not value.is_finite() or abs(value) > Decimal(MANTISSA_MAX).scaleb(self.exponent):
            raise ValueError(f"{self.obis} reads {value:.6g} {self.unit}: no counter is that long")


class Sample(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bytes of a real or foreign meter, what they mean, and who says so (`source`, not our code).

    `expect` maps registers to decimal text.
    """

    source: Line
    expect: Annotated[dict[str, str], Meta(min_length=1)]


class BaseProfile(Struct, frozen=True, kw_only=True, tag_field="protocol"):
    """The head of a profile file. Its `protocol` names the kind.

    `verified` says what stands behind it: bytes of a real meter ("sample") or documents only, and
    `source` which. `wire` is how the meter's port is set when it leaves the factory. A meter that
    lives on a battery allows `reads_per_day_max` reads a day.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", max_length=48)]
    title: Line
    manufacturer: Line
    resource: Resource
    verified: Literal["sample", "documented"]
    source: Line
    wire: Line | None = None
    note: Line | None = None
    reads_per_day_max: Annotated[int, Meta(ge=1, le=86_400)] | None = None

    @property
    def protocol(self) -> str:
        """The protocol the meter speaks, as in its file."""
        return str(self.__struct_config__.tag)
