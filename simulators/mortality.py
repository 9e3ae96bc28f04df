"""Death at the worst moments: inside a transaction, and between a commit and what follows it.

A process killed while it waits for something shows little, for nothing is half done then. So a
killer may also condemn a process: it then dies by itself the next time it is about to commit, has
just committed, or has just sealed a batch that is not on the disk yet.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from gateway.sql.store import SqlStore
from gateway.sqlite.connection import Database, connect


class Killed(BaseException):
    """The process ends here; nobody inside it may handle that."""


class Doom(Enum):
    """When a condemned process dies."""

    NOW = auto()
    BEFORE_COMMIT = auto()
    AFTER_COMMIT = auto()


class Executioner:
    """Carries out one sentence, and tells when it is done."""

    def __init__(self) -> None:
        self.doom = Doom.NOW
        self.done = asyncio.Event()

    def strike(self, moment: Doom) -> None:
        """End the process if this is its moment."""
        if self.doom is moment:
            self.done.set()
            raise Killed


class MortalDatabase(Database):
    """A ledger's database whose process may die in its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.executioner = Executioner()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """As everywhere, unless the process is condemned."""
        with super().transaction() as connection:
            yield connection
            self.executioner.strike(Doom.BEFORE_COMMIT)
        self.executioner.strike(Doom.AFTER_COMMIT)


def mortal_store(path: Path) -> SqlStore:
    """The ledger at `path` on a `MortalDatabase`; nothing waits for the disk."""
    return SqlStore(MortalDatabase(connect(path, "off").connection))
