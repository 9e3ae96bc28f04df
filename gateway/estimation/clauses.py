"""The clauses by which estimates and charges are made, each number with its day, mark and source.

For people: what the dated tables say, in one list. None of it is law.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from gateway.acts import interference
from gateway.estimation import refusal, terms


class Clause(NamedTuple):
    """What a clause of ПП 354 asks from a day on; `resource` and `about` empty for all of them."""

    clause: str
    about: str
    resource: str
    valid_from: str
    says: str
    mark: str
    source: str


def clauses() -> list[Clause]:
    """All of them, in the order of the clauses' tables."""
    return [*_averages(), *_raises(), *_interferences()]


def _averages() -> Iterator[Clause]:
    for row in chain(terms.ROWS, terms.HOUSE_ROWS):
        one = row.terms
        season = " of the heating season" if one.heating_season else ""
        periods = "without a cap" if one.periods_max is None else f"{one.periods_max} periods"
        says = f"average of {one.months} months{season}, at least {one.months_min}, {periods}"
        about = "house meter" if one.of_house else row.cause or ""
        yield Clause(
            one.clause, about, row.resource or "", f"{row.valid_from}", says, row.mark, row.source
        )


def _raises() -> Iterator[Clause]:
    for row in refusal.ROWS:
        one = row.raised
        turn = "at once" if one.at_once else "after the average"
        says = f"norm × {one.factor} after {one.refusals_min} acts, {turn}"
        yield Clause(
            *(one.clause, "access refused", row.resource, f"{row.valid_from}", says),
            *(row.mark, row.source),
        )


def _interferences() -> Iterator[Clause]:
    for one in interference.TERMS:
        says = f"capacity × 24 h, or norm × {one.norms}, at most {one.months_back} months back"
        yield Clause(
            one.clause, "interference", "", f"{one.valid_from}", says, one.mark, one.source
        )
