"""How long a verification counts, and when somebody is warned."""

from datetime import date

import pytest

from gateway.meter_life.verification import (
    Due,
    Finding,
    Standing,
    Tier,
    Verification,
    after_months,
    due,
    standing,
)


def a_verification(verified: str, until: str, finding: Finding = Finding.FIT) -> Verification:
    days = date.fromisoformat(verified), date.fromisoformat(until)
    return Verification("W1", days[0], 72, days[1], "С-ВЯ/1", "ЦСМ", finding)


@pytest.mark.parametrize(
    ("day", "months", "last"),
    [
        ("2020-03-10", 72, "2026-03-10"),
        ("2020-02-29", 48, "2024-02-29"),
        ("2020-02-29", 12, "2021-02-28"),
        ("2026-10-31", 1, "2026-11-30"),
        ("2026-12-01", 1, "2027-01-01"),
    ],
)
def test_an_interval_ends_on_the_same_day(day: str, months: int, last: str) -> None:
    assert after_months(date.fromisoformat(day), months) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("today", "tier", "since", "left"),
    [
        ("2026-06-01", "valid", "2020-12-31", 213),
        ("2026-10-01", "valid", "2020-12-31", 91),
        ("2026-10-02", "90", "2026-10-02", 90),
        ("2026-11-30", "90", "2026-10-02", 31),
        ("2026-12-01", "30", "2026-12-01", 30),
        ("2026-12-23", "30", "2026-12-01", 8),
        ("2026-12-24", "7", "2026-12-24", 7),
        ("2026-12-31", "7", "2026-12-24", 0),
        ("2027-01-01", "expired", "2027-01-01", -1),
        ("2027-05-01", "expired", "2027-01-01", -121),
    ],
)
def test_one_tier_at_a_time_and_since_when(today: str, tier: str, since: str, left: int) -> None:
    found = standing(a_verification("2020-12-31", "2026-12-31"), date.fromisoformat(today))
    assert found == Standing(Tier(tier), date.fromisoformat(since), left)


def test_a_meter_found_unfit_is_out_from_that_day_on() -> None:
    unfit = a_verification("2026-03-10", "2032-03-10", Finding.UNFIT)
    assert standing(unfit, date(2026, 3, 10)) == Standing(Tier.EXPIRED, date(2026, 3, 10), -1)


def test_a_verification_for_less_than_the_ladder_begins_its_tier() -> None:
    short = a_verification("2026-10-01", "2026-10-20")
    assert standing(short, date(2026, 10, 2)).since == date(2026, 10, 1)


def test_the_most_urgent_stands_first_and_what_is_not_due_is_left_out() -> None:
    def row(meter: str, tier: Tier, left: int | None) -> Due:
        return Due("H", None, "P", "heat", meter, None, Standing(tier, None, left))

    rows = [
        row("far", Tier.VALID, 900),
        row("never", Tier.UNKNOWN, None),
        row("soon", Tier.WEEK, 3),
        row("out", Tier.EXPIRED, -2),
        row("long out", Tier.EXPIRED, -200),
    ]
    assert [one.meter for one in due(rows)] == ["long out", "out", "soon"]
    assert [one.meter for one in due(rows, everything=True)][3:] == ["far", "never"]
