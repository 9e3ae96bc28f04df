"""Where ledgers are measured: fresh ones, one after another, on either engine, durable ones.

And the bare insert on each: the quickest deduplicating one of finished rows that was found there
without knowing anything about them.
"""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg

from gateway.postgres.connection import Connection as PostgresConnection
from gateway.postgres.copying import copy_bytes, of_tuples
from gateway.postgres.place import Server
from gateway.sql.engine import Place
from gateway.sql.store import SqlStore
from simulators.demo.brokers import HOST
from simulators.fleet import server

STORES = ("sqlite", "postgres")


class Places(Protocol):
    """Makes ledgers."""

    def fresh(self) -> AbstractContextManager[Place]:
        """The place of a new, empty ledger, gone afterwards."""


@contextmanager
def places_of(store: str) -> Iterator[Places]:
    """Where ledgers of that engine are made; a server is started for them."""
    if store == "sqlite":
        yield Files()
    else:
        with server.started() as started:
            yield Databases(started.port)


class Files:
    """Ledgers in files."""

    @contextmanager
    def fresh(self) -> Iterator[Place]:
        """A file in a folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "ledger.db"


class Databases:
    """Ledgers in databases of a server of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._numbers = itertools.count(1)

    @contextmanager
    def fresh(self) -> Iterator[Place]:
        """A database of its own."""
        name = f"bench{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield Server(self._words(name))
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with closing(psycopg.connect(self._words("postgres"), autocommit=True)) as session:
            session.execute(statement.encode())

    def _words(self, database: str) -> str:
        return f"host={HOST} port={self._port} dbname={database} user=plomba"


def make_ready(store: SqlStore, rows: Sequence[tuple[int, ...]]) -> None:
    """What a bare insert of those rows needs to be there before."""
    connection = store.database.connection
    if isinstance(connection, PostgresConnection):
        instants = sorted({at_ms for _, at_ms, *_ in rows})
        connection.execute("SELECT partition_ensure('reading', ?)", (instants,))
        connection.execute("CREATE TEMP TABLE arriving (LIKE reading) ON COMMIT DELETE ROWS")


def bare_insert(store: SqlStore, rows: Sequence[tuple[int, ...]]) -> None:
    """Insert finished rows, keeping out duplicates by the primary key."""
    connection = store.database.connection
    if isinstance(connection, PostgresConnection):
        copy_bytes(connection.session, "arriving", of_tuples(rows))
        connection.execute("INSERT INTO reading SELECT * FROM arriving ON CONFLICT DO NOTHING")
    else:
        connection.executemany(
            "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
        )
