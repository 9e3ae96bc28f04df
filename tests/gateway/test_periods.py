from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drivers.reading import to_ms
from gateway import periods

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000


def test_a_period_is_the_local_month() -> None:
    bounds = periods.bounds("2026-10", MOSCOW)
    assert bounds.start_ms == to_ms(datetime(2026, 9, 30, 21, tzinfo=UTC))
    assert bounds.end_ms == to_ms(datetime(2026, 10, 31, 21, tzinfo=UTC))


def test_a_month_in_which_clocks_change_is_an_hour_longer() -> None:
    bounds = periods.bounds("2026-10", BERLIN)
    assert bounds.end_ms - bounds.start_ms == (31 * 24 + 1) * HOUR_MS


@pytest.mark.parametrize("period", ["2026-01", "2026-11", "2026-12"])
def test_periods_leave_no_instant_out(period: str) -> None:
    after = periods.bounds(periods.following(period), BERLIN)
    assert periods.bounds(period, BERLIN).end_ms == after.start_ms
    assert periods.containing(after.start_ms - 1, BERLIN) == period
    assert periods.containing(after.start_ms, BERLIN) == periods.following(period)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-1", "1999-10", "2026-10-01", "2026-10\n", "", "october"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(periods.PeriodError, match="expected a period like 2026-10"):
        periods.bounds(text, MOSCOW)
