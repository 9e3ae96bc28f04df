"""Both engines have the same tables, so that a migration of one without the other's is seen."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.sql.engine import Connection, connect
from tests.servers import postgres

TYPES = {"bigint": "INTEGER", "text": "TEXT", "bytea": "BLOB"}
# PostgreSQL has a batch in two tables under a view of its name, and the turns of collectors.
ITS_OWN = {"batch_head", "batch_message", "device_turn", "alembic_version"}


class Column(NamedTuple):
    name: str
    type: str
    is_required: bool
    default: str | None


class Table(NamedTuple):
    """`unique` are sets of columns, `indexes` those with a name, `references` column and table."""

    columns: list[Column]
    key: list[str]
    unique: set[tuple[str, ...]]
    indexes: set[tuple[str, bool]]
    references: set[tuple[str, str]]
    checks: int


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    file: Path = tmp_path_factory.mktemp("sqlite") / "ledger.sqlite"
    with closing(connect(file, "off")) as database:
        yield database.connection


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Connection]:
    cluster = postgres.server()
    place = cluster.database()
    with closing(connect(place, "off")) as database:
        yield database.connection
    cluster.drop(place)


def names(connection: Connection, kind: str) -> set[str]:
    found = "SELECT name FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite_%'"
    return {name for (name,) in connection.execute(found, (kind,))} - {"alembic_version"}


def of_sqlite(sql: Connection, table: str) -> Table:
    columns = sql.execute(f"PRAGMA table_info({table})").fetchall()
    indexes = sql.execute(f"PRAGMA index_list({table})").fetchall()
    ((text,),) = sql.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchall()
    return Table(
        [Column(one[1], one[2], bool(one[3] or one[5]), one[4]) for one in columns],
        [one[1] for one in sorted(columns, key=lambda one: one[5]) if one[5]],
        {
            tuple(one[2] for one in sql.execute(f"PRAGMA index_info({index[1]})"))
            for index in indexes
            if index[3] == "u"
        },
        {(index[1], bool(index[2])) for index in indexes if index[3] == "c"},
        {(one[3], one[2]) for one in sql.execute(f"PRAGMA foreign_key_list({table})")},
        len(re.findall(r"\bCHECK\b", text)),
    )


_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL), CASE WHEN a.attnotnull THEN 1 ELSE 0 END,
    pg_get_expr(d.adbin, d.adrelid), c.collname
FROM pg_attribute a
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CONSTRAINTS = """
SELECT CAST(contype AS TEXT), to_json(ARRAY(
        SELECT a.attname FROM unnest(conkey) WITH ORDINALITY AS k (no, place)
        JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.no ORDER BY k.place)),
    CASE WHEN confrelid <> 0 THEN CAST(CAST(confrelid AS REGCLASS) AS TEXT) END
FROM pg_constraint WHERE conrelid = to_regclass(?)
"""
_INDEXES = """
SELECT c.relname, CASE WHEN i.indisunique THEN 1 ELSE 0 END
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass(?) AND NOT EXISTS (
    SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype <> 'f')
"""


def of_server(sql: Connection, table: str) -> Table:
    columns = sql.execute(_COLUMNS, (table,)).fetchall()
    assert {one[4] for one in columns if one[1] == "text"} <= {"C"}, f"{table} is ordered by bytes"
    held = sql.execute(_CONSTRAINTS, (table,)).fetchall()
    said = [(kind, tuple(re.findall(r'"(\w+)"', keys)), other) for kind, keys, other in held]
    return Table(
        [Column(one[0], TYPES[one[1]], bool(one[2]), plain(one[3])) for one in columns],
        [name for kind, keys, _ in said if kind == "p" for name in keys],
        {keys for kind, keys, _ in said if kind == "u"},
        {(name, bool(unique)) for name, unique in sql.execute(_INDEXES, (table,))},
        {(keys[0], other.replace("batch_head", "batch")) for k, keys, other in said if k == "f"},
        sum(kind == "c" for kind, _, _ in said),
    )


def plain(default: str | None) -> str | None:
    """A default without the type that PostgreSQL writes after it."""
    return None if default is None else default.partition("::")[0].strip("()")


def test_every_table_has_the_same_columns_and_keys(
    sqlite: Connection, postgresql: Connection
) -> None:
    for table in sorted(names(sqlite, "table") - {"batch"}):
        assert of_server(postgresql, table) == of_sqlite(sqlite, table), table


def test_a_batch_and_its_bytes_are_one_row_of_the_view(
    sqlite: Connection, postgresql: Connection
) -> None:
    here, there = of_sqlite(sqlite, "batch"), of_server(postgresql, "batch_head")
    assert (there.key, there.references) == (here.key, here.references)
    assert (there.indexes, there.checks) == (here.indexes, here.checks)
    assert there.columns == here.columns[:-1]
    view = postgresql.execute(_COLUMNS, ("batch",)).fetchall()
    assert [one[0] for one in view] == [one.name for one in here.columns]


def test_neither_has_a_table_a_view_or_a_guard_more(
    sqlite: Connection, postgresql: Connection
) -> None:
    found = postgresql.execute(
        "SELECT relname, CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')"
        " AND NOT relispartition"
    ).fetchall()
    tables = {name for name, kind in found if kind == "table"} - ITS_OWN
    views = {name for name, kind in found if kind == "view"}
    assert tables | {"batch"} == names(sqlite, "table")
    assert views == names(sqlite, "view") | {"batch"}
    guards = {name for (name,) in postgresql.execute("SELECT DISTINCT tgname FROM pg_trigger")}
    assert names(sqlite, "trigger") <= guards


def test_both_begin_with_the_same_rows(sqlite: Connection, postgresql: Connection) -> None:
    for table in sorted(names(sqlite, "table")):
        query = f"SELECT * FROM {table}"  # noqa: S608 - the schema's
        assert postgresql.execute(query).fetchall() == sqlite.execute(query).fetchall(), table
