"""How the meters of a town are made and used: registers, dials, physical limits, daily use.

Amounts are in units of a register's last digit. Dials are wide and the first values far apart, so
that a value which is wrong on purpose is wrong beyond doubt: below anything a register showed in
the weeks before, or further ahead than a pipe or a fuse can have let through in them.
"""

from typing import NamedTuple

from drivers.reading import Resource, Unit
from simulators.truth import ELECTRIC_DAY, EVEN_DAY, HEAT_DAY, NIGHT_HOURS, WATER_DAY

_ALL = frozenset(range(24))
_PEAK = frozenset({7, 8, 9, 17, 18, 19, 20})
_HALF_PEAK = _ALL - _PEAK - NIGHT_HOURS


class Make(NamedTuple):
    """One register as its meter is made: `first` is where its values begin, at least.

    `hours` are those it counts; none stands for a total, which counts what all the others do.
    """

    obis: str
    first: int
    hours: frozenset[int] = _ALL


class Kind(NamedTuple):
    """One kind of meter: its registers and what they have in common."""

    resource: Resource
    unit: Unit
    exponent: int
    digits: int
    rate_max_per_h: int
    per_day: int
    weights: tuple[int, ...]
    makes: tuple[Make, ...]


def _power(*makes: Make) -> Kind:
    return Kind(Resource.ELECTRICITY, Unit.KWH, -2, 8, 1_380, 800, ELECTRIC_DAY, makes)


_TOTAL = Make("1-0:1.8.0", 50_000_000, frozenset())
POWER = (
    _power(Make("1-0:1.8.0", 12_000_000)),
    _power(
        Make("1-0:1.8.1", 30_000_000, _ALL - NIGHT_HOURS),
        Make("1-0:1.8.2", 10_000_000, NIGHT_HOURS),
    ),
    _power(
        _TOTAL,
        Make("1-0:1.8.1", 30_000_000, _ALL - NIGHT_HOURS),
        Make("1-0:1.8.2", 10_000_000, NIGHT_HOURS),
    ),
    _power(
        _TOTAL,
        Make("1-0:1.8.1", 38_000_000, _PEAK),
        Make("1-0:1.8.2", 8_000_000, NIGHT_HOURS),
        Make("1-0:1.8.3", 23_000_000, _HALF_PEAK),
    ),
    # What its owner gives back to the network while the sun shines.
    _power(Make("1-0:1.8.0", 12_000_000), Make("1-0:2.8.0", 40_000_000, frozenset(range(9, 18)))),
)
COLD = Kind(
    *(Resource.COLD_WATER, Unit.M3, -3, 8, 3_125, 300, WATER_DAY),
    (Make("8-0:1.0.0", 15_000_000),),
)
HOT = Kind(
    *(Resource.HOT_WATER, Unit.M3, -3, 8, 3_125, 200, WATER_DAY),
    (Make("9-0:1.0.0", 15_000_000),),
)
HEAT = Kind(
    *(Resource.HEAT, Unit.GCAL, -4, 7, 300, 250, HEAT_DAY),
    (Make("6-0:1.0.0", 1_500_000),),
)
GAS = Kind(
    *(Resource.GAS, Unit.M3, -3, 8, 6_000, 1_500, EVEN_DAY),
    (Make("7-0:3.0.0", 20_000_000),),
)
FACTORS = (("40", 3), ("1/3200", 3), ("3/2", 2))
"""What a place's values may be multiplied by, and at how many of a hundred places."""
# What may hang in a flat beside its electricity, and in how many of a hundred it does.
IN_FLATS = ((COLD, 95), (HOT, 60), (HEAT, 20), (GAS, 20))
# What may hang at a house's inlet.
AT_INLETS = ((COLD, 100), (HOT, 40))
