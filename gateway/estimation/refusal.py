"""The raising coefficient of ПП 354 п. 60(1) and 60(3), for whoever keeps the controller out.

It is never automatic: only acts of refusal, as many as the terms ask for and none of them followed
by an inspection, raise the norm. For water that is the norm which comes after the average has run
out; for electricity the norm itself comes with the second act, and a meter that merely failed or
expired there raises nothing, because exchanging it is the supplier's duty.

What is raised are unread periods only: what a device read is billed, whoever was let in. But what
a resident says the meter shows does not count while the acts stand, see `gateway.claims.access`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from drivers.reading import Resource
from gateway.estimation.terms import Cause
from gateway.rules.parameters import Mark


class Refusal(NamedTuple):
    """An act that access was refused: its number and its day."""

    number: str
    made_on: date


class AccessAct(NamedTuple):
    """That an account's premises were closed to a controller, or inspected after all.

    `point_no` None is about all the account's metering points.
    """

    is_refusal: bool
    account: str
    point_no: int | None
    number: str
    made_on: date


class Raise(NamedTuple):
    """By what a norm is raised. `at_once`: the norm takes the average's place."""

    factor: Decimal
    refusals_min: int
    at_once: bool
    clause: str


class Row(NamedTuple):
    """What holds of a resource from a day on; resources without a row are never raised."""

    resource: Resource
    valid_from: date
    raised: Raise
    mark: Mark
    source: str


class Raised(NamedTuple):
    """A raise that applies, and how it is said."""

    factor: Decimal
    at_once: bool
    said: str


# When the coefficient for refused access came, from memory (ПП 1498 of 26.12.2016).
_SINCE = date(2017, 1, 1)
# When metering of electricity became the supplier's duty, from memory.
_SUPPLIERS_DUTY = date(2020, 7, 1)
_BY_FORMULA = Raise(Decimal("1.5"), 2, at_once=False, clause="п. 60(1)")
_BY_SECOND_ACT = Raise(Decimal("1.5"), 2, at_once=True, clause="п. 60(3)")
_NOTICE = "a grid company's notice to consumers quotes the clause; the press of 12.08.2025"

ROWS: Final = (
    Row(Resource.COLD_WATER, _SINCE, _BY_FORMULA, Mark.SOURCED, _NOTICE),
    Row(Resource.HOT_WATER, _SINCE, _BY_FORMULA, Mark.SOURCED, _NOTICE),
    Row(Resource.ELECTRICITY, _SINCE, _BY_FORMULA, Mark.MEMORY, _NOTICE),
    Row(Resource.ELECTRICITY, _SUPPLIERS_DUTY, _BY_SECOND_ACT, Mark.SOURCED, _NOTICE),
)


def raise_for(resource: Resource, period: str, rows: Iterable[Row] = ROWS) -> Raise | None:
    """The raise a resource's norm may get in a period (``YYYY-MM``)."""
    begins = date.fromisoformat(f"{period}-01")
    held = [row for row in rows if row.resource is resource and row.valid_from <= begins]
    return max(held, key=lambda row: row.valid_from).raised if held else None


def standing(acts: Iterable[AccessAct], account: str | None, point_no: int) -> list[Refusal]:
    """The refusals of a metering point that no inspection has ended, oldest first."""
    about = [act for act in acts if act.account == account and act.point_no in (None, point_no)]
    inspected = max((act.made_on for act in about if not act.is_refusal), default=date.min)
    found = [act for act in about if act.is_refusal and act.made_on > inspected]
    return [Refusal(act.number, act.made_on) for act in sorted(found, key=_made_on)]


def raised_by(
    refusals: Sequence[Refusal], cause: Cause, resource: Resource, period: str
) -> Raised | None:
    """The raise that standing refusals (oldest first) give an unread period; None without one."""
    one = raise_for(resource, period)
    if one is None or len(refusals) < one.refusals_min:
        return None
    if one.at_once and cause is not Cause.MISSING:
        return None
    said = f"{_said(refusals, one)}, raised by {one.factor}, ПП 354 {one.clause}"
    return Raised(one.factor, one.at_once, said)


def unheard(
    acts: Iterable[AccessAct], place: tuple[str, int], resource: Resource, day: date
) -> str | None:
    """Why a figure that a resident gives for `day` does not count (п. 60(1)); None if it does.

    `place` is the account and the metering point. An inspection after that day does not undo it.
    """
    one = raise_for(resource, f"{day:%Y-%m}")
    stand = standing([act for act in acts if act.made_on <= day], *place)
    if one is None or len(stand) < one.refusals_min:
        return None
    return f"{_said(stand, one)}, ПП 354 п. 60(1)"


def _said(refusals: Sequence[Refusal], one: Raise) -> str:
    acts = ", ".join(f"{act.number} of {act.made_on}" for act in refusals[-one.refusals_min :])
    return f"access refused (acts {acts})"


def _made_on(act: AccessAct) -> date:
    return act.made_on
