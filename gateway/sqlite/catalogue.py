"""The tables of a ledger file, for what goes over all of them."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from gateway.sql.tables import Table


def tables(connection: sqlite3.Connection) -> dict[str, Table]:
    """Every table of the ledger by name."""
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name <> 'alembic_version' ORDER BY name"
    )
    return {name: _table(connection, name) for (name,) in names.fetchall()}


def rows(connection: sqlite3.Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement, as they are needed."""
    return iter(connection.execute(statement))


def _table(connection: sqlite3.Connection, name: str) -> Table:
    found = connection.execute(
        "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,)
    ).fetchall()
    key = sorted((place, column) for column, place in found if place)
    return Table(name, tuple(column for column, _ in found), tuple(column for _, column in key))
