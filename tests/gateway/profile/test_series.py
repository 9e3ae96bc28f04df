"""A register's day: what is measured, how gaps are filled, and that it always adds up."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Level
from gateway.profile.filling import Aids, filling, nearest_like
from gateway.profile.series import Method, build, marks, shared
from gateway.profile.slots import HOUR_MS
from tests.gateway.profile.days import (
    DIAL,
    LIMITS,
    MONDAY,
    QUARTER_MS,
    grid,
    levels,
    series,
)


def methods(found: list[Method]) -> str:
    """One letter a slot: m measured, l linear, e even, d like day, c check meter, - missing."""
    names = {
        Method.MEASURED: "m", Method.LINEAR: "l", Method.EVEN: "e", Method.LIKE_DAY: "d",
        Method.CHECK: "c", Method.MISSING: "-",
    }  # fmt: skip
    return "".join(names[one] for one in found)


def test_a_day_that_was_read_in_time_is_measured() -> None:
    on = grid(slot_ms=6 * HOUR_MS)
    found = series(on, levels(on, [5, 0, 7, 1]))
    assert [(one.amount, one.method, one.quality) for one in found.slots] == [
        (amount, Method.MEASURED, "3.0.1") for amount in (5, 0, 7, 1)
    ]
    assert found.apart_ms == 0


def test_a_late_reading_of_an_edge_gives_way_to_a_nearer_one() -> None:
    on = grid(slot_ms=6 * HOUR_MS)
    read = [*levels(on, [5, 5, 5, 5]), Level(on.edge_ms(2) + 60_000, 1014)]
    found = series(on, sorted(read))
    assert [one.amount for one in found.slots] == [5, 5, 5, 5]
    read.remove(Level(on.edge_ms(2), 1010))
    found = series(on, sorted(read))
    assert [one.amount for one in found.slots] == [5, 9, 1, 5]
    assert found.apart_ms == 60_000


@pytest.mark.parametrize(
    ("slot_ms", "gap", "letter"),
    [
        (QUARTER_MS, 4, "l"),  # an hour: point to point (IESO)
        (QUARTER_MS, 5, "e"),  # up to two hours: California
        (QUARTER_MS, 8, "e"),
        (QUARTER_MS, 9, "e"),  # without like days, up to a day: Connexo
        (HOUR_MS, 2, "e"),
    ],
)
def test_how_a_gap_is_filled_depends_on_its_length(slot_ms: int, gap: int, letter: str) -> None:
    on = grid(slot_ms=slot_ms)
    amounts: list[int | None] = [10] * on.size
    for at in range(10, 10 + gap - 1):
        amounts[at] = None
    amounts[10 + gap - 1] = 100
    found = series(on, levels(on, amounts))
    assert methods([one.method for one in found.slots]) == (
        "m" * 10 + letter * gap + "m" * (on.size - 10 - gap)
    )
    assert sum(one.amount or 0 for one in found.slots[10 : 10 + gap]) == 100
    assert {one.quality for one in found.slots[10 : 10 + gap]} == {"3.8.0"}


def test_a_gap_longer_than_a_day_without_help_stays_missing() -> None:
    on = grid(slot_ms=HOUR_MS)
    read = [Level(on.edge_ms(-2), 1000), Level(on.edge_ms(30), 2000)]
    found = series(on, read)
    assert methods([one.method for one in found.slots]) == "-" * 24
    assert {(one.amount, one.quality) for one in found.slots} == {(None, "2.5.259")}


def test_a_gap_over_midnight_is_one_gap_and_the_day_gets_its_share() -> None:
    on = grid(slot_ms=HOUR_MS)
    read = [Level(on.edge_ms(-1), 1000), *(Level(on.edge_ms(at), 1100) for at in range(1, 25))]
    found = series(on, read)
    assert [one.amount for one in found.slots][:2] == [50, 0]
    assert methods([one.method for one in found.slots]) == "e" + "m" * 23


def test_what_begins_or_ends_nowhere_is_missing() -> None:
    on = grid(slot_ms=6 * HOUR_MS)
    read = [Level(on.edge_ms(1), 1000), Level(on.edge_ms(2), 1004)]
    assert methods([one.method for one in series(on, read).slots]) == "-m--"


def test_a_rollover_within_the_day_is_counted_on() -> None:
    on = grid(slot_ms=6 * HOUR_MS)
    read = [
        Level(on.edge_ms(0), 99_999_990),
        Level(on.edge_ms(1), 99_999_998),
        Level(on.edge_ms(2), 3),
        Level(on.edge_ms(4), 13),
    ]
    assert [one.amount for one in series(on, read).slots] == [8, 5, 5, 5]


def test_a_check_meter_is_asked_first() -> None:
    on = grid(slot_ms=HOUR_MS)
    amounts: list[int | None] = [10] * 24
    amounts[4:8] = [None, None, None, 100]
    aids = Aids({4: 1, 5: 2, 6: 3, 7: 4}, dict, MONDAY)
    found = series(on, levels(on, amounts), filling(on, aids, LIMITS))
    assert [one.amount for one in found.slots[3:9]] == [10, 10, 20, 30, 40, 10]
    assert methods([one.method for one in found.slots]) == "mmmmcccc" + "m" * 16


@pytest.mark.parametrize("check", [{4: 1, 5: 2, 6: 3}, {4: 0, 5: 0, 6: 0, 7: 0}])
def test_a_check_meter_that_was_not_read_or_stood_still_is_no_help(check: dict[int, int]) -> None:
    on = grid(slot_ms=HOUR_MS)
    amounts: list[int | None] = [10] * 24
    amounts[4:8] = [None, None, None, 100]
    found = series(on, levels(on, amounts), filling(on, Aids(check, dict, MONDAY), LIMITS))
    assert [one.amount for one in found.slots[4:8]] == [25, 25, 25, 25]


def a_week_before(day: date, back: int) -> date:
    return day - timedelta(days=7 * back)


def test_like_days_give_the_shape_and_the_register_the_sum() -> None:
    on = grid(slot_ms=HOUR_MS)
    amounts: list[int | None] = [10] * 24
    amounts[4:8] = [None, None, None, 60]
    shape = [1] * 4 + [0, 2, 4, 6] + [1] * 16
    known = {a_week_before(MONDAY, back): shape for back in (1, 2, 3)}
    found = series(on, levels(on, amounts), filling(on, Aids({}, lambda: known, MONDAY), LIMITS))
    assert [one.amount for one in found.slots[4:8]] == [0, 10, 20, 30]
    assert methods([one.method for one in found.slots]) == "mmmmdddd" + "m" * 16


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        ([1, 2, 3, 4, 7], [3, 4, 7]),  # Sunday and Saturday before a Monday are no like days
        ([3, 4, 7, 8], [3, 4, 7]),  # the three nearest
        ([3, 4], []),  # too few
        ([3, 4, 29], []),  # four weeks back at most
        ([3, 4, 28], [3, 4, 28]),
    ],
)
def test_the_three_nearest_like_days_of_four_weeks(known: list[int], chosen: list[int]) -> None:
    days = {MONDAY - timedelta(days=back): [1] for back in known}
    found = nearest_like(MONDAY, days, LIMITS)
    assert found == [MONDAY - timedelta(days=back) for back in chosen]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1, 1, 1], [3, 3, 4]),
        (10, [0, 0, 0], [3, 3, 4]),
        (7, [5, 0, 2], [5, 0, 2]),
        (1, [1, 1, 1, 1], [0, 0, 0, 1]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_a_total_in_whole_parts(total: int, weights: list[int], parts: list[int]) -> None:
    assert shared(total, weights) == parts


@given(
    st.integers(0, 10**18),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=200),
)
def test_parts_always_add_up(total: int, weights: list[int]) -> None:
    parts = shared(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0
    assert len(parts) == len(weights)


@given(st.data())
def test_the_slots_always_add_up_to_the_difference_of_the_registers(data: st.DataObject) -> None:
    """Whatever was read and whatever helps: the slots between two readings add up exactly."""
    on = grid(slot_ms=HOUR_MS)
    minutes = data.draw(st.lists(st.integers(-600, 2040), max_size=60, unique=True))
    steps = data.draw(st.lists(st.integers(0, 400), min_size=60, max_size=60))
    start = data.draw(st.sampled_from([0, 99_999_500]))
    check = data.draw(st.dictionaries(st.integers(-10, 34), st.integers(0, 50)))
    shape = data.draw(st.lists(st.integers(0, 9), min_size=24, max_size=24))
    days = {MONDAY - timedelta(days=back): shape for back in range(1, 29)}
    at, read = start, []
    for minute, step in zip(sorted(minutes), steps, strict=False):
        at += step
        read.append(Level(on.day.from_ms + minute * 60_000, at % DIAL.capacity))
    aids = Aids(check, lambda: days, MONDAY)
    found = build(on, marks(on, read, DIAL), filling(on, aids, LIMITS))
    edges = sorted(edge for edge in found.marks if 0 <= edge <= on.size)
    if edges:
        first, last = edges[0], edges[-1]
        amounts = [one.amount for one in found.slots[first:last]]
        assert None not in amounts
        assert sum(one for one in amounts if one is not None) == (
            found.marks[last].way - found.marks[first].way
        )
    assert len(found.slots) == on.size
    assert all(one.amount is None or one.amount >= 0 for one in found.slots)
