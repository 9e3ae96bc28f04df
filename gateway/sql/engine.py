"""The engines a ledger can stand on, and what the SQL of this package may expect of any of them.

A ledger is at a *place*: a file (SQLite, the default: nothing to install, one house) or a server
(PostgreSQL). All statements of `gateway/sql` are one dialect that both engines speak: parameters
are question marks, sets travel as JSON. What only one engine has, or does faster in a way of its
own, stands in its package: `gateway/sqlite` or `gateway/postgres`.
"""

import importlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from gateway.postgres.place import Server
from gateway.sqlite import connection as sqlite
from gateway.sqlite.connection import Durability
from gateway.store import StoreError

__all__ = [
    "Connection",
    "Cursor",
    "Database",
    "Durability",
    "Place",
    "Server",
    "connect",
    "exists",
    "snapshot",
]

Place = Path | Server
"""Where a ledger is: a file, or a database of a server."""


class Cursor(Protocol):
    """The rows of a statement, as tuples of int, str, bytes and None."""

    @property
    def rowcount(self) -> int:
        """How many rows a writing statement changed."""

    @property
    def description(self) -> Any:
        """The columns of a query: of each a sequence that begins with its name."""

    def fetchone(self) -> Any:
        """The next row, None after the last."""

    def fetchall(self) -> list[Any]:
        """The rest of the rows."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """One connection; statements have question marks where their parameters go."""

    def execute(self, statement: str, parameters: Any = ..., /) -> Cursor:
        """Run a statement with a sequence of parameters, or with a mapping of named ones."""

    def executemany(self, statement: str, rows: Iterable[Any], /) -> Cursor:
        """Run a statement for each of the rows of parameters."""


class Database(Protocol):
    """A connection with its transactions."""

    @property
    def connection(self) -> Connection:
        """For reading outside a transaction, and for everything inside one."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """The only writer: all or nothing, durable when it ends; inside itself it is the same."""

    def ingesting(self) -> AbstractContextManager[Connection]:
        """Like `transaction`, and beside others of its kind where the engine can do that."""

    def turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Keep those devices to this transaction; their stamps, by which a cache is known stale."""

    def end_turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Give those devices, something of which was stored, new stamps."""

    def horizon(self) -> int:
        """The highest batch number below which no batch can appear any more."""

    def overwriting(self) -> AbstractContextManager[Connection]:
        """A `transaction` in which replaced bytes are overwritten as far as the engine can."""

    def clean(self, tables: Collection[str]) -> bool:
        """Leave no old bytes of those tables' rows in them; False where another one hinders it."""

    def text_columns(self) -> list[tuple[str, str]]:
        """Every table's columns that hold text, as (table, column)."""

    def close(self) -> None:
        """Release the engine; an open transaction is undone."""


def exists(place: Place) -> bool:
    """Whether there is a ledger at `place` already; StoreError for a server out of reach."""
    if isinstance(place, Server):
        return bool(postgres("schema").exists(place))
    return place.exists()


def connect(place: Place, durability: Durability = "full") -> Database:
    """Open or make the ledger at `place`, its schema brought up to date; StoreError if not."""
    if isinstance(place, Server):
        database: Database = postgres("connection").connect(place, durability)
        return database
    return sqlite.connect(place, durability)


def snapshot(place: Place) -> AbstractContextManager[Connection]:
    """One look at the ledger at `place`, which it cannot change; StoreError if it fails."""
    if isinstance(place, Server):
        look: AbstractContextManager[Connection] = postgres("connection").snapshot(place)
        return look
    return sqlite.snapshot(place)


def postgres(module: str) -> ModuleType:
    """A module of the engine that only an installation with the extra `postgres` can load."""
    try:
        return importlib.import_module(f"gateway.postgres.{module}")
    except ImportError as error:
        raise StoreError(
            "a ledger on PostgreSQL needs psycopg:"
            " pip install --require-hashes -r requirements/postgres.txt"
        ) from error
