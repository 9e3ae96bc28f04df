"""What a person is asked when a claim is given: the complaints of billing-rules.md, one by one."""

from decimal import Decimal

import pytest

from drivers.reading import Resource, Unit
from gateway.claims.compare import Pair, automatic_at, contradiction, distance
from gateway.claims.entry import Around, Given, Other, check, expected, meant
from gateway.claims.model import ClaimSource
from gateway.claims.policy import ROWS, Policy, holding
from gateway.model import Level
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Dial

DAY = 24 * 3_600_000
NOW = 20_800 * DAY
WATER = Dial(Unit.M3, -3, 8, 3_125, Resource.COLD_WATER)
LIMITS = TABLE.limits(Resource.COLD_WATER, NOW)
# Six months of 5 m³ each, the last one read 30 days ago: 123.456.
COLD = tuple(
    Level(NOW - month * 30 * DAY, 123_456 - (month - 1) * 5_000) for month in range(6, 0, -1)
)
HOT = tuple(level._replace(mantissa=level.mantissa - 60_000) for level in COLD)
HOT_METER = Other("H1", "9-0:1.0.0", WATER, HOT[-1], HOT)


def asked(value: str, *others: Other, after: Level | None = None) -> list[str]:
    mantissa = Decimal(value).scaleb(3)
    places = -int(Decimal(value).as_tuple().exponent)
    given = Given(WATER, "8-0:1.0.0", NOW, int(mantissa), 10 ** (3 - places))
    around = Around(COLD[-1], after, COLD, others)
    return [f"{one.rule} {one.severity} {one.detail}" for one in check(given, around, LIMITS, NOW)]


QUESTIONS = [
    # In order: exact, in whole units, unchanged in whole units (no holiday of a month is usual).
    ("128.500", []),
    ("128", []),
    # The consumption in place of the reading.
    ("5", ["V-NEG W fell from", "V-DEC W 5.000 m3 may be what was used"]),
    # Only the digits that changed: 28 of 128.
    ("28", ["V-NEG W fell from",
            "V-DEC W 28.000 m3 may be the last digits only: the whole would be 128"]),
    # The comma missed: 128500 for 128.500 is beyond what a pipe lets through.
    ("12850", ["V-RATE W rose by", "V-HILO W more than 3 times",
               "V-DEC W 12850.000 m3 may be 128.500 m3"]),
    # Far above and far below the usual.
    ("160.000", ["V-HILO W more than 3 times: 36.544 m3 since the last value, usual are 5.000 m3"]),
    ("124.000", ["V-HILO W less than 1/3"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "questions"), QUESTIONS)
def test_questions(value: str, questions: list[str]) -> None:
    found = asked(value)
    for question in questions:
        assert any(one.startswith(question) for one in found), found
    assert bool(found) == bool(questions)


@pytest.mark.parametrize(
    ("around", "mantissa"),
    [
        (Around(COLD[-1], None, COLD), 128_456),  # 5 m3 in the 30 days since
        (Around(Level(NOW - 15 * DAY, 99_999_000), None, COLD), 1_500),  # over the dial's end
        (Around(COLD[-1], None, COLD[-2:]), None),
        (Around(None, None, COLD), None),
    ],
)
def test_where_a_register_would_stand_by_its_usual_use(
    around: Around, mantissa: int | None
) -> None:
    given = Given(WATER, "8-0:1.0.0", NOW, 0, 1)
    assert expected(given, around, LIMITS, NOW) == mantissa


def test_hot_water_given_for_cold_is_asked_about() -> None:
    found = asked("68.456", HOT_METER)
    assert (
        "V-SWAP W 68.456 m3 fits H1 9-0:1.0.0, where 63.456 m3 stood before: are the two exchanged?"
    ) in found


def test_two_given_exchanged_are_asked_about_as_such() -> None:
    (question,) = [
        one for one in asked("68.456", HOT_METER._replace(claimed=128_456)) if "V-SWAP" in one
    ]
    assert "what was given there fits here" in question


def test_a_value_that_fits_is_not_taken_for_another_meters() -> None:
    assert asked("128.456", HOT_METER) == []


def test_the_last_value_of_another_meter_is_recognised_without_any_history() -> None:
    given = Given(WATER, "8-0:1.0.0", NOW, 63_456, 1)
    other = Other("H1", "9-0:1.0.0", WATER, Level(NOW - DAY, 63_456))
    found = check(given, Around(Level(NOW - DAY, 123_456), others=(other,)), LIMITS, NOW)
    assert [one.rule for one in found] == ["V-NEG", "V-SWAP"]


@pytest.mark.parametrize(
    ("mantissa", "step", "before", "result"),
    [
        (123_000, 1_000, 123_456, 123_456),
        (123_000, 1_000, 124_000, 123_000),
        (123_000, 1, 123_456, 123_000),
        (124_000, 1_000, 123_456, 124_000),
    ],
)
def test_whole_units_mean_what_lies_in_them(
    mantissa: int, step: int, before: int, result: int
) -> None:
    assert meant(mantissa, step, Level(0, before)) == result


POLICY = ROWS[0]
M3 = 1_000


@pytest.mark.parametrize(
    ("claimed", "step", "automatic", "used", "differs"),
    [
        # |R_photo − R_auto| ≤ max(1 unit, 2 %): of 20 m³ used 2 % are 0.4, so one unit.
        (124_456, 1, 123_456, 20 * M3, False),
        (124_457, 1, 123_456, 20 * M3, True),
        (122_455, 1, 123_456, 20 * M3, True),
        # Of 100 m³ used 2 m³ are tolerated.
        (125_456, 1, 123_456, 100 * M3, False),
        (125_457, 1, 123_456, 100 * M3, True),
        # In whole units 122 is up to 122.999.
        (122_000, 1_000, 123_999, 20 * M3, False),
        (122_000, 1_000, 124_000, 20 * M3, True),
    ],
)
def test_v_src(claimed: int, step: int, automatic: int, used: int, *, differs: bool) -> None:
    found = contradiction(Pair("x", claimed, step, automatic, used), WATER, POLICY)
    assert (found is not None) == differs


def test_a_gigacalorie_is_no_tolerance() -> None:
    heat = Dial(Unit.GCAL, -3, 8, 1_000, Resource.HEAT)
    assert POLICY.tolerance(heat, 1_000) == 50


def test_values_past_the_end_of_the_dial() -> None:
    before, after = Level(0, 99_999_000), Level(10, 1_000)
    assert automatic_at(before, after, 5, WATER) == 0
    assert distance(99_999_000, 1, 1_000, WATER) == 2_000
    assert distance(500, 1, 99_999_500, WATER) == 1_000


def test_a_house_has_its_own_policy_from_its_period_on() -> None:
    own = Policy("2026-10", tuple(ClaimSource), 5, Decimal(1), Decimal(2))
    assert holding([own], "2026-09") == POLICY
    assert holding([own], "2026-10") == own
