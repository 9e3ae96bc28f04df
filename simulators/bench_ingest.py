"""How fast ingest is, as a share of the fastest thing it could be: the bare insert of its rows.

Both run in this process, on the same machine, on fresh files with the same settings and the same
rows per transaction. Ingest starts from signed messages and ends with sealed receipts; the bare
side starts from finished rows and only keeps out duplicates. The two alternate, and the medians
are compared, so that a busy machine slows both.
"""

import gc
import hashlib
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from cloud_sync import batch as wire_batch
from cloud_sync import topics
from cloud_sync.batch import Batch
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from gateway import registry
from gateway.ingest import GROUP_MESSAGES_MAX, Incoming, Ingest
from gateway.registry_csv import COLUMNS
from gateway.sql.store import SqlStore, open_store

DEVICES = 20
REGISTERS = ("1-0:1.8.1", "1-0:1.8.2")
INTERVAL_MS = 900_000
START_MS = 1_788_220_800_000  # 2026-09-01T00:00:00Z
TIMES = 3

Row = tuple[int, ...]


@click.command("ingest")
@click.option("--store", type=click.Choice(["sqlite"]), default="sqlite", show_default=True)
@click.option("--readings", type=click.IntRange(min=1000), default=200_000, show_default=True)
@click.option("--batch", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def ingest(store: str, readings: int, batch: int, as_json: bool) -> None:
    """Ingest speed as a ratio to the bare deduplicating insert of the same rows."""
    result = {"store": store, "batch": batch} | measure(readings, batch)
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo("\n".join(f"{name:20} {value}" for name, value in result.items()))


def measure(readings: int, batch: int) -> dict[str, float]:
    """Readings a second of ingest and of the bare insert, and their ratio."""
    devices = [Device(number, batch) for number in range(DEVICES)]
    turns = math.ceil(readings / (batch * DEVICES))
    messages = [device.poll(turn) for turn in range(turns) for device in devices]
    ingest_s, bare_s = [], []
    with tempfile.TemporaryDirectory() as folder:
        for attempt in range(TIMES):
            taken_s, rows = _ingest(Path(folder) / f"ingest-{attempt}.db", devices, messages)
            ingest_s.append(taken_s)
            per_transaction = GROUP_MESSAGES_MAX * batch
            bare_s.append(_bare(Path(folder) / f"bare-{attempt}.db", rows, per_transaction))
    count = len(rows)
    return {
        "readings": count,
        "readings_per_s": round(count / statistics.median(ingest_s)),
        "bare_insert_per_s": round(count / statistics.median(bare_s)),
        "ratio": round(statistics.median(bare_s) / statistics.median(ingest_s), 3),
    }


def _ingest(
    path: Path, devices: Sequence["Device"], messages: Sequence[Incoming]
) -> tuple[float, list[Row]]:
    """Seconds for all messages, and the rows that stand in the ledger then, as they arrived."""
    store = open_store(path)
    register(store, devices)
    ingest = Ingest(store, SigningKey.from_seed(bytes(32)))
    now_ms = START_MS + len(messages) * INTERVAL_MS
    gc.collect()
    begun_s = time.perf_counter()
    outcome = ingest.process(messages, now_ms)
    taken_s = time.perf_counter() - begun_s
    rows = store.database.connection.execute(
        "SELECT * FROM reading ORDER BY batch_no, position"
    ).fetchall()
    store.close()
    if outcome.counts["accepted"] != len(rows) or outcome.counts["refused"]:
        raise click.ClickException(f"expected every reading accepted, got {outcome.counts}")
    return taken_s, rows


def _bare(path: Path, rows: Sequence[Row], per_transaction: int) -> float:
    """Seconds to insert finished rows, keeping out duplicates by the primary key."""
    store = open_store(path)
    gc.collect()
    begun_s = time.perf_counter()
    for start in range(0, len(rows), per_transaction):
        with store.transaction() as connection:
            connection.executemany(
                "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows[start : start + per_transaction],
            )
    taken_s = time.perf_counter() - begun_s
    store.close()
    return taken_s


class Device:
    """A device that signs a batch of `size` readings every interval, chained."""

    def __init__(self, number: int, size: int) -> None:
        self.name = f"bench-{number}"
        self.key = SigningKey.from_seed(number.to_bytes(32, "big"))
        self._previous = wire_batch.GENESIS
        places = [divmod(at, len(REGISTERS)) for at in range(size)]
        self.registers: dict[str, list[str]] = {}
        for meter, register in places:
            serial = f"{number:02}-{meter:06}"
            self.registers.setdefault(serial, []).append(REGISTERS[register])

    def poll(self, turn: int) -> Incoming:
        """The batch of one interval."""
        at_ms = START_MS + turn * INTERVAL_MS
        batch = Batch(
            version=1,
            device=self.name,
            sequence=turn + 1,
            previous=self._previous,
            signed_at_ms=at_ms + 1000,
            clock_state=ClockState.SYNCHRONISED,
            clock_error_s=1,
            boot=bytes(8),
            uptime_ms=turn * INTERVAL_MS,
            software="bench",
            readouts=tuple(
                _readout(serial, registers, at_ms, turn)
                for serial, registers in self.registers.items()
            ),
        )
        topic = topics.batch_topic(self.name)
        message = self.key.seal(wire_batch.encode(batch), topic)
        self._previous = wire_batch.chain_hash(message)
        return Incoming(topic, message)


def _readout(serial: str, registers: Sequence[str], at_ms: int, turn: int) -> Readout:
    raw = hashlib.sha256(f"{serial} {turn}".encode()).digest()
    return Readout(
        meter=serial,
        captured_at_ms=at_ms,
        clock_state=ClockState.SYNCHRONISED,
        clock_error_s=1,
        status=0,
        source=Source.INTERVAL,
        evidence=Evidence.of(raw).hashed(),
        values=tuple(
            RegisterValue(register, 1_000_000 + 37 * turn + at, -2, Unit.KWH)
            for at, register in enumerate(registers)
        ),
    )


def register(store: SqlStore, devices: Sequence[Device]) -> None:
    """Enter the devices with their keys, meters and registers."""
    lines = [",".join(COLUMNS)]
    for device in devices:
        registry.add_device_key(store, device.name, device.key.public, 0)
        lines += [
            f"bench,-,UTC,{serial},1,{serial},dwelling,electricity,{serial},"
            f"bench,{register},kWh,-2,8,13.8,2026-01-01,10000,{device.name}"
            for serial, registers in device.registers.items()
            for register in registers
        ]
    registry.import_csv(store, "\n".join(lines).encode())
