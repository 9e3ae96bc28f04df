"""A store: every port on one ledger, whatever engine that stands on."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from gateway.sql.audit import SqlAudit
from gateway.sql.book import SqlBook
from gateway.sql.clones import SqlClones
from gateway.sql.engine import Connection, Database, Durability, Place, connect, postgres
from gateway.sql.ledger import SqlLedger
from gateway.sql.quarantine import SqlQuarantine
from gateway.sql.registry import SqlRegistry
from gateway.sqlite import connection as sqlite


class SqlStore:
    """`Store` on one connection; `database` is for the other modules of this package."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = ledger_of(database)
        self.registry = SqlRegistry(database)
        self.book = SqlBook(database)
        self.quarantine = SqlQuarantine(database.connection)
        self.clones = SqlClones(database.connection)
        self.audit = SqlAudit(database.connection)

    def transaction(self) -> AbstractContextManager[Connection]:
        """The only writer: all or nothing, durable when it ends; inside itself it is the same."""
        return self.database.transaction()

    def ingesting(self) -> AbstractContextManager[Connection]:
        """Like `transaction`, beside others of its kind where the engine can do that."""
        return self.database.ingesting()

    def turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Keep those devices to this transaction; their stamps."""
        return self.database.turn(devices)

    def end_turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Give those devices new stamps."""
        return self.database.end_turn(devices)

    def horizon(self) -> int:
        """The highest batch number below which no batch can appear any more."""
        return self.database.horizon()

    def close(self) -> None:
        """Release the engine; what is not committed is undone."""
        self.database.close()


def ledger_of(database: Database) -> SqlLedger:
    """The ledger port as that engine does it best."""
    if isinstance(database, sqlite.Database):
        return SqlLedger(database)
    ledger: SqlLedger = postgres("ledger").PostgresLedger(database)
    return ledger


def open_store(place: Place, durability: Durability = "full") -> SqlStore:
    """Open or create the ledger at `place`, its schema brought up to date; StoreError if not."""
    return SqlStore(connect(place, durability))
