"""The slots of local days, also of those on which the clocks change."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.profile.slots import HOUR_MS, slot_ms
from tests.gateway.profile.days import BERLIN, MONDAY, MOSCOW, QUARTER_MS, grid

_MINUTE_MS = 60_000
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("day", "zone", "slot", "count"),
    [
        (SPRING, BERLIN, QUARTER_MS, 92),
        (MONDAY, BERLIN, QUARTER_MS, 96),
        (AUTUMN, BERLIN, QUARTER_MS, 100),
        (SPRING, MOSCOW, QUARTER_MS, 96),  # Russia's clocks do not change
        (SPRING, BERLIN, 2 * QUARTER_MS, 46),
        (AUTUMN, BERLIN, HOUR_MS, 25),
        (SPRING, BERLIN, 2 * HOUR_MS, 12),  # the last one an hour long
        (AUTUMN, BERLIN, 24 * HOUR_MS, 2),
    ],
)
def test_a_local_day_holds_so_many_slots(day: date, zone: ZoneInfo, slot: int, count: int) -> None:
    on = grid(day, zone, slot)
    assert on.size == count
    assert on.edge_ms(0) == on.day.from_ms
    assert on.edge_ms(count) == on.day.to_ms
    assert on.edge_ms(count + 1) == on.day.to_ms + slot


@pytest.mark.parametrize(
    ("interval_min", "slot_min"),
    [(1, 15), (15, 15), (16, 15), (17, 30), (30, 30), (60, 60), (120, 120), (1440, 1440)],
)
def test_a_slot_is_the_shortest_that_a_reading_falls_into(interval_min: int, slot_min: int) -> None:
    assert slot_ms(interval_min * _MINUTE_MS) == slot_min * _MINUTE_MS


def test_a_register_read_every_other_day_has_no_day_series() -> None:
    assert slot_ms(48 * HOUR_MS) is None
    assert slot_ms(None) is None


@given(st.integers(-400, 500), st.sampled_from([0, 1, 449_999, -449_999]))
def test_a_reading_belongs_to_the_edge_it_is_nearest_to(index: int, off_ms: int) -> None:
    on = grid()
    assert on.nearest(on.edge_ms(index) + off_ms) == index


def test_a_reading_exactly_between_two_edges_belongs_to_neither() -> None:
    on = grid()
    assert on.nearest(on.edge_ms(3) + QUARTER_MS // 2) is None


def test_around_a_short_last_slot_the_nearer_edge_is_taken() -> None:
    on = grid(SPRING, BERLIN, 2 * HOUR_MS)
    assert on.nearest(on.day.to_ms - 40 * _MINUTE_MS) == 11
    assert on.nearest(on.day.to_ms - 20 * _MINUTE_MS) == 12
    assert on.nearest(on.day.to_ms + 20 * _MINUTE_MS) == 12
