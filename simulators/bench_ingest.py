"""How fast ingest is, as a share of the fastest thing it could be: the bare insert of its rows.

Both run in this process, on the same machine, on fresh ledgers with the same settings and the same
rows per transaction. Ingest starts from signed messages and ends with sealed receipts; the bare
side starts from finished rows and only keeps out duplicates. The two alternate, and the medians
are compared, so that a busy machine slows both. Each is measured in a ledger that knows its
devices: a device's first rounds, in which its registers are loaded and the form of its batches is
learned, go in before and are told by themselves (`cold_us` a reading), for in a year they are one
round in some thousands. In between one core verifies signatures and does
nothing else: what small batches cost is told as a share of that.

With `--rows-before` the question is another one: what a reading costs in a ledger that holds so
many already (simulators/bench_growth.py).
"""

import cProfile
import gc
import hashlib
import json
import math
import pstats
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import click

from cloud_sync import batch as wire_batch
from cloud_sync import signing, topics
from cloud_sync.batch import Batch
from cloud_sync.signing import SigningKey
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from gateway import registry
from gateway.ingest import GROUP_MESSAGES_MAX, Incoming, Ingest
from gateway.registry_csv import COLUMNS
from gateway.sql.store import SqlStore, open_store
from gateway.verify_worker import Task
from gateway.verifying import Verifier, workers_of_machine
from simulators import bench_growth
from simulators.bench_places import STORES, Places, bare_insert, make_ready, places_of

DEVICES = 20
REGISTERS = ("1-0:1.8.1", "1-0:1.8.2")
INTERVAL_MS = 900_000
START_MS = 1_788_220_800_000  # 2026-09-01T00:00:00Z
NOW_MS = START_MS + 10**6 * INTERVAL_MS  # after all that is ever sent here
TIMES = 3
# A device's first rounds, before what is measured: two groups of the usual fleet.
COLD_TURNS = 10
# Enough to tell one core's rate to a few percent.
VERIFIED_MAX = 1000
PROFILED_LINES = 25

Row = tuple[int, ...]


@click.command("ingest")
@click.option("--store", type=click.Choice(STORES), default="sqlite", show_default=True)
@click.option("--readings", type=click.IntRange(min=1000), default=200_000, show_default=True)
@click.option("--batch", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--devices", type=click.IntRange(1, 10_000), default=DEVICES, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(0, 16),
    default=workers_of_machine,
    help="Verifying processes; one for each core beside the writing one if left out.",
)
@click.option(
    "--rows-before",
    type=click.IntRange(min=10_000),
    multiple=True,
    help="Readings in the ledger before; several times: the costs are compared.",
)
@click.option("--profile", is_flag=True, help="Where the writing thread's time goes, instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def ingest(
    *,
    store: str,
    readings: int,
    batch: int,
    devices: int,
    workers: int,
    rows_before: tuple[int, ...],
    profile: bool,
    as_json: bool,
) -> None:
    """Ingest speed as a ratio to the bare deduplicating insert of the same rows."""
    terms = {"store": store, "batch": batch, "devices": devices, "workers": workers}
    fleet = [Device(number, batch) for number in range(devices)]
    with places_of(store) as places, Verifier(workers) as verifier:
        if profile:
            _profile(places, verifier, fleet, _turns(fleet, readings))
            return
        if rows_before:
            result = bench_growth.measure(places, verifier, fleet, readings, rows_before)
        else:
            result = measure(places, verifier, fleet, readings)
    if as_json:
        click.echo(json.dumps(terms | result))
    else:
        click.echo("\n".join(f"{name:22} {value}" for name, value in (terms | result).items()))


def measure(
    places: Places, verifier: Verifier, devices: Sequence["Device"], readings: int
) -> dict[str, float]:
    """Readings a second of ingest and of the bare insert, and their ratio."""
    size, cold = devices[0].size, COLD_TURNS * len(devices)
    messages = _turns(devices, readings + cold * size)
    cold_s, ingest_s, bare_s, verify_s = [], [], [], []
    for _ in range(TIMES):
        verify_s.append(_verify(devices, messages))
        before_s, taken_s, rows = _ingest(places, verifier, devices, messages, cold)
        cold_s.append(before_s)
        ingest_s.append(taken_s)
        bare_s.append(_bare(places, rows, cold * size, GROUP_MESSAGES_MAX * size))
    messages, count = messages[cold:], len(rows) - cold * size
    ingest_s_each = statistics.median(ingest_s)
    verify_per_s = 1 / statistics.median(verify_s)
    return {
        "readings": count,
        "readings_per_s": round(count / ingest_s_each),
        "bare_insert_per_s": round(count / statistics.median(bare_s)),
        "ratio": round(statistics.median(bare_s) / ingest_s_each, 3),
        "batches_per_s": round(len(messages) / ingest_s_each),
        "verify_per_s": round(verify_per_s),
        "cold_us": round(statistics.median(cold_s) * 1e6 / (cold * size), 2),
        "verify_share": round(len(messages) / ingest_s_each / verify_per_s, 3),
    }


def _turns(devices: Sequence["Device"], readings: int) -> list[Incoming]:
    """At least so many readings, a batch of each device in turn."""
    turns = math.ceil(readings / (devices[0].size * len(devices)))
    return [device.poll(turn) for turn in range(turns) for device in devices]


def _profile(
    places: Places, verifier: Verifier, devices: Sequence["Device"], messages: Sequence[Incoming]
) -> None:
    """Print what the second half of the messages spends its processor time on."""
    profile, half = cProfile.Profile(time.process_time), len(messages) // 2
    with ready(places, devices) as store:
        ingest = Ingest(store, SigningKey.from_seed(bytes(32)), verifier=verifier)
        taken(ingest, messages[:half])
        profile.runcall(ingest.process, messages[half:], NOW_MS)
    pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILED_LINES)


def _verify(devices: Sequence["Device"], messages: Sequence[Incoming]) -> float:
    """Seconds one core takes to verify one message, taken apart before."""
    keys = {topics.batch_topic(device.name): device.key.public for device in devices}
    sealed = [(topic, signing.parse(message)) for topic, message in messages[:VERIFIED_MAX]]
    begun_s = time.perf_counter()
    for topic, one in sealed:
        keys[topic].verify(one, topic)
    return (time.perf_counter() - begun_s) / len(sealed)


def _ingest(
    places: Places,
    verifier: Verifier,
    devices: Sequence["Device"],
    messages: Sequence[Incoming],
    cold: int,
) -> tuple[float, float, list[Row]]:
    """Seconds for the first `cold` messages and for the others, and all rows as they arrived."""
    with ready(places, devices) as store:
        ingest = Ingest(store, SigningKey.from_seed(bytes(32)), verifier=verifier)
        # Who has workers has them running, and they know their libraries.
        warm_up(verifier)
        cold_s, taken_s = taken(ingest, messages[:cold]), taken(ingest, messages[cold:])
        rows = store.database.connection.execute(
            "SELECT * FROM reading ORDER BY batch_no, position"
        ).fetchall()
    return cold_s, taken_s, rows


def taken(ingest: Ingest, messages: Sequence[Incoming]) -> float:
    """Seconds to ingest messages, all of whose readings must be accepted."""
    gc.collect()
    begun_s = time.perf_counter()
    outcome = ingest.process(messages, NOW_MS)
    taken_s = time.perf_counter() - begun_s
    doubtful = {"refused", "suspect", "rejected", "repeated"} & outcome.counts.keys()
    if outcome.counts["batches"] != len(messages) or doubtful:
        raise click.ClickException(f"expected every reading accepted, got {outcome.counts}")
    return taken_s


def warm_up(verifier: Verifier) -> None:
    """Have the workers started."""
    device = Device(0, 1)
    task = Task(device.key.public.public_bytes, *device.poll(0), decode=True)
    if verifier.workers:
        for part in verifier.start([task] * 4 * verifier.workers):
            part.result()


def _bare(places: Places, rows: Sequence[Row], before: int, per_transaction: int) -> float:
    """Seconds to insert finished rows behind the first of them, keeping out duplicates."""
    with places.fresh() as place, closing(open_store(place)) as store:
        make_ready(store, rows)
        with store.transaction():
            bare_insert(store, rows[:before])
        gc.collect()
        begun_s = time.perf_counter()
        for start in range(before, len(rows), per_transaction):
            with store.transaction():
                bare_insert(store, rows[start : start + per_transaction])
        return time.perf_counter() - begun_s


@contextmanager
def ready(places: Places, devices: Sequence["Device"]) -> Iterator[SqlStore]:
    """A fresh ledger that knows the devices."""
    with places.fresh() as place, closing(open_store(place)) as store:
        register(store, devices)
        yield store


class Device:
    """A device that signs a batch of `size` readings every interval, chained."""

    def __init__(self, number: int, size: int) -> None:
        self.size = size
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
            uptime_ms=(turn + 100) * INTERVAL_MS,
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
