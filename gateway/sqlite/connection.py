"""One SQLite file, opened the way a ledger needs it: WAL, every commit on the disk, strict.

A transaction is always explicit and takes the write lock at its start, so that what was read in
it still holds when it is written. Readers never wait for the writer (WAL), and a second writer
(a command beside a running gateway) waits for the first.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from gateway.sqlite import schema
from gateway.store import StoreError

Durability = Literal["full", "off"]
"""``off`` leaves writing to the operating system: for simulations, never for meters."""

# A group of ingest takes well under a second, a close of a large house a few; a command that
# waited longer than this is better told so.
BUSY_TIMEOUT_S = 15.0
# The hot leaves of the readings of some 100 000 registers, so that an insert finds its page.
CACHE_KIB = 64 * 1024
# Pages of WAL before they are copied into the file: an eighth of it, 64 MiB at least and 512 MiB
# at most. A group of 10 000 readings touches up to as many pages, one for each register, and in a
# large file they lie far apart: copied after every few groups, each would be written to its place
# again and again (`plomba-sim bench ingest --rows-before` tells the difference).
CHECKPOINT_SHARE, CHECKPOINT_PAGES_MIN, CHECKPOINT_PAGES_MAX = 8, 16_384, 131_072


# What SQLite raises, as itself and not as a subclass, for a file it cannot make sense of.
_DAMAGED = sqlite3.DatabaseError


class Database:
    """One connection with its write lock. `lock` also keeps two threads out of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._lock = threading.RLock()
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; entered again inside itself it is the same transaction."""
        with self._lock:
            if self._depth:
                yield self.connection
                return
            self._depth += 1
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException as error:
                self._undo()
                if isinstance(error, sqlite3.OperationalError) or type(error) is _DAMAGED:
                    raise StoreError(f"the ledger cannot be written: {error}") from error
                raise
            finally:
                self._depth -= 1

    def ingesting(self) -> AbstractContextManager[sqlite3.Connection]:
        """The same as `transaction`: a file has one writer."""
        return self.transaction()

    def turn(self, devices: Sequence[int]) -> dict[int, int]:
        """Nothing to lock beside the file; the one process that ingests knows its own caches."""
        return dict.fromkeys(devices, 0)

    def end_turn(self, devices: Sequence[int]) -> dict[int, int]:
        """As `turn`."""
        return dict.fromkeys(devices, 0)

    def horizon(self) -> int:
        """The highest batch number: the one writer numbers them in order."""
        (highest,) = self.connection.execute(
            "SELECT coalesce(max(batch_no), 0) FROM batch"
        ).fetchone()
        return int(highest)

    @contextmanager
    def overwriting(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which what is replaced is zeroed in the file at once."""
        self.connection.execute("PRAGMA secure_delete = ON")
        try:
            with self.transaction() as connection:
                yield connection
        finally:
            self.connection.execute("PRAGMA secure_delete = OFF")

    def clean(self, tables: Collection[str]) -> bool:  # noqa: ARG002 - a file is cleaned whole
        """Rewrite the file without free pages, and empty the log of writes.

        Older copies of a page may lie in both. False where somebody else holds the ledger.
        """
        try:
            self.connection.execute("VACUUM")
            (busy,) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[:1]
        except sqlite3.OperationalError:
            return False
        return not busy

    def text_columns(self) -> list[tuple[str, str]]:
        """Every table's columns that hold text, as (table, column)."""
        return self.connection.execute(
            "SELECT s.name, c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c"
            " WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%' AND c.type = 'TEXT'"
            " ORDER BY s.name, c.cid"
        ).fetchall()

    def _undo(self) -> None:
        """SQLite has already undone a transaction whose disk is full."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file; an open transaction is undone."""
        self.connection.close()


def connect(path: Path, durability: Durability = "full") -> Database:
    """Open or create the ledger at `path` and bring its schema up to date; StoreError if not."""
    try:
        # For its owner alone, whatever the umask; SQLite gives its log the file's rights.
        path.touch(mode=0o600)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {durability.upper()}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_checkpoint_pages(connection)}")
        # PostgreSQL has readings in tables by months, made and let go of; a file has room.
        connection.create_function("room_for_reading", 1, lambda _at_ms: 0)
        connection.create_function("archive_month", 2, lambda _month, _expected: None)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot open the ledger {path}: {error}") from error
    schema.migrate(connection, path)
    return Database(connection)


def _checkpoint_pages(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return int(min(max(pages // CHECKPOINT_SHARE, CHECKPOINT_PAGES_MIN), CHECKPOINT_PAGES_MAX))


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """One look at the ledger at `path`, which it cannot change; StoreError if it fails."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None
        )
        with closing(connection):
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"cannot read the ledger {path}: {error}") from error
