"""Meter life through close_period over the real ledger: verification, factors, roles, moves."""

from datetime import date
from decimal import Decimal

from gateway import orders
from gateway.closing import close_period
from gateway.closing_records import Closing, ClosingLine
from gateway.estimation.terms import Cause
from gateway.handoff.event import event_maker
from gateway.meter_life import acts, files
from gateway.meter_life.files import Author
from gateway.sql.meter_life import LifeLedger
from gateway.sql.orders import OrderLedger
from tests.gateway.test_corrections import WATER, Flat, billed, corrected, month_start, three_months
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town, local

POWER = Dial("1-0:1.8.0", "kWh", -2, 8, 0)
T1, T2, T3 = (Dial(f"1-0:1.8.{number}", "kWh", -2, 8, 0) for number in (1, 2, 3))
BACK = Dial("1-0:2.8.0", "kWh", -2, 8, 0)
HEADER = "meter,verified_on,interval,number,by,finding"


def author() -> Author:
    return Author("Иванова", "test", 0, "file.csv")


def verify(town: Town, *lines: str, header: str = HEADER) -> dict[str, int]:
    with town.store.transaction() as connection:
        data = "\n".join([header, *lines]).encode()
        return files.import_verifications(LifeLedger(connection), data, author())


def relate(town: Town, *lines: str) -> None:
    with town.store.transaction() as connection:
        data = "\n".join(["point,kind,other,since", *lines]).encode()
        files.import_relations(LifeLedger(connection), data, author())


def by_point(closing: Closing) -> dict[tuple[str, str], ClosingLine]:
    return {(line.point, line.register): line for line in closing.lines}


def read(town: Town, serial: str, at_ms: int, *shown: tuple[Dial, int]) -> None:
    for dial, mantissa in shown:
        town.read(serial, at_ms, mantissa, dial)


# Verification ------------------------------------------------------------------------------------


def test_readings_after_the_end_of_a_verification_are_kept_and_do_not_bill(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-12-15,6y,1,ЦСМ,fit")
    noon = DAY_MS // 2
    # Within the last day and after it; on the clocks of the house.
    flat.town.read("W1", local(12, 15) + noon, 38_000, WATER)
    flat.town.read("W1", local(12, 16) + noon, 39_000, WATER)
    flat.read((13, 60_000))
    (line,) = flat.close(12).lines
    assert (line.method, line.closing_value) == ("average", Decimal(38))
    assert "the meter's verification has run out" in line.reason
    # 5 m3 measured in 14.5 days, the average of 11 a month for the rest.
    assert line.consumption == 5 + round(Decimal(11) * Decimal("16.5") / 31, 3)
    states = flat.town.store.database.connection.execute("SELECT DISTINCT state FROM reading")
    assert states.fetchall() == [(0,)]
    assert billed(flat.close(13)) == ("average", Decimal(11))


def test_nothing_is_barred_before_the_end_or_without_a_verification(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-12-31,6y,1,ЦСМ,fit")
    flat.read((13, 53_000))
    assert billed(flat.close(12)) == ("actual", Decimal(20))


def test_a_new_verification_bars_only_the_time_between(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-11-30,6y,1,ЦСМ,fit")
    assert billed(flat.close(12)) == ("average", Decimal(11))
    verify(flat.town, "W1,2027-01-10,6y,2,ЦСМ,fit")
    # 10 January is 9 days into the month; the first reading from it on is where it counts again.
    flat.town.read("W1", month_start(13) + 9 * DAY_MS, 60_000, WATER)
    flat.read((14, 67_000))
    january = flat.close(13)
    (line,) = january.lines
    assert (line.method, line.closing_value) == ("average", Decimal(67))
    assert line.consumption == 7 + round(Decimal(11) * 9 / 31, 3)
    assert "the meter counts anew from an act once" in line.reason
    assert corrected(january) == []
    flat.read((15, 80_000))
    assert billed(flat.close(14)) == ("actual", Decimal(13))


def test_the_dial_noted_at_the_verification_is_where_it_counts_again(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-11-30,6y,1,ЦСМ,fit")
    flat.close(12)
    header = f"{HEADER},values"
    verify(flat.town, "W1,2027-01-10,6y,2,ЦСМ,fit,8-0:1.0.0=58.5", header=header)
    flat.read((14, 67_000))
    (line,) = flat.close(13).lines
    assert line.consumption == Decimal("8.5") + round(Decimal(11) * 10 / 31, 3)
    flat.read((15, 80_000))
    assert billed(flat.close(14)) == ("actual", Decimal(13))


def test_a_verification_entered_late_gives_the_months_after_it_their_readings(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-11-30,6y,1,ЦСМ,fit")
    for month, mantissa in ((12, 53_000), (13, 73_000), (14, 93_000)):
        flat.read((month + 1, mantissa))
        assert billed(flat.close(month)) == ("average", Decimal(11))
    verify(flat.town, "W1,2027-01-01,6y,2,ЦСМ,fit")
    flat.read((16, 113_000))
    march = flat.close(15)
    # December stands as estimated: nothing says what it was. Afterwards the readings bill.
    assert corrected(march) == [
        ("2027-01-000001", "actual", Decimal(11), Decimal(9)),
        ("2027-02-000001", "actual", Decimal(11), Decimal(9)),
    ]
    assert billed(march) == ("actual", Decimal(20))


def test_found_fit_throughout_every_reading_counts(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-11-30,6y,1,ЦСМ,fit")
    for month, mantissa in ((12, 53_000), (13, 73_000)):
        flat.read((month + 1, mantissa))
        assert billed(flat.close(month)) == ("average", Decimal(11))
    verify(flat.town, "W1,2027-02-10,6y,2,ЦСМ,fit-throughout")
    flat.read((15, 93_000))
    february = flat.close(14)
    assert corrected(february) == [
        ("2026-12-000001", "actual", Decimal(11), Decimal(9)),
        ("2027-01-000001", "actual", Decimal(11), Decimal(9)),
    ]
    assert billed(february) == ("actual", Decimal(20))


def test_an_order_and_an_expiry_together_count_from_the_earlier_one(flat: Flat) -> None:
    three_months(flat)
    verify(flat.town, "W1,2020-12-20,6y,1,ЦСМ,fit")
    flat.town.read("W1", local(12, 5), 37_000, WATER)
    flat.town.read("W1", local(12, 15), 44_000, WATER)
    flat.town.send()
    with flat.town.store.transaction() as connection:
        orders.declare(OrderLedger(connection), "W1", Cause.FAILED, local(12, 10))
    (line,) = flat.close(12).lines
    assert line.closing_value == Decimal(37)
    assert "the meter is out of order" in line.reason


def test_electricity_goes_on_by_average_without_a_cap(town: Town) -> None:
    town.install("W1", town.point("P1"), POWER)
    flat = Flat(town, POWER)
    for month, mantissa in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        flat.read((month, mantissa))
        flat.close(month - 1)
    verify(town, "W1,2010-11-30,16y,1,ЦСМ,fit")
    assert [billed(flat.close(month)) for month in (12, 13, 14, 15)] == [
        ("average", Decimal(110))
    ] * 4


# Factors -----------------------------------------------------------------------------------------


def times(town: Town, factor: str, dial: Dial, mantissa: int, at_ms: int) -> None:
    shown = {dial.obis: Decimal(mantissa).scaleb(dial.exponent)}
    acts.change_factor(town.store, "A1", factor, shown, at_ms)


def test_a_factor_changes_by_an_act_and_what_was_before_keeps_its_own(town: Town) -> None:
    town.install("A1", town.point("P1"), POWER)
    read(town, "A1", local(10, 1), (POWER, 10_000))
    town.send()
    assert town.close().lines[0].consumption == 100
    times(town, "40", POWER, 15_000, local(10, 16))
    read(town, "A1", local(11, 1), (POWER, 16_000))
    town.send()
    (october,) = town.close().lines
    assert (october.consumption, october.factor) == (50 + 10 * 40, "40")
    assert october.reason == "the meter counts anew from an act once"
    read(town, "A1", local(12, 1), (POWER, 17_001))
    town.send()
    (november,) = town.close().lines
    assert november.consumption == Decimal("400.40")
    assert (november.opening_value, november.closing_value) == (Decimal(160), Decimal("170.01"))


def test_pulses_are_billed_in_whole_units_and_none_is_lost(town: Town) -> None:
    pulses = Dial("1-0:1.8.0", "kWh", 0, 9, 0)
    town.install("A1", town.point("P1"), pulses)
    times(town, "1/3200", pulses, 0, local(9, 2))
    used = []
    for month, mantissa in ((10, 3_199), (11, 6_401), (12, 16_000)):
        read(town, "A1", local(month, 1), (pulses, mantissa))
        town.send()
        used.append(town.close().lines[0].consumption)
    assert used == [0, 2, 3]
    assert sum(used) == 16_000 // 3_200


def test_a_turn_of_the_dial_is_multiplied_too(town: Town) -> None:
    small = Dial("1-0:1.8.0", "kWh", 0, 4, 9_900)
    town.install("A1", town.point("P1"), small)
    times(town, "40", small, 9_900, local(9, 2))
    for day, mantissa in ((20, 9_990), (30, 50)):
        read(town, "A1", local(9, day), (small, mantissa))
    town.send()
    read(town, "A1", local(10, 1), (small, 60))
    town.send()
    (line,) = town.close().lines
    assert (line.consumption, line.rollovers) == (160 * 40, 1)


def test_an_average_is_of_what_was_billed(town: Town) -> None:
    town.install("A1", town.point("P1"), POWER)
    times(town, "40", POWER, 0, local(9, 1, 1))
    for month in (10, 11, 12):
        read(town, "A1", month_start(month), (POWER, 1_000 * (month - 9)))
        town.send()
        town.close()
    (december,) = town.close(now_ms=month_start(13) + HOUR_MS).lines
    assert (december.method, december.consumption) == ("average", Decimal(400))
    read(town, "A1", month_start(14), (POWER, 4_240))
    town.send()
    january = town.close(now_ms=month_start(14) + HOUR_MS)
    assert [one.difference for one in january.corrections] == [Decimal(-152)]
    assert january.lines[0].consumption + 400 - 152 == Decimal("12.40") * 40


def test_days_are_those_of_the_house(town: Town) -> None:
    town.install("A1", town.point("P1"), POWER)
    verify(town, "A1,2020-10-10,6y,1,ЦСМ,fit")
    life = LifeLedger(town.store.database.connection)
    (due,) = life.due(HOUSE, local(10, 11) - 1)
    assert due.standing.days_left == 0
    (due,) = life.due(HOUSE, local(10, 11))
    assert (due.standing.days_left, due.standing.since) == (-1, date(2026, 10, 11))


def test_closing_is_the_same_however_often_the_file_was_entered(flat: Flat) -> None:
    three_months(flat)
    line = "W1,2020-12-15,6y,1,ЦСМ,fit"
    assert verify(flat.town, line) == {"new": 1, "changed": 0, "same": 0}
    assert verify(flat.town, line) == {"new": 0, "changed": 0, "same": 1}
    closing = close_period(
        flat.town.ledger,
        HOUSE,
        None,
        month_start(13) + HOUR_MS,
        targets=(),
        event_of=event_maker("urn:test"),
    )
    assert billed(closing)[0] == "average"
