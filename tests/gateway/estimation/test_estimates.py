"""Estimates by hand: each row is an example worked out with pencil and calendar."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Resource, to_ms
from gateway.estimation.average import Average, Measured, amount, average_of
from gateway.estimation.choice import Choice, Decision, choose
from gateway.estimation.interpolation import between
from gateway.estimation.terms import HOUSE_ROWS, Cause, Terms, terms_for
from gateway.model import Level
from gateway.periods import Bounds

DAY = 86_400_000
MINUTE = 60_000


def day(year: int, month: int, number: int = 1) -> int:
    return to_ms(datetime(year, month, number, tzinfo=UTC))


def month(year: int, number: int) -> Bounds:
    return Bounds(day(year, number), day(year + number // 12, number % 12 + 1))


def read(year: int, number: int, used: int, **changes: int) -> Measured:
    """A month read at both its ends."""
    period = month(year, number)
    return Measured(period, period.start_ms, period.end_ms, Fraction(used))._replace(**changes)


def unread(year: int, number: int) -> Measured:
    period = month(year, number)
    return Measured(period, 0, 0, Fraction(0))


# --- ПП 354 п. 59: the average ------------------------------------------------------------------

HALF_YEAR = [read(2026, number, used) for number, used in
             [(9, 12), (8, 8), (7, 10), (6, 14), (5, 9), (4, 10)]]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        # 63 over six months.
        (HALF_YEAR, 11),
        # The seventh month is older than what is asked: 63 / 6, not 1063 / 7.
        ([*HALF_YEAR, read(2026, 3, 1000)], 11),
        # Three months are enough: (12 + 8 + 10) / 3.
        (HALF_YEAR[:3], 10),
        # Two are not.
        (HALF_YEAR[:2], None),
        # August unread, September makes up for it: 30 over three months.
        ([read(2026, 9, 20, from_ms=day(2026, 8)), unread(2026, 8), read(2026, 7, 10)], 10),
        # The same without the month before it to look at: what cannot be placed is left out.
        ([read(2026, 9, 20, from_ms=day(2026, 8))], None),
        # Installed on 16 June: half a month of June, 35 over 3.5 months.
        ([*HALF_YEAR[:3], read(2026, 6, 5, from_ms=day(2026, 6, 16))], 10),
        # Read four minutes after midnight, as the last of a long line: still three months.
        ([*HALF_YEAR[:2], read(2026, 7, 10, from_ms=day(2026, 7) + 4 * MINUTE)], 10),
        # Read an hour before: three months but for an hour, 30 / 2.9986… rounds to 10.
        ([HALF_YEAR[0]._replace(to_ms=day(2026, 10) - 60 * MINUTE), *HALF_YEAR[1:3]], 10),
        # An act that took back more than was used says nothing of use.
        ([read(2026, 9, -40), *HALF_YEAR[1:3]], None),
        # Nothing used is a use.
        ([read(2026, 9, 0), read(2026, 8, 0), read(2026, 7, 0)], 0),
    ],
)
def test_the_average_month(history: list[Measured], expected: int | None) -> None:
    average = average_of(history, months=6, months_min=3)
    assert (average and amount(average, month(2026, 10), month(2026, 10))) == expected


SEASONS = [Bounds(day(2025, 10, 5), day(2026, 4, 20)), Bounds(day(2026, 10, 1), day(2027, 5, 1))]
# Heat of the last season: April held 19 of its 30 days, October 27 of its 31.
HEATED = [unread(2026, n) for n in (9, 8, 7, 6)] + [
    read(2026, 5, 0), read(2026, 4, 190), read(2026, 3, 300), read(2026, 2, 300),
    read(2026, 1, 300), read(2025, 12, 300), read(2025, 11, 300), read(2025, 10, 270),
]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "period", "expected"),
    [
        # Six months and 19/30 of the season are 5 + 19/30 + 27/31 with October:
        # 1960 / 6.50430… = 301.339…
        (HEATED, month(2026, 10), 301),
        # Only half of that month is heated.
        (HEATED, month(2026, 4), 191),
        # Summer is not heated, whatever the average.
        (HEATED, month(2026, 7), 0),
        # A season of two months is too short to say.
        (HEATED[4:7], month(2026, 10), None),
    ],
)
def test_heat_is_averaged_over_the_heating_season(
    history: list[Measured], period: Bounds, expected: int | None
) -> None:
    average = average_of(history, months=6, months_min=3, seasons=SEASONS)
    assert (average and amount(average, period, period, SEASONS)) == expected


# --- ПП 354 п. 59-60: which method ---------------------------------------------------------------

WATER, POWER, HEAT = Resource.COLD_WATER, Resource.ELECTRICITY, Resource.HEAT
AVERAGE = Average(Fraction(10), Fraction(6))


@pytest.mark.parametrize(
    ("cause", "resource", "period", "expected"),
    [
        (Cause.MISSING, WATER, "2026-10", Terms(6, 3, 3, False, "п. 59 «б»")),
        (Cause.MISSING, POWER, "2026-10", Terms(6, 3, 3, False, "п. 59 «б»")),
        (Cause.MISSING, HEAT, "2026-10", Terms(6, 3, 3, True, "п. 59 «б»")),
        # Older editions: a year's months, six periods in a row.
        (Cause.MISSING, WATER, "2016-12", Terms(12, 3, 6, False, "п. 59 «б»")),
        (Cause.MISSING, WATER, "2017-01", Terms(6, 3, 6, False, "п. 59 «б»")),
        (Cause.MISSING, WATER, "2019-07", Terms(6, 3, 6, False, "п. 59 «б»")),
        (Cause.MISSING, WATER, "2019-08", Terms(6, 3, 3, False, "п. 59 «б»")),
        (Cause.MISSING, WATER, "2010-01", Terms(12, 3, 6, False, "п. 59 «б»")),
        (Cause.EXPIRED, WATER, "2026-10", Terms(6, 3, 3, False, "п. 59 «а»")),
        (Cause.FAILED, HEAT, "2026-10", Terms(6, 3, 3, True, "п. 59 «а»")),
        # Electricity's own branch: until the meter is replaced.
        (Cause.EXPIRED, POWER, "2026-10", Terms(6, 3, None, False, "п. 59 «г»")),
        (Cause.FAILED, POWER, "2020-07", Terms(6, 3, None, False, "п. 59 «г»")),
        (Cause.FAILED, POWER, "2020-06", Terms(12, 3, 3, False, "п. 59 «а»")),
    ],
)
def test_the_terms_of_a_period_are_those_of_its_time(
    cause: Cause, resource: Resource, period: str, expected: Terms
) -> None:
    assert terms_for(cause, resource, period) == expected


@pytest.mark.parametrize(
    ("cause", "resource", "unread_before", "average", "has_norm", "expected"),
    [
        (Cause.MISSING, WATER, 0, AVERAGE, True, Choice.AVERAGE),
        (Cause.MISSING, WATER, 2, AVERAGE, True, Choice.AVERAGE),
        (Cause.MISSING, WATER, 3, AVERAGE, True, Choice.NORM),
        (Cause.MISSING, WATER, 11, AVERAGE, True, Choice.NORM),
        (Cause.MISSING, WATER, 0, None, True, Choice.NORM),
        (Cause.MISSING, WATER, 0, None, False, Choice.NOTHING),
        (Cause.MISSING, WATER, 3, AVERAGE, False, Choice.NOTHING),
        (Cause.MISSING, POWER, 3, AVERAGE, True, Choice.NORM),
        (Cause.EXPIRED, WATER, 3, AVERAGE, True, Choice.NORM),
        (Cause.EXPIRED, POWER, 3, AVERAGE, True, Choice.AVERAGE),
        (Cause.FAILED, POWER, 40, AVERAGE, True, Choice.AVERAGE),
    ],
)
def test_the_method_follows_the_count_of_unread_periods(
    cause: Cause,
    resource: Resource,
    unread_before: int,
    average: Average | None,
    *,
    has_norm: bool,
    expected: Choice,
) -> None:
    terms = terms_for(cause, resource, "2026-10")
    norm = "" if has_norm else None
    decision = choose(unread_before, terms, average, norm=norm, short_of="too little")
    assert decision.choice is expected


def test_a_decision_says_on_what_it_rests() -> None:
    terms = terms_for(Cause.MISSING, WATER, "2026-10")

    def said(unread_before: int, average: Average | None, norm: str | None) -> str:
        return choose(unread_before, terms, average, norm=norm, short_of="2 months").reason

    assert said(1, Average(Fraction(1), Fraction(7, 2)), "") == (
        "average of 3.5 measured months, unread period 2 of 3 (ПП 354 п. 59 «б»)"
    )
    assert said(3, AVERAGE, "") == (
        "norm of consumption, ПП 354 п. 60: unread period 4, after 3 by average (ПП 354 п. 59 «б»)"
    )
    assert said(0, None, "4.2 for each of 3 residents") == (
        "norm of consumption, 4.2 for each of 3 residents, ПП 354 п. 60: 2 months"
    )
    assert said(0, None, None) == "2 months; no norm applies: see registry norms"


def test_a_house_meter_has_its_own_clause_and_no_norm() -> None:
    terms = terms_for(Cause.FAILED, POWER, "2026-10", HOUSE_ROWS)
    assert terms == Terms(6, 3, 3, False, "п. 59(1)", of_house=True)
    assert terms_for(Cause.MISSING, HEAT, "2026-10", HOUSE_ROWS).heating_season
    for unread_before in (0, 1, 2):
        one = choose(unread_before, terms, AVERAGE, norm=None, short_of="too little")
        assert one.choice is Choice.AVERAGE
    fourth = choose(3, terms, AVERAGE, norm=None, short_of="too little")
    assert fourth == Decision(
        Choice.NOTHING,
        "unread period 4, after 3 by average (ПП 354 п. 59(1)); no norm is a house meter's:"
        " see house-balance for the common needs by norm",
    )


# --- Interpolation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "at_ms", "expected"),
    [
        (Level(0, 100), Level(10, 200), 3, 130),
        (Level(0, 100), Level(10, 200), 0, 100),
        (Level(0, 100), Level(10, 200), 10, 200),
        (Level(0, 0), Level(3, 1), 1, 0),
        (Level(0, 0), Level(3, 1), 2, 1),
        (Level(0, 0), Level(2, 1), 1, 1),
        (Level(5, 7), Level(5, 7), 5, 7),
    ],
)
def test_a_value_on_the_line(before: Level, after: Level, at_ms: int, expected: int) -> None:
    assert between(before, after, at_ms) == expected


@pytest.mark.parametrize("at_ms", [-1, 11])
def test_nothing_is_drawn_beyond_the_readings(at_ms: int) -> None:
    with pytest.raises(ValueError, match="between rising values"):
        between(Level(0, 1), Level(10, 2), at_ms)


def test_no_line_goes_down() -> None:
    with pytest.raises(ValueError, match="between rising values"):
        between(Level(0, 2), Level(10, 1), 5)


@given(
    start=st.integers(0, 10**17),
    rise=st.integers(0, 10**17),
    cuts=st.lists(st.integers(0, 400 * DAY), max_size=12),
)
def test_months_cut_out_of_a_stretch_add_up_to_it(start: int, rise: int, cuts: list[int]) -> None:
    after = Level(400 * DAY, start + rise)
    level, parts = Level(0, start), []
    for cut in sorted(cuts):
        mantissa = between(level, after, cut)
        parts.append(mantissa - level.mantissa)
        level = Level(cut, mantissa)
    parts.append(after.mantissa - level.mantissa)
    assert sum(parts) == rise
    assert min(parts) >= 0
