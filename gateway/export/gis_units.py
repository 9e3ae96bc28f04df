"""Which registers ГИС ЖКХ takes, as what, and in which unit: exactly, or not at all.

A device of ГИС ЖКХ has one unit, given when it was created there, and its values are imported in
that unit without naming it. A register that counts in another one is converted by a factor that
is a finite decimal; where there is none (GJ to kWh is 277.777…) the meter is refused, for a
rounded reading would be another reading. 1 Gcal = 4.1868 GJ = 1163 kWh.

The codes are ОКЕИ's and the schema's own list (importMeteringDeviceValuesRequest, 13.1.4.1).
"""

import re
from decimal import Decimal, Inexact, localcontext
from enum import StrEnum
from typing import Final

from drivers.reading import Resource, Unit

VALUE_PATTERN = re.compile(r"[0-9]{1,15}(\.[0-9]{1,7})?")
_DECIMALS_MAX = 7
# 18 digits of a mantissa times the ten of the longest factor.
_PRECISION = 40


class Okei(StrEnum):
    """The units a device of ГИС ЖКХ may have."""

    LITRE = "112"
    M3 = "113"
    GCAL = "233"
    KWH = "245"
    MWH = "246"
    JOULE = "271"
    GJ = "A056"
    MJ = "A058"


_WATER: Final = frozenset({Okei.LITRE, Okei.M3})
_HEAT: Final = frozenset({Okei.GCAL, Okei.KWH, Okei.MWH, Okei.JOULE, Okei.GJ, Okei.MJ})
ALLOWED: Final = {
    Resource.COLD_WATER: _WATER,
    Resource.HOT_WATER: _WATER,
    Resource.ELECTRICITY: frozenset({Okei.KWH}),
    Resource.GAS: frozenset({Okei.M3}),
    Resource.HEAT: _HEAT,
}

# Codes of НСИ 2, the list of communal resources; electricity is told by its own element.
RESOURCE_CODES: Final = {
    Resource.COLD_WATER: "1",
    Resource.HOT_WATER: "2",
    Resource.GAS: "4",
    Resource.HEAT: "5",
}

_FACTORS: Final = {
    (Unit.M3, Okei.LITRE): Decimal(1000),
    (Unit.M3, Okei.M3): Decimal(1),
    (Unit.KWH, Okei.KWH): Decimal(1),
    (Unit.KWH, Okei.MWH): Decimal("0.001"),
    (Unit.KWH, Okei.GJ): Decimal("0.0036"),
    (Unit.KWH, Okei.MJ): Decimal("3.6"),
    (Unit.KWH, Okei.JOULE): Decimal(3_600_000),
    (Unit.GCAL, Okei.GCAL): Decimal(1),
    (Unit.GCAL, Okei.KWH): Decimal(1163),
    (Unit.GCAL, Okei.MWH): Decimal("1.163"),
    (Unit.GCAL, Okei.GJ): Decimal("4.1868"),
    (Unit.GCAL, Okei.MJ): Decimal("4186.8"),
    (Unit.GCAL, Okei.JOULE): Decimal(4_186_800_000),
    (Unit.GJ, Okei.GJ): Decimal(1),
    (Unit.GJ, Okei.MJ): Decimal(1000),
    (Unit.GJ, Okei.JOULE): Decimal(1_000_000_000),
}

# The one register of a meter without tariffs: its volume or energy. What a heat meter counts
# beside its energy (volume, mass, second circuits) is not billed there.
_ONE_RATE: Final = {
    Resource.COLD_WATER: "8-0:1.0.0",
    Resource.HOT_WATER: "9-0:1.0.0",
    Resource.GAS: "7-0:3.0.0",
    Resource.HEAT: "6-0:1.0.0",
}
_ACTIVE_ENERGY = re.compile(r"1-0:1\.8\.([0-9]+)")


def tariff(resource: Resource, obis: str) -> int | None:
    """0 for a register that counts everything, n for tariff n, None for one not imported."""
    if resource is not Resource.ELECTRICITY:
        return 0 if _ONE_RATE[resource] == obis else None
    match = _ACTIVE_ENERGY.fullmatch(obis)
    return None if match is None else int(match[1])


def units_for(resource: Resource, unit: Unit) -> list[Okei]:
    """The units into which a register of `resource` can be converted exactly."""
    return [okei for okei in Okei if okei in ALLOWED[resource] and (unit, okei) in _FACTORS]


def imported(value: Decimal, unit: Unit, okei: Okei) -> str:
    """`value` as ГИС ЖКХ takes it; ValueError where that would change it."""
    factor = _FACTORS.get((unit, okei))
    if factor is None:
        raise ValueError(f"{unit} cannot be converted exactly to the unit {okei} of the device")
    with localcontext(prec=_PRECISION) as context:
        context.traps[Inexact] = True
        converted = value * factor
        try:
            # Zeros are all that a register with more digits than the schema's may lose.
            if -_exponent(converted) > _DECIMALS_MAX:
                converted = converted.quantize(Decimal(1).scaleb(-_DECIMALS_MAX))
        except Inexact:
            raise ValueError(
                f"{value:f} {unit} has more than {_DECIMALS_MAX} decimals in the unit {okei}"
            ) from None
    text = f"{converted:f}"
    if VALUE_PATTERN.fullmatch(text) is None:
        raise ValueError(f"{text} in the unit {okei} is negative or has more than 15 whole digits")
    return text


def read_back(text: str, unit: Unit, okei: Okei) -> Decimal:
    """A value of ГИС ЖКХ in a register's unit; ValueError where there is no exact one."""
    factor = _FACTORS.get((unit, okei))
    if factor is None:
        raise ValueError(f"the unit {okei} of the device cannot be converted exactly to {unit}")
    with localcontext(prec=_PRECISION) as context:
        context.traps[Inexact] = True
        try:
            return Decimal(text) / factor
        except Inexact:
            raise ValueError(f"{text} in the unit {okei} is no exact number of {unit}") from None


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a number")  # noqa: TRY004 - the value is at fault
    return exponent
