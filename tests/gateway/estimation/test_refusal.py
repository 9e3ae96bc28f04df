"""ПП 354 п. 60(1) and 60(3): what raises a norm, and what does not."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from drivers.reading import Resource
from gateway.estimation.average import Average
from gateway.estimation.choice import Choice, choose
from gateway.estimation.refusal import AccessAct, Refusal, raise_for, raised_by, standing
from gateway.estimation.terms import Cause, terms_for

WATER, HOT, POWER = Resource.COLD_WATER, Resource.HOT_WATER, Resource.ELECTRICITY
AVERAGE = Average(Fraction(10), Fraction(6))
TWICE = (Refusal("12", date(2026, 11, 3)), Refusal("14", date(2026, 11, 20)))


@pytest.mark.parametrize(
    ("resource", "period", "expected"),
    [
        (WATER, "2026-10", ("1.5", 2, False, "п. 60(1)")),
        (HOT, "2026-10", ("1.5", 2, False, "п. 60(1)")),
        (POWER, "2026-10", ("1.5", 2, True, "п. 60(3)")),
        (POWER, "2020-06", ("1.5", 2, False, "п. 60(1)")),
        (WATER, "2016-12", None),
        # The formulas with a coefficient are those of water and electricity.
        (Resource.HEAT, "2026-10", None),
        (Resource.GAS, "2026-10", None),
    ],
)
def test_the_coefficient_is_a_dated_table_by_resource(
    resource: Resource, period: str, expected: tuple[str, int, bool, str] | None
) -> None:
    found = raise_for(resource, period)
    told = found and (str(found.factor), found.refusals_min, found.at_once, found.clause)
    assert told == expected


@pytest.mark.parametrize(
    ("resource", "cause", "refusals", "unread_before", "expected"),
    [
        # Water: the average has its turn first, then the norm is raised.
        (WATER, Cause.MISSING, TWICE, 2, (Choice.AVERAGE, None)),
        (WATER, Cause.MISSING, TWICE, 3, (Choice.NORM, "1.5")),
        (WATER, Cause.EXPIRED, TWICE, 3, (Choice.NORM, "1.5")),
        # Never automatic: one act is not enough, none is nothing.
        (WATER, Cause.MISSING, TWICE[:1], 3, (Choice.NORM, None)),
        (WATER, Cause.MISSING, (), 3, (Choice.NORM, None)),
        # Electricity: the norm comes with the second act.
        (POWER, Cause.MISSING, TWICE, 0, (Choice.NORM, "1.5")),
        (POWER, Cause.MISSING, TWICE[:1], 0, (Choice.AVERAGE, None)),
        # Its own branch has no coefficient (п. 59 «г»).
        (POWER, Cause.FAILED, TWICE, 0, (Choice.AVERAGE, None)),
        (POWER, Cause.EXPIRED, TWICE, 40, (Choice.AVERAGE, None)),
    ],
)
def test_who_is_raised(
    resource: Resource,
    cause: Cause,
    refusals: tuple[Refusal, ...],
    unread_before: int,
    expected: tuple[Choice, str | None],
) -> None:
    raised = raised_by(refusals, cause, resource, "2026-12")
    terms = terms_for(cause, resource, "2026-12")
    one = choose(unread_before, terms, AVERAGE, norm="", short_of="", raised=raised)
    assert (one.choice, one.raised and str(one.raised.factor)) == expected


def test_a_norm_before_the_average_had_its_turn_is_not_raised() -> None:
    raised = raised_by(TWICE, Cause.MISSING, WATER, "2026-12")
    terms = terms_for(Cause.MISSING, WATER, "2026-12")
    one = choose(0, terms, None, norm="", short_of="2 months", raised=raised)
    assert (one.choice, one.raised) == (Choice.NORM, None)


def test_without_a_norm_nothing_is_raised() -> None:
    raised = raised_by(TWICE, Cause.MISSING, POWER, "2026-12")
    terms = terms_for(Cause.MISSING, POWER, "2026-12")
    assert choose(0, terms, AVERAGE, norm=None, short_of="", raised=raised).raised is None


def test_the_reason_names_clause_acts_and_coefficient() -> None:
    raised = raised_by(TWICE, Cause.MISSING, WATER, "2027-03")
    assert raised is not None
    assert raised.said == (
        "access refused (acts 12 of 2026-11-03, 14 of 2026-11-20), raised by 1.5, ПП 354 п. 60(1)"
    )
    assert raised.factor == Decimal("1.5")


def act(kind: str, number: str, day: int, point_no: int | None = None) -> AccessAct:
    return AccessAct(kind == "refused", "40112", point_no, number, date(2026, 11, day))


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([act("refused", "1", 3), act("refused", "2", 20)], ["1", "2"]),
        # An inspection ends what was before it, also on the same day.
        ([act("refused", "1", 3), act("inspected", "9", 3), act("refused", "2", 20)], ["2"]),
        ([act("refused", "1", 3), act("refused", "2", 20), act("inspected", "9", 25)], []),
        # Of another metering point of the flat: neither refused nor inspected here.
        ([act("refused", "1", 3, 8), act("refused", "2", 20, 7)], ["2"]),
        ([act("refused", "1", 3, 7), act("inspected", "9", 25, 8)], ["1"]),
        ([act("refused", "2", 20), act("refused", "1", 3)], ["1", "2"]),
    ],
)
def test_which_refusals_stand(acts: list[AccessAct], expected: list[str]) -> None:
    assert [one.number for one in standing(acts, "40112", 7)] == expected
    assert standing(acts, "40113", 7) == []
