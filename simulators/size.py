"""How large a machine a fleet needs: measured in a small real ledger, and multiplied.

Signed batches go through the real ingest into a fresh ledger. What its second half added (bytes on
the disk, bytes of write-ahead log, processor time) is the price of a reading: the first half has
paid for empty pages and cold caches. Each register gets hundreds of readings in the order of time,
as it does in years, so that pages are split and filled as they will be.
"""

import json
import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import click

from cloud_sync.signing import SigningKey
from gateway.ingest import GROUP_MESSAGES_MAX, Incoming, Ingest
from gateway.postgres.connection import Connection as PostgresConnection
from gateway.sql.store import SqlStore, open_store
from simulators.bench_ingest import INTERVAL_MS, START_MS, Device, register
from simulators.bench_places import STORES, places_of
from simulators.fleet import watch

DAY_S = 86_400
YEAR_DAYS = 365
# Enough for a register's pages to be split and filled many times.
TURNS = 500
# After an outage of an hour the backlog is gone in another one, and a third is left to everything
# else: closing, pages, the operating system.
HEADROOM = 3


class Spent(NamedTuple):
    """What a ledger has cost so far."""

    readings: int
    disk: int
    log: int
    messages: int
    cpu_s: float

    def since(self, before: "Spent") -> "Spent":
        """What came to it."""
        return Spent(
            self.readings - before.readings,
            self.disk - before.disk,
            self.log - before.log,
            self.messages - before.messages,
            self.cpu_s - before.cpu_s,
        )


@click.command("size")
@click.option("--store", type=click.Choice(STORES), default="sqlite", show_default=True)
@click.option(
    "--meters",
    type=click.IntRange(1, 100_000_000),
    multiple=True,
    default=(1_000, 100_000, 1_000_000),
    show_default=True,
    help="Fleets to tell the needs of.",
)
@click.option("--registers", type=click.IntRange(1, 20), default=1, show_default=True)
@click.option(
    "--interval-min", type=click.FloatRange(0.25, 24 * 60), default=15.0, show_default=True
)
@click.option(
    "--batch",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    help="Readings in a signed batch: what one device reads in one round.",
)
@click.option(
    "--readings",
    type=click.IntRange(2_000),
    default=100_000,
    show_default=True,
    help="How many to measure with.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def size(
    store: str,
    meters: tuple[int, ...],
    *,
    registers: int,
    interval_min: float,
    batch: int,
    readings: int,
    as_json: bool,
) -> None:
    """Bytes and processor time of a reading, and what fleets of meters need a year."""
    cost = measured(store, readings, batch)
    each = priced(cost)
    interval_s = interval_min * 60
    per_core = round(interval_s / registers / (cost.cpu_s / cost.readings))
    fleets = [needs(count, registers, interval_s, cost) for count in meters]
    terms = {"store": store, "batch": batch, "interval_min": interval_min, "registers": registers}
    if as_json:
        told = terms | each | {"ingest_meters_per_core": per_core, "fleets": fleets}
        click.echo(json.dumps(told))
        return
    for name, value in (terms | each | {"ingest_meters_per_core": per_core}).items():
        click.echo(f"{name:24} {value}")
    for fleet in fleets:
        click.echo(", ".join(f"{name} {value}" for name, value in fleet.items()))


def measured(store: str, readings: int, batch: int) -> Spent:
    """What the second half of so many readings cost."""
    devices = [Device(number, batch) for number in range(max(1, readings // (batch * TURNS)))]
    turns = readings // (batch * len(devices))
    with (
        places_of(store) as places,
        places.fresh() as place,
        closing(open_store(place)) as ledger,
    ):
        register(ledger, devices)
        ingest = Ingest(ledger, SigningKey.from_seed(bytes(32)))
        _fill(ingest, devices, range(turns // 2))
        before = spent(ledger)
        cpu_s = _fill(ingest, devices, range(turns // 2, turns))
        cost = spent(ledger).since(before)
        return cost._replace(cpu_s=cost.cpu_s + cpu_s)


def _fill(ingest: Ingest, devices: Sequence[Device], turns: range) -> float:
    """Those rounds of all devices, in groups as under load; the seconds ingest computed."""
    pending: list[Incoming] = []
    cpu_s = 0.0
    for turn in turns:
        pending += [device.poll(turn) for device in devices]
        if len(pending) >= GROUP_MESSAGES_MAX or turn == turns[-1]:
            begun_s = time.process_time()
            outcome = ingest.process(pending, START_MS + (turn + 1) * INTERVAL_MS)
            cpu_s += time.process_time() - begun_s
            if outcome.counts["batches"] != len(pending):
                raise click.ClickException(f"expected every batch stored, got {outcome.counts}")
            pending = []
    return cpu_s


def spent(ledger: SqlStore) -> Spent:
    """What the ledger holds now, everything on the disk; the seconds its server computed."""
    sql = ledger.database.connection
    if isinstance(sql, PostgresConnection):
        sql.execute("CHECKPOINT")
        ((disk, log, backend),) = sql.execute(
            "SELECT pg_database_size(current_database()),"
            " (pg_current_wal_lsn() - '0/0'::pg_lsn)::BIGINT, pg_backend_pid()"
        ).fetchall()
        cpu_s = watch.alone(backend).cpu_s
    else:
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (pages,) = sql.execute("PRAGMA page_count").fetchone()
        (page,) = sql.execute("PRAGMA page_size").fetchone()
        disk, log, cpu_s = pages * page, 0, 0.0
    (readings,) = sql.execute("SELECT count(*) FROM reading").fetchone()
    (messages,) = sql.execute("SELECT sum(length(message)) FROM batch").fetchone()
    return Spent(readings, disk, log, int(messages or 0), cpu_s)


def priced(cost: Spent) -> dict[str, float]:
    """A reading's price."""
    return {
        "bytes_per_reading": round(cost.disk / cost.readings, 1),
        "of_it_signed_messages": round(cost.messages / cost.readings, 1),
        "log_bytes_per_reading": round(cost.log / cost.readings, 1),
        "cpu_us_per_reading": round(cost.cpu_s / cost.readings * 1e6, 2),
    }


def needs(meters: int, registers: int, interval_s: float, cost: Spent) -> dict[str, float]:
    """What a fleet brings and needs; GB are 10^9 bytes."""
    per_s = meters * registers / interval_s
    per_day = per_s * DAY_S
    return {
        "meters": meters,
        "readings_per_s": round(per_s, 1),
        "disk_gb_per_year": round(per_day * YEAR_DAYS * cost.disk / cost.readings / 1e9, 1),
        "log_gb_per_day": round(per_day * cost.log / cost.readings / 1e9, 2),
        "cores": round(per_s * cost.cpu_s / cost.readings, 3),
        "cores_with_headroom": round(HEADROOM * per_s * cost.cpu_s / cost.readings, 3),
    }
