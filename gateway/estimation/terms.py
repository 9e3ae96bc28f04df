"""What ПП 354 asks of an estimate, by cause, resource and date: one dated table.

The clauses were changed by edition: the average went from a year's months to six, the cap of
periods in a row from six to three. So no number is a constant of the code, and a period is
estimated by the row that held when it began, also when it is estimated later. Each row says where
its numbers were read; the days from which they hold are mostly from memory and are to be checked
before anybody leans on them (see `gateway.rules.parameters.Mark`).
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
    `heating_season`: only the house's heating season counts. `of_house`: no dwelling's meter but
    the house's own.
    """

    months: int
    months_min: int
    periods_max: int | None
    heating_season: bool
    clause: str
    of_house: bool = False


class Row(NamedTuple):
    """Terms of a cause (None: of any) and a resource (None: of all without a row of their own).

    `source` says where the numbers were read, `mark` how far they can be relied on.
    """

    cause: Cause | None
    resource: Resource | None
    valid_from: date
    terms: Terms
    mark: Mark
    source: str


# The rules came into force on that day; earlier periods are estimated by their first edition.
_FIRST = date(2012, 9, 1)
_SIX_MONTHS = date(2017, 1, 1)
# A supplier told its customers on 23.08.2019 that it is three months "now" (ПП 897 of 13.07.2019
# from memory); the first period that begins after that is August's.
_THREE_PERIODS = date(2019, 8, 1)
_SUPPLIERS_DUTY = date(2020, 7, 1)
_S, _M = Mark.SOURCED, Mark.MEMORY
_NOT_TOLD, _OUT_OF_ORDER, _SUPPLIER = "п. 59 «б»", "п. 59 «а»", "п. 59 «г»"
_HOUSE_METER = "п. 59(1)"
_POWER, _HEAT = Resource.ELECTRICITY, Resource.HEAT
_OLD_TEXT = "the clause with a year's average, quoted in a forum of residents"
_NEW_TEXT = "the clause as an article of 2025 quotes it, the press of 12.08.2025"
_SIX_IN_A_ROW = "an energy supplier's answers: six months, six periods"
_THREE_IN_A_ROW = "a supplier's notice of 23.08.2019; the press of 12.08.2025"
_BY_SUPPLIER = "an expert's answer of 2022 names the clause, the press of 2026"
_COMMON = "a manual of common needs: no more than three periods in a row"

ROWS: Final = (
    Row(Cause.MISSING, None, _FIRST, Terms(12, 3, 6, False, _NOT_TOLD), _M, _OLD_TEXT),
    Row(Cause.MISSING, None, _SIX_MONTHS, Terms(6, 3, 6, False, _NOT_TOLD), _M, _SIX_IN_A_ROW),
    Row(Cause.MISSING, None, _THREE_PERIODS, Terms(6, 3, 3, False, _NOT_TOLD), _S, _THREE_IN_A_ROW),
    Row(Cause.MISSING, _HEAT, _FIRST, Terms(6, 3, 6, True, _NOT_TOLD), _M, _OLD_TEXT),
    Row(Cause.MISSING, _HEAT, _THREE_PERIODS, Terms(6, 3, 3, True, _NOT_TOLD), _S, _THREE_IN_A_ROW),
    *(
        row
        for cause in (Cause.EXPIRED, Cause.FAILED)
        for row in (
            Row(cause, None, _FIRST, Terms(12, 3, 3, False, _OUT_OF_ORDER), _M, _OLD_TEXT),
            Row(cause, None, _SIX_MONTHS, Terms(6, 3, 3, False, _OUT_OF_ORDER), _S, _NEW_TEXT),
            Row(cause, _HEAT, _FIRST, Terms(6, 3, 3, True, _OUT_OF_ORDER), _S, _OLD_TEXT),
            # Metering of electricity became the supplier's duty: the consumer waits for the new
            # meter without a cap and without a raising coefficient.
            Row(cause, _POWER, _FIRST, Terms(12, 3, 3, False, _OUT_OF_ORDER), _M, _OLD_TEXT),
            Row(
                cause, _POWER, _SUPPLIERS_DUTY, Terms(6, 3, None, False, _SUPPLIER), _S,
                _BY_SUPPLIER,
            ),
        )
    ),
)  # fmt: skip

# A house's own meter: one clause for whatever keeps it from being read. After the cap nothing is
# estimated, and the common needs follow by norm in the house's balance.
HOUSE_ROWS: Final = (
    Row(None, None, _FIRST, Terms(6, 3, 3, False, _HOUSE_METER, of_house=True), _S, _COMMON),
    Row(None, _HEAT, _FIRST, Terms(6, 3, 3, True, _HOUSE_METER, of_house=True), _M, _COMMON),
)


def terms_for(cause: Cause, resource: Resource, period: str, rows: Iterable[Row] = ROWS) -> Terms:
    """The terms for a period that begins on the first of `period` (``YYYY-MM``).

    A resource's own rows go before those of all resources; before the first row that holds.
    """
    begins = date.fromisoformat(f"{period}-01")
    of_cause = [row for row in rows if row.cause in (cause, None)]
    own = [row for row in of_cause if row.resource is resource]
    found = sorted(own or (row for row in of_cause if row.resource is None), key=_valid_from)
    return ([row for row in found if row.valid_from <= begins] or found[:1])[-1].terms


def _valid_from(row: Row) -> date:
    return row.valid_from
