"""A register's day, slot by slot: measured where it was read, estimated where it was not.

A reading belongs to the edge it is nearest to, so it serves one edge only, and of several the
nearest is taken. Between two neighbouring edges with readings the slot is *measured*. Between two
edges further apart lies a gap: what the register went is known, only how it is shared among the
slots is not. Sharing is by weights (see filling.py) with cumulative rounding to the register's
last digit, so that the slots of a gap add up to what the register went, whatever the weights are.
Hence the sum over a day is the difference of its registers, to the digit. Where there is no
reading on one side of a gap nothing is known, and its slots are *missing*.

Amounts are whole units of the last digit, before any transformer's factor.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import NamedTuple

from gateway.model import Level
from gateway.profile.slots import Grid
from gateway.quality import MISSING, VALIDATED
from gateway.rules.subject import Dial, advance

ESTIMATED = "3.8.0"


class Method(StrEnum):
    """How a slot's amount came about."""

    MEASURED = "measured"
    CHECK = "check-meter"
    """The gap shared as the check meter ran."""
    LINEAR = "linear"
    """A straight line over a short gap."""
    EVEN = "even"
    """The same in every slot."""
    LIKE_DAY = "like-day"
    """Shared as the same slots of the nearest like days were."""
    MISSING = "missing"


class Slot(NamedTuple):
    """One slot; `amount` is None where it is missing. `quality` is IEC 61968-9's."""

    from_ms: int
    to_ms: int
    amount: int | None
    method: Method

    @property
    def quality(self) -> str:
        """The code of a slot's method."""
        known = {Method.MEASURED: VALIDATED, Method.MISSING: MISSING}
        return known.get(self.method, ESTIMATED)


class Mark(NamedTuple):
    """An accepted reading at its edge. `way` counts on where the dial rolls over."""

    level: Level
    way: int


Marks = dict[int, Mark]
"""The readings taken, by the number of their edge."""


class Gap(NamedTuple):
    """Slots `first` to `last` (excluded) between two edges with readings, and what they add to."""

    first: int
    last: int
    total: int


Filling = Callable[[Gap], tuple[Method, Sequence[int]] | None]
"""How a gap is shared: a method and a weight for each slot, None where nothing may be said."""


class Series(NamedTuple):
    """A register's day. `apart_ms` is how far from its edge the furthest reading was taken."""

    grid: Grid
    slots: tuple[Slot, ...]
    marks: Marks
    apart_ms: int

    @property
    def amounts(self) -> list[int | None]:
        """What was measured, None for every other slot."""
        return [one.amount if one.method is Method.MEASURED else None for one in self.slots]

    @property
    def held(self) -> int:
        """How many slots were measured."""
        return sum(one.method is Method.MEASURED for one in self.slots)


def marks(grid: Grid, levels: Sequence[Level], dial: Dial) -> Marks:
    """The readings at their edges; `levels` in the order of time."""
    found: Marks = {}
    steps = (advance(one.mantissa, other.mantissa, dial).delta for one, other in pairwise(levels))
    for level, way in zip(levels, accumulate(steps, initial=0), strict=False):
        edge = grid.nearest(level.at_ms)
        if edge is None:
            continue
        known = found.get(edge)
        if known is None or _apart(grid, edge, level) < _apart(grid, edge, known.level):
            found[edge] = Mark(level, way)
    return found


def build(grid: Grid, found: Marks, fill: Filling) -> Series:
    """The day of a register whose readings stand at the edges `found`."""
    amounts: dict[int, tuple[int, Method]] = {}
    edges = sorted(found)
    for first, last in pairwise(edges):
        if last <= 0 or first >= grid.size:
            continue
        total = found[last].way - found[first].way
        if last - first == 1:
            amounts[first] = (total, Method.MEASURED)
        elif (filled := fill(Gap(first, last, total))) is not None:
            method, weights = filled
            parts = shared(total, weights)
            amounts |= {first + step: (part, method) for step, part in enumerate(parts)}
    slots = tuple(_slot(grid, index, amounts.get(index)) for index in range(grid.size))
    inside = [edge for edge in edges if 0 <= edge <= grid.size]
    apart = max((_apart(grid, edge, found[edge].level) for edge in inside), default=0)
    return Series(grid, slots, found, apart)


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts as the weights say, their sum exact; evenly where all are nothing."""
    if not sum(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    ends = [total * sum_so_far // whole for sum_so_far in accumulate(weights, initial=0)]
    return [after - before for before, after in pairwise(ends)]


def _slot(grid: Grid, index: int, found: tuple[int, Method] | None) -> Slot:
    amount, method = (None, Method.MISSING) if found is None else found
    return Slot(grid.edge_ms(index), grid.edge_ms(index + 1), amount, method)


def _apart(grid: Grid, edge: int, level: Level) -> int:
    return abs(level.at_ms - grid.edge_ms(edge))
