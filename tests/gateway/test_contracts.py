"""Windows of contracts: tables of worked examples, and what holds whatever is agreed."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Resource, to_ms
from gateway import periods
from gateway.contracts import (
    LAST_DAY,
    Calendar,
    Contract,
    Cutoff,
    Windows,
    closing_instant,
    window,
)

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
KAMCHATKA = ZoneInfo("Asia/Kamchatka")
LISBON = ZoneInfo("Europe/Lisbon")
EACH = (MOSCOW, BERLIN, KAMCHATKA, LISBON, ZoneInfo("America/St_Johns"))


def days(first: int, last: int, *, next_month: bool = False, since: str = "2020-01") -> Contract:
    return Contract(since, first, last, next_month, Cutoff.READING)


# All that were seen live, and the last day of a month as ГИС ЖКХ writes it.
CROSSING = days(15, 3, next_month=True)
FIVE = days(19, 23)
SIX = days(20, 25)
UP_TO = days(1, 25)
TO_LAST = days(20, LAST_DAY)
ONLY_LAST = days(LAST_DAY, LAST_DAY)
LAST_TO_THIRD = days(LAST_DAY, 3, next_month=True)


def at(text: str, zone: ZoneInfo = MOSCOW) -> int:
    """A local time like 2026-10-26 or 2026-10-26T07:00."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


WINDOWS = [
    # contract, period, zone: the window's first midnight, the one after it, the closing instant
    (None, "2026-10", MOSCOW, "2026-10-01", "2026-11-01", "2026-11-01"),
    (CROSSING, "2026-10", MOSCOW, "2026-10-15", "2026-11-04", "2026-11-01"),
    (CROSSING, "2026-12", MOSCOW, "2026-12-15", "2027-01-04", "2027-01-01"),
    (FIVE, "2026-10", MOSCOW, "2026-10-19", "2026-10-24", "2026-10-24"),
    (SIX, "2026-10", MOSCOW, "2026-10-20", "2026-10-26", "2026-10-26"),
    (UP_TO, "2026-10", MOSCOW, "2026-10-01", "2026-10-26", "2026-10-26"),
    (TO_LAST, "2026-10", MOSCOW, "2026-10-20", "2026-11-01", "2026-11-01"),
    (TO_LAST, "2026-02", MOSCOW, "2026-02-20", "2026-03-01", "2026-03-01"),
    (ONLY_LAST, "2026-04", MOSCOW, "2026-04-30", "2026-05-01", "2026-05-01"),
    # A leap February, and a day it does not have.
    (ONLY_LAST, "2028-02", MOSCOW, "2028-02-29", "2028-03-01", "2028-03-01"),
    (days(30, 31), "2026-02", MOSCOW, "2026-02-28", "2026-03-01", "2026-03-01"),
    (days(30, 31), "2028-02", MOSCOW, "2028-02-29", "2028-03-01", "2028-03-01"),
    (days(20, 29), "2028-02", MOSCOW, "2028-02-20", "2028-03-01", "2028-03-01"),
    (days(20, 29), "2028-03", MOSCOW, "2028-03-20", "2028-03-30", "2028-03-30"),
    (LAST_TO_THIRD, "2028-02", MOSCOW, "2028-02-29", "2028-03-04", "2028-03-01"),
    # Clocks go back on 25 October 2026 and forward on 29 March: still from midnight to midnight.
    (SIX, "2026-10", BERLIN, "2026-10-20", "2026-10-26", "2026-10-26"),
    (days(27, LAST_DAY), "2026-03", BERLIN, "2026-03-27", "2026-04-01", "2026-04-01"),
    # East of UTC the day begins on the day before.
    (SIX, "2026-10", KAMCHATKA, "2026-10-20", "2026-10-26", "2026-10-26"),
]


@pytest.mark.parametrize(
    ("contract", "period", "zone", "ends"), [(*row[:3], row[3:]) for row in WINDOWS]
)
def test_where_windows_and_periods_end(
    contract: Contract | None, period: str, zone: ZoneInfo, ends: tuple[str, str, str]
) -> None:
    first, after, closing = ends
    assert window(contract, period, zone) == (at(first, zone), at(after, zone))
    assert closing_instant(contract, period, zone) == at(closing, zone)


def test_the_instants_are_the_clocks_of_the_house() -> None:
    # 26 October: in Berlin an hour from UTC since the day before, in Kamchatka twelve.
    assert closing_instant(SIX, "2026-10", BERLIN) == to_ms(
        datetime.fromisoformat("2026-10-25T23:00:00+00:00")
    )
    assert closing_instant(SIX, "2026-10", KAMCHATKA) == to_ms(
        datetime.fromisoformat("2026-10-25T12:00:00+00:00")
    )


# V-WINDOW: in the window it is that period's, outside of any the next one's.
READINGS = [
    (None, "2026-10-31T23:59", "2026-10"),
    (None, "2026-11-01", "2026-11"),
    (CROSSING, "2026-10-14T23:59", "2026-10"),
    (CROSSING, "2026-10-15", "2026-10"),
    (CROSSING, "2026-10-31", "2026-10"),
    (CROSSING, "2026-11-03T23:59", "2026-10"),
    (CROSSING, "2026-11-04", "2026-11"),
    (CROSSING, "2027-01-02", "2026-12"),
    (FIVE, "2026-10-18", "2026-10"),
    (FIVE, "2026-10-19", "2026-10"),
    (FIVE, "2026-10-23T23:59", "2026-10"),
    (FIVE, "2026-10-24", "2026-11"),
    (SIX, "2026-10-20", "2026-10"),
    (SIX, "2026-10-25T23:59", "2026-10"),
    (SIX, "2026-10-26", "2026-11"),
    (SIX, "2026-11-01", "2026-11"),
    (UP_TO, "2026-10-01", "2026-10"),
    (UP_TO, "2026-10-25T23:59", "2026-10"),
    (UP_TO, "2026-10-26", "2026-11"),
    (UP_TO, "2026-12-28", "2027-01"),
    (ONLY_LAST, "2026-02-28", "2026-02"),
    (ONLY_LAST, "2028-02-28", "2028-02"),
    (ONLY_LAST, "2028-02-29T23:59", "2028-02"),
    (LAST_TO_THIRD, "2026-03-03", "2026-02"),
    (LAST_TO_THIRD, "2026-03-04", "2026-03"),
]


@pytest.mark.parametrize(("contract", "moment", "period"), READINGS)
def test_which_period_a_reading_is_for(contract: Contract | None, moment: str, period: str) -> None:
    windows = Windows(MOSCOW, [contract] if contract else [])
    assert windows.period_of(at(moment)) == period


def test_the_end_of_a_windows_last_day_is_that_of_the_house() -> None:
    last = at("2026-10-25T23:59", KAMCHATKA)
    assert Windows(KAMCHATKA, [SIX]).period_of(last) == "2026-10"
    assert Windows(KAMCHATKA, [SIX]).period_of(last + 60_000) == "2026-11"
    # The hour that Berlin's clocks show twice is inside a window that ends with that day.
    twice = to_ms(datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1))
    assert Windows(BERLIN, [SIX]).period_of(twice) == "2026-10"


def test_a_line_runs_from_closing_instant_to_closing_instant() -> None:
    windows = Windows(MOSCOW, [SIX._replace(since="2026-11"), CROSSING._replace(since="2027-01")])
    terms = {name: windows.term(name) for name in ("2026-10", "2026-11", "2026-12", "2027-01")}
    assert {name: term.bounds for name, term in terms.items()} == {
        "2026-10": (at("2026-10-01"), at("2026-11-01")),
        "2026-11": (at("2026-11-01"), at("2026-11-26")),
        "2026-12": (at("2026-11-26"), at("2026-12-26")),
        "2027-01": (at("2026-12-26"), at("2027-02-01")),
    }
    assert terms["2026-11"].over_ms == at("2026-12-01")
    assert terms["2027-01"].over_ms == at("2027-02-04")
    assert terms["2026-10"].taking.window is None
    assert terms["2026-11"].taking.window == (at("2026-11-20"), at("2026-11-26"))


def test_a_resource_has_its_own_contracts_or_the_houses() -> None:
    calendar = Calendar(MOSCOW, {None: [UP_TO], Resource.HEAT: [FIVE._replace(since="2026-10")]})
    assert calendar.term(Resource.GAS, "2026-10").bounds.end_ms == at("2026-10-26")
    assert calendar.term(Resource.HEAT, "2026-09").bounds.end_ms == at("2026-09-26")
    assert calendar.term(Resource.HEAT, "2026-10").bounds.end_ms == at("2026-10-24")
    assert calendar.last_instant_ms("2026-10") == at("2026-10-26")
    assert calendar.over_ms("2026-10") == at("2026-11-01")


DAY = st.sampled_from([*range(1, 32), LAST_DAY])


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    first, last = draw(DAY), draw(DAY)
    next_month = last < first
    month = draw(st.integers(1, 12))
    cutoff = draw(st.sampled_from(Cutoff))
    return Contract(f"2027-{month:02d}", first, last, next_month, cutoff)


@given(st.lists(contracts(), max_size=6, unique_by=lambda one: one.since), st.sampled_from(EACH))
def test_whatever_is_agreed_no_instant_is_billed_twice_or_left_out(
    agreed: list[Contract], zone: ZoneInfo
) -> None:
    windows = Windows(zone, sorted(agreed))
    period, end_ms = "2026-11", windows.term("2026-11").bounds.start_ms
    for _ in range(18):
        term = windows.term(period)
        month = periods.bounds(period, zone)
        assert term.bounds.start_ms == end_ms
        assert month.start_ms < term.bounds.end_ms <= month.end_ms <= term.over_ms
        end_ms, period = term.bounds.end_ms, periods.following(period)


@given(
    st.lists(contracts(), max_size=4, unique_by=lambda one: one.since),
    st.sampled_from(EACH),
    st.dates(date(2026, 12, 1), date(2028, 3, 31)),
)
def test_every_day_has_one_period_and_later_days_no_earlier_one(
    agreed: list[Contract], zone: ZoneInfo, day: date
) -> None:
    windows = Windows(zone, sorted(agreed))
    today, tomorrow = (
        to_ms(datetime.combine(one, datetime.min.time(), zone))
        for one in (day, day + timedelta(days=1))
    )
    period = windows.period_of(today)
    assert today < window(windows.holding(period), period, zone).end_ms
    assert period <= windows.period_of(tomorrow)
