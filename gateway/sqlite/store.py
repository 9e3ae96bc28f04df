"""The embedded engine: every port on one SQLite file."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from gateway.sqlite.audit import SqliteAudit
from gateway.sqlite.book import SqliteBook
from gateway.sqlite.clones import SqliteClones
from gateway.sqlite.connection import Database, Durability, connect
from gateway.sqlite.ledger import SqliteLedger
from gateway.sqlite.quarantine import SqliteQuarantine
from gateway.sqlite.registry import SqliteRegistry


class SqliteStore:
    """`Store` on one SQLite file; `database` is for the other modules of this package."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = SqliteLedger(database)
        self.registry = SqliteRegistry(database)
        self.book = SqliteBook(database)
        self.quarantine = SqliteQuarantine(database)
        self.clones = SqliteClones(database.connection)
        self.audit = SqliteAudit(database.connection)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All or nothing, on the disk when it ends; entered again inside itself it is the same."""
        return self.database.transaction()

    def close(self) -> None:
        """Close the file; what is not committed is undone."""
        self.database.close()


def open_store(path: Path, durability: Durability = "full") -> SqliteStore:
    """Open or create the ledger at `path`, its schema brought up to date; StoreError if not."""
    return SqliteStore(connect(path, durability))
