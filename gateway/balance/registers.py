"""Which closed lines of a point make its volume: those that are billed, consumption only.

1.8.0 already is 1.8.1 + 1.8.2, so beside its tariffs a total is a check; what electricity gives
back is no consumption, and a check meter measures what another has measured: each line has its
role from when it was closed. A sub-meter's consumption has passed its parent's meter, so it is
taken off the parent's (of the same kind: what dwellings use has always passed the house's meter).
Of heat the energy counts, not the water that carried it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from drivers.reading import Resource, Unit
from gateway.balance.model import Used
from gateway.billing import Role
from gateway.meter_life.roles import role_of

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


def consumed(lines: Iterable[Used]) -> dict[str, list[Used]]:
    """The lines that make volumes, by resource, each resource in one unit."""
    points: dict[tuple[str, str], list[Used]] = defaultdict(list)
    for line in lines:
        if line.unit in UNITS[line.resource]:
            points[line.resource, line.point].append(line)
    found: dict[str, list[Used]] = defaultdict(list)
    for (resource, _), of_point in points.items():
        found[resource] += _billed(of_point)
    return {resource: _net(_one_unit(found[resource])) for resource in sorted(found)}


def _billed(lines: Sequence[Used]) -> list[Used]:
    return [line for line in lines if line.role is Role.BILLED and not is_export(line)]


def is_export(line: Used) -> bool:
    """Whether a line counts what was given back to the grid."""
    return role_of(line.resource, line.register, ()) is Role.EXPORT


def _net(lines: list[Used]) -> list[Used]:
    """What each point used beside its sub-meters; together still what the parents counted."""
    left = list(lines)
    for sub in filter(_is_behind, lines):
        behind = [
            number
            for number, one in enumerate(lines)
            if (one.point, one.kind) == (sub.behind, sub.kind)
        ]
        if behind:
            same = [number for number in behind if lines[number].register == sub.register]
            number = (same or behind)[0]
            left[number] = left[number]._replace(volume=left[number].volume - sub.volume)
    return left


def _is_behind(line: Used) -> bool:
    return line.behind is not None


def _one_unit(lines: list[Used]) -> list[Used]:
    """All lines in the unit they share, else in GJ: only heat has more than one."""
    if len({line.unit for line in lines}) == 1:
        return lines
    return [
        line._replace(volume=line.volume * _GJ[Unit(line.unit)], unit=Unit.GJ) for line in lines
    ]
