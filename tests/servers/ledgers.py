"""The ledger a test works on: a SQLite file, or PostgreSQL where PLOMBA_TEST_LEDGER says so.

Tests name ledgers by paths, and on PostgreSQL each path stands for a database of its own. The
first one in a data directory (ledger.sqlite) is the test's, which its commands and processes find
too, by their environment. All of them are gone when the test is over.

A new ledger, of either engine, is a copy of one that went through all migrations once for this
process: they take fifteen times as long. Commands and processes of a test make theirs themselves.
"""

import functools
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI

from gateway.config import LEDGER_FILE, WebConfig
from gateway.postgres.place import Server
from gateway.sql import engine as _engine
from gateway.sql import overview as _overview
from gateway.sql import store as _store
from gateway.sql.engine import Connection, Database, Durability, Place
from gateway.sql.overview import LedgerOverview
from gateway.sql.store import SqlStore
from gateway.web import page as _page
from tests.servers import postgres

_SERVER = "PLOMBA_GATEWAY_LEDGER__SERVER"
ON_POSTGRES = os.environ.get("PLOMBA_TEST_LEDGER") == "postgres"

IntegrityErrors = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What an engine raises where a constraint, or a guard of what is only added to, is hurt."""

_databases: dict[Path, Server] = {}
_opened: list[SqlStore] = []


def place(path: Path) -> Place:
    """Where the ledger of that path is."""
    if path in _databases:
        return _databases[path]
    if Path(LEDGER_FILE) not in _databases:
        return path
    if path.name == LEDGER_FILE and sum(one.name == LEDGER_FILE for one in _databases) == 1:
        _databases[path] = _databases[Path(LEDGER_FILE)]
    if path not in _databases:
        _databases[path] = postgres.server().database()
    return _databases[path]


def of_data(data: Path) -> dict[str, str]:
    """The environment in which a command finds the ledger of that data directory."""
    found = place(data / LEDGER_FILE)
    return {_SERVER: found.conninfo} if isinstance(found, Server) else {}


def open_store(path: Path, durability: Durability = "full") -> SqlStore:
    """As gateway.sql.store.open_store."""
    found = place(path)
    if isinstance(found, Path) and not found.exists():
        found.write_bytes(_migrated())
    store = _store.open_store(found, durability)
    if _databases:
        _opened.append(store)
    return store


@functools.cache
def _migrated() -> bytes:
    """The file of an empty ledger."""
    with tempfile.TemporaryDirectory(prefix="plomba-ledger-") as folder:
        path = Path(folder) / LEDGER_FILE
        _engine.connect(path, "off").close()
        return path.read_bytes()


def look(path: Path) -> AbstractContextManager[LedgerOverview]:
    """As gateway.sql.overview.look."""
    return _overview.look(place(path))


def create_app(path: Path, clock: Callable[[], int], config: WebConfig) -> FastAPI:
    """As gateway.web.page.create_app, of the data directory the ledger is in."""
    return _page.create_app(place(path), clock, config, path.parent)


@contextmanager
def by_hand(path: Path) -> Iterator[Connection]:
    """A transaction of a connection of its own, for what no program is meant to do."""
    with (
        closing(_engine.connect(place(path), "off")) as database,
        database.transaction() as connection,
    ):
        yield connection


def unguard(connection: Connection, table: str) -> None:
    """Let go of what keeps a table from being changed, as one with all rights could."""
    if _databases:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return
    found = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?"
    for (name,) in connection.execute(found, (table,)).fetchall():
        connection.execute(f"DROP TRIGGER {name}")


def everything(database: Database) -> dict[str, list[str]]:
    """The rows of every table that has a text, and of some more that registers are made of."""
    tables = {table for table, _ in database.text_columns()}
    tables |= {"device_key", "device_meter", "installation_value", "registry_revision"}
    return {
        table: sorted(map(repr, database.connection.execute(f"SELECT * FROM {table}").fetchall()))  # noqa: S608 - ours
        for table in tables
    }


@contextmanager
def standing_for(path: Path, server: Server) -> Iterator[None]:
    """A path that stands for a database a test has made itself."""
    _databases[path] = server
    try:
        yield
    finally:
        _databases.pop(path)


@contextmanager
def on_postgres(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test whose ledgers are on PostgreSQL."""
    server = postgres.server()
    _databases[Path(LEDGER_FILE)] = database = server.database()
    patch.setenv(_SERVER, database.conninfo)
    patch.setenv("PLOMBA_GATEWAY_LEDGER__UNSAFE_WITHOUT_FSYNC", "true")
    try:
        yield
    finally:
        while _opened:
            _opened.pop().close()
        for one in {str(place): place for place in _databases.values()}.values():
            server.drop(one)
        _databases.clear()
