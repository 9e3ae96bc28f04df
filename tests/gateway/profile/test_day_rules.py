"""The rules over a day's series, each with its table of worked examples."""

from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from gateway.model import Level
from gateway.profile import changeover, comparison, holes, noise, outlier, spike, total
from gateway.profile.slots import HOUR_MS
from tests.gateway.profile.days import (
    BERLIN,
    DIAL,
    LIMITS,
    MOSCOW,
    QUARTER_MS,
    QUIET,
    a_day,
    grid,
    levels,
    series,
    within,
)

AUTUMN = date(2026, 10, 25)


@pytest.mark.parametrize(
    ("amounts", "tolerance", "found"),
    [
        ((280, 200, 100), 180, False),  # (280 - 100) / 100 = 1.8, not above
        ((281, 200, 100), 180, True),
        ((281, 281, 281), 180, False),
        ((281, 280, 100), 180, True),  # P3 is the third highest, not the second
        ((220, 150, 100), 120, False),  # Oracle's example: from 1.2 ...
        ((221, 150, 100), 120, True),
        ((221, 150, 100), 150, False),  # ... to 1.5
        ((500, 0, 0), 180, False),  # nothing to compare with
    ],
)
def test_a_spike(amounts: tuple[int, ...], tolerance: int, found: bool) -> None:
    day = a_day(*amounts)
    finding = spike.check(day, DIAL, within(spike_percent=tolerance))
    assert (finding is not None) == found


def test_a_spike_says_what_was_compared_and_a_kettle_is_none() -> None:
    finding = spike.check(a_day(281, 200, 100), DIAL, QUIET)
    assert finding is not None
    assert finding == (
        "V-SPIKE", "W", "3.6.5",
        "2.81 kWh in a slot, the third highest is 1.00 kWh: 181 % above, limit 180 %",
    )  # fmt: skip
    assert noise.floor(HOUR_MS, DIAL, LIMITS) == 138
    assert spike.check(a_day(43, 20, 10), DIAL, LIMITS) is None
    assert spike.check(a_day(149, 20, 10), DIAL, LIMITS) is not None


@pytest.mark.parametrize(
    ("values", "found"),
    [
        # median 10, MAD 1: 3 * 1.4826 * 1 = 4.4478
        ([9, 10, 11, 14, 9, 10, 11], []),
        ([9, 10, 11, 15, 9, 10, 11], [3]),
        ([9, 10, 11, 5, 9, 10, 11], [3]),
        ([9, 10, 11, 15, 9, 10], []),  # 2k samples are too few
        ([9, 10, None, 15, 9, 10, 11], []),
        ([0, 0, 0, 1, 0, 0, 0], [3]),  # without a floor the first unit is an outlier
    ],
)
def test_an_outlier(values: list[int | None], found: list[int]) -> None:
    places = outlier.outliers(values, 3, Fraction(3), Fraction(0))
    assert [place for place, _, _ in places] == found


def test_a_floor_lets_a_kettle_pass() -> None:
    assert outlier.outliers([0, 0, 0, 100, 0, 0, 0], 3, Fraction(3), Fraction(34)) == []
    assert len(outlier.outliers([0, 0, 0, 103, 0, 0, 0], 3, Fraction(3), Fraction(34))) == 1


def test_of_several_outliers_the_furthest_is_told() -> None:
    finding = outlier.check(a_day(1, 1, 1, 1, 1, 500, 1, 1, 1, 1, 1, 1, 900), DIAL, LIMITS)
    assert finding is not None
    assert finding[:3] == ("V-HAMPEL", "W", "3.6.0")
    assert finding.detail == (
        "9.00 kWh in the slot of 09:00 UTC, median around it 0.01 kWh, 4.14 kWh apart are in order;"
        " slots like that: 2"
    )


@pytest.mark.parametrize(
    ("amounts", "detail"),
    [
        ((1, 1), None),
        ((1, None, 1), "22 of 24 slots were measured, 2 estimated, 0 missing"),
        ((None,) * 24, "0 of 24 slots were measured, 0 estimated, 24 missing"),
    ],
)
def test_holes(amounts: tuple[int | None, ...], detail: str | None) -> None:
    finding = holes.check(a_day(*amounts))
    assert (finding and finding.detail.split(";")[0]) == detail
    assert finding is None or finding[:3] == ("V-GAP", "W", "2.5.259")


@pytest.mark.parametrize(("off", "found"), [(0, False), (2, False), (3, True)])
def test_slots_that_do_not_add_up(off: int, found: bool) -> None:
    day = a_day(100, 200)
    first, *rest = day.slots
    wrong = day._replace(slots=(first._replace(amount=100 + off), *rest))
    finding = total.check(wrong, DIAL, LIMITS)
    assert (finding is not None) == found
    if finding is not None:
        assert finding.detail == (
            "the slots add up to 3.03 kWh, the register went 3.00 kWh; 0.02 kWh apart are in order"
        )


def test_a_register_that_went_round_twice_shows_in_its_sum() -> None:
    on = grid(slot_ms=6 * HOUR_MS)
    values = [99_000_000, 1, 95_000_000, 5, 9]
    read = [Level(on.edge_ms(index), value) for index, value in enumerate(values)]
    assert total.check(series(on, read), DIAL, LIMITS) is not None


@pytest.mark.parametrize(
    ("missing", "zone", "found"),
    [
        (range(8, 12), BERLIN, True),  # 02:00-03:00 summer time
        (range(12, 16), BERLIN, True),  # the same hour once more
        (range(20, 24), BERLIN, False),  # an ordinary gap
        (range(8, 11), BERLIN, False),
        (range(0), BERLIN, False),
        (range(8, 12), MOSCOW, False),
    ],
)
def test_the_hour_that_comes_twice(missing: range, zone: ZoneInfo, found: bool) -> None:
    on = grid(AUTUMN, zone, QUARTER_MS)
    read = levels(on, [1] * on.size)
    lost = set(range(missing.start + 1, missing.stop)) if missing else set()
    day = series(on, [one for index, one in enumerate(read) if index not in lost])
    finding = changeover.check(day, zone)
    assert (finding is not None) == found
    if finding is not None:
        assert finding.detail.startswith("96 slots on a day of 25 hours that holds 100")


def went(units: int, exponent: int = -2, factor: int = 1) -> comparison.Advance:
    return comparison.Advance(units, Fraction(10) ** exponent * factor, "E")


@pytest.mark.parametrize(
    ("main", "check", "changes", "found"),
    [
        (went(1000), went(1000), {}, False),
        (went(1000), went(1022), {}, False),  # 2 %, and a last digit of either
        (went(1000), went(1023), {}, True),
        (went(1000), went(977), {}, True),
        (went(99), went(0), {}, False),  # too little to tell
        (went(1000), went(102, -1), {}, False),  # the check meter shows tenths
        (went(1000), went(1003), {"main_permille": 0}, True),  # Connexo's default: 0 absolute
        (went(1000), went(1002), {"main_permille": 0}, False),
        (went(1000), went(1005), {"main_permille": 0, "main_units": 3}, False),
        (went(1000), went(1006), {"main_permille": 0, "main_units": 3}, True),
        (went(1000, factor=40), went(40_000), {}, False),  # behind a transformer of 200/5
    ],
)
def test_main_and_check_meter(
    main: comparison.Advance, check: comparison.Advance, changes: dict[str, int], found: bool
) -> None:
    assert (comparison.check(main, check, within(**changes)) is not None) == found


def test_main_and_check_meter_say_what_was_compared() -> None:
    finding = comparison.check(went(1000), went(1023), LIMITS)
    assert finding is not None
    assert finding.detail == ("E went 10, its check meter E 10.23: 0.23 apart, 0.22 are in order")
