"""The grid of readings: even multiples, local midnights, and whatever the calendar does."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Source, from_ms, to_ms
from edge.schedule import Due, Timetable, next_midnight_ms

MOSCOW = ZoneInfo("Europe/Moscow")
ZONES = ["Europe/Moscow", "America/Sao_Paulo", "Asia/Beirut", "Asia/Kathmandu", "Pacific/Apia"]


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def test_slots_are_even_multiples_of_the_interval() -> None:
    table = Timetable(900, MOSCOW)
    assert table.next(at("2026-11-22T08:50:00+03:00")) == Due(
        at("2026-11-22T09:00:00+03:00"), Source.INTERVAL
    )
    assert table.next(at("2026-11-22T09:00:00+03:00")).at_ms == at("2026-11-22T09:15:00+03:00")


def test_midnight_is_the_house_s_and_wins_over_an_interval_read_at_the_same_time() -> None:
    table = Timetable(900, MOSCOW)
    due = table.next(at("2026-11-22T23:50:00+03:00"))
    assert due == Due(at("2026-11-22T21:00:00+00:00"), Source.DAILY)


def test_a_meter_read_rarely_has_its_midnight_too() -> None:
    table = Timetable(86_400, MOSCOW)
    first = table.next(at("2026-11-22T20:00:00+03:00"))
    second = table.next(first.at_ms)
    assert first == Due(at("2026-11-23T00:00:00+03:00"), Source.DAILY)
    assert second == Due(at("2026-11-23T03:00:00+03:00"), Source.INTERVAL)


def test_where_the_clock_change_skips_midnight_the_day_still_has_one_daily_read() -> None:
    # Beirut skips from 00:00 to 01:00 on 2026-03-29.
    beirut = ZoneInfo("Asia/Beirut")
    midnights = [next_midnight_ms(at("2026-03-28T12:00:00+02:00"), beirut)]
    for _ in range(2):
        midnights.append(next_midnight_ms(midnights[-1], beirut))
    days = [from_ms(moment).astimezone(beirut).date().day for moment in midnights]
    assert days == [29, 30, 31]


@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - Hypothesis wants naive bounds
    zone=st.sampled_from(ZONES),
    interval_s=st.integers(1, 86_400),
)
def test_the_next_slot_is_always_ahead_and_never_further_than_the_interval(
    moment: datetime, zone: str, interval_s: int
) -> None:
    now_ms = to_ms(moment.replace(tzinfo=UTC))
    table = Timetable(interval_s, ZoneInfo(zone))
    due = table.next(now_ms)
    assert 0 < due.at_ms - now_ms <= interval_s * 1000
    assert table.is_reachable(due, now_ms)
    midnight_ms = next_midnight_ms(now_ms, ZoneInfo(zone))
    assert 0 < midnight_ms - now_ms <= 26 * 3_600_000
    assert (due.source is Source.DAILY) == (due.at_ms == midnight_ms)


def test_an_interval_read_that_comes_after_midnight_is_a_daily_read() -> None:
    table = Timetable(900, MOSCOW)
    due = Due(at("2026-11-22T23:45:00+03:00"), Source.INTERVAL)
    assert table.source_now(due, at("2026-11-22T23:59:59+03:00")) is Source.INTERVAL
    assert table.source_now(due, at("2026-11-23T00:00:00+03:00")) is Source.DAILY
    on_demand = Due(due.at_ms, Source.ON_DEMAND)
    assert table.source_now(on_demand, at("2026-11-25T00:00:00+03:00")) is Source.ON_DEMAND


def test_a_plan_from_before_a_jump_back_is_out_of_reach() -> None:
    table = Timetable(900, MOSCOW)
    due = table.next(at("2026-11-22T09:00:00+03:00"))
    assert table.is_reachable(due, at("2026-11-22T09:05:00+03:00"))
    assert not table.is_reachable(due, at("2026-11-22T07:00:00+03:00"))


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a second, got 0"):
        Timetable(0, MOSCOW)
