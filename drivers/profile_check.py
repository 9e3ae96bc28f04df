"""What no profile may say, whatever its protocol: contradictions that the schema cannot see.

A profile is read once and trusted for years, so whatever could bill a wrong number is refused
before it is used: two registers of one name, a unit that is not the quantity's, a sample that the
register it proves could not show. What a protocol adds stands in `modbus/profile_check.py` and
`mbus/profile_check.py`.

Every check raises ValueError with the key and what was expected; the loader adds the file.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from drivers.reading import Resource, Unit, parse_obis, scaled
from drivers.register import Register, Sample

HEAT_UNITS = {Unit.KWH, Unit.GJ, Unit.GCAL}

# Group A of an OBIS name, the medium (IEC 62056-61, table 3), that a meter of a resource may have.
# A heat meter that cools in summer counts cold as medium 5.
_MEDIA: dict[Resource, frozenset[int]] = {
    Resource.ELECTRICITY: frozenset({1}),
    Resource.COLD_WATER: frozenset({8}),
    Resource.HOT_WATER: frozenset({9}),
    Resource.HEAT: frozenset({5, 6}),
    Resource.GAS: frozenset({7}),
}
# Group C, the quantity, and the units it is told in. A quantity that is not here may have any.
_THERMAL: dict[int, set[Unit]] = {
    1: HEAT_UNITS,
    2: {Unit.M3},
    3: {Unit.TONNE},
    4: {Unit.M3},
    5: {Unit.TONNE},
    6: {Unit.M3},
    7: {Unit.TONNE},
    8: {Unit.KW},
    9: {Unit.M3_PER_H},
    10: {Unit.CELSIUS},
    11: {Unit.CELSIUS},
    12: {Unit.KELVIN},
}
_FLUID: dict[int, set[Unit]] = {1: {Unit.M3}, 2: {Unit.M3_PER_H}}
# Sum and phases L1 to L3 lie 20 apart (IEC 62056-61, table 5).
_ELECTRIC: dict[int, set[Unit]] = {
    phase + code: units
    for phase in (0, 20, 40, 60)
    for code, units in (
        (1, {Unit.KWH, Unit.KW}),
        (2, {Unit.KWH, Unit.KW}),
        (3, {Unit.KVARH}),
        (4, {Unit.KVARH}),
        (11, {Unit.AMPERE}),
        (12, {Unit.VOLT}),
        (14, {Unit.HERTZ}),
    )
}
_UNITS: dict[int, dict[int, set[Unit]]] = {
    1: _ELECTRIC,
    5: _THERMAL,
    6: _THERMAL,
    7: {},
    8: _FLUID,
    9: _FLUID,
}


def check_registers(resource: Resource, registers: Sequence[Register]) -> None:
    """ValueError if the registers contradict each other or the resource."""
    for register in registers:
        _check_obis(register, resource)
    refuse_twice((register.obis for register in registers), "obis")


def check_samples(registers: Sequence[Register], samples: Sequence[Sample]) -> None:
    """ValueError if a register is not shown, or what is expected of it is not what it can show."""
    by_obis = {register.obis: register for register in registers}
    expected = {obis for sample in samples for obis in sample.expect}
    for obis in sorted(expected - by_obis.keys()):
        raise ValueError(f"samples.expect: no register {obis}")
    for obis in sorted(by_obis.keys() - expected):
        raise ValueError(f"registers: no sample shows {obis}")
    for sample in samples:
        for obis, text in sample.expect.items():
            _check_expected(by_obis[obis], text)


def refuse_twice(keys: Iterable[object], what: str) -> None:
    """ValueError if one of `keys` stands there twice; `what` they are."""
    for key, times in Counter(keys).items():
        if times > 1:
            raise ValueError(f"{what}: {key} stands there {times} times")


def either(texts: Iterable[str]) -> str:
    """The texts as a choice, for a message."""
    return " or ".join(sorted(map(str, texts)))


def _check_obis(register: Register, resource: Resource) -> None:
    """The name is canonical, its medium is the resource's, its unit the quantity's."""
    if parse_obis(register.obis) != register.obis:
        raise ValueError(f"obis: write {register.obis} without *255")
    medium = int(register.obis.partition("-")[0])
    quantity = int(register.obis.partition(":")[2].partition(".")[0])
    if medium not in _MEDIA[resource]:
        names = " or ".join(f"{one}-…" for one in sorted(_MEDIA[resource]))
        raise ValueError(f"{register.obis}: obis: expected {names} for {resource}")
    units = _UNITS[medium].get(quantity)
    if units is not None and register.unit not in units:
        raise ValueError(f"{register.obis}: unit: expected {either(units)}, got {register.unit}")


def _check_expected(register: Register, text: str) -> None:
    try:
        mantissa = scaled(Decimal(text), register.exponent)
    except (InvalidOperation, ValueError) as error:
        raise ValueError(f"samples.expect: {register.obis}: {text!r}: {error}") from error
    if abs(mantissa) >= 10**register.digits:
        raise ValueError(
            f"samples.expect: {register.obis}: {text} is longer than {register.digits} digits"
        )
