"""Roll-ups equal what the readings say, whatever came late, was reviewed or was taken back."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from gateway.history import rollups
from gateway.history.checking import check
from gateway.history.model import Rollup
from gateway.review.words import Kind, Read, ReviewError
from gateway.sql.rollup import RollupLedger, SqlRollupLook
from gateway.sql.store import SqlStore
from gateway.stream import Place
from tests.gateway.estate import DAY_MS, HOUR_MS, MIDNIGHT_MS, Estate, a_day, a_readout, kwh
from tests.gateway.office import Office
from tests.gateway.town import Dial, Town, local


def follow(store: SqlStore) -> int:
    """Roll up to the end; how many portions that took."""
    ledger, look = RollupLedger(store.database), SqlRollupLook(store.database.connection)
    for turn in range(1000):
        plan = rollups.plan(ledger, 0)
        made = rollups.make(look, plan, 0)
        if made is None:
            return turn
        assert ledger.keep(rollups.NAME, plan.cursor, made)
    raise AssertionError("the stream has no end")


def holds(store: SqlStore) -> tuple[int, int]:
    """Days and months that were compared and agree."""
    checked = check(SqlRollupLook(store.database.connection))
    assert not checked.differences, [str(one) for one in checked.differences]
    return checked.days, checked.months


def days(store: SqlStore, register_no: int = 1) -> list[Rollup]:
    return SqlRollupLook(store.database.connection).days_of(register_no, "0", "9")


def test_a_day_of_quarter_hours_is_a_row(estate: Estate) -> None:
    estate.take(*a_day(estate.edge))
    follow(estate.store)
    (day,) = days(estate.store)
    last = MIDNIGHT_MS + 95 * 900_000
    assert day == Rollup(1, "2026-11-01", MIDNIGHT_MS, 1001, 0, last, 3851, 1001, 3851, 96, 0)
    assert holds(estate.store) == (3, 3)


def test_a_reading_at_midnight_belongs_to_the_day_that_begins(estate: Estate) -> None:
    for at_ms in (MIDNIGHT_MS - 1, MIDNIGHT_MS):
        estate.take(estate.edge.sign(a_readout(at_ms, kwh(1001))))
    follow(estate.store)
    assert [one.span for one in days(estate.store)] == ["2026-10-31", "2026-11-01"]


def test_nothing_new_is_no_work(estate: Estate) -> None:
    estate.take(*a_day(estate.edge, batches=3))
    assert follow(estate.store) > 0
    assert follow(estate.store) == 0


@pytest.mark.parametrize("seed", range(5))
def test_late_and_strange_readings_roll_up_as_they_stand(estate: Estate, seed: int) -> None:
    random = Random(seed)
    messages = []
    mantissa = 1001
    for turn in range(60):
        mantissa += random.randint(0, 40)
        at_ms = MIDNIGHT_MS - 2 * DAY_MS + turn * 2 * HOUR_MS
        shown = mantissa if random.random() < 0.9 else random.randint(0, 9_000_000)
        messages.append(estate.edge.sign(a_readout(at_ms, kwh(shown))))
    random.shuffle(messages)
    while messages:
        count = random.randint(1, 9)
        estate.take(*messages[:count])
        del messages[:count]
        if random.random() < 0.6:
            follow(estate.store)
    follow(estate.store)
    compared, _ = holds(estate.store)
    assert compared >= 4


def test_a_register_over_its_last_digit_goes_on(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial(digits=5, initial=99_000)
    town.install("A1", town.point("P1"), dial)
    for hour, mantissa in enumerate((99_500, 99_990, 40, 90)):
        town.read("A1", local(9, 5, hour), mantissa, dial)
    town.send()
    follow(town.store)
    (day,) = days(town.store)
    assert (day.rolled, day.went(dial.digits and 10**dial.digits)) == (1, 590)
    assert holds(town.store) == (1, 1)
    town.store.close()


@pytest.mark.parametrize("seed", range(4))
def test_what_people_decide_rolls_up(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    office = Office(town)
    for day in range(2, 12):
        for hour in (0, 8, 16):
            wrong = random.random() < 0.2
            mantissa = random.randint(0, 9_000_000) if wrong else 10_000 + day * 900 + hour * 30
            town.read("A1", local(9, day, hour), mantissa)
        town.send()
    follow(town.store)
    rows = town.store.database.connection.execute(
        "SELECT captured_at_ms, copy FROM reading ORDER BY captured_at_ms, copy"
    ).fetchall()
    done = 0
    for at_ms, copy in random.sample(rows, 12):
        act = random.choice([Kind.ACCEPT, Kind.REJECT, Kind.REJECT, Kind.REPLACE])
        value = Decimal(100 + 9 * ((at_ms - local(9, 1)) // DAY_MS + 1))
        read = Read(value, at_ms + 60_000, "акт", b"s" * 32) if act is Kind.REPLACE else None
        try:
            office.decide(act, at_ms, copy=copy, read=read)
        except ReviewError:
            continue
        done += 1
        if random.random() < 0.5:
            follow(town.store)
    assert done
    follow(town.store)
    holds(town.store)
    town.store.close()


def test_a_difference_is_named(estate: Estate) -> None:
    estate.take(*a_day(estate.edge, batches=4))
    follow(estate.store)
    with estate.store.transaction() as connection:
        connection.execute("UPDATE rollup_day SET last_mantissa = 5 WHERE register_no = 1")
    (one, month) = check(SqlRollupLook(estate.store.database.connection)).differences
    assert str(one).startswith("E1 1-0:1.8.1 2026-11-01: rolled up 4 from 1001 to 5")
    assert month.span == "2026-11"


def test_a_day_is_as_long_as_its_clock_makes_it() -> None:
    long = rollups.day_at(Place(1, MIDNIGHT_MS - 7 * DAY_MS + 12 * HOUR_MS), "Europe/Berlin")
    assert (long.day, long.to_ms - long.from_ms) == ("2026-10-25", 25 * HOUR_MS)
