"""What is known of a register before its photo is looked at, and what is proposed after it.

The registry knows how many digits a dial has and how fast its meter can run, so a reader is told
how many cells there are and between which values the register must stand.
"""

from typing import NamedTuple

from drivers.reading import Resource
from gateway.photo.looking_worker import Points
from gateway.photo.mask import CELLS_MAX, Kind, Mask, Prior
from gateway.photo.reading import Cell
from gateway.resident.model import Asked
from gateway.resident.submission import Offer, PhotoRow
from gateway.rules.subject import MS_PER_H, Dial


class Ready(NamedTuple):
    """What a photo of a register is looked at with."""

    register_no: int
    mask: Mask | None
    prior: Prior | None
    kind: Kind


class Proposal(NamedTuple):
    """What was read on a photo, digit by digit; `points` are the register's corners in it.

    `notes`: ``no-register`` where none was found, ``unsure`` where a digit is left open.
    """

    photo_no: int
    register_no: int
    cells: tuple[Cell, ...]
    points: Points
    serial_seen: str
    notes: tuple[str, ...]


def usual_kind(resource: Resource | None) -> Kind:
    """How a meter shows its digits where nobody said: electricity and heat by a display."""
    return Kind.LCD if resource in (Resource.ELECTRICITY, Resource.HEAT) else Kind.ODOMETER


def mask_of(dial: Dial, kind: Kind) -> Mask | None:
    """The digits of a dial; None where it has more than any reader takes."""
    decimals = max(0, -dial.exponent)
    if dial.digits > CELLS_MAX or dial.digits <= decimals:
        return None
    return Mask(kind, dial.digits - decimals, decimals)


def most(asked: Asked, dial: Dial, now_ms: int) -> int | None:
    """The highest mantissa the register can stand at, by its physical maximum."""
    if asked.last is None:
        return None
    passed = dial.rate_max_per_h * max(0, now_ms - asked.last.at_ms) // MS_PER_H + 1
    return (asked.last.mantissa + passed) % dial.capacity if passed < dial.capacity else None


def prior_of(offer: Offer) -> Prior | None:
    """Between which values the register must stand; None where nothing is known of it."""
    if offer.asked.last is None or offer.most is None:
        return None
    return Prior(offer.asked.last.mantissa, offer.most)


def proposal_of(row: PhotoRow, points: Points) -> Proposal:
    """What was read on a photo that is kept; `points` are known only just after it was read."""
    notes: tuple[str, ...] = () if row.cells else ("no-register",)
    if any(cell.digit is None for cell in row.cells):
        notes = ("unsure",)
    return Proposal(row.photo_no, row.register_no, row.cells, points, row.serial_seen, notes)
