"""A ledger comes over from SQLite: every table by COPY, in one transaction, proved by its digest.

The file is locked against writing meanwhile, so nothing can come in behind a table that is copied
already. Nothing stands here before the digests of both sides agree: a move that was interrupted
has left nothing and is begun anew.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from gateway.postgres import catalogue
from gateway.postgres.copying import copy_rows
from gateway.postgres.errors import one_line
from gateway.postgres.locks import LEDGER
from gateway.postgres.months import starts_of
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.sql.tables import Digest, Rows, Table, digests
from gateway.store import StoreError

# The two tables a batch is here.
_BATCH_HEAD = "batch_head"
_BATCH_MESSAGE = "batch_message"
DAY_MS = 86_400_000


class Source(NamedTuple):
    """The ledger that comes: its tables, and how their rows are read."""

    tables: Mapping[str, Table]
    rows: Rows


def move(source: Source, server: Server) -> dict[str, Digest]:
    """Copy every table of `source` into the new ledger of `server`; the digests of both.

    StoreError, and nothing is there, if that is not new or if it does not become the same.
    """
    with _alone(server) as session:
        tables = catalogue.tables(session)
        _same_tables(source.tables, tables)
        _refuse_used(session, server)
        _make_months(session, source)
        _empty(session, tables)
        with _without_triggers(session):
            for name in _in_order(session, tables):
                _copy(session, source, tables[name])
        _set_identities(session)
        there = digests(source.tables, source.rows)
        here = digests(tables, lambda statement: catalogue.rows(session, statement))
        if here != there:
            wrong = ", ".join(name for name in here if here[name] != there[name])
            raise StoreError(f"the ledger did not arrive as it was ({wrong}): nothing is moved")
        # Without statistics the first groups would be entered at a hundredth of the usual speed.
        session.execute("ANALYZE")
    return here


@contextmanager
def _alone(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """One transaction that nobody reads or writes beside; StoreError for what the server says."""
    with open_session(server, Purpose.KEEP) as session:
        try:
            with session.transaction():
                session.execute(f"SELECT pg_advisory_xact_lock({LEDGER})")
                yield session
        except psycopg.Error as error:
            said = f"cannot move the ledger to {server}: {one_line(error)}; nothing is moved"
            raise StoreError(said) from error


def _same_tables(theirs: Mapping[str, Table], ours: Mapping[str, Table]) -> None:
    shapes = [{n: sorted(t.columns) for n, t in side.items()} for side in (theirs, ours)]
    if shapes[0] != shapes[1]:
        odd = sorted(n for n in {*theirs, *ours} if shapes[0].get(n) != shapes[1].get(n))
        raise StoreError(f"the two ledgers' schemas differ ({', '.join(odd)}): update both sides")


def _refuse_used(session: psycopg.Connection[Any], server: Server) -> None:
    """A ledger is new as long as nobody did anything in it and it knows nothing of the world."""
    for name in ("audit", "house", "device", "batch"):
        if session.execute(_all("SELECT 1 FROM {} LIMIT 1", name)).fetchone():
            raise StoreError(
                f"the ledger {server} is not empty ({name} has rows): move into a new database"
            )


def _make_months(session: psycopg.Connection[Any], source: Source) -> None:
    for family, table, column in (
        ("reading", "reading", "captured_at_ms"),
        (_BATCH_MESSAGE, catalogue.BATCH, "received_at_ms"),
    ):
        days = source.rows(f"SELECT DISTINCT {column} / {DAY_MS} FROM {table}")  # noqa: S608
        months = starts_of(day * DAY_MS for (day,) in days)
        session.execute("SELECT partition_ensure(%s, %s::BIGINT[])", (family, list(months)))


def _empty(session: psycopg.Connection[Any], tables: Mapping[str, Table]) -> None:
    """What a new ledger is made with; TRUNCATE would be refused by what is only added to."""
    for name in reversed(_in_order(session, tables)):
        if name != catalogue.BATCH:
            session.execute(_all("DELETE FROM {}", name))


@contextmanager
def _without_triggers(session: psycopg.Connection[Any]) -> Iterator[None]:
    """Triggers keep what follows from other rows; here everything comes as it was."""
    names = session.execute(
        "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND c.relnamespace = CAST('public' AS REGNAMESPACE)"
    ).fetchall()
    for (name,) in names:
        session.execute(_all("ALTER TABLE {} DISABLE TRIGGER USER", name))
    yield
    for (name,) in names:
        session.execute(_all("ALTER TABLE {} ENABLE TRIGGER USER", name))


def _in_order(session: psycopg.Connection[Any], tables: Mapping[str, Table]) -> list[str]:
    """The tables, each after those it refers to."""
    rows = session.execute(
        "SELECT DISTINCT CAST(conrelid AS REGCLASS)::TEXT, CAST(confrelid AS REGCLASS)::TEXT"
        " FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid"
    )
    needs: dict[str, set[str]] = {name: set() for name in tables}
    for table, needed in rows:
        needs.get(_whole(table), set()).add(_whole(needed))
    ordered: list[str] = []
    while len(ordered) < len(needs):
        free = [n for n in sorted(needs) if n not in ordered and needs[n] <= {*ordered}]
        if not free:
            raise StoreError("the schema's tables refer to each other in a circle")
        ordered += free
    return ordered


def _whole(table: str) -> str:
    """A table as it is moved: who refers to a batch's head refers to the batch."""
    return catalogue.BATCH if table == _BATCH_HEAD else table


def _copy(session: psycopg.Connection[Any], source: Source, table: Table) -> None:
    columns = sorted(table.columns)
    if table.name != catalogue.BATCH:
        copy_rows(
            session, table.name, _types(session, table.name, columns), _of(source, table), columns
        )
        return
    message = columns.index("message")
    head = [column for column in columns if column != "message"]
    copy_rows(
        session,
        _BATCH_HEAD,
        _types(session, _BATCH_HEAD, head),
        (row[:message] + row[message + 1 :] for row in _of(source, table)),
        head,
    )
    bytes_ = [columns.index(column) for column in ("batch_no", "received_at_ms", "message")]
    copy_rows(
        session,
        _BATCH_MESSAGE,
        ("int8", "int8", "bytea"),
        (tuple(row[index] for index in bytes_) for row in _of(source, table)),
    )


def _of(source: Source, table: Table) -> Iterator[tuple[Any, ...]]:
    return source.rows(source.tables[table.name].select)


def _types(session: psycopg.Connection[Any], table: str, columns: list[str]) -> list[str]:
    rows = session.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = CAST(%s AS REGCLASS) AND attnum > 0",
        (table,),
    )
    found = dict(rows.fetchall())
    return [found[column] for column in columns]


def _set_identities(session: psycopg.Connection[Any]) -> None:
    """Every table's own numbers go on after the highest that came."""
    rows = session.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_identity = 'YES'"
    )
    for table, column in rows.fetchall():
        session.execute(
            SQL("SELECT setval(pg_get_serial_sequence({}, {}), max({}) ) FROM {}").format(
                table, column, Identifier(column), Identifier(table)
            )
        )


def _all(statement: str, table: str) -> Composed:
    return SQL(statement).format(Identifier(table))
