"""What bars a meter: expired verifications, orders, the legal calendar, and all of them at once."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import to_ms
from gateway.billing import Installation
from gateway.estimation.terms import Cause
from gateway.meter_life.bars import Bar, Order, bars, pieces
from gateway.meter_life.verification import Finding
from gateway.model import FOREVER_MS, Level
from tests.gateway.meter_life.test_verification import a_verification

ZONE = ZoneInfo("Europe/Moscow")
EXPIRED, FAILED = Cause.EXPIRED, Cause.FAILED
FIT, THROUGHOUT, UNFIT = Finding


def at(day: str) -> int:
    """Midnight of a day on the clocks of Moscow; - stands for what never ends."""
    return FOREVER_MS if day == "-" else to_ms(datetime.fromisoformat(f"{day}T00:00+03:00"))


def told(found: list[Bar]) -> list[tuple[str, str, Cause]]:
    def day(moment_ms: int) -> str:
        if moment_ms == FOREVER_MS:
            return "-"
        return str(datetime.fromtimestamp(moment_ms // 1000, ZONE).date())

    return [(day(one.from_ms), day(one.until_ms), one.cause) for one in found]


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        ([], []),
        # The last day counts to its end.
        ([("2021-03-10", "2026-10-10", FIT)], [("2026-10-11", "-", EXPIRED)]),
        # A new one before the end leaves nothing out.
        (
            [("2021-03-10", "2026-10-10", FIT), ("2026-10-01", "2032-10-01", FIT)],
            [("2032-10-02", "-", EXPIRED)],
        ),
        # A late one bars what lies between.
        (
            [("2021-03-10", "2026-10-10", FIT), ("2026-11-05", "2032-11-05", FIT)],
            [("2026-10-11", "2026-11-05", EXPIRED), ("2032-11-06", "-", EXPIRED)],
        ),
        # Unless it finds that the meter was fit throughout.
        (
            [("2021-03-10", "2026-10-10", FIT), ("2026-11-05", "2032-11-05", THROUGHOUT)],
            [("2032-11-06", "-", EXPIRED)],
        ),
        # It says nothing of an interval before that.
        (
            [
                ("2010-01-01", "2012-01-01", FIT),
                ("2012-02-01", "2014-02-01", FIT),
                ("2014-03-01", "2018-03-01", THROUGHOUT),
            ],
            [("2012-01-02", "2012-02-01", EXPIRED), ("2018-03-02", "2020-04-06", EXPIRED),
             ("2021-01-01", "-", EXPIRED)],
        ),
        # Found unfit: failed from that day on, expired before.
        (
            [("2021-03-10", "2026-10-10", FIT), ("2026-11-05", "2032-11-05", UNFIT)],
            [("2026-10-11", "-", EXPIRED)],
        ),
        (
            [("2021-03-10", "2026-10-10", FIT), ("2026-09-05", "2032-09-05", UNFIT)],
            [("2026-09-05", "-", FAILED)],
        ),
        # The moratorium of 2020 (ПП 424).
        ([("2014-05-01", "2020-05-01", FIT)], [("2021-01-01", "-", EXPIRED)]),
        (
            [("2014-05-01", "2020-05-01", FIT), ("2020-12-01", "2026-12-01", FIT)],
            [("2026-12-02", "-", EXPIRED)],
        ),
        (
            [("2014-03-01", "2020-03-01", FIT), ("2021-02-01", "2027-02-01", FIT)],
            [("2020-03-02", "2020-04-06", EXPIRED), ("2021-01-01", "2021-02-01", EXPIRED),
             ("2027-02-02", "-", EXPIRED)],
        ),
    ],
)  # fmt: skip
def test_verifications_by_date(
    verified: list[tuple[str, str, Finding]], expected: list[tuple[str, str, Cause]]
) -> None:
    assert told(bars([a_verification(*one) for one in verified], [], ZONE)) == expected


@pytest.mark.parametrize(
    ("verified", "orders", "expected"),
    [
        ([], [Order(at("2026-10-05"), FAILED)], [("2026-10-05", "-", FAILED)]),
        # Put into service anew.
        (
            [],
            [Order(at("2026-10-05"), FAILED, at("2026-11-01")), Order(at("2026-12-05"), FAILED)],
            [("2026-10-05", "2026-11-01", FAILED), ("2026-12-05", "-", FAILED)],
        ),
        # The earliest counts, whoever of them ends first.
        (
            [("2021-03-10", "2026-10-10", FIT), ("2026-11-05", "2032-11-05", FIT)],
            [Order(at("2026-10-05"), FAILED)],
            [("2026-10-05", "-", FAILED)],
        ),
        (
            [("2021-03-10", "2026-10-10", FIT)],
            [Order(at("2026-10-20"), FAILED)],
            [("2026-10-11", "-", EXPIRED)],
        ),
        # An order for expiry ends with the next verification, one for a failure does not.
        (
            [("2026-11-05", "2032-11-05", FIT)],
            [Order(at("2026-10-05"), EXPIRED)],
            [("2026-10-05", "2026-11-05", EXPIRED), ("2032-11-06", "-", EXPIRED)],
        ),
        (
            [("2026-11-05", "2032-11-05", THROUGHOUT)],
            [Order(at("2026-10-05"), EXPIRED)],
            [("2032-11-06", "-", EXPIRED)],
        ),
    ],
)
def test_orders_and_verifications_combine(
    verified: list[tuple[str, str, Finding]],
    orders: list[Order],
    expected: list[tuple[str, str, Cause]],
) -> None:
    assert told(bars([a_verification(*one) for one in verified], orders, ZONE)) == expected


DAYS = st.dates(date(2018, 1, 1), date(2030, 1, 1)).map(str)


@given(
    st.lists(
        st.tuples(DAYS, DAYS, st.sampled_from(Finding)).map(lambda row: (*sorted(row[:2]), row[2])),
        max_size=5,
        unique_by=lambda row: row[0],
    ),
    st.lists(st.builds(Order, DAYS.map(at), st.sampled_from([EXPIRED, FAILED])), max_size=3),
)
def test_bars_are_in_order_and_never_touch(
    verified: list[tuple[str, str, Finding]], orders: list[Order]
) -> None:
    found = bars([a_verification(*one) for one in verified], orders, ZONE)
    moments = [moment for bar in found for moment in (bar.from_ms, bar.until_ms)]
    assert moments == sorted(set(moments))


METER = Installation(1, -3, 8, 0, 1_000)
BARRED = Bar(100, 200, EXPIRED)


def test_a_bar_without_an_end_is_the_installations() -> None:
    bar = Bar(100, FOREVER_MS, EXPIRED)
    assert pieces(METER, [bar], {}) == [METER._replace(barred_ms=100, cause=EXPIRED)]


def test_until_something_says_where_to_begin_a_bar_goes_on() -> None:
    assert pieces(METER, [BARRED], {}) == [METER._replace(barred_ms=100, cause=EXPIRED)]


def test_a_meter_counts_anew_after_a_bar() -> None:
    later = Bar(500, FOREVER_MS, FAILED)
    before, after = pieces(METER, [BARRED, later], {200: Level(230, 5_000)})
    assert (before.removed_at_ms, before.final, before.barred_ms) == (230, 5_000, 100)
    assert (after.installed_at_ms, after.initial) == (230, 5_000)
    assert (after.barred_ms, after.cause) == (500, FAILED)


@pytest.mark.parametrize("bar", [Bar(100, 200, EXPIRED), Bar(900, FOREVER_MS, FAILED)])
def test_what_lies_outside_an_installation_does_not_concern_it(bar: Bar) -> None:
    one = METER._replace(installed_at_ms=300, removed_at_ms=800, final=2_000)
    assert pieces(one, [bar], {200: Level(250, 1)}) == [one]


def test_a_meter_taken_away_before_it_counted_anew_stays_barred() -> None:
    one = METER._replace(removed_at_ms=220, final=2_000)
    (only,) = pieces(one, [BARRED], {200: Level(230, 5_000)})
    assert (only.removed_at_ms, only.barred_ms) == (220, 100)
