"""The engines a ledger can stand on, and what the SQL of this package may expect of any of them.

A ledger is at a *place*: a file (SQLite, the default: nothing to install, one house) or a server
(PostgreSQL). All statements of `gateway/sql` are one dialect that both engines speak: parameters
are question marks, sets travel as JSON. What only one engine has, or does faster in a way of its
own, stands in its package: `gateway/sqlite` or `gateway/postgres`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from gateway.sqlite import connection as sqlite
from gateway.sqlite.connection import Durability

__all__ = ["Connection", "Cursor", "Database", "Durability", "Place", "connect", "snapshot"]

Place = Path
"""Where a ledger is."""


class Cursor(Protocol):
    """The rows of a statement, as tuples of int, str, bytes and None."""

    @property
    def rowcount(self) -> int:
        """How many rows a writing statement changed."""

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

    def close(self) -> None:
        """Release the engine; an open transaction is undone."""


def connect(place: Place, durability: Durability = "full") -> Database:
    """Open or make the ledger at `place`, its schema brought up to date; StoreError if not."""
    return sqlite.connect(place, durability)


def snapshot(place: Place) -> AbstractContextManager[Connection]:
    """One look at the ledger at `place`, which it cannot change; StoreError if it fails."""
    return sqlite.snapshot(place)
