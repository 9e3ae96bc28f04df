"""What a reading costs in a ledger that is large already, as a ratio to a small one.

The ledgers hold as many rows as asked for, of the same registers, quarter of an hour by quarter
of an hour up to the beginning of the measurement; they are made by SQL, register by register,
and opened anew. Then batches are ingested in turns, a part into each ledger and round again, so
that a busy machine slows them alike. The first part meets empty caches (it asks the ledger for the
past of every register) and is told by itself; the median of the others is what a reading costs.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from cloud_sync.signing import SigningKey
from gateway.ingest import Incoming, Ingest
from gateway.postgres.connection import Connection as PostgresConnection
from gateway.sql.store import SqlStore, open_store
from gateway.verifying import Verifier
from simulators.bench_places import Places

if TYPE_CHECKING:
    from simulators.bench_ingest import Device

# One cold part and these.
PARTS = 12
# What is made in one transaction.
FILL_ROWS = 2_000_000

_FILL = """
WITH RECURSIVE back(n) AS (
    SELECT CAST({turns} AS BIGINT) UNION ALL SELECT n - 1 FROM back WHERE n > 1
)
INSERT INTO reading
SELECT r.register_no, {start_ms} - back.n * {interval_ms}, 0, 1000000 - 37 * back.n, 0, 0, 0, 0
FROM register r CROSS JOIN back
WHERE r.register_no > {above} AND r.register_no <= {upto}
ORDER BY r.register_no, back.n DESC
"""


def measure(
    places: Places,
    verifier: Verifier,
    devices: "Sequence[Device]",
    readings: int,
    rows_before: Sequence[int],
) -> dict[str, Any]:
    """The cost of a reading in ledgers with so many rows, and how it grows with them."""
    from simulators.bench_ingest import taken, warm_up  # noqa: PLC0415 - the command is there

    size = devices[0].size
    turns = math.ceil(readings / (size * len(devices) * PARTS)) * PARTS
    messages = [device.poll(turn) for turn in range(turns) for device in devices]
    each = len(messages) // PARTS
    taken_us: list[list[float]] = [[] for _ in rows_before]
    warm_up(verifier)
    with ExitStack() as stack:
        filled = [stack.enter_context(_filled(places, devices, rows)) for rows in rows_before]
        key = SigningKey.from_seed(bytes(32))
        ingests = [Ingest(store, key, verifier=verifier) for store in filled]
        for start in range(0, len(messages), each):
            part: list[Incoming] = messages[start : start + each]
            for into, ingest in zip(taken_us, ingests, strict=True):
                into.append(taken(ingest, part) * 1e6 / (len(part) * size))
    costs = [statistics.median(part_us[1:]) for part_us in taken_us]
    return {
        "readings": len(messages) * size,
        "registers": size * len(devices),
        "ledgers": [
            {"rows_before": rows, "us_per_reading": round(cost, 2), "cold_us": round(cold[0], 2)}
            for rows, cost, cold in zip(rows_before, costs, taken_us, strict=True)
        ],
        "growth": round(costs[-1] / costs[0], 3),
    }


@contextmanager
def _filled(places: Places, devices: "Sequence[Device]", rows: int) -> Iterator[SqlStore]:
    """A ledger with so many rows, opened anew."""
    from simulators.bench_ingest import register  # noqa: PLC0415 - as above

    with places.fresh() as place:
        with closing(open_store(place)) as store:
            register(store, devices)
            _fill(store, sum(device.size for device in devices), rows)
        with closing(open_store(place)) as store:
            yield store


def _fill(store: SqlStore, registers: int, rows: int) -> None:
    from simulators.bench_ingest import INTERVAL_MS, START_MS  # noqa: PLC0415 - as above

    connection = store.database.connection
    turns = rows // registers
    if turns < 1:
        raise click.ClickException(f"{rows} rows are none a register: give fewer --devices")
    if 37 * turns >= 1_000_000:
        raise click.ClickException(f"{turns} rows a register are too many: give more --devices")
    if isinstance(connection, PostgresConnection):
        instants = [START_MS - turn * INTERVAL_MS for turn in range(1, turns + 1)]
        connection.execute("SELECT partition_ensure('reading', ?)", (instants,))
    step = max(1, FILL_ROWS // turns)
    for above in range(0, registers, step):
        with store.transaction():
            connection.execute(
                _FILL.format(
                    turns=turns,
                    start_ms=START_MS,
                    interval_ms=INTERVAL_MS,
                    above=above,
                    upto=above + step,
                )
            )
    if isinstance(connection, PostgresConnection):
        connection.execute("VACUUM ANALYZE reading")
