"""Night flow: the hours of 01:00 to 05:00, and how many nights must agree."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drivers.reading import to_ms
from gateway.balance import night
from gateway.model import Level

ZONE = ZoneInfo("Europe/Moscow")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ONE_AM = to_ms(datetime(2026, 10, 9, 22, tzinfo=UTC))  # on 10 October in Moscow
HOURS = tuple(ONE_AM + HOUR_MS * hour for hour in range(5))
RAN, STOOD, UNSEEN = (1, 2, 1, 1), (0, 2, 1, 1), None


def test_the_last_seven_nights_that_are_over() -> None:
    found = night.nights(HOURS[-1] + night.TOLERANCE_MS, ZONE)
    assert len(found) == 7
    assert found[-1] == HOURS
    assert night.nights(HOURS[-1] + night.TOLERANCE_MS - 1, ZONE)[-1][0] == ONE_AM - DAY_MS


def test_a_night_of_changing_clocks_has_the_hours_the_clocks_show() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    after = to_ms(datetime(2026, 10, 25, 12, tzinfo=UTC))
    hours = night.nights(after, berlin)[-1]
    assert hours[-1] - hours[0] == 5 * HOUR_MS  # two o'clock came twice


@pytest.mark.parametrize(
    ("late_s", "mantissas", "expected"),
    [
        (0, (10, 11, 13, 14, 15), (1, 2, 1, 1)),
        (-1200, (10, 11, 13, 14, 15), (1, 2, 1, 1)),  # twenty minutes early still are that hour
        (1200, (10, 10, 13, 14, 15), (0, 3, 1, 1)),
        (1201, (10, 11, 13, 14, 15), None),  # not seen at the hours
        (0, (10, 11, 13, 14), None),  # nobody read at five
        (0, (10, 11, 9, 14, 15), None),  # fell: a rollover, an exchange
    ],
)
def test_flow_in_each_hour(
    late_s: int, mantissas: tuple[int, ...], expected: tuple[int, ...] | None
) -> None:
    levels = [
        Level(at_ms + late_s * 1000, mantissa)
        for at_ms, mantissa in zip(HOURS, mantissas, strict=False)
    ]
    assert night.flow(levels, HOURS) == expected


def test_of_many_readings_the_nearest_to_the_hour_counts() -> None:
    levels = [Level(HOURS[0] + minutes * 60_000, 100 + minutes) for minutes in range(-15, 256, 15)]
    assert night.flow(levels, HOURS) == (60, 60, 60, 60)


@pytest.mark.parametrize(
    ("flows", "nights"),
    [
        ((RAN, RAN, RAN), 3),
        ((STOOD, RAN, RAN, RAN), 3),
        ((RAN, STOOD, RAN, RAN), None),  # a guest for two nights
        ((RAN, RAN, RAN, STOOD), None),  # somebody has turned it off
        ((RAN, RAN, UNSEEN, RAN), 3),  # a night nobody saw says nothing
        ((UNSEEN, UNSEEN, UNSEEN), None),
        ((RAN,) * 7, 7),
    ],
)
def test_three_nights_must_agree(
    flows: tuple[tuple[int, ...] | None, ...], nights: int | None
) -> None:
    hours = [tuple(at_ms + day * DAY_MS for at_ms in HOURS) for day in range(len(flows))]
    found = night.leak(hours, flows)
    assert (found and found.nights) == nights
    if found:
        assert (found.least, found.last_ms) == (1, hours[-1][-1])
