"""Check meters, refused access and interference over the real ledger: what closing bills."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from drivers.reading import Resource, Unit
from gateway.acts.entering import Desk, confirm, enter
from gateway.acts.model import Charge
from gateway.balance import facts_csv
from gateway.balance.model import Basis, Remark, RemarkKind
from gateway.balance.report import HouseBalance, house_balance
from gateway.claims.model import Claim, ClaimSource
from gateway.claims.model import enter as enter_claims
from gateway.closing_records import Closing, ClosingLine
from gateway.handoff.event import event_maker
from gateway.norms import import_norms
from gateway.reopening import Person, reopen_period
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from gateway.sql.balance import BalanceLedger, FactsLedger
from gateway.sql.claims import SqlClaimStore
from gateway.sql.estimates import EstimateLedger
from gateway.sql.norms import NormLedger
from tests.gateway.test_corrections import WATER, Flat, billed, corrected, month_start, three_months
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, SINCE_MS, Dial, Town

COLUMNS = "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on"
POWER = Dial("1-0:1.8.0", "kWh", -2, 8, 0)
LIMITS = {(Resource.COLD_WATER, Unit.M3): Decimal(1000)}
TWICE = (
    "access-refused,12,2026-12-03,Петров,40112,,,,",
    "access-refused,14,2026-12-20,Петров,40112,P1,,,",
)


@pytest.fixture
def flat(tmp_path: Path) -> Flat:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return Flat(town, WATER)


def norms(flat: Flat, *rows: str) -> None:
    text = "\n".join(["house,account,register,unit,since,amount", *rows])
    with flat.town.store.transaction() as connection:
        import_norms(NormLedger(connection), text.encode())


def water_norm(flat: Flat) -> None:
    norms(flat, f"{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")


def acts(flat: Flat, *lines: str, month: int = 24) -> dict[str, int]:
    with flat.town.store.transaction():
        return enter(desk(flat, "Иванова", month), "\n".join([COLUMNS, *lines]).encode(), LIMITS)


def desk(flat: Flat, person: str, month: int = 24) -> Desk:
    sql = flat.town.store.database.connection
    return Desk(ActLedger(sql), SqlAudit(sql), person, "test", month_start(month))


def checks(flat: Flat, point_no: int, other_no: int) -> None:
    with flat.town.store.transaction() as connection:
        connection.execute(
            "INSERT INTO point_relation (point_no, kind, other_point_no, since_ms)"
            " VALUES (?, 'checks', ?, ?)",
            (point_no, other_no, SINCE_MS),
        )


def line_of(closing: Closing, point: str) -> ClosingLine:
    (line,) = (line for line in closing.lines if line.point == point)
    return line


def owed(flat: Flat) -> int:
    ledger = EstimateLedger(flat.town.store.database.connection)
    return len(ledger.obligations(HOUSE, only_open=True, limit=100))


# --- The check meter -----------------------------------------------------------------------------


def test_a_check_meter_bills_an_unread_month_and_the_reading_corrects_it(flat: Flat) -> None:
    town = flat.town
    second = town.point("P1-check", resource="cold-water")
    town.install("C1", second, WATER)
    checks(flat, second, 1)
    beside = flat._replace(serial="C1")
    for month, used in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        flat.read((month, used))
        beside.read((month, used + 40))
        flat.close(month - 1)
    # December: the meter is unread, the check meter counted 20.5 m3.
    beside.read((13, 53_540))
    december = line_of(flat.close(12), "P1")
    assert (december.method, december.consumption) == ("check", Decimal("20.5"))
    assert december.reason == "no accepted reading in the period; by its check meter at P1-check"
    assert (december.closing_value, owed(flat)) == (Decimal(33), 1)
    # It was 20 m3.
    flat.read((13, 53_000), (14, 63_000))
    january = flat.close(13)
    assert corrected(january) == [(december.line_id, "actual", Decimal("20.5"), Decimal("-0.5"))]
    assert (line_of(january, "P1").consumption, owed(flat)) == (Decimal(10), 1)


def test_a_check_meter_that_was_not_read_either_leaves_it_to_the_average(flat: Flat) -> None:
    town = flat.town
    second = town.point("P1-check", resource="cold-water")
    town.install("C1", second, WATER)
    checks(flat, second, 1)
    three_months(flat)
    closed = flat.close(12)
    assert line_of(closed, "P1").method == "average"
    # Read at one end only: its line makes up for four months.
    flat._replace(serial="C1").read((14, 99_000))
    assert line_of(flat.close(13), "P1").method == "average"


def test_a_check_meter_takes_no_part_of_the_dwellings_norm(flat: Flat) -> None:
    second = flat.town.point("P1-check", resource="cold-water")
    flat.town.install("C1", second, WATER)
    checks(flat, second, 1)
    water_norm(flat)
    flat.read((10, 10_000))
    flat.close(9)
    october = line_of(flat.close(10), "P1")
    assert (october.method, october.consumption) == ("norm", Decimal("6.5"))


# --- ПП 354 п. 60: access refused ----------------------------------------------------------------


def test_two_refusals_raise_the_norm_of_water_after_the_average(flat: Flat) -> None:
    three_months(flat)
    water_norm(flat)
    acts(flat, *TWICE)
    months = [billed(flat.close(month)) for month in (12, 13, 14, 15)]
    assert months == [("average", Decimal(11))] * 3 + [("norm", Decimal("9.75"))]
    (line,) = flat.close(16).lines
    assert line.reason.endswith(
        "norm of consumption, ПП 354 п. 60: unread period 5, after 3 by average (ПП 354 п. 59 «б»);"
        " access refused (acts 12 of 2026-12-03, 14 of 2026-12-20), raised by 1.5, ПП 354 п. 60(1)"
    )


def test_one_refusal_or_an_inspection_after_two_raises_nothing(flat: Flat) -> None:
    three_months(flat)
    water_norm(flat)
    acts(flat, TWICE[0])
    for month in (12, 13, 14):
        flat.close(month)
    assert billed(flat.close(15)) == ("norm", Decimal("6.5"))
    acts(flat, TWICE[1], "inspection,9,2027-04-10,Петров,40112,,,,")
    # In April the controller was let in.
    assert billed(flat.close(16)) == ("norm", Decimal("6.5"))


def test_an_inspection_counts_from_its_own_month_on(flat: Flat) -> None:
    three_months(flat)
    water_norm(flat)
    acts(flat, *TWICE, "inspection,9,2027-04-10,Петров,40112,,,,")
    for month in (12, 13, 14):
        flat.close(month)
    assert billed(flat.close(15)) == ("norm", Decimal("9.75"))
    assert billed(flat.close(16)) == ("norm", Decimal("6.5"))


def test_electricity_is_raised_from_the_month_of_the_second_act(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("W1", town.point("P1"), POWER)
    flat = Flat(town, POWER)
    norms(flat, f"{HOUSE},,1-0:1.8.0,kWh,2026-01,150")
    for month, mantissa in [(10, 10_000), (11, 22_000), (12, 33_000)]:
        flat.read((month, mantissa))
        flat.close(month - 1)
    acts(flat, TWICE[0], "access-refused,14,2027-01-20,Петров,40112,,,,")
    assert billed(flat.close(12)) == ("average", Decimal(110))
    assert billed(flat.close(13)) == ("norm", Decimal(225))
    # Whoever is read is billed what was read, and all of it is made good.
    flat.read((15, 72_000))
    february = flat.close(14)
    differences = sum(one.difference for one in february.corrections)
    assert differences + february.lines[0].consumption == 390 - 110 - 225


# --- The norm of an account: one answer ----------------------------------------------------------


def test_residents_times_their_norm_bill_the_account_and_the_balance_alike(flat: Flat) -> None:
    areas = (
        f"house,subject,use,area_m2,residents,valid_from\n{HOUSE},40112,dwelling,60,2,2026-09-01"
    )
    per_head = (
        "house,resource,unit,per_m2,per_resident,valid_from,source\n"
        f"{HOUSE},cold-water,m3,0.03,4.2,2026-09-01,постановление 12"
    )
    facts = FactsLedger(flat.town.store.database)
    facts_csv.import_areas(facts, areas.encode())
    facts_csv.import_norms(facts, per_head.encode())
    water_norm(flat)
    flat.read((10, 10_000))
    flat.close(9)
    (october,) = flat.close(10).lines
    assert (october.method, october.consumption) == ("norm", Decimal("8.4"))
    assert "norm of consumption, 4.2 for each of 2 residents (постановление 12)" in october.reason
    known = BalanceLedger(flat.town.store.database.connection).facts(HOUSE, "2026-10")
    assert known.dwelling_norms["40112", "cold-water", "m3"] == Decimal("8.4")
    # A third resident from November on; an own row would go before both.
    more = areas.replace(",2,2026-09-01", ",3,2026-11-15")
    facts_csv.import_areas(facts, more.encode())
    assert billed(flat.close(11)) == ("norm", Decimal("12.6"))
    norms(flat, f"{HOUSE},40112,8-0:1.0.0,m3,2026-12,5")
    assert billed(flat.close(12)) == ("norm", Decimal(5))


# --- ПП 354 п. 62: interference ------------------------------------------------------------------


BYPASSED = "interference,17,2026-12-15,Петров,40112,P1,8-0:1.0.0,0.25,"


def test_an_interference_is_handed_over_once_and_never_taken_back(flat: Flat) -> None:
    three_months(flat)
    # 0.25 m3 an hour around the clock for the 91 days from 15 September.
    assert acts(flat, BYPASSED)["charged"] == 1
    december = flat.close(12)
    (charge,) = december.charges
    assert (charge.charge_id, charge.amount, charge.charged_in) == (
        *("x-000001", Decimal("546.00")),
        "2026-12",
    )
    assert billed(december) == ("average", Decimal(11))
    # A reading corrects the estimate, and nothing of the charge.
    flat.read((14, 60_000))
    january = flat.close(13)
    assert january.charges == ()
    assert [one.line_id for one in january.corrections] == ["2026-12-000001"]
    assert events(flat, "x-%") == [("x-000001", "plomba.billing.interference-charged.v1")]
    data = payload(flat, "x-000001")["data"]
    assert (data["act"], data["act_on"], data["method"], data["amount"]) == (
        *("17", "2026-12-15"),
        *("capacity", "546.00"),
    )
    assert (data["first_on"], data["until_on"]) == ("2026-09-15", "2026-12-15")
    assert "ПП 354 п. 62, act 17 of 2026-12-15" in data["reason"]


def events(flat: Flat, like: str) -> list[tuple[str, str]]:
    rows = flat.town.store.database.connection.execute(
        "SELECT event_id, payload FROM event JOIN delivery USING (event_no)"
        " WHERE event_id LIKE ? ORDER BY event_no",
        (like,),
    )
    return [(event_id, json.loads(text)["type"]) for event_id, text in rows]


def payload(flat: Flat, event_id: str) -> dict[str, dict[str, str]]:
    (row,) = flat.town.store.database.connection.execute(
        "SELECT payload FROM event WHERE event_id = ?", (event_id,)
    )
    found: dict[str, dict[str, str]] = msgspec.json.decode(row[0])
    return found


def test_a_charge_that_waits_for_another_person_is_not_handed_over(flat: Flat) -> None:
    three_months(flat)
    acts(flat, BYPASSED.replace("0.25", "2.5"))
    assert flat.close(12).charges == ()
    with flat.town.store.transaction():
        agreed = confirm(desk(flat, "Орлов"), "x-000001", "акт проверен")
    assert agreed.amount == Decimal("5460.00")
    (charge,) = flat.close(13).charges
    assert (charge.confirmed_by, charge.charged_in) == ("Орлов", "2027-01")


def test_a_period_closed_again_hands_a_charge_over_no_second_time(flat: Flat) -> None:
    three_months(flat)
    acts(flat, BYPASSED)
    assert len(flat.close(12).charges) == 1
    town = flat.town
    reopen_period(
        *(town.ledger, HOUSE, "2026-12", Person("Иванова", "test", "показания опоздали")),
        month_start(13) + HOUR_MS,
        targets=town.targets,
        event_of=event_maker("urn:plomba:gateway:test"),
    )
    flat.read((13, 45_000))
    again = flat.close(12)
    assert (billed(again), again.charges) == (("actual", Decimal(12)), ())
    assert [event_id for event_id, _ in events(flat, "x-%")] == ["x-000001"]
    (charge,) = ActLedger(town.store.database.connection).charges(HOUSE)
    assert charge.charged_in == "2026-12"


def test_only_the_charges_of_the_house_go_with_its_closing(flat: Flat) -> None:
    town = flat.town
    town.house("Садовая 12")
    town.install("S1", town.point("S-1", "7", "cold-water", house_no=2), WATER)
    three_months(flat)
    elsewhere = BYPASSED.replace("40112,P1", "4027,S-1")
    acts(flat, BYPASSED, elsewhere)
    handed: list[Charge] = list(flat.close(12).charges)
    assert [one.point for one in handed] == ["P1"]


# --- ПП 354 п. 59(1): the house meter ------------------------------------------------------------


def test_a_house_meter_is_averaged_three_months_and_then_the_common_needs_go_by_norm(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    town.install("H1", town.point("H", None, "cold-water"), WATER)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    house, flat = Flat(town, WATER, "H1"), Flat(town, WATER, "W1")
    facts = FactsLedger(town.store.database)
    header = "house,subject,use,area_m2,residents,valid_from"
    areas = f"{header}\n{HOUSE},40112,dwelling,60,2,2026-09-01\n{HOUSE},,common,50,,2026-09-01"
    facts_csv.import_areas(facts, areas.encode())
    per_m2 = f"{HOUSE},cold-water,m3,0.03,,2026-09-01,постановление 12"
    header = "house,resource,unit,per_m2,per_resident,valid_from,source"
    facts_csv.import_norms(facts, f"{header}\n{per_m2}".encode())
    for month in (10, 11, 12):
        house.read((month, 12_000 * (month - 9)))
        flat.read((month, 10_000 * (month - 9)))
        flat.close(month - 1)
    months = []
    for month in (12, 13, 14, 15):
        flat.read((month + 1, 10_000 * (month - 8)))
        months.append(flat.close(month))
    lines = [line_of(closed, "H") for closed in months]
    assert [(one.method, one.consumption) for one in lines] == [
        *[("average", Decimal(12))] * 3,
        ("carried", Decimal(0)),
    ]
    assert "unread period 3 of 3 (ПП 354 п. 59(1))" in lines[2].reason
    estimated, by_norm = of_house(town, "2027-02"), of_house(town, "2027-03")
    (water,) = estimated.resources
    assert (water.basis, water.common) == (Basis.METER, Decimal(2))
    assert Remark(RemarkKind.HOUSE_METER_ESTIMATED, ("H",)) in water.remarks
    (water,) = by_norm.resources
    assert (water.basis, water.common) == (Basis.NORM, Decimal("1.5"))
    assert Remark(RemarkKind.HOUSE_METER_UNREAD, ("H",)) in water.remarks


def of_house(town: Town, period: str) -> HouseBalance:
    return house_balance(BalanceLedger(town.store.database.connection), HOUSE, period)


# --- ПП 354 п. 61: an inspection finds another value ---------------------------------------------


@pytest.mark.parametrize(
    ("found", "january"),
    [
        # The resident said 44 m3 where it was 48: what is missing is demanded.
        ("52", Decimal(8)),
        # Said too much: it is given back.
        ("38", Decimal(-6)),
    ],
)
def test_what_an_inspection_finds_goes_out_with_the_bill_of_its_month(
    flat: Flat, found: str, january: Decimal
) -> None:
    three_months(flat)
    claimed(flat, ClaimSource.RESIDENT, month_start(13) - DAY_MS, "44")
    (december,) = flat.close(12).lines
    assert (december.source, december.consumption) == ("resident", Decimal(11))
    claimed(flat, ClaimSource.INSPECTION, month_start(13) + 19 * DAY_MS, found)
    (line,) = flat.close(13).lines
    assert (line.source, line.consumption) == ("inspection", january)
    assert "ПП 354 п. 61" in line.reason


def claimed(flat: Flat, source: ClaimSource, at_ms: int, value: str) -> None:
    claim = Claim(
        *(source, "W1", "8-0:1.0.0", at_ms, Decimal(value)),
        *(f"{source}-{at_ms}", "Петров", at_ms + HOUR_MS),
    )
    assert enter_claims(SqlClaimStore(flat.town.store.database), [claim], at_ms + HOUR_MS).taken
