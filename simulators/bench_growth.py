"""What a reading costs in a ledger that is large already, as a ratio to a small one.

The ledgers hold as many rows as asked for, of the same registers, quarter of an hour by quarter
of an hour up to the beginning of the measurement. They are made by SQL: what is old register by
register, the end in groups of all registers, as ingest writes it. (Rows put in one register after
another leave every page full, so that each register's next row splits several of them: that
happens in no ledger that grew.) Then they are opened anew, and batches are ingested in turns, a
part into each ledger and round again, so that a busy machine slows them alike. The first part meets
empty caches (it asks the ledger for the past of every register) and is told by itself; the median
of the others is what a reading costs, their mean is told beside it.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

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
# What is made in one transaction: of what is old, and at the end, where it is a group of ingest.
FILL_ROWS, GROUP_ROWS = 2_000_000, 10_000
# Two leaves of a register, and more than a measurement adds: what is before them is not touched.
GROWN_TURNS = 250

_FILL = """
WITH RECURSIVE back(n) AS (
    SELECT CAST({first} AS BIGINT) UNION ALL SELECT n - 1 FROM back WHERE n > {last}
)
INSERT INTO reading
SELECT r.register_no, {start_ms} - back.n * {interval_ms}, 0, 1000000 - 37 * back.n, 0, 0, 0, 0
FROM register r CROSS JOIN back
WHERE r.register_no > {above} AND r.register_no <= {upto}
ORDER BY r.register_no, back.n DESC
"""


class Part(NamedTuple):
    """Rows of one transaction: of registers beyond `above`, from `first` to `last` turns back."""

    above: int
    upto: int
    first: int
    last: int


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
            {
                "rows_before": rows,
                "us_per_reading": round(cost, 2),
                "mean_us": round(statistics.fmean(part_us[1:]), 2),
                "cold_us": round(part_us[0], 2),
            }
            for rows, cost, part_us in zip(rows_before, costs, taken_us, strict=True)
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
    for part in _parts(registers, turns):
        with store.transaction():
            connection.execute(
                _FILL.format(start_ms=START_MS, interval_ms=INTERVAL_MS, **part._asdict())
            )
    if isinstance(connection, PostgresConnection):
        connection.execute("VACUUM ANALYZE reading")


def _parts(registers: int, turns: int) -> Iterator[Part]:
    """The rows of so many turns of every register, the oldest first."""
    grown = min(turns, GROWN_TURNS)
    if turns > grown:
        step = max(1, FILL_ROWS // (turns - grown))
        for above in range(0, registers, step):
            yield Part(above, above + step, turns, grown + 1)
    step = max(1, GROUP_ROWS // registers)
    for first in range(grown, 0, -step):
        yield Part(0, registers, first, max(first - step, 0) + 1)
