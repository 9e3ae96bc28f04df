"""What ПП 354 asks of an estimate, by cause, resource and date: one dated table.

The clauses were changed by edition: the average went from a year's months to six, the cap of
periods in a row from six to three. So no number is a constant of the code, and a period is
estimated by the row that held when it began, also when it is estimated later. The dates are from
memory and are to be checked before anybody leans on them (see `gateway.rules.parameters.Mark`).
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from drivers.reading import Resource
from gateway.rules.parameters import Mark


class Cause(StrEnum):
    """Why a period has no reading that may close it."""

    MISSING = "missing"
    """Nothing came, or nothing that was accepted."""
    EXPIRED = "expired"
    """The meter's verification (поверка) has run out."""
    FAILED = "failed"
    """The meter is out of order."""


class Terms(NamedTuple):
    """How a period is estimated.

    An average over `months`, or over what there is of them but at least `months_min`, for at
    most `periods_max` periods in a row (None: until there is a reading again), then by norm.
    `heating_season`: only the house's heating season counts.
    """

    months: int
    months_min: int
    periods_max: int | None
    heating_season: bool
    clause: str


class Row(NamedTuple):
    """Terms of a cause and a resource (None: of all without a row of their own) from a day on."""

    cause: Cause
    resource: Resource | None
    valid_from: date
    terms: Terms
    mark: Mark


# The rules came into force on that day; earlier periods are estimated by their first edition.
_FIRST = date(2012, 9, 1)
_SIX_MONTHS = date(2017, 1, 1)
_THREE_PERIODS = date(2019, 1, 1)
_S, _M = Mark.SOURCED, Mark.MEMORY
_NOT_TOLD, _OUT_OF_ORDER, _SUPPLIER = "п. 59 «б»", "п. 59 «а»", "п. 59 «г»"
_POWER, _HEAT = Resource.ELECTRICITY, Resource.HEAT

ROWS: Final = (
    Row(Cause.MISSING, None, _FIRST, Terms(12, 3, 6, False, _NOT_TOLD), _M),
    Row(Cause.MISSING, None, _SIX_MONTHS, Terms(6, 3, 6, False, _NOT_TOLD), _M),
    Row(Cause.MISSING, None, _THREE_PERIODS, Terms(6, 3, 3, False, _NOT_TOLD), _S),
    Row(Cause.MISSING, _HEAT, _FIRST, Terms(6, 3, 6, True, _NOT_TOLD), _M),
    Row(Cause.MISSING, _HEAT, _THREE_PERIODS, Terms(6, 3, 3, True, _NOT_TOLD), _S),
    *(
        row
        for cause in (Cause.EXPIRED, Cause.FAILED)
        for row in (
            Row(cause, None, _FIRST, Terms(12, 3, 3, False, _OUT_OF_ORDER), _M),
            Row(cause, None, _SIX_MONTHS, Terms(6, 3, 3, False, _OUT_OF_ORDER), _S),
            Row(cause, _HEAT, _FIRST, Terms(6, 3, 3, True, _OUT_OF_ORDER), _S),
            # Metering of electricity became the supplier's duty: the consumer waits for the new
            # meter without a cap and without a raising coefficient.
            Row(cause, _POWER, _FIRST, Terms(12, 3, 3, False, _OUT_OF_ORDER), _M),
            Row(cause, _POWER, date(2020, 7, 1), Terms(6, 3, None, False, _SUPPLIER), _S),
        )
    ),
)


def terms_for(cause: Cause, resource: Resource, period: str, rows: Iterable[Row] = ROWS) -> Terms:
    """The terms for a period that begins on the first of `period` (``YYYY-MM``).

    A resource's own rows go before those of all resources; before the first row that holds.
    """
    begins = date.fromisoformat(f"{period}-01")
    of_cause = [row for row in rows if row.cause is cause]
    own = [row for row in of_cause if row.resource is resource]
    found = sorted(own or (row for row in of_cause if row.resource is None), key=_valid_from)
    return ([row for row in found if row.valid_from <= begins] or found[:1])[-1].terms


def _valid_from(row: Row) -> date:
    return row.valid_from
