"""Which point stands behind which, and which one checks which.

A sub-meter stands *behind* its parent: the parent's meter has counted its consumption already. A
check meter *checks* another: it measures the same flow once more. Both are dated, and a point has
at most one of them at a time. Neither changes what a line bills; they say what no sum may count
twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from gateway.model import Kind as PointKind

# A sub-meter behind a sub-meter behind a sub-meter; more is a circle.
DEPTH_MAX = 8


class Kind(StrEnum):
    """How a point stands to another."""

    BEHIND = "behind"
    CHECKS = "checks"


class Relation(NamedTuple):
    """A point's relation to another one: its first day, and the first day without it."""

    point: str
    kind: Kind
    other: str
    since: date
    until: date | None

    @property
    def said(self) -> str:
        """All of it in one line."""
        ended = "" if self.until is None else f", until {self.until}"
        return f"{self.kind} {self.other} since {self.since}{ended}"


class Place(NamedTuple):
    """A metering point: its house, what it measures, whose it is."""

    house: str
    resource: str
    kind: PointKind


def faults(
    rows: Sequence[Relation], known: Sequence[Relation], places: Mapping[str, Place]
) -> list[tuple[Relation, str]]:
    """What stands against relations, and what was expected instead."""
    said = {(one.point, one.since): one for one in (*known, *rows)}
    of_point: dict[str, list[Relation]] = defaultdict(list)
    for one in said.values():
        of_point[one.point].append(one)
    return [(row, fault) for row in rows if (fault := _fault(row, of_point, places))]


def _fault(
    row: Relation, of_point: Mapping[str, Sequence[Relation]], places: Mapping[str, Place]
) -> str:
    mine, other = places[row.point], places[row.other]
    if row.point == row.other:
        return "another point"
    if (mine.house, mine.resource) != (other.house, other.resource):
        return f"a point of {mine.house} that measures {mine.resource}"
    if row.kind is Kind.BEHIND and (mine.kind, other.kind) == (PointKind.HOUSE, PointKind.DWELLING):
        return "a house meter, for a house meter cannot stand behind a dwelling's"
    if any(one is not row and _overlap(one, row) for one in of_point[row.point]):
        return f"one relation of {row.point} at a time"
    return f"no circle back to {row.point}" if _circles(row, of_point) else ""


def _overlap(one: Relation, other: Relation) -> bool:
    last = date.max
    return one.since < (other.until or last) and other.since < (one.until or last)


def _circles(row: Relation, of_point: Mapping[str, Sequence[Relation]]) -> bool:
    at: set[str] = {row.other}
    for _ in range(DEPTH_MAX):
        at = {one.other for point in at for one in of_point.get(point, ()) if _overlap(one, row)}
        if row.point in at:
            return True
    return bool(at)
