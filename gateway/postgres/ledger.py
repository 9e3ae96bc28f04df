"""The ledger port on PostgreSQL: what SQL there is, is the same; rows come in by binary COPY.

It was the quickest way at every size of a group (gateway/postgres/copying.py), so there is no
second one for small groups; only a few verdicts, and most groups have none, come by themselves.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gateway.postgres.connection import Database
from gateway.postgres.copying import FIELDS, copy_bytes, copy_rows, of_block, of_tuples
from gateway.postgres.months import ensure_rows
from gateway.rules.order import Placed
from gateway.sql.ledger import SqlLedger
from gateway.store import BatchRow, Range, VerdictRow

_AT = 1  # the column of a reading's time
_RECEIVED = BatchRow._fields.index("received_at_ms")
_MESSAGE = BatchRow._fields.index("message")
_HEAD_TYPES = (
    *("int8", "int8", "int8", "bytea", "bytea", "bytea", "int8", "text", "bytea"),
    *("int8", "int8", "int8", "int8"),
)
_VERDICT_TYPES = ("int8", "int8", "int8", "text", "text", "text", "text", "int8", "int8")
# From so many rows on COPY is quicker than rows by themselves.
COPY_FROM = 4
# What is looked through one by one often ends soon, and sometimes goes on for years.
PLACED_FIRST = 16
PLACED_MAX = 4096


class PostgresLedger(SqlLedger):
    """`LedgerPort` on one connection to PostgreSQL."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def take_batch_nos(self, count: int) -> int:
        (first,) = self._sql.execute("SELECT take_batch_nos(?)", (count,)).fetchone()
        return int(first)

    def add_batches(self, rows: Sequence[BatchRow]) -> None:
        if not rows:
            return
        session = self._database.connection.session
        ensure_rows(self._database.months, "batch_message", rows, _RECEIVED)
        copy_rows(session, "batch_head", _HEAD_TYPES, (row[:_MESSAGE] for row in rows))
        copy_rows(
            session,
            "batch_message",
            ("int8", "int8", "bytea"),
            ((row.batch_no, row.received_at_ms, row.message) for row in rows),
        )

    def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
        if rows:
            ensure_rows(self._database.months, "reading", rows, _AT)
            copy_bytes(self._database.connection.session, "reading", of_tuples(sorted(rows)))

    def add_block(self, rows: memoryview) -> None:
        if not rows:
            return
        instants = np.frombuffer(rows, np.int64)[_AT::FIELDS]
        first_ms, last_ms = int(instants.min()), int(instants.max())
        self._database.months.ensure("reading", first_ms, last_ms, map(int, instants))
        copy_bytes(self._database.connection.session, "reading", of_block(rows))

    def add_verdicts(self, rows: Sequence[VerdictRow]) -> None:
        if len(rows) < COPY_FROM:
            super().add_verdicts(rows)
            return
        session = self._database.connection.session
        copy_rows(session, "verdict", _VERDICT_TYPES, rows, VerdictRow._fields)

    def set_ranges(self, ranges: Mapping[int, Sequence[Range]]) -> None:
        """Two statements for a group, whatever its size."""
        flat = [(device, *pair) for device, pairs in ranges.items() for pair in pairs]
        columns = [list(column) for column in zip(*flat, strict=True)] or [[], [], []]
        session = self._database.connection.session
        session.execute(
            "DELETE FROM chain_range WHERE device_no = ANY (%s::BIGINT[])", (list(ranges),)
        )
        session.execute(
            "INSERT INTO chain_range"
            " SELECT * FROM unnest(%s::BIGINT[], %s::BIGINT[], %s::BIGINT[])",
            columns,
        )

    def placed(self, register_no: int, from_ms: int, *, forward: bool) -> Iterator[Placed]:
        """In pages that grow: a register has years of readings, and the first few often do."""
        count = PLACED_FIRST
        while True:
            page = list(self._placed_from(register_no, from_ms, forward=forward, limit=count))
            yield from page
            if len(page) < count:
                return
            from_ms, count = page[-1].at_ms, min(2 * count, PLACED_MAX)
