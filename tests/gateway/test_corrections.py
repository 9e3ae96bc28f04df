"""Estimates over the real ledger: what is billed on account, and what becomes of it."""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from gateway.closing_records import Closing
from gateway.norms import import_norms, import_seasons
from gateway.sql.estimates import EstimateLedger
from gateway.sql.norms import NormLedger
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town, local

WATER = Dial("8-0:1.0.0", "m3", -3, 8, 0)
HEAT = Dial("6-0:1.0.0", "Gcal", -3, 8, 0)


def month_start(number: int) -> int:
    """Midnight of the first of a month counted from January 2026, in Moscow."""
    year, month = divmod(number - 1, 12)
    return local(month + 1, 1) + year * 365 * DAY_MS


class Flat(NamedTuple):
    """A flat with one meter, installed with 0 on 1 September."""

    town: Town
    dial: Dial
    serial: str = "W1"

    def read(self, *values: tuple[int, int]) -> None:
        """Midnight readings (month counted from January 2026, mantissa), sent in one batch."""
        for month, mantissa in values:
            self.town.read(self.serial, month_start(month), mantissa, self.dial)
        self.town.send()

    def close(self, month: int) -> Closing:
        return self.town.close(now_ms=month_start(month + 1) + HOUR_MS)


@pytest.fixture
def flat(tmp_path: Path) -> Flat:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return Flat(town, WATER)


def three_months(flat: Flat) -> None:
    """September to November: 10, 12 and 11 m3."""
    for month, mantissa in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        flat.read((month, mantissa))
        flat.close(month - 1)


def billed(closing: Closing) -> tuple[str, Decimal]:
    (line,) = closing.lines
    return line.method, line.consumption


def corrected(closing: Closing) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(one.line_id, one.method, one.billed, one.difference) for one in closing.corrections]


def norms(town: Town, text: str) -> None:
    with town.store.transaction():
        import_norms(NormLedger(town.store.database.connection), text.encode())


def test_three_measured_months_then_three_by_average_then_the_norm(flat: Flat) -> None:
    three_months(flat)
    norms(flat.town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
    months = [billed(flat.close(month)) for month in (12, 13, 14, 15)]
    assert months == [("average", Decimal(11))] * 3 + [("norm", Decimal("6.5"))]
    (line,) = flat.close(16).lines
    assert line.reason == (
        "no accepted reading in the period; norm of consumption, ПП 354 п. 60: unread period 5,"
        " after 3 by average (ПП 354 п. 59 «б»)"
    )
    assert (line.opening_value, line.closing_value) == (Decimal(33), Decimal(33))


def test_the_actual_corrects_every_estimate_evenly_by_time(flat: Flat) -> None:
    three_months(flat)
    assert billed(flat.close(12)) == ("average", Decimal(11))
    assert billed(flat.close(13)) == ("average", Decimal(11))
    # 90 days later 42 m3 more: December and January have 31 days each, February 28.
    flat.read((15, 75_000))
    february = flat.close(14)
    assert corrected(february) == [
        ("2026-12-000001", "interpolated", Decimal(11), Decimal("3.467")),
        ("2027-01-000001", "interpolated", Decimal(11), Decimal("3.466")),
    ]
    assert billed(february) == ("actual", Decimal("13.067"))
    assert february.lines[0].opening_value == Decimal("61.933")
    assert corrected(flat.close(15)) == []


def test_a_reading_that_came_late_says_what_its_month_was(flat: Flat) -> None:
    three_months(flat)
    assert billed(flat.close(12)) == ("average", Decimal(11))
    flat.read((14, 60_000))
    flat.read((13, 40_000))
    january = flat.close(13)
    assert corrected(january) == [("2026-12-000001", "actual", Decimal(11), Decimal(-4))]
    assert billed(january) == ("actual", Decimal(20))


def test_a_late_reading_ends_one_obligation_and_the_next_stays_open(flat: Flat) -> None:
    three_months(flat)
    flat.close(12)
    flat.close(13)
    flat.read((13, 40_000))
    february = flat.close(14)
    assert corrected(february) == [("2026-12-000001", "actual", Decimal(11), Decimal(-4))]
    # What is known of December changes the average: 40 m3 in four months.
    assert billed(february) == ("average", Decimal(10))
    flat.read((16, 70_000))
    march = flat.close(15)
    assert sum(one.difference for one in march.corrections) + march.lines[0].consumption == (
        Decimal(70 - 40) - 11 - 10
    )
    assert [one.line_id[:7] for one in march.corrections] == ["2027-01", "2027-02"]


def test_a_run_ends_with_a_reading_and_counts_anew(flat: Flat) -> None:
    three_months(flat)
    for month in (12, 13):
        flat.close(month)
    flat.read((15, 66_000))
    flat.close(14)
    assert [billed(flat.close(month))[0] for month in (15, 16, 17, 18)] == [
        *["average"] * 3,
        "carried",
    ]


def test_without_history_it_is_the_norm_of_the_account_before_that_of_the_house(
    flat: Flat,
) -> None:
    flat.read((10, 10_000))
    flat.close(9)
    norms(
        flat.town,
        "house;account;register;unit;since;amount\n"
        f"{HOUSE};;8-0:1.0.0;m3;2026-01;6.5\n{HOUSE};40112;8-0:1.0.0;m3;2026-01;4,2\n"
        f"{HOUSE};40112;8-0:1.0.0;m3;2026-12;5\n{HOUSE};;9-0:1.0.0;m3;2026-01;1\n",
    )
    assert billed(flat.close(10)) == ("norm", Decimal("4.2"))
    assert billed(flat.close(11)) == ("norm", Decimal("4.2"))
    assert billed(flat.close(12)) == ("norm", Decimal(5))
    # One cubic metre in three months instead of 13.4 by norm: it is all given back.
    flat.read((14, 11_000))
    january = flat.close(13)
    total = sum(one.difference for one in january.corrections) + january.lines[0].consumption
    assert total == 1 - Decimal("13.4")


def test_a_meter_never_read_since_its_installation_is_billed_the_norm_of_its_days(
    flat: Flat,
) -> None:
    flat.read((10, 1_000))
    flat.close(9)
    town = flat.town
    town.install("W2", town.point("P2", "13", "cold-water"), WATER, at_ms=local(10, 17))
    norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.2")
    flat.read((11, 2_000))
    lines = flat.close(10).lines
    # 15 of 31 days.
    assert [(line.method, line.consumption) for line in lines] == [
        ("actual", Decimal(1)),
        ("norm", Decimal("3.000")),
    ]


def test_heat_is_averaged_over_the_season_and_nothing_is_heated_outside(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="heat"), HEAT)
    flat = Flat(town, HEAT)
    with town.store.transaction():
        seasons = f"house,starts_on,ends_on\n{HOUSE},2026-10-01,2027-04-15\n"
        import_seasons(NormLedger(town.store.database.connection), seasons.encode())
    # September is not heated; October to December use 1.0, 1.4 and 1.8 Gcal.
    for month, mantissa in [(10, 0), (11, 1_000), (12, 2_400), (13, 4_200)]:
        flat.read((month, mantissa))
        flat.close(month - 1)
    assert billed(flat.close(13)) == ("average", Decimal("1.4"))
    flat.read((15, 7_000))
    flat.close(14)
    flat.read((16, 8_400))
    flat.close(15)
    # April: half of it is heated. October to March used 8.4 Gcal in six months.
    assert billed(flat.close(16)) == ("average", Decimal("0.7"))
    assert billed(flat.close(17)) == ("average", Decimal(0))


def heated(tmp_path: Path, seasons: str) -> Flat:
    """A flat whose month of heating is 1.5 Gcal by norm, and the seasons that are known."""
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="heat"), HEAT)
    norms(town, f"house,account,register,unit,since,amount\n{HOUSE},,6-0:1.0.0,Gcal,2026-01,1.5")
    if seasons:
        with town.store.transaction():
            data = f"house,starts_on,ends_on\n{HOUSE},{seasons}\n".encode()
            import_seasons(NormLedger(town.store.database.connection), data)
    return Flat(town, HEAT)


def test_heat_without_a_known_season_is_not_billed_in_summer_either(tmp_path: Path) -> None:
    flat = heated(tmp_path, "")
    three_months(flat)
    (line,) = flat.close(12).lines
    assert line.method == "carried"
    assert "no heating season of the house is known: see registry seasons" in line.reason


def test_the_norm_of_heat_is_that_of_the_heated_days(tmp_path: Path) -> None:
    flat = heated(tmp_path, "2026-10-17,")
    flat.read((10, 0))
    flat.close(9)
    # 15 of 31 days, and all of November.
    assert billed(flat.close(10)) == ("norm", Decimal("0.726"))
    assert billed(flat.close(11)) == ("norm", Decimal("1.5"))


def test_a_month_between_two_readings_is_interpolated_and_a_late_one_corrects_it(
    flat: Flat,
) -> None:
    flat.read((10, 10_000))
    flat.close(9)
    # October is unread; the period is closed when November's midnight has been read already.
    flat.read((12, 71_000))
    (october,) = flat.town.close(now_ms=month_start(12) + HOUR_MS).lines
    assert (october.method, october.consumption) == ("interpolated", Decimal(31))
    assert october.closing_at_ms == month_start(11)
    assert october.reason == (
        "no accepted reading in the period; the end of the period lies on a line between"
        " 2026-09-30 21:00 UTC and 2026-11-30 21:00 UTC"
    )
    flat.read((11, 50_000))
    november = flat.close(11)
    assert corrected(november) == [("2026-10-000001", "actual", Decimal(31), Decimal(9))]
    assert billed(november) == ("actual", Decimal(21))


def test_an_interpolation_that_stands_is_settled_without_a_word(flat: Flat) -> None:
    flat.read((10, 10_000))
    flat.close(9)
    flat.read((12, 71_000))
    flat.town.close(now_ms=month_start(12) + HOUR_MS)
    november = flat.close(11)
    assert (corrected(november), billed(november)) == ([], ("actual", Decimal(30)))
    (obligation,) = EstimateLedger(flat.town.store.database.connection).obligations(
        HOUSE, only_open=False, limit=10
    )
    assert (obligation.settled_in, obligation.difference) == ("2026-11", None)


def test_over_a_rollover_no_line_is_drawn_and_the_estimate_is_taken_back(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial("8-0:1.0.0", "m3", -3, 6, 900_000)
    town.install("W1", town.point("P1", resource="cold-water"), dial)
    flat = Flat(town, dial)
    for month, mantissa in [(10, 930_000), (11, 960_000), (12, 990_000)]:
        flat.read((month, mantissa))
        flat.close(month - 1)
    assert billed(flat.close(12)) == ("average", Decimal(30))
    flat.read((14, 45_000))
    january = flat.close(13)
    assert corrected(january) == [("2026-12-000001", "carried", Decimal(30), Decimal(-30))]
    assert billed(january) == ("actual", Decimal(55))


def test_an_exchange_ends_the_estimates_of_the_meter_taken_away(flat: Flat) -> None:
    three_months(flat)
    flat.close(12)
    town = flat.town
    town.remove("W1", month_start(13) + 15 * DAY_MS, final=56_000)
    town.install("W2", 1, WATER, at_ms=month_start(13) + 15 * DAY_MS)
    flat._replace(serial="W2").read((14, 4_000))
    january = flat.close(13)
    # 23 m3 in 46 days, 31 of them December's.
    assert corrected(january) == [("2026-12-000001", "interpolated", Decimal(11), Decimal("4.500"))]
    assert billed(january) == ("actual", Decimal("7.5") + 4)


def test_a_removal_that_nobody_told_in_time_ends_them_too(flat: Flat) -> None:
    three_months(flat)
    flat.close(12)
    flat.close(13)
    flat.town.remove("W1", month_start(12) + 5 * DAY_MS, final=34_000)
    other = flat.town.point("P2", "13", "cold-water")
    flat.town.install("W9", other, WATER, at_ms=month_start(14))
    february = flat.close(14)
    assert corrected(february) == [
        ("2026-12-000001", "actual", Decimal(11), Decimal(-10)),
        ("2027-01-000001", "actual", Decimal(11), Decimal(-11)),
    ]
    assert [line.point for line in february.lines] == ["P2"]


def test_a_correction_is_handed_over_as_an_event_that_names_the_line(flat: Flat) -> None:
    three_months(flat)
    flat.close(12)
    flat.read((14, 60_000))
    flat.close(13)
    rows = flat.town.store.database.connection.execute(
        "SELECT event_id, payload FROM event JOIN delivery USING (event_no)"
        " WHERE event_id LIKE '%c1'"
    ).fetchall()
    ((event_id, payload),) = rows
    event = msgspec.json.decode(payload)
    assert (event_id, event["id"]) == ("2026-12-000001-c1", "2026-12-000001-c1")
    assert event["type"] == "plomba.billing.line-corrected.v1"
    data = event["data"]
    assert (data["line_id"], data["period"], data["corrected_in"]) == (
        *("2026-12-000001", "2026-12"),
        "2027-01",
    )
    assert (data["billed"], data["consumption"], data["difference"]) == (
        *("11.000", "13.500"),
        "2.500",
    )
    assert (data["billed_method"], data["method"], data["closing_value"]) == (
        *("average", "interpolated"),
        "46.500",
    )
