"""Months are made before they are needed, are taken out, and uniqueness survives both."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from drivers.reading import TIME_MS_MAX, to_ms
from gateway.config import GatewayConfig
from gateway.config_ledger import LedgerConfig
from gateway.postgres import months as calendar
from gateway.postgres.place import Server
from gateway.sql import keeping
from gateway.sql.store import SqlStore, open_store
from gateway.store import BatchRow, StoreError
from gateway.upkeep import MONTHS_S, Upkeep
from tests.gateway.estate import DAY_MS, MIDNIGHT_MS, Estate, a_day
from tests.gateway.shell import refusal, said
from tests.servers import ledgers

T = TypeVar("T")
YEAR_MS = 366 * DAY_MS
LATER_MS = MIDNIGHT_MS + 5 * YEAR_MS


@pytest.fixture
def store(server: Server) -> Iterator[SqlStore]:
    store = open_store(server, "off")
    yield store
    store.close()


def reading(at_ms: int) -> tuple[int, ...]:
    return (1, at_ms, 0, 5, 0, 0, 1, 0)


def names(server: Server) -> dict[str, bool]:
    return {month.name: month.attached for month in keeping.months(server)}


def where(store: SqlStore, at_ms: int) -> str:
    found = store.database.connection.execute(
        "SELECT CAST(CAST(tableoid AS REGCLASS) AS TEXT) FROM reading WHERE captured_at_ms = ?",
        (at_ms,),
    )
    (row,) = found.fetchall()
    return str(row[0])


def test_months_are_those_of_utc() -> None:
    november = calendar.start_of(MIDNIGHT_MS)  # 1 November in Moscow, still October in UTC
    assert calendar.name("reading", november) == "reading_2026_10"
    assert calendar.name("reading", calendar.after(november, 15)) == "reading_2028_01"
    assert calendar.name("reading", calendar.after(november, -10)) == "reading_2025_12"
    assert calendar.month_of("batch_message_2026_10") == november
    assert calendar.month_of("reading_early") is None


def test_months_stand_ready_and_are_made_once(server: Server) -> None:
    assert keeping.ahead(server, MIDNIGHT_MS, 2) == 6
    assert keeping.ahead(server, MIDNIGHT_MS, 2) == 0
    assert [name for name in names(server) if name.startswith("reading_2")] == [
        "reading_2026_10",
        "reading_2026_11",
        "reading_2026_12",
    ]


def test_a_reading_of_any_time_finds_its_month(server: Server, store: SqlStore) -> None:
    no_year_ms = 2 * TIME_MS_MAX
    times = (
        *(-no_year_ms, 0, calendar.FIRST_MS, MIDNIGHT_MS),
        *(calendar.END_MS - 1, calendar.END_MS, no_year_ms),
    )
    with store.ingesting():
        store.ledger.add_readings([reading(at) for at in times])
    assert [where(store, at) for at in times] == [
        "reading_early",
        "reading_early",
        "reading_2020_01",
        "reading_2026_10",
        "reading_2099_12",
        "reading_far",
        "reading_far",
    ]
    assert all(names(server).values())


def test_what_was_made_in_a_failed_group_is_made_again(store: SqlStore) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.UniqueViolation), store.transaction():
            store.ledger.add_readings([reading(MIDNIGHT_MS)] * 2)
    with store.ingesting():
        store.ledger.add_readings([reading(MIDNIGHT_MS)])
    assert where(store, MIDNIGHT_MS) == "reading_2026_10"


def test_a_month_taken_out_stands_by_itself_and_takes_late_readings_back(
    server: Server, store: SqlStore
) -> None:
    with store.ingesting():
        store.ledger.add_readings([reading(MIDNIGHT_MS)])
        store.ledger.add_readings([reading(MIDNIGHT_MS + YEAR_MS)])
    assert list(keeping.detach(server, "2027-01", LATER_MS)) == ["reading_2026_10"]
    assert list(keeping.detach(server, "2027-01", LATER_MS)) == []
    sql = store.database.connection
    assert sql.execute("SELECT count(*) FROM reading").fetchone() == (1,)
    assert sql.execute("SELECT count(*) FROM reading_2026_10").fetchone() == (1,)
    # The writer still believes in the month: told once, it looks again.
    late = reading(MIDNIGHT_MS + 1)
    with pytest.raises(StoreError, match="no partition"), store.ingesting():
        store.ledger.add_readings([late])
    with pytest.raises(psycopg.errors.UniqueViolation), store.transaction():
        store.ledger.add_readings([late, reading(MIDNIGHT_MS)])
    with store.ingesting():
        store.ledger.add_readings([late])
    assert sql.execute("SELECT count(*) FROM reading").fetchone() == (3,)


def test_a_batch_stays_one_of_its_number_in_any_month(server: Server, tmp_path: Path) -> None:
    with ledgers.standing_for(tmp_path / "ledger.db", server):
        estate = Estate(tmp_path / "ledger.db")
    messages = a_day(estate.edge, batches=2)
    months = [MIDNIGHT_MS + DAY_MS, MIDNIGHT_MS + YEAR_MS]
    for now_ms in months:
        estate.take(*messages, now_ms=now_ms)
    sql = estate.store.database.connection
    assert sql.execute("SELECT sequence, message FROM batch ORDER BY 1").fetchall() == [
        (number, message.payload) for number, message in enumerate(messages, 1)
    ]
    first = BatchRow(*sql.execute("SELECT * FROM batch WHERE sequence = 1").fetchall()[0])
    again = first._replace(batch_no=9, received_at_ms=MIDNIGHT_MS + YEAR_MS)
    with pytest.raises(psycopg.errors.UniqueViolation), estate.store.transaction():
        estate.store.ledger.add_batches([again])
    # The bytes go with their month; the chain, and who said what, stay.
    assert list(keeping.detach(server, "2027-01", LATER_MS)) == [
        "batch_message_2026_11",
        "reading_2026_10",
    ]
    assert sql.execute("SELECT sequence, message FROM batch ORDER BY 1").fetchall() == [
        (1, None),
        (2, None),
    ]
    estate.store.close()


def test_months_are_listed_and_taken_out_by_a_command(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "data"\n[ledger]\nserver = "{server.conninfo}"\nunsafe_without_fsync = true\n'
        "months_ahead = 1\n"
    )
    listed = json.loads(said("database", "months", "--config", config, "--json"))
    ours = [one["name"] for one in listed if "20" in one["name"]]
    assert len(ours) == 4
    assert "expected YYYY-MM" in refusal(
        "database", "months", "--config", config, "--detach-before", "2026"
    )
    assert "the last 36 months stay" in refusal(
        "database", "months", "--config", config, "--detach-before", "2099-12"
    )
    first = to_ms(datetime(2021, 5, 1, tzinfo=UTC))
    keeping.ahead(server, first, 0)
    shown = said("database", "months", "--config", config, "--detach-before", "2021-06")
    assert [line.split()[-1] for line in shown.splitlines() if "2021_05" in line] == [
        "detached",
        "detached",
    ]
    logged = said("audit", "list", "--config", config).splitlines()[-1]
    assert "database months" in logged
    assert "taken out: batch_message_2021_05 reading_2021_05" in logged


def test_months_that_went_are_logged_where_the_next_one_stayed(
    server: Server, tmp_path: Path
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'data = "data"\n[ledger]\nserver = "{server.conninfo}"\nunsafe_without_fsync = true\n'
        f"owner = \"{server.conninfo} options='-c lock_timeout=100'\"\n"
    )
    keeping.ahead(server, to_ms(datetime(2021, 5, 1, tzinfo=UTC)), 0)
    with psycopg.connect(server.conninfo) as session:
        session.execute("SELECT count(*) FROM reading_2021_05")
        assert "reading_2021_05 is in use all the time" in refusal(
            "database", "months", "--config", config, "--detach-before", "2021-06"
        )
    attached = names(server)
    assert not attached["batch_message_2021_05"]
    assert attached["reading_2021_05"]
    logged = said("audit", "list", "--config", config).splitlines()[-1]
    assert logged.rstrip().endswith("taken out: batch_message_2021_05")


async def test_the_leader_has_months_ready(server: Server, store: SqlStore, tmp_path: Path) -> None:
    section = LedgerConfig(server=server.conninfo, unsafe_without_fsync=True, months_ahead=1)
    config = GatewayConfig(data=tmp_path, ledger=section)

    async def call(work: Callable[[], T]) -> T:
        return work()

    upkeep = Upkeep(config, store, call, lambda: MIDNIGHT_MS)
    assert await upkeep._make_months(section) == MONTHS_S
    assert "reading_2026_11" in names(server)
