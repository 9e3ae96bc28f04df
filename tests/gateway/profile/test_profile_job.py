"""The days of a house in a ledger: the daily job, what it finds, and what makes it start again."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway import registry
from gateway.__main__ import main
from gateway.config import LEDGER_FILE
from gateway.profile import job
from gateway.profile.day import Profiler
from gateway.profile.report import profiles
from gateway.profile.slots import HOUR_MS
from gateway.registry import NewMeter
from gateway.review import decisions
from gateway.review.reference import Reference
from gateway.review.words import Kind, Order
from gateway.sql.profile import ProfileLedger, SeriesLedger
from gateway.sql.review import SqlReviewStore
from tests.gateway.estate import DAY_MS, MIDNIGHT_MS, QUARTER_MS, Estate, a_readout, csv, kwh
from tests.gateway.office import ANY as LIMITS

DAY = date(2026, 11, 1)
_CHECK = (
    "A,Lenina 1,Europe/Moscow,101,1,A-1-C,dwelling,electricity,C1,SDM,1-0:1.8.1,kWh,-2,8,13.8,"
    "2026-10-01,0,edge-1"
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Estate]:
    estate = Estate(tmp_path / LEDGER_FILE)
    yield estate
    estate.store.close()


def read(
    estate: Estate,
    days: int,
    lost: frozenset[int] = frozenset(),
    meter: str = "E1",
    jump: int = 0,
) -> None:
    """Quarter-hour readings of `days`, 0.01 kWh a quarter, at quarter 40 `jump` more."""
    for day in range(days):
        readouts = []
        for quarter in range(96):
            index = day * 96 + quarter
            level = 1000 + index + (jump if index > 40 else 0)
            if index not in lost:
                at_ms = MIDNIGHT_MS + index * QUARTER_MS
                readouts.append(a_readout(at_ms, kwh(level), meter=meter))
        if readouts:
            estate.take(estate.edge.sign(*readouts))


def run(estate: Estate, now_ms: int) -> list[job.Step]:
    done = []
    while True:
        with estate.store.transaction() as connection:
            days = ProfileLedger(connection)
            job.bring_up(days)
            one = job.step(days, now_ms)
        if one is None:
            return done
        done.append(one)


def found(estate: Estate) -> list[tuple[str, str, str]]:
    series = SeriesLedger(estate.store.database.connection)
    return [
        (one.day, one.meter, one.finding.rule)
        for one in series.findings(None, ("2026-01-01", "2027-12-31"), 100)
    ]


def test_each_day_that_is_over_is_checked_once(house: Estate) -> None:
    read(house, 3)
    now_ms = MIDNIGHT_MS + 2 * DAY_MS + 4 * HOUR_MS
    assert [one.day for one in run(house, now_ms)] == [DAY + timedelta(days=1), DAY]
    assert run(house, now_ms) == []
    assert [one.day for one in run(house, now_ms + DAY_MS)] == [DAY + timedelta(days=2)]


def test_a_day_is_over_only_when_what_was_offline_at_midnight_had_its_time(house: Estate) -> None:
    read(house, 1)
    assert run(house, MIDNIGHT_MS + DAY_MS + 3 * HOUR_MS - 1) == []
    assert len(run(house, MIDNIGHT_MS + DAY_MS + 3 * HOUR_MS)) == 1


def test_findings_are_kept_with_the_numbers_compared(house: Estate) -> None:
    read(house, 2, frozenset(range(50, 53)), jump=300)
    run(house, MIDNIGHT_MS + DAY_MS + 12 * HOUR_MS)
    assert found(house) == [
        ("2026-11-01", "E1", "V-GAP"),
        ("2026-11-01", "E1", "V-HAMPEL"),
        ("2026-11-01", "E1", "V-SPIKE"),
    ]
    (detail,) = house.store.database.connection.execute(
        "SELECT detail FROM day_finding WHERE rule = 'V-SPIKE'"
    ).fetchone()
    assert detail.startswith("3.01 kWh in a slot, the third highest is 0.01 kWh: 30000 % above")
    # Nothing was blocked.
    assert set(house.states()) == {0}


def test_late_readings_bring_their_day_up_again(house: Estate) -> None:
    lost = frozenset(range(50, 60))
    read(house, 3, lost)
    now_ms = MIDNIGHT_MS + 2 * DAY_MS + 4 * HOUR_MS
    run(house, now_ms)
    assert found(house) == [("2026-11-01", "E1", "V-GAP")]
    late = [a_readout(MIDNIGHT_MS + at * QUARTER_MS, kwh(1000 + at)) for at in sorted(lost)]
    house.take(house.edge.sign(*late))
    assert DAY in [one.day for one in run(house, now_ms + HOUR_MS)]
    assert found(house) == []
    assert run(house, now_ms + HOUR_MS) == []


@pytest.mark.parametrize(("act", "rules"), [(Kind.REJECT, ["V-GAP"]), (Kind.INSPECT, [])])
def test_what_a_person_decides_brings_the_day_up_again(
    house: Estate, act: Kind, rules: list[str]
) -> None:
    read(house, 3)
    now_ms = MIDNIGHT_MS + 2 * DAY_MS + 4 * HOUR_MS
    run(house, now_ms)
    assert found(house) == []
    name = Reference("E1", "1-0:1.8.1", MIDNIGHT_MS + 50 * QUARTER_MS)
    order = Order(act, name, "Иванова", "test", "кто-то держал магнит")
    decisions.decide(SqlReviewStore(house.store.database), order, now_ms, LIMITS)
    assert DAY in [one.day for one in run(house, now_ms + HOUR_MS)]
    assert [rule for _, _, rule in found(house)] == rules
    assert run(house, now_ms + HOUR_MS) == []


def test_a_claim_is_no_reading_of_a_day(house: Estate) -> None:
    read(house, 2, frozenset({50}))
    at_ms = MIDNIGHT_MS + 50 * QUARTER_MS
    house.store.database.connection.execute(
        "INSERT INTO reading SELECT register_no, ?, 1000001, 1050, 0, 0, 0, 0 FROM reading LIMIT 1",
        (at_ms,),
    )
    (profile,) = profiles(
        SeriesLedger(house.store.database.connection), "E1", DAY, MIDNIGHT_MS + 2 * DAY_MS
    )
    assert profile.series.held == 94


def test_a_meter_that_is_exchanged_within_the_day_leaves_its_slots_to_the_next(
    house: Estate,
) -> None:
    noon_ms = MIDNIGHT_MS + 12 * HOUR_MS
    read(house, 1, frozenset(range(49, 96)))
    registry.exchange_meter(
        house.store,
        "A-1-E",
        old="E1",
        finals={"1-0:1.8.1": Decimal("10.48"), "1-0:1.8.2": Decimal(0)},
        new=NewMeter("E2", "SDM", {"1-0:1.8.1": Decimal(0), "1-0:1.8.2": Decimal(0)}),
        at_ms=noon_ms,
    )
    later = [a_readout(noon_ms + at * QUARTER_MS, kwh(2 * at), meter="E2") for at in range(49)]
    house.take(house.edge.sign(*later))
    series = SeriesLedger(house.store.database.connection)
    old, new = (
        next(one for one in profiles(series, meter, DAY, MIDNIGHT_MS + 3 * DAY_MS))
        for meter in ("E1", "E2")
    )
    assert (len(old.series.slots), len(new.series.slots)) == (48, 48)
    assert old.series.slots[-1].to_ms == new.series.slots[0].from_ms == noon_ms
    assert sum(one.amount or 0 for one in (*old.series.slots, *new.series.slots)) == 48 + 96


def test_a_killed_job_goes_on_where_it_was(house: Estate) -> None:
    lines = [
        _CHECK.replace("A-1-C", f"P{number}").replace("C1", f"C{number}") for number in range(9)
    ]
    registry.import_csv(house.store, csv(*lines))
    read(house, 2)
    now_ms = MIDNIGHT_MS + DAY_MS + 4 * HOUR_MS
    with house.store.transaction() as connection:
        job.bring_up(ProfileLedger(connection))
        first = job.step(ProfileLedger(connection), now_ms)
    assert first is not None
    assert (first.registers, first.done) == (job.REGISTERS_PER_STEP, False)
    house.restart()
    rest = run(house, now_ms)
    # Two tariffs, water, heat and nine more: thirteen registers.
    that_day = [one for one in (first, *rest) if one.day == first.day]
    assert sum(one.registers for one in that_day) == 13
    assert [one.done for one in that_day] == [False, False, True]
    assert len(run(house, now_ms)) == 0


def test_findings_are_dropped_after_a_quarter_of_a_year(house: Estate) -> None:
    read(house, 1, frozenset({50}))
    run(house, MIDNIGHT_MS + DAY_MS + 4 * HOUR_MS)
    assert len(found(house)) == 1
    later_ms = MIDNIGHT_MS + 100 * DAY_MS
    house.take(house.edge.sign(a_readout(later_ms, kwh(5000))))
    run(house, later_ms + 2 * DAY_MS)
    assert [one for one in found(house) if one[0] == "2026-11-01"] == []


def test_a_check_meter_fills_a_gap_and_is_compared_with(house: Estate) -> None:
    registry.import_csv(house.store, csv(_CHECK))
    house.store.database.connection.execute(
        "INSERT INTO point_relation (point_no, kind, other_point_no, since_ms) "
        "SELECT one.point_no, 'checks', other.point_no, 0 FROM point one, point other "
        "WHERE one.name = 'A-1-C' AND other.name = 'A-1-E'"
    )
    read(house, 2, frozenset(range(36, 44)), jump=300)
    read(house, 2, meter="C1", jump=200)
    series = SeriesLedger(house.store.database.connection)
    register = next(
        one
        for one in series.named("E1", MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
        if one.obis == "1-0:1.8.1"
    )
    profile = Profiler(series).day(register, DAY)
    assert profile is not None
    assert profile.check is not None
    assert profile.check.register.meter == "C1"
    slots = profile.series.slots[35:44]
    assert {one.method.value for one in slots} == {"check-meter"}
    assert sum(one.amount or 0 for one in slots) == 309
    assert max(one.amount or 0 for one in slots) == slots[5].amount
    assert [one.rule for one in profile.findings if one.rule == "V-MAIN"] == ["V-MAIN"]
    main_finding = next(one for one in profile.findings if one.rule == "V-MAIN")
    assert main_finding.detail.startswith("E1 went 3.96, its check meter C1 2.96: 1 apart")


def test_like_days_are_looked_up_when_a_long_gap_needs_them(house: Estate) -> None:
    lost = frozenset(range(7 * 96 + 30, 7 * 96 + 50))
    read(house, 9, lost)
    series = SeriesLedger(house.store.database.connection)
    day = DAY + timedelta(days=7)  # a Sunday with one Sunday and one Saturday before it
    (profile,) = profiles(series, "A-1-E", day, MIDNIGHT_MS + 10 * DAY_MS)
    assert {one.method.value for one in profile.series.slots} == {"measured", "even"}
    lost_friday = frozenset(range(5 * 96 + 30, 5 * 96 + 50))
    with_friday = Estate(house.path.with_name("friday.sqlite"))
    read(with_friday, 9, lost_friday)
    series = SeriesLedger(with_friday.store.database.connection)
    friday = DAY + timedelta(days=5)
    (profile,) = profiles(series, "A-1-E", friday, MIDNIGHT_MS + 10 * DAY_MS)
    assert {one.method.value for one in profile.series.slots} == {"measured", "like-day"}
    assert sum(one.amount or 0 for one in profile.series.slots) == 96
    with_friday.store.close()


def test_a_meter_that_was_installed_within_the_day_has_slots_from_then_on(house: Estate) -> None:
    noon_ms = MIDNIGHT_MS + 12 * HOUR_MS
    house.store.database.connection.execute(
        "UPDATE installation SET installed_at_ms = ? WHERE meter_no = "
        "(SELECT meter_no FROM meter WHERE serial = 'E1')",
        (noon_ms,),
    )
    read(house, 2)
    series = SeriesLedger(house.store.database.connection)
    (profile,) = profiles(series, "E1", DAY, MIDNIGHT_MS + 2 * DAY_MS)
    assert len(profile.series.slots) == 48
    assert profile.series.slots[0].from_ms == noon_ms


def answer(estate: Estate, *arguments: str, status: int = 0) -> Any:
    data = str(estate.path.parent)
    result = CliRunner().invoke(main, [*arguments, "--data", data, "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if status == 0 else result.stderr


def test_the_command_shows_slots_with_quality_and_findings(house: Estate) -> None:
    read(house, 2, frozenset({50}))
    document = answer(house, "profile", "E1", "--day", "2026-11-01")
    (register,) = document["registers"]
    assert register["expected"] == 96
    assert register["measured"] == 94
    assert register["sum"] == "0.96"
    assert register["slots"][49] == {
        "from": "2026-11-01T12:15:00+03:00",
        "to": "2026-11-01T12:30:00+03:00",
        "amount": "0.01",
        "method": "linear",
        "quality": "3.8.0",
    }
    assert [one["rule"] for one in register["findings"]] == ["V-GAP"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("profile", "nobody"), "no point and no meter is called 'nobody'"),
        (("profile", "E1", "--day", "2126-01-01"), "has not begun"),
        (("profile", "H1", "--day", "2026-11-01"), "has no series on 2026-11-01"),
        (("profile-check", "--day", "2126-01-01"), "is not over in A"),
        (("profile-check", "--day", "2026-11-01", "--house", "Z"), "no house is called 'Z'"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(
    house: Estate, arguments: tuple[str, ...], said: str
) -> None:
    read(house, 1)
    assert said in answer(house, *arguments, status=1)


def test_a_day_can_be_checked_again_by_hand(house: Estate) -> None:
    read(house, 2, frozenset({50}))
    document = answer(house, "profile-check", "--day", "2026-11-01", "--house", "A")
    assert document["days"] == ["2026-11-01"]
    assert document["registers"] == 4
    assert [one["finding"]["rule"] for one in document["findings"]] == ["V-GAP"]


def test_the_table_of_a_day_ends_with_its_sum(house: Estate) -> None:
    read(house, 2)
    data = str(house.path.parent)
    result = CliRunner().invoke(main, ["profile", "E1", "--day", "2026-11-01", "--data", data])
    assert result.exit_code == 0
    assert "0.96 kWh; 96 of 96 slots measured" in result.stdout
