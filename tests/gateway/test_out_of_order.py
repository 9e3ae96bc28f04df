"""Meters out of order: their readings are kept and not billed, and may be billed after all."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway import orders
from gateway.closing import Closing
from gateway.estimation.terms import Cause
from gateway.registry_csv import RegistryError
from gateway.sqlite.estimates import EstimateLedger
from gateway.sqlite.orders import OrderLedger
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
