"""The ledger port: evidence, readings, verdicts, a group at a time.

Sets travel into a statement as one JSON text and are joined there, so that a group costs one
statement whatever its size. Readings are written many to a statement and in key order: that is
what makes the hot insert as fast as the engine allows (see simulators/bench_ingest.py).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from gateway.model import Level, Link
from gateway.rules.order import Chained, Placed
from gateway.sql.engine import Database
from gateway.store import (
    Around,
    BatchRow,
    Beside,
    BootRow,
    Instant,
    Past,
    Range,
    ReadingRow,
    StoredCopy,
    VerdictRow,
    Waiting,
    WaitingRow,
)

# Rows to one INSERT: a tenth of a row's cost is per statement by then, and 800 parameters stay
# far below SQLite's 32 766.
ROWS_PER_INSERT = 100

_INSERT_READING = "INSERT INTO reading VALUES "
_READING = "(?, ?, ?, ?, ?, ?, ?, ?)"
READING_COLUMNS = len(ReadingRow._fields)

_LINKS = """
SELECT b.device_no, b.sequence, b.hash, b.previous
FROM json_each(?) w
JOIN batch b ON b.device_no = CAST(w.value ->> 0 AS BIGINT)
    AND b.sequence = CAST(w.value ->> 1 AS BIGINT)
"""

# A reading is looked up by a subquery of its own for each thing asked of it, not by a join: as long
# as PostgreSQL has no statistics (a new ledger, a new month) it believes that one reading in 200 is
# accepted, and would go through all keys for each of those.

# No statement here sees claims (gateway/claims/), which are in no batch and no automatic_reading:
# what a person says never decides on an automatic reading.

# newest: latest of any state. last: latest accepted. start: where the look back begins, the last
# accepted reading before the span. The value is unchanged since the first accepted reading after
# the last that differs.
_PASTS = """
WITH wanted AS MATERIALIZED (
    SELECT CAST(value ->> 0 AS BIGINT) AS register_no, CAST(value ->> 1 AS BIGINT) AS span_ms
    FROM json_each(?)
), last AS MATERIALIZED (
    SELECT *,
        (SELECT max(r.captured_at_ms) FROM automatic_reading r
            WHERE r.register_no = w.register_no) AS newest,
        (SELECT r.captured_at_ms FROM automatic_reading r
            WHERE r.register_no = w.register_no AND r.state = 0
            ORDER BY r.captured_at_ms DESC LIMIT 1) AS at
    FROM wanted w
), valued AS MATERIALIZED (
    SELECT l.*,
        (SELECT r.mantissa FROM automatic_reading r WHERE r.register_no = l.register_no
            AND r.captured_at_ms = l.at AND r.state = 0) AS mantissa,
        (SELECT r.captured_at_ms FROM automatic_reading r WHERE r.register_no = l.register_no
            AND r.captured_at_ms < l.at AND r.state = 0
            ORDER BY r.captured_at_ms DESC LIMIT 1) AS before,
        coalesce((SELECT r.captured_at_ms FROM automatic_reading r
            WHERE r.register_no = l.register_no
            AND r.captured_at_ms < l.at - l.span_ms AND r.state = 0
            ORDER BY r.captured_at_ms DESC LIMIT 1), l.at - l.span_ms) AS start
    FROM last l
    WHERE l.newest IS NOT NULL
), differing AS MATERIALIZED (
    SELECT v.*, coalesce(
        (SELECT r.captured_at_ms FROM automatic_reading r WHERE r.register_no = v.register_no
            AND r.captured_at_ms >= v.start AND r.state = 0 AND r.mantissa <> v.mantissa
            ORDER BY r.captured_at_ms DESC LIMIT 1), v.start - 1) AS other
    FROM valued v
)
SELECT d.register_no, d.newest, d.at, d.mantissa,
    (SELECT r.captured_at_ms FROM automatic_reading r WHERE r.register_no = d.register_no
        AND r.captured_at_ms > d.other AND r.state = 0 ORDER BY r.captured_at_ms LIMIT 1),
    d.before,
    (SELECT r.mantissa FROM automatic_reading r WHERE r.register_no = d.register_no
        AND r.captured_at_ms = d.before AND r.state = 0)
FROM differing d
"""

# Each register's periods are asked for by their bounds, so that the primary key answers.
_OPENINGS = """
WITH RECURSIVE wanted AS MATERIALIZED (
    SELECT CAST(value AS BIGINT) AS register_no FROM json_each(?1)
), last AS MATERIALIZED (
    SELECT w.register_no,
        (SELECT r.captured_at_ms FROM automatic_reading r
            WHERE r.register_no = w.register_no AND r.state = 0
            ORDER BY r.captured_at_ms DESC LIMIT 1) / ?2 AS period
    FROM wanted w
), back(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM back WHERE n + 1 < ?3
), opening AS MATERIALIZED (
    SELECT last.register_no,
        (SELECT o.captured_at_ms FROM automatic_reading o WHERE o.register_no = last.register_no
            AND o.captured_at_ms >= (last.period - n) * ?2
            AND o.captured_at_ms < (last.period - n + 1) * ?2 AND o.state = 0
            ORDER BY o.captured_at_ms LIMIT 1) AS at
    FROM last CROSS JOIN back
)
SELECT opening.register_no, opening.at,
    (SELECT r.mantissa FROM automatic_reading r WHERE r.register_no = opening.register_no
        AND r.captured_at_ms = opening.at AND r.state = 0)
FROM opening WHERE opening.at IS NOT NULL
ORDER BY opening.register_no, opening.at
"""

_AROUND = """
WITH wanted AS MATERIALIZED (
    SELECT CAST(value ->> 0 AS BIGINT) AS register_no, CAST(value ->> 1 AS BIGINT) AS at
    FROM json_each(?)
), near AS MATERIALIZED (
    SELECT w.*,
        (SELECT r.captured_at_ms FROM automatic_reading r WHERE r.register_no = w.register_no
            AND r.captured_at_ms < w.at AND r.state = 0
            ORDER BY r.captured_at_ms DESC LIMIT 1) AS before,
        (SELECT r.captured_at_ms FROM automatic_reading r WHERE r.register_no = w.register_no
            AND r.captured_at_ms > w.at AND r.state = 0
            ORDER BY r.captured_at_ms LIMIT 1) AS after
    FROM wanted w
)
SELECT n.register_no, n.at,
    (SELECT json_group_array(c.said) FROM (
        SELECT r.mantissa || ' ' || r.state AS said FROM automatic_reading r
        WHERE r.register_no = n.register_no AND r.captured_at_ms = n.at ORDER BY r.copy) AS c),
    n.before, (SELECT r.mantissa FROM automatic_reading r
        WHERE r.register_no = n.register_no AND r.captured_at_ms = n.before AND r.state = 0),
    n.after, (SELECT r.mantissa FROM automatic_reading r
        WHERE r.register_no = n.register_no AND r.captured_at_ms = n.after AND r.state = 0),
    (SELECT r.flags FROM automatic_reading r
        WHERE r.register_no = n.register_no AND r.captured_at_ms = n.after AND r.state = 0)
FROM near n
"""

_PLACED = """
SELECT r.captured_at_ms, r.copy, b.device_no, b.sequence, r.position, EXISTS (
    SELECT 1 FROM verdict v WHERE v.register_no = r.register_no
        AND v.captured_at_ms = r.captured_at_ms AND v.copy = r.copy AND v.rule = 'V-ORD')
FROM reading r JOIN batch b ON b.batch_no = r.batch_no
WHERE r.register_no = ? AND r.captured_at_ms {0} ? AND r.state = 0
ORDER BY r.captured_at_ms {1}
"""
_PLACED_AFTER, _PLACED_BEFORE = _PLACED.format(">", ""), _PLACED.format("<", "DESC")

# What a person read at the meter (batch 0) stands in no chain.
_BESIDE = """
WITH wanted AS MATERIALIZED (
    SELECT CAST(value ->> 0 AS BIGINT) AS register_no, CAST(value ->> 1 AS BIGINT) AS at
    FROM json_each(?)
), near AS MATERIALIZED (
    SELECT w.register_no, w.at, 0 AS later,
        (SELECT r.captured_at_ms FROM reading r WHERE r.register_no = w.register_no
            AND r.captured_at_ms < w.at AND r.state = 0 AND r.batch_no > 0
            ORDER BY r.captured_at_ms DESC LIMIT 1) AS near_ms
    FROM wanted w
    UNION ALL
    SELECT w.register_no, w.at, 1,
        (SELECT r.captured_at_ms FROM reading r WHERE r.register_no = w.register_no
            AND r.captured_at_ms > w.at AND r.state = 0 AND r.batch_no > 0
            ORDER BY r.captured_at_ms LIMIT 1)
    FROM wanted w
), beside AS MATERIALIZED (
    SELECT n.*,
        (SELECT r.copy FROM reading r WHERE r.register_no = n.register_no
            AND r.captured_at_ms = n.near_ms AND r.state = 0 AND r.batch_no > 0) AS copy,
        (SELECT r.batch_no FROM reading r WHERE r.register_no = n.register_no
            AND r.captured_at_ms = n.near_ms AND r.state = 0 AND r.batch_no > 0) AS batch_no,
        (SELECT r.position FROM reading r WHERE r.register_no = n.register_no
            AND r.captured_at_ms = n.near_ms AND r.state = 0 AND r.batch_no > 0) AS place
    FROM near n WHERE n.near_ms IS NOT NULL
)
SELECT n.register_no, n.at, n.later, n.near_ms, n.copy, b.device_no, b.sequence, n.place,
    EXISTS (SELECT 1 FROM verdict v WHERE v.register_no = n.register_no
        AND v.captured_at_ms = n.near_ms AND v.copy = n.copy AND v.rule = 'V-ORD')
FROM beside n
JOIN batch b ON b.batch_no = n.batch_no
"""


class SqlLedger:
    """`LedgerPort` on one connection."""

    def __init__(self, database: Database) -> None:
        self._sql = database.connection

    def take_batch_nos(self, count: int) -> int:
        del count  # the one writer may take as many as there are
        (highest,) = self._sql.execute("SELECT coalesce(max(batch_no), 0) FROM batch").fetchone()
        return int(highest) + 1

    def ranges(self, devices: Collection[int]) -> dict[int, list[Range]]:
        found: dict[int, list[Range]] = {}
        for device_no, first, last in self._sql.execute(
            "SELECT c.device_no, c.first, c.last FROM json_each(?) w "
            "JOIN chain_range c ON c.device_no = CAST(w.value AS BIGINT) "
            "ORDER BY c.device_no, c.first",
            (json.dumps(list(devices)),),
        ):
            found.setdefault(device_no, []).append((first, last))
        return found

    def links(self, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], Link]:
        rows = self._sql.execute(_LINKS, (json.dumps(list(wanted)),))
        return {(device, sequence): Link(*link) for device, sequence, *link in rows}

    def pasts(self, registers: Mapping[int, int]) -> dict[int, Past]:
        return {
            register_no: Past(
                newest,
                None if at is None else Level(at, mantissa),
                0 if since is None else since,
                None if prior_at is None else Level(prior_at, prior),
            )
            for register_no, newest, at, mantissa, since, prior_at, prior in self._sql.execute(
                _PASTS, (json.dumps(list(registers.items())),)
            )
        }

    def openings(
        self, registers: Collection[int], period_ms: int, count: int
    ) -> dict[int, tuple[Level, ...]]:
        rows = self._sql.execute(_OPENINGS, (json.dumps(list(registers)), period_ms, count))
        return {
            register_no: tuple(Level(at_ms, mantissa) for _, at_ms, mantissa in group)
            for register_no, group in groupby(rows, key=itemgetter(0))
        }

    def around(self, instants: Collection[Instant]) -> dict[Instant, Around]:
        found = {}
        for row in self._sql.execute(_AROUND, (json.dumps(list(instants)),)):
            found[Instant(*row[:2])] = Around(
                copies=tuple(StoredCopy(*map(int, copy.split())) for copy in json.loads(row[2])),
                before=None if row[3] is None else Level(*row[3:5]),
                after=None if row[5] is None else Level(*row[5:7]),
                after_flags=row[7] or 0,
            )
        return found

    def beside(self, instants: Collection[Instant]) -> dict[Instant, Beside]:
        near: dict[tuple[int, int, int], Placed] = {
            row[:3]: _placed(row[3:])
            for row in self._sql.execute(_BESIDE, (json.dumps(list(instants)),))
        }
        return {one: Beside(near.get((*one, 0)), near.get((*one, 1))) for one in instants}

    def placed(self, register_no: int, from_ms: int, *, forward: bool) -> Iterator[Placed]:
        return self._placed_from(register_no, from_ms, forward=forward)

    def _placed_from(
        self, register_no: int, from_ms: int, *, forward: bool, limit: int | None = None
    ) -> Iterator[Placed]:
        statement = _PLACED_AFTER if forward else _PLACED_BEFORE
        if limit is None:
            return map(_placed, self._sql.execute(statement, (register_no, from_ms)))
        rows = self._sql.execute(statement + " LIMIT ?", (register_no, from_ms, limit))
        return map(_placed, rows)

    def boots(self, wanted: Collection[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
        rows = self._sql.execute(
            "SELECT b.device_no, b.boot, b.started_at_ms FROM json_each(?) w "
            "JOIN boot b ON b.device_no = CAST(w.value ->> 0 AS BIGINT) "
            "AND hex(b.boot) = w.value ->> 1",
            (_boots_text(wanted),),
        )
        return {(device_no, boot): started_at_ms for device_no, boot, started_at_ms in rows}

    def waiting(self, boots: Collection[tuple[int, bytes]], limit: int) -> list[Waiting]:
        rows = self._sql.execute(
            "SELECT w.batch_no, w.device_no, w.boot, b.message FROM json_each(?) j "
            "JOIN waiting w ON w.device_no = CAST(j.value ->> 0 AS BIGINT) "
            "AND hex(w.boot) = j.value ->> 1 "
            "JOIN batch b ON b.batch_no = w.batch_no ORDER BY w.batch_no LIMIT ?",
            (_boots_text(boots), limit),
        )
        return [Waiting(*row) for row in rows]

    def add_batches(self, rows: Sequence[BatchRow]) -> None:
        self._sql.executemany(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
        )

    def add_readings(self, rows: Sequence[tuple[int, ...]]) -> None:
        ordered = sorted(rows)
        whole = len(ordered) - len(ordered) % ROWS_PER_INSERT
        many = _INSERT_READING + ", ".join([_READING] * ROWS_PER_INSERT)
        for start in range(0, whole, ROWS_PER_INSERT):
            self._sql.execute(many, _flat(ordered[start : start + ROWS_PER_INSERT]))
        self._sql.executemany(_INSERT_READING + _READING, ordered[whole:])

    def add_block(self, rows: memoryview) -> None:
        many = _INSERT_READING + ", ".join([_READING] * ROWS_PER_INSERT)
        step = ROWS_PER_INSERT * READING_COLUMNS
        whole = len(rows) - len(rows) % step
        for start in range(0, whole, step):
            self._sql.execute(many, rows[start : start + step].tolist())
        last = rows[whole:].tolist()
        if last:
            few = ", ".join([_READING] * (len(last) // READING_COLUMNS))
            self._sql.execute(_INSERT_READING + few, last)

    def add_verdicts(self, rows: Sequence[VerdictRow]) -> None:
        self._sql.executemany(
            "INSERT INTO verdict (register_no, captured_at_ms, copy, rule, severity, quality, "
            "detail, given_at_ms, rules_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def set_flags(self, flags: Mapping[Instant, int]) -> None:
        self._sql.executemany(
            "UPDATE reading SET flags = ? WHERE (register_no, captured_at_ms, copy) IN ("
            "SELECT register_no, captured_at_ms, copy FROM automatic_reading "
            "WHERE register_no = ? AND captured_at_ms = ? AND state = 0)",
            [(flag, *instant) for instant, flag in flags.items()],
        )

    def set_ranges(self, ranges: Mapping[int, Sequence[Range]]) -> None:
        self._sql.executemany(
            "DELETE FROM chain_range WHERE device_no = ?", [(device,) for device in ranges]
        )
        self._sql.executemany(
            "INSERT INTO chain_range VALUES (?, ?, ?)",
            [(device, *pair) for device, pairs in ranges.items() for pair in pairs],
        )

    def add_boots(self, rows: Sequence[BootRow]) -> None:
        self._sql.executemany("INSERT INTO boot VALUES (?, ?, ?, ?)", rows)

    def add_waiting(self, rows: Sequence[WaitingRow]) -> None:
        self._sql.executemany("INSERT INTO waiting VALUES (?, ?, ?, ?)", rows)

    def end_waiting(self, batches: Collection[int]) -> None:
        self._sql.executemany(
            "DELETE FROM waiting WHERE batch_no = ?", [(batch_no,) for batch_no in batches]
        )

    def count(self, steps: Mapping[str, int]) -> None:
        self._sql.executemany(
            "INSERT INTO tally VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = tally.value + excluded.value",
            sorted(steps.items()),  # in one order, so that two collectors never wait crosswise
        )

    def totals(self) -> dict[str, int]:
        return dict(self._sql.execute("SELECT name, value FROM tally ORDER BY name"))


def _flat(rows: Iterable[tuple[int, ...]]) -> list[int]:
    return list(chain.from_iterable(rows))


def _boots_text(boots: Collection[tuple[int, bytes]]) -> str:
    """Boots as JSON, which has no bytes."""
    return json.dumps([(device_no, boot.hex().upper()) for device_no, boot in boots])


def _placed(columns: Sequence[Any]) -> Placed:
    at_ms, copy, device_no, sequence, position, disordered = columns
    return Placed(at_ms, copy, Chained(device_no, sequence, position), bool(disordered))
