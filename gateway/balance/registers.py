"""Which closed lines of a point make its volume: the total or the tariffs, consumption only.

1.8.0 already is 1.8.1 + 1.8.2, so a point with a total leaves its tariffs out; what electricity
gives back (C = 2) is no consumption; of heat the energy counts, not the water that carried it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from drivers.reading import Resource, Unit
from gateway.balance.model import Used

# What one GJ-family unit holds in GJ, exactly: 1 Gcal = 4.1868 GJ, 1 kWh = 3.6 MJ.
_GJ = {Unit.GJ: Decimal(1), Unit.GCAL: Decimal("4.1868"), Unit.KWH: Decimal("0.0036")}
# In which units each resource is balanced.
UNITS: dict[str, frozenset[str]] = {
    Resource.ELECTRICITY: frozenset({Unit.KWH}),
    Resource.COLD_WATER: frozenset({Unit.M3}),
    Resource.HOT_WATER: frozenset({Unit.M3}),
    Resource.GAS: frozenset({Unit.M3}),
    Resource.HEAT: frozenset(_GJ),
}
_EXPORT = "2"


class Code(NamedTuple):
    """The parts of an OBIS code that tell direction and tariff."""

    quantity: str
    tariff: str

    @classmethod
    def of(cls, register: str) -> "Code":
        """The C and E of A-B:C.D.E."""
        quantity, _, tariff = register.partition(":")[2].partition("*")[0].split(".")
        return cls(quantity, tariff)


def consumed(lines: Iterable[Used]) -> dict[str, list[Used]]:
    """The lines that make volumes, by resource, each resource in one unit."""
    points: dict[tuple[str, str], list[Used]] = defaultdict(list)
    for line in lines:
        if line.unit in UNITS[line.resource] and not is_export(line):
            points[line.resource, line.point].append(line)
    found: dict[str, list[Used]] = defaultdict(list)
    for (resource, _), of_point in points.items():
        found[resource] += _totals(of_point)
    return {resource: _one_unit(found[resource]) for resource in sorted(found)}


def is_export(line: Used) -> bool:
    """Whether a line counts what was given back to the grid."""
    return line.resource == Resource.ELECTRICITY and Code.of(line.register).quantity == _EXPORT


def _totals(lines: Sequence[Used]) -> list[Used]:
    totals = [line for line in lines if Code.of(line.register).tariff == "0"]
    return totals or list(lines)


def _one_unit(lines: list[Used]) -> list[Used]:
    """All lines in the unit they share, else in GJ: only heat has more than one."""
    if len({line.unit for line in lines}) == 1:
        return lines
    return [
        line._replace(volume=line.volume * _GJ[Unit(line.unit)], unit=Unit.GJ) for line in lines
    ]
