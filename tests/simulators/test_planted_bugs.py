"""Every invariant is broken on purpose, through the front door, and the right one says so.

A check that has never failed shows nothing. Each test hands a world one part that is wrong in one
way; the rest of the world is the real thing.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_sync.signing import SigningKey
from edge.spool import Counters, Spool, SpoolError
from gateway import registry
from gateway.handoff.target import ACKNOWLEDGED, Answer, DueEvent
from gateway.sql.engine import Connection
from gateway.sql.ledger import SqlLedger
from gateway.sql.store import SqlStore
from gateway.sqlite.connection import Database, connect
from gateway.store import VerdictRow
from simulators.billing_system import BillingSystem
from simulators.network import Faults
from simulators.processes import SPOOL_BYTES_MAX, Parts
from simulators.truth import Meter
from simulators.weather import CLEAR, FOUL, Weather
from simulators.world import simulate

# Three days over a month's end: enough for a closed period, short enough for a test each.
START = datetime(2026, 10, 30, 9, tzinfo=UTC)
DAYS, SEED = 3, 11


def broken(folder: Path, parts: Parts, weather: Weather = CLEAR) -> set[str]:
    """The invariants that did not hold."""
    report = simulate(SEED, DAYS, folder, weather=weather, parts=parts, start=START)
    assert report.counts["lines"] > 0
    return {finding.name for finding in report.invariants if not finding.held}


def a_store(ledger: type[SqlLedger] = SqlLedger, **changes: type) -> Callable[..., SqlStore]:
    def open_(path: Path) -> SqlStore:
        database = changes.get("database", Database)(connect(path, "off").connection)
        store = changes.get("store", SqlStore)(database)
        store.ledger = ledger(database)
        return store  # type: ignore[no-any-return]  # made by a class a test chose

    return open_


def a_spool(kind: type[Spool]) -> Callable[[Path], Spool]:
    return lambda folder: kind(folder, max_bytes=SPOOL_BYTES_MAX, durability="off")


def test_nothing_is_broken_where_nothing_is_planted(tmp_path: Path) -> None:
    assert broken(tmp_path, Parts()) == set()


def test_a_ledger_that_forgets_a_commit_is_found(tmp_path: Path) -> None:
    class Forgotten(Exception):
        pass

    class ForgetfulStore(SqlStore):
        commits = 0

        @contextmanager
        def ingesting(self) -> Iterator[Connection]:
            with suppress(Forgotten), super().ingesting() as connection:
                yield connection
                self._perhaps_forget()

        def _perhaps_forget(self) -> None:
            self.commits += 1
            if self.commits % 50 == 0:
                raise Forgotten

    found = broken(tmp_path, Parts(store=a_store(store=ForgetfulStore)))
    assert {"nothing lost", "delivered is stored"} <= found


def test_a_spool_that_believes_a_puback_is_found(tmp_path: Path) -> None:
    class HastySpool(Spool):
        def message(self, sequence: int) -> bytes | None:
            message = super().message(sequence)
            self.acknowledge(0, [(sequence, sequence)])
            return message

    losing = replace(CLEAR, network=Faults(lose=0.05))
    assert "nothing lost" in broken(tmp_path, Parts(spool=a_spool(HastySpool)), losing)


def test_a_spool_that_counts_wrong_is_found(tmp_path: Path) -> None:
    class BoastfulSpool(Spool):
        @property
        def counters(self) -> Counters:
            true = super().counters
            return true._replace(delivered=true.delivered + 1)

    assert broken(tmp_path, Parts(spool=a_spool(BoastfulSpool))) == {"delivered is stored"}


def test_a_process_that_dies_by_itself_is_found(tmp_path: Path) -> None:
    class FrailSpool(Spool):
        def append(self, *args: object, **kwargs: object) -> int:
            if self.head >= 20:
                raise SpoolError("the card is gone")
            return super().append(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    assert "nobody died" in broken(tmp_path, Parts(spool=a_spool(FrailSpool)))


def test_a_meter_that_lies_is_found(tmp_path: Path) -> None:
    class Liar(Meter):
        def shown(self, time_ms: int) -> dict[str, int]:
            return {
                obis: max(mantissa - 20, 0) for obis, mantissa in super().shown(time_ms).items()
            }

    def lying(meter: Meter) -> Meter:
        return Liar(meter.serial, meter.profile, meter.registers)

    found = broken(tmp_path, Parts(meter=lying))
    assert {"accepted equals truth", "billed equals truth"} <= found


def test_a_forger_with_a_stolen_key_is_found(tmp_path: Path) -> None:
    stolen = SigningKey.from_seed(bytes(32))

    def open_(path: Path) -> SqlStore:
        store = a_store()(path)
        registry.add_device_key(store, "edge-north", stolen.public, 0)
        return store

    parts = Parts(store=open_, forger_key=stolen)
    assert "nothing forged stored" in broken(tmp_path, parts, replace(CLEAR, forgery_every_s=600.0))


def test_readings_entered_twice_are_found(tmp_path: Path) -> None:
    class DoublingLedger(SqlLedger):
        def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
            super().add_readings([*rows, (*rows[0][:2], 9, *rows[0][3:])])

    found = broken(tmp_path, Parts(store=a_store(DoublingLedger)))
    assert {"nothing stored twice", "batches stored whole"} <= found


def test_a_batch_that_is_not_entered_whole_is_found(tmp_path: Path) -> None:
    class CarelessLedger(SqlLedger):
        def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
            super().add_readings(rows[:-1])

    assert "batches stored whole" in broken(tmp_path, Parts(store=a_store(CarelessLedger)))


def test_an_altered_value_is_found(tmp_path: Path) -> None:
    class RoundingLedger(SqlLedger):
        def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
            super().add_readings([(*row[:3], row[3] // 1000 * 1000, *row[4:]) for row in rows])

    found = broken(tmp_path, Parts(store=a_store(RoundingLedger)))
    assert {"accepted equals truth", "billed equals truth"} <= found


def test_findings_that_are_not_kept_are_found(tmp_path: Path) -> None:
    class TolerantLedger(SqlLedger):
        def add_verdicts(self, rows: Sequence[VerdictRow]) -> None:
            del rows

    assert broken(tmp_path, Parts(store=a_store(TolerantLedger))) == {"every doubt has a verdict"}


def test_doubts_that_are_accepted_are_found(tmp_path: Path) -> None:
    class BelievingLedger(SqlLedger):
        def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
            super().add_readings([(*row[:4], 0, *row[5:]) for row in rows])

    found = broken(tmp_path, Parts(store=a_store(BelievingLedger)))
    assert {"every doubt has a verdict", "accepted equals truth"} <= found


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE written_line SET consumption_mantissa = consumption_mantissa + 50",
         "billed equals truth"),
        ("UPDATE written_line SET closing_mantissa = closing_mantissa + 50",
         "billed equals truth"),
        ("DELETE FROM written_line WHERE line_no % 2", "lines follow each other"),
    ],
)  # fmt: skip
def test_a_bill_that_is_altered_is_found(tmp_path: Path, statement: str, invariant: str) -> None:
    class DishonestDatabase(Database):
        @contextmanager
        def transaction(self) -> Iterator[sqlite3.Connection]:
            with super().transaction() as connection:
                lines = connection.execute("SELECT count(*) FROM closing_line").fetchone()[0]
                yield connection
                now = connection.execute("SELECT count(*) FROM closing_line").fetchone()[0]
                if now > lines:
                    connection.execute(statement)

    assert invariant in broken(tmp_path, Parts(store=a_store(database=DishonestDatabase)))


def test_a_billing_system_that_books_nothing_is_found(tmp_path: Path) -> None:
    class Forgetful(BillingSystem):
        async def deliver(self, events: Sequence[DueEvent]) -> Sequence[Answer]:
            return [ACKNOWLEDGED for _ in events]

    assert broken(tmp_path, Parts(billing=Forgetful)) == {"billing has every line once"}


def test_in_foul_weather_nothing_is_broken_either(tmp_path: Path) -> None:
    assert broken(tmp_path, Parts(), FOUL) == set()
