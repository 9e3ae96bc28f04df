"""Quiet hours are by the clock of the house, through midnight and through a change of clocks."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from drivers.reading import to_ms
from gateway.resident.quiet import Quiet

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = MOSCOW) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-09-20T08:59:59", "2026-09-20T09:00"),
        ("2026-09-20T09:00", "2026-09-20T09:00"),
        ("2026-09-20T20:59:59", "2026-09-20T20:59:59"),
        ("2026-09-20T21:00", "2026-09-21T09:00"),
        ("2026-09-20T23:59", "2026-09-21T09:00"),
        ("2026-09-21T00:00", "2026-09-21T09:00"),
    ],
)
def test_from_nine_to_nine_by_default(moment: str, allowed: str) -> None:
    assert Quiet().next_allowed(at(moment), MOSCOW) == at(allowed)


def test_the_clock_is_the_houses() -> None:
    moment = at("2026-09-20T20:30", BERLIN)
    assert Quiet().next_allowed(moment, BERLIN) == moment
    assert Quiet().next_allowed(moment, MOSCOW) == at("2026-09-21T09:00")


def test_the_night_in_which_clocks_go_back_ends_at_nine() -> None:
    late = at("2026-10-24T22:00", BERLIN)
    assert Quiet().next_allowed(late, BERLIN) == at("2026-10-25T09:00", BERLIN)


def test_silence_within_a_day_and_none_at_all() -> None:
    noon = Quiet(time(13), time(15))
    assert noon.next_allowed(at("2026-09-20T14:00"), MOSCOW) == at("2026-09-20T15:00")
    assert noon.next_allowed(at("2026-09-20T23:00"), MOSCOW) == at("2026-09-20T23:00")
    never = Quiet(time(0), time(0))
    assert never.next_allowed(at("2026-09-20T03:00"), MOSCOW) == at("2026-09-20T03:00")
