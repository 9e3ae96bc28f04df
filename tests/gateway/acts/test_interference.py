"""ПП 354 п. 62 by hand: how far back, how much."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from gateway.acts.interference import NoNormError, charged
from gateway.acts.model import Act, Kind, Method
from gateway.acts.port import check_before

MADE_ON = date(2026, 11, 15)
ACT = Act(
    Kind.INTERFERENCE, "17", MADE_ON, "Петров", "40112", "P1", "1-0:1.8.0", Decimal("1.5"), None
)
CHECK = ACT._replace(kind=Kind.INSPECTION, number="9", register="", capacity=None)


def norm(month: str) -> Fraction | None:
    return {"2026-09": Fraction(150), "2026-10": Fraction(155), "2026-11": Fraction(180)}.get(month)


@pytest.mark.parametrize(
    ("changes", "checked_on", "first_on", "days", "amount"),
    [
        # 1.5 kW around the clock for 92 days: from 15 August.
        ({}, None, date(2026, 8, 15), 92, "3312.0"),
        # The last check is later than that: 1.5 · 24 · 56.
        ({}, date(2026, 9, 20), date(2026, 9, 20), 56, "2016.0"),
        # An earlier check changes nothing.
        ({}, date(2026, 1, 1), date(2026, 8, 15), 92, "3312.0"),
        # The act says since when: 1.5 · 24 · 5.
        ({"begun_on": date(2026, 11, 10)}, date(2026, 9, 20), date(2026, 11, 10), 5, "180.0"),
        # It cannot say longer than the three months.
        ({"begun_on": date(2025, 1, 1)}, None, date(2026, 8, 15), 92, "3312.0"),
        # A pipe of 0.85 m3 an hour: 0.85 · 24 · 92.
        ({"capacity": Decimal("0.85")}, None, date(2026, 8, 15), 92, "1876.80"),
        # 31 May has no 31 February.
        ({"made_on": date(2026, 5, 31)}, None, date(2026, 2, 28), 92, "3312.0"),
        ({"made_on": date(2026, 1, 15)}, None, date(2025, 10, 15), 92, "3312.0"),
    ],
)
def test_capacity_around_the_clock(
    changes: dict[str, object], checked_on: date | None, first_on: date, days: int, amount: str
) -> None:
    act = ACT._replace(**changes)  # type: ignore[arg-type]
    check = CHECK._replace(made_on=checked_on) if checked_on else None
    found = charged(act, check, norm)
    assert (found.first_on, (found.until_on - found.first_on).days) == (first_on, days)
    assert (found.method, str(found.amount)) == (Method.CAPACITY, amount)


@pytest.mark.parametrize(
    ("begun_on", "made_on", "amount"),
    [
        # Ten norms of October: 1550.
        (date(2026, 10, 1), date(2026, 11, 1), "1550.0000"),
        # 15 of 30 days of September, October, 14 of 30 of November: 750 + 1550 + 840.
        (date(2026, 9, 16), MADE_ON, "3140.0000"),
        # A day of October: 1550 / 31.
        (date(2026, 10, 5), date(2026, 10, 6), "50.0000"),
        # A day of November is 60; half up at the fourth decimal is seen in the next one.
        (date(2026, 11, 5), date(2026, 11, 6), "60.0000"),
    ],
)
def test_ten_norms_where_no_capacity_is_known(begun_on: date, made_on: date, amount: str) -> None:
    act = ACT._replace(capacity=None, begun_on=begun_on, made_on=made_on)
    found = charged(act, None, norm)
    assert (found.method, str(found.amount)) == (Method.NORM, amount)


def test_the_norm_is_rounded_half_up_at_the_last_step() -> None:
    act = ACT._replace(capacity=None, begun_on=date(2026, 10, 5), made_on=date(2026, 10, 6))
    assert charged(act, None, lambda _: Fraction("4.2")).amount == Decimal("1.3548")


def test_without_capacity_and_norm_nothing_is_made_up() -> None:
    with pytest.raises(NoNormError, match="2026-08"):
        charged(ACT._replace(capacity=None), None, norm)


def test_the_reason_names_clause_act_and_arithmetic() -> None:
    check = CHECK._replace(made_on=date(2026, 9, 20))
    assert charged(ACT, check, norm).reason == (
        "interference, ПП 354 п. 62, act 17 of 2026-11-15: capacity 1.5 an hour × 24 h × 56 days,"
        " since the check before (act 9 of 2026-09-20): 2026-09-20"
    )
    assert charged(ACT._replace(capacity=None, begun_on=date(2026, 11, 1)), None, norm).reason == (
        "interference, ПП 354 п. 62, act 17 of 2026-11-15: norm × 10 for 14 days, no capacity"
        " known, since the day the act names: 2026-11-01"
    )


@pytest.mark.parametrize(
    ("other", "is_check"),
    [
        (CHECK._replace(made_on=date(2026, 11, 14)), True),
        # Of the whole flat, and an earlier interference: somebody looked.
        (CHECK._replace(made_on=date(2026, 11, 1), point=""), True),
        (ACT._replace(number="5", made_on=date(2026, 10, 1)), True),
        (CHECK, False),
        (CHECK._replace(made_on=date(2026, 11, 16)), False),
        (CHECK._replace(made_on=date(2026, 11, 1), point="P2"), False),
        (CHECK._replace(made_on=date(2026, 11, 1), account="40113", point=""), False),
        (CHECK._replace(kind=Kind.REFUSED, made_on=date(2026, 11, 1)), False),
    ],
)
def test_what_counts_as_the_check_before(other: Act, *, is_check: bool) -> None:
    assert (check_before([ACT, other], ACT) == other) is is_check
