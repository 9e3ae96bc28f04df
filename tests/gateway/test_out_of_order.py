"""Meters out of order: their readings are kept and not billed, and may be billed after all."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from gateway import orders
from gateway.closing_records import Closing
from gateway.csv_lines import RegistryError
from gateway.estimation.terms import Cause
from gateway.sql.estimates import EstimateLedger
from gateway.sql.orders import OrderLedger
from tests.gateway.test_corrections import (
    WATER,
    Flat,
    billed,
    corrected,
    month_start,
    norms,
    three_months,
)
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town, local

POWER = Dial("1-0:1.8.0", "kWh", -2, 8, 0)


@pytest.fixture
def flat(tmp_path: Path) -> Flat:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return Flat(town, WATER)


def declare(flat: Flat, cause: Cause, from_ms: int, meter: str = "W1") -> None:
    with flat.town.store.transaction() as connection:
        orders.declare(OrderLedger(connection), meter, cause, from_ms)


def declare_fit(flat: Flat, at_ms: int) -> None:
    with flat.town.store.transaction() as connection:
        orders.declare_fit(OrderLedger(connection), "W1", at_ms)


def still_open(flat: Flat) -> int:
    ledger = EstimateLedger(flat.town.store.database.connection)
    return len(ledger.obligations(HOUSE, only_open=True, limit=100))


def winter(flat: Flat, *months: int) -> list[tuple[str, Decimal]]:
    """What is billed while the meter is read at every midnight, 20 m3 a month, and barred."""
    closed = []
    for month in months:
        flat.read((month + 1, 33_000 + 20_000 * (month - 11)))
        closed.append(billed(flat.close(month)))
    return closed


def test_water_is_billed_three_months_by_average_and_then_by_norm(flat: Flat) -> None:
    three_months(flat)
    norms(flat.town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
    declare(flat, Cause.EXPIRED, month_start(12) + HOUR_MS)
    assert winter(flat, 12, 13, 14, 15) == [
        *[("average", Decimal(11))] * 3,
        ("norm", Decimal("6.5")),
    ]
    (line,) = flat.close(16).lines
    assert "the meter's verification has run out; norm of consumption" in line.reason


def test_electricity_has_a_branch_of_its_own_without_a_cap(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("W1", town.point("P1"), POWER)
    flat = Flat(town, POWER)
    for month, mantissa in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        flat.read((month, mantissa))
        flat.close(month - 1)
    declare(flat, Cause.FAILED, month_start(12) + HOUR_MS)
    months = [billed(flat.close(month)) for month in range(12, 19)]
    assert months == [("average", Decimal(110))] * 7
    (line,) = flat.close(19).lines
    assert line.reason.endswith(
        "the meter is out of order; average of 3 measured months,"
        " unread period 8, ПП 354 п. 59 «г» without a limit"
    )


def test_a_meter_found_fit_after_all_is_billed_by_every_reading(flat: Flat) -> None:
    three_months(flat)
    declare(flat, Cause.EXPIRED, month_start(12) + HOUR_MS)
    assert winter(flat, 12, 13) == [("average", Decimal(11))] * 2
    declare_fit(flat, month_start(14) + DAY_MS)
    flat.read((15, 93_000))
    february = flat.close(14)
    assert corrected(february) == [
        ("2026-12-000001", "actual", Decimal(11), Decimal(9)),
        ("2027-01-000001", "actual", Decimal(11), Decimal(9)),
    ]
    assert billed(february) == ("actual", Decimal(20))
    assert still_open(flat) == 0


def exchanged(flat: Flat, month: int) -> Closing:
    """The meter is exchanged in mid-month (of 31 days), the new one read at its end."""
    at_ms = month_start(month) + 15 * DAY_MS + DAY_MS // 2
    flat.town.remove("W1", at_ms, final=90_000)
    flat.town.install("W2", 1, WATER, at_ms=at_ms)
    flat._replace(serial="W2").read((month + 1, 4_000))
    return flat.close(month)


def test_what_was_estimated_until_the_exchange_stands(flat: Flat) -> None:
    three_months(flat)
    declare(flat, Cause.FAILED, month_start(12) + HOUR_MS)
    winter(flat, 12)
    # Half of January by average, the other by the new meter; nothing by the act of the old one.
    january = exchanged(flat, 13)
    assert billed(january) == ("average", Decimal("5.5") + 4)
    assert (corrected(january), still_open(flat)) == ([], 1)
    assert (january.lines[0].closing_meter, january.lines[0].closing_value) == ("W2", Decimal(4))
    flat._replace(serial="W2").read((15, 16_000))
    february = flat.close(14)
    assert billed(february) == ("actual", Decimal(12))
    assert (corrected(february), still_open(flat)) == ([], 0)


def test_a_month_is_measured_as_far_as_the_meter_was_in_order(flat: Flat) -> None:
    three_months(flat)
    failed_ms = month_start(12) + 15 * DAY_MS + DAY_MS // 2
    flat.town.read("W1", failed_ms, 41_000, WATER)
    flat.town.read("W1", failed_ms + DAY_MS, 80_000, WATER)
    flat.town.send()
    declare(flat, Cause.FAILED, failed_ms + 1)
    (december,) = flat.close(12).lines
    # 8 m3 in the first half, half of the average of 11 for the second.
    assert (december.method, december.consumption) == ("average", Decimal("13.5"))
    assert december.closing_value == Decimal(41)
    assert billed(flat.close(13)) == ("average", Decimal(11))
    assert still_open(flat) == 2


def test_a_removed_meter_without_another_has_one_last_line(flat: Flat) -> None:
    three_months(flat)
    declare(flat, Cause.FAILED, month_start(12) + HOUR_MS)
    flat.town.remove("W1", month_start(12) + 15 * DAY_MS + DAY_MS // 2, final=90_000)
    flat.town.install("W9", flat.town.point("P2", "13", "cold-water"), WATER, at_ms=local(12, 1))
    december = flat.close(12)
    assert (december.lines[0].method, december.lines[0].consumption) == (
        "average",
        Decimal("5.5"),
    )
    assert [line.point for line in flat.close(13).lines] == ["P2"]
    assert still_open(flat) == 0


def test_orders_are_stated_once_and_ended_once(flat: Flat) -> None:
    at_ms = month_start(12)
    with pytest.raises(RegistryError, match="no registered meter is called 'X'"):
        declare(flat, Cause.FAILED, at_ms, "X")
    with pytest.raises(RegistryError, match="not out of order"):
        declare_fit(flat, at_ms)
    declare(flat, Cause.EXPIRED, at_ms)
    with pytest.raises(RegistryError, match="out of order already"):
        declare(flat, Cause.FAILED, at_ms)
    with pytest.raises(RegistryError, match="only after"):
        declare_fit(flat, at_ms - 1)
    declare_fit(flat, at_ms + 1)
    declare(flat, Cause.FAILED, at_ms + 2)


def test_what_the_next_meter_counted_is_billed_however_late_its_reading_comes(flat: Flat) -> None:
    three_months(flat)
    declare(flat, Cause.FAILED, month_start(12) + HOUR_MS)
    winter(flat, 12)
    at_ms = month_start(13) + 15 * DAY_MS + DAY_MS // 2
    flat.town.remove("W1", at_ms, final=90_000)
    flat.town.install("W2", 1, WATER, at_ms=at_ms)
    new = flat._replace(serial="W2")
    # Half of January by average; the new meter's half is not known yet.
    assert billed(flat.close(13)) == ("average", Decimal("5.5"))
    new.read((14, 4_000), (15, 16_000))
    february = flat.close(14)
    assert (corrected(february), still_open(flat)) == ([], 0)
    assert billed(february) == ("actual", Decimal(16))
    assert february.lines[0].opening_value == Decimal(0)


def test_an_exchange_entered_late_leaves_the_estimate_its_days_only(flat: Flat) -> None:
    three_months(flat)
    failed_ms = month_start(13) + 10 * DAY_MS
    flat.read((13, 44_000))
    assert billed(flat.close(12)) == ("actual", Decimal(11))
    flat.town.read("W1", failed_ms - HOUR_MS, 47_000, WATER)
    flat.town.send()
    declare(flat, Cause.FAILED, failed_ms - HOUR_MS + 1)
    january = flat.close(13)
    # 3 m3 as read, 21 days and an hour of 31 by the average of 11.
    assert billed(january) == ("average", 3 + round(Decimal(11) * 505 / 744, 3))
    at_ms = failed_ms + 5 * DAY_MS - HOUR_MS
    flat.town.remove("W1", at_ms, final=90_000)
    flat.town.install("W2", 1, WATER, at_ms=at_ms)
    flat._replace(serial="W2").read((14, 6_000), (15, 16_000))
    february = flat.close(14)
    # Five days of the average are left, the new meter's 6 m3 are its own.
    (correction,) = february.corrections
    assert (correction.line_id, correction.method) == (january.lines[0].line_id, "average")
    assert correction.consumption == 3 + round(Decimal(11) * 5 / 31, 3) + 6
    assert (correction.closing_meter, correction.closing_value) == ("W2", Decimal(6))
    assert billed(february) == ("actual", Decimal(10))
    assert still_open(flat) == 0


def test_a_month_that_was_read_is_not_estimated_for_what_happened_before_it(flat: Flat) -> None:
    three_months(flat)
    flat.town.read("W1", month_start(12) + 10 * DAY_MS, 37_000, WATER)
    flat.town.send()
    assert billed(flat.close(12)) == ("actual", Decimal(4))
    declare(flat, Cause.FAILED, month_start(12) + 12 * DAY_MS)
    at_ms = month_start(12) + 20 * DAY_MS
    flat.town.remove("W1", at_ms, final=90_000)
    flat.town.install("W2", 1, WATER, at_ms=at_ms)
    flat._replace(serial="W2").read((14, 6_000))
    assert billed(flat.close(13)) == ("actual", Decimal(6))
    # Nor does it count as a month without readings.
    assert "unread period 1 of 3" in flat.close(14).lines[0].reason


def test_a_late_reading_from_before_the_failure_is_not_lost(flat: Flat) -> None:
    three_months(flat)
    failed_ms = month_start(12) + 20 * DAY_MS
    flat.town.read("W1", month_start(12) + 10 * DAY_MS, 37_000, WATER)
    flat.town.send()
    declare(flat, Cause.FAILED, failed_ms)
    december = flat.close(12).lines[0].consumption
    flat.town.read("W1", failed_ms - DAY_MS, 41_000, WATER)
    flat.town.send()
    assert billed(flat.close(13)) == ("average", flat.close(14).lines[0].consumption)
    at_ms = month_start(15) + 15 * DAY_MS + DAY_MS // 2
    flat.town.remove("W1", at_ms, final=90_000)
    flat.town.install("W2", 1, WATER, at_ms=at_ms)
    flat._replace(serial="W2").read((16, 5_000))
    march = flat.close(15)
    # 4 m3 and 21 days by average in December; the other 4 with the line that the exchange closes,
    # which is the fourth in a row, and no norm is known.
    assert december == 4 + round(Decimal(11) * 21 / 31, 3)
    assert march.lines[0].opening_value == Decimal(37)
    assert billed(march) == ("actual", Decimal(4 + 5))


def runs(flat: Flat, declared_in: int | None, *months: int) -> list[str]:
    """Which unread period each month says it is; the failure on 16 December is told in one."""
    said = []
    for month in months:
        if month == declared_in:
            declare(flat, Cause.FAILED, month_start(12) + 15 * DAY_MS)
        (line,) = flat.close(month).lines
        found = re.search(
            r"unread period (\d+ of \d+|\d+)(?: \(ПП 354 п. 59( «.»)\))?", line.reason
        )
        said.append("" if found is None else found[1] + (found[2] or ""))
    return said


@pytest.mark.parametrize(
    ("declared_in", "read_on", "expected"),
    [
        # Measured until it failed, told at once: December is the first of three.
        (12, 10, ["1 of 3 «а»", "2 of 3 «а»", "3 of 3 «а»", "4"]),
        # The same, not read in December at all.
        (12, None, ["1 of 3 «а»", "2 of 3 «а»", "3 of 3 «а»", "4"]),
        # Told after December had been billed as not read: it was a month out of order all the same.
        (13, None, ["1 of 3 «б»", "2 of 3 «а»", "3 of 3 «а»", "4"]),
        (14, None, ["1 of 3 «б»", "2 of 3 «б»", "3 of 3 «а»", "4"]),
        # December was billed by its reading of the 11th: nothing of it is estimated.
        (13, 10, ["", "1 of 3 «а»", "2 of 3 «а»", "3 of 3 «а»"]),
    ],
)
def test_each_month_says_which_of_its_cause_it_is(
    flat: Flat, declared_in: int, read_on: int | None, expected: list[str]
) -> None:
    three_months(flat)
    if read_on is not None:
        flat.town.read("W1", month_start(12) + read_on * DAY_MS, 37_000, WATER)
        flat.town.send()
    assert runs(flat, declared_in, 12, 13, 14, 15) == expected


def test_no_line_is_drawn_to_what_a_meter_out_of_order_showed_at_its_removal(flat: Flat) -> None:
    three_months(flat)
    assert flat.close(12).lines[0].method == "average"
    at_ms = month_start(13) + 15 * DAY_MS + DAY_MS // 2
    declare(flat, Cause.FAILED, month_start(13) + DAY_MS)
    flat.town.remove("W1", at_ms, final=90_000)
    flat.town.install("W2", 1, WATER, at_ms=at_ms)
    flat._replace(serial="W2").read((14, 4_000))
    january = flat.close(13)
    # So December's estimate stands, like January's: the new meter's 4 m3 do not contain it.
    assert corrected(january) == []
    assert billed(january) == ("average", 4 + Decimal("5.5"))
    flat._replace(serial="W2").read((15, 16_000))
    assert billed(flat.close(14)) == ("actual", Decimal(12))
    assert still_open(flat) == 0


def test_an_unread_month_is_not_taken_back_because_its_meter_failed_afterwards(flat: Flat) -> None:
    three_months(flat)
    assert flat.close(12).lines[0].method == "average"
    declare(flat, Cause.FAILED, month_start(13) + DAY_MS)
    for month in (13, 14):
        closing = flat.close(month)
        assert (billed(closing)[0], corrected(closing)) == ("average", [])
    assert still_open(flat) == 3


def test_what_was_read_over_a_rollover_before_the_failure_is_billed_once(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial("8-0:1.0.0", "m3", -3, 6, 900_000)
    town.install("W1", town.point("P1", resource="cold-water"), dial)
    flat = Flat(town, dial)
    for month, mantissa in [(10, 930_000), (11, 960_000), (12, 990_000)]:
        flat.read((month, mantissa))
        flat.close(month - 1)
    assert [billed(flat.close(month)) for month in (12, 13)] == [("average", Decimal(30))] * 2
    flat.read((14, 45_000))
    declare(flat, Cause.FAILED, month_start(14) + DAY_MS)
    february = flat.close(14)
    # 55 m3 from November to January: the reading has all of it, so December's estimate goes.
    assert corrected(february) == [
        ("2026-12-000001", "carried", Decimal(30), Decimal(-30)),
        ("2027-01-000001", "actual", Decimal(30), Decimal(25)),
    ]
    assert february.lines[0].opening_value == Decimal(45)
    assert still_open(flat) == 1
