"""The tables of a ledger on PostgreSQL, for what goes over all of them, by SQLite's names.

A batch is a view over two tables here, and what only this engine has (who may write next, the
version of the schema) belongs to no ledger that is compared or moved.
"""

import re
from collections.abc import Iterator
from typing import Any

import psycopg

from gateway.postgres.months import FAMILIES
from gateway.sql.tables import Table

BATCH = "batch"
_OWN = ("alembic_version", "batch_head", "batch_message", "device_turn")
# A month that was taken out of its table and still stands beside it.
_DETACHED = re.compile(rf"({'|'.join(FAMILIES)})_\d{{4}}_\d\d")
# Rows fetched at a time: a few MiB of the widest.
ROWS_AT_ONCE = 5000

_TABLES = """
SELECT c.relname, a.attname, array_position(CAST(i.indkey AS SMALLINT[]), a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = CAST('public' AS REGNAMESPACE) AND NOT c.relispartition
    AND (c.relkind IN ('r', 'p') OR c.relname = 'batch') AND c.relname <> ALL (%s)
ORDER BY c.relname, a.attnum
"""


def tables(session: psycopg.Connection[Any]) -> dict[str, Table]:
    """Every table of the ledger by name."""
    found: dict[str, list[tuple[str, int | None]]] = {}
    for name, column, place in session.execute(_TABLES, (list(_OWN),)):
        found.setdefault(name, []).append((column, place))
    return {n: _table(n, columns) for n, columns in found.items() if not _DETACHED.fullmatch(n)}


def rows(session: psycopg.Connection[Any], statement: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement, some thousands at a time; only inside a transaction."""
    with session.cursor(name="plomba_rows") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        yield from cursor.execute(statement.encode())


def _table(name: str, columns: list[tuple[str, int | None]]) -> Table:
    key = sorted((place, column) for column, place in columns if place is not None)
    if name == BATCH:
        key = [(0, "batch_no")]
    return Table(name, tuple(column for column, _ in columns), tuple(column for _, column in key))
