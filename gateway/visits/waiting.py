"""Metering points that wait for a meter: listed, sealed for a card, and printed as labels.

A point waits while no device has brought a reading of the meter that stands there, or none stands
there. The list tells dwellings and places, never people (cloud_sync/points.py).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from cloud_sync import points
from cloud_sync.points import Expected, Points, WaitingPoint
from gateway.visits.model import Plan, PointPlace

# Fits cloud_sync.points; what is longer was never meant to be read on a phone.
_PLACE_CHARS, _DWELLING_CHARS, _MODEL_CHARS = 120, 60, 200


class Waiting(NamedTuple):
    """A point with what is to be there; `standing`: the meter the registry has there, or ''."""

    point: PointPlace
    plan: Plan
    standing: str


class WaitingPort(Protocol):
    """The ledger as this module asks it."""

    def waiting(self, house: str) -> Sequence[Waiting]:
        """The points of a house that no device reads yet, in order of dwellings."""


def listed(port: WaitingPort, house: str, device: str, now_ms: int) -> Points:
    """The waiting points of a house, for one device or ('') for any."""
    return Points(1, house, device, now_ms, tuple(map(_told, port.waiting(house))))


def _told(one: Waiting) -> WaitingPoint:
    point, plan = one.point, one.plan
    return WaitingPoint(
        number=point.point_no,
        point=point.name,
        dwelling=point.dwelling[:_DWELLING_CHARS],
        place=plan.place[:_PLACE_CHARS],
        resource=point.resource,
        serial=one.standing or plan.serial,
        model=plan.model[:_MODEL_CHARS],
        registers=tuple(
            Expected(shape.obis, shape.unit, shape.exponent, shape.digits)
            for shape in plan.shapes[: points.REGISTERS_MAX]
        ),
    )
