"""The spool's database file: how it is opened, when it is believed, what is saved of a damaged one.

A file is believed if SQLite can read all of it and its state fits the head file. Otherwise every
row whose bytes still hash to what was written goes into a new file, which takes the old one's
place by a rename; the old one is kept beside it. A crash in between leaves either the old file or
a complete new one.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

from cloud_sync import private_file
from cloud_sync.batch import GENESIS, chain_hash
from edge.head_file import Head

Durability = Literal["full", "off"]

FORMAT = 1
"""Rises when an earlier program could no longer read what this one leaves (edge/update)."""

# Damaged files are kept for a person to look at; with more than this the card is at its end.
DAMAGED_FILES_MAX = 3
# The log between checkpoints; without a limit it keeps the size of the largest transaction.
_WAL_BYTES_MAX = 4 * 1024 * 1024
_SIDE_FILES = ("", "-wal", "-shm")
# What the world around the file does to it. Every other error means that the file does not hold
# what this module wrote, for its statements never change.
_AROUND = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)
READ_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file may raise; the second where SQLite quotes it in its own message."""
# A sector that no longer reads is damage to this file, not to the disk as a whole.
_UNREADABLE = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})

_SCHEMA = """
CREATE TABLE batch (
    sequence INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL,
    readings INTEGER NOT NULL,
    message  BLOB NOT NULL,
    tag      BLOB NOT NULL
) STRICT;
CREATE TABLE gone_above_a_gap (
    sequence INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL
) STRICT;
CREATE TABLE state (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    head         INTEGER NOT NULL,
    head_hash    BLOB NOT NULL,
    through      INTEGER NOT NULL,
    through_hash BLOB NOT NULL,
    bytes        INTEGER NOT NULL,
    polled       INTEGER NOT NULL,
    signed       INTEGER NOT NULL,
    delivered    INTEGER NOT NULL,
    lost_batches INTEGER NOT NULL
) STRICT;
"""
KEPT = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS kept (
    sequence INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL,
    readings INTEGER NOT NULL,
    message  BLOB NOT NULL,
    tag      BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kept_state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    bytes    INTEGER NOT NULL,
    restored INTEGER NOT NULL CHECK (restored IN (0, 1))
) STRICT;
INSERT OR IGNORE INTO kept_state VALUES (1, 0, 0);
COMMIT;
"""
"""Acknowledged batches that are still there, and whether any of them ever waited again.

Nothing depends on them: of a damaged file they are not saved.
"""
INSERT_BATCH = "INSERT INTO batch VALUES (?, ?, ?, ?, ?)"
_SINCE = {
    "batch": "SELECT sequence, 0, message FROM batch WHERE sequence > ?1",
    "kept": "SELECT sequence, 1, message FROM kept WHERE sequence > ?1",
}
_INSERT_STATE = "INSERT INTO state VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class State(NamedTuple):
    """The state row, column by column."""

    head: int
    head_hash: bytes
    through: int
    through_hash: bytes
    bytes: int
    polled: int
    signed: int
    delivered: int
    lost_batches: int


class Row(NamedTuple):
    """One waiting batch. `tag` ties its bytes to its number: a flipped bit in either shows."""

    sequence: int
    hash: bytes
    readings: int
    message: bytes
    tag: bytes

    @classmethod
    def of(cls, sequence: int, readings: int, message: bytes) -> "Row":
        """The row of a new batch."""
        digest = chain_hash(message)
        return cls(sequence, digest, readings, message, _tag(sequence, readings, digest))

    def is_whole(self) -> bool:
        """Whether everything in it is what was written."""
        return (
            isinstance(self.message, bytes)
            and isinstance(self.readings, int)
            and chain_hash(self.message) == self.hash
            and _tag(self.sequence, self.readings, self.hash) == self.tag
        )


def _tag(sequence: int, readings: int, digest: bytes) -> bytes:
    return hashlib.sha256(b"%d %d " % (sequence, readings) + digest).digest()[:8]


_NEW = State(0, GENESIS, 0, GENESIS, 0, 0, 0, 0, 0)


def is_damage(error: Exception) -> bool:
    """Whether an error of `READ_ERRORS` means that the file itself is broken.

    It may also be merely full, locked or closed.
    """
    if isinstance(error, sqlite3.ProgrammingError):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    # Without a code it was the Python side that could make nothing of what it read.
    return code is None or code in _UNREADABLE or (code & 0xFF) not in _AROUND


def connect(path: Path, durability: Durability) -> sqlite3.Connection:
    """A connection in WAL mode; transactions are begun by hand."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {durability}")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}")
    except READ_ERRORS:
        db.close()
        raise
    return db


def read_state(db: sqlite3.Connection) -> State | None:
    """The state row; None in a file that has none yet."""
    columns = ", ".join(State._fields)
    row = db.execute(f"SELECT {columns} FROM state").fetchone()  # noqa: S608 - our own names
    return None if row is None else State(*row)


def create(path: Path, durability: Durability) -> sqlite3.Connection:
    """A new, empty spool, under its name only once it is whole.

    A file without its tables would look like one that has lost them, and with it the numbers that
    were given: after a power cut at the very first start no batch could be sealed any more.
    """
    begun = path.with_name(path.name + ".begun")
    _remove(begun)
    with closing(connect(begun, durability)) as db:
        _fill(db, _NEW, ())
        # What stands in a log beside the file would not come along.
        db.execute("PRAGMA journal_mode = DELETE")
    begun.rename(path)
    if durability == "full":
        private_file.sync(path.parent)
    return connect(path, durability)


def is_sound(db: sqlite3.Connection, head: Head | None) -> bool:
    """Whether all of the file reads, and its state agrees with itself and with the head file."""
    try:
        readable = db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        state = read_state(db)
        low, high = db.execute("SELECT MIN(sequence), MAX(sequence) FROM batch").fetchone()
        restored = _has_restored(db)
    except READ_ERRORS as error:
        if is_damage(error):
            return False
        raise
    if not readable or state is None or not _is_plausible(state):
        return False
    # The head file is written after the commit: a crash between the two leaves it one behind.
    same = head in (None, Head(state.head, state.head_hash))
    one_behind = head is not None and head.sequence == state.head - 1 and high == state.head
    # What was acknowledged and waits again stands below the mark.
    within = low is None or ((restored or low > state.through) and high <= state.head)
    return within and (same or one_behind)


def since(path: Path, after: int, limit: int) -> list[tuple[int, bool, bytes]]:
    """The batches above `after`: number, whether the gateway acknowledged it, signed bytes.

    Changes nothing and may be called beside the agent. sqlite3.Error where it cannot be read.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        # A file that the agent has just begun has not all of its tables yet.
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        parts = [query for name, query in _SINCE.items() if name in there]
        if not parts:
            return []
        query = f"{' UNION ALL '.join(parts)} ORDER BY 1 LIMIT ?2"
        rows = db.execute(query, (after, limit)).fetchall()
    return [(int(number), bool(gone), bytes(message)) for number, gone, message in rows]


def _has_restored(db: sqlite3.Connection) -> bool:
    """Whether acknowledged batches were ever put back; not in a file from before that was."""
    known = "SELECT 1 FROM sqlite_schema WHERE name = 'kept_state'"
    if db.execute(known).fetchone() is None:
        return False
    return bool(db.execute("SELECT MAX(restored) FROM kept_state").fetchone()[0])


def _is_plausible(state: State) -> bool:
    hashes = (state.head_hash, state.through_hash)
    numbers = [value for value in state if value not in hashes]
    return (
        all(isinstance(digest, bytes) and len(digest) == len(GENESIS) for digest in hashes)
        and all(isinstance(number, int) and number >= 0 for number in numbers)
        and state.through <= state.head
    )


def replace(path: Path, head: Head | None) -> Path:
    """Exchange a damaged file for a new one with all that could be saved; where the old one is.

    Raises ValueError if neither file nor head file says which numbers have been given.
    """
    fresh = path.with_name(path.name + ".new")
    _remove(fresh)
    state, rows = _salvage(path)
    known = head or _highest(state, rows)
    if known is None:
        raise ValueError(f"{path} is damaged and its head file is lost")
    rows = {number: row for number, row in rows.items() if number <= known.sequence}
    with closing(connect(fresh, "full")) as db:
        _fill(db, _saved_state(state, rows, known), rows.values())
        db.execute("PRAGMA journal_mode = DELETE")
    damaged = _make_room(path)
    for side in _SIDE_FILES:
        source = path.with_name(path.name + side)
        if source.exists():
            source.rename(damaged.with_name(damaged.name + side))
    fresh.rename(path)
    return damaged


def finish_replacing(path: Path) -> None:
    """Complete what a crash inside `replace` left behind."""
    fresh = path.with_name(path.name + ".new")
    if fresh.exists() and not path.exists():
        fresh.rename(path)
    _remove(fresh)


def _fill(db: sqlite3.Connection, state: State, rows: Iterable[Row]) -> None:
    """Schema, state and rows in one transaction, so that a file has all of it or nothing."""
    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
    db.executemany(INSERT_BATCH, rows)
    db.execute(_INSERT_STATE, state)
    db.execute("COMMIT")


def _salvage(path: Path) -> tuple[State | None, dict[int, Row]]:
    rows: dict[int, Row] = {}
    state = None
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        try:
            found = read_state(db)
            state = found if found is not None and _is_plausible(found) else None
        except READ_ERRORS:
            state = None  # The head file, or the highest row, speaks in its place.
        # From both ends, because reading stops at the first broken page.
        for direction in ("ASC", "DESC"):
            rows.update((row.sequence, row) for row in _readable(db, direction))
    return state, rows


def _readable(db: sqlite3.Connection, direction: str) -> Iterator[Row]:
    query = f"SELECT * FROM batch ORDER BY sequence {direction}"  # noqa: S608 - two words of ours
    try:
        for columns in db.execute(query):
            if len(columns) == len(Row._fields) and (row := Row(*columns)).is_whole():
                yield row
    except READ_ERRORS:
        return  # What lies behind the broken page cannot be read: it is counted as lost.


def _highest(state: State | None, rows: dict[int, Row]) -> Head | None:
    candidates = [Head(row.sequence, row.hash) for row in rows.values()]
    if state is not None:
        candidates.append(Head(state.head, state.head_hash))
    return max(candidates, default=None)


def _saved_state(state: State | None, rows: dict[int, Row], head: Head) -> State:
    lowest = min(rows, default=head.sequence + 1)
    if state is None or state.through >= lowest:
        # Nothing below the lowest saved row can be known to be delivered, nor be sent again.
        state = _NEW._replace(through=0, through_hash=GENESIS)
        missing = head.sequence + 1 - lowest - len(rows)
    else:
        missing = head.sequence - state.through - len(rows)
    return state._replace(
        head=head.sequence,
        head_hash=head.digest,
        bytes=sum(len(row.message) for row in rows.values()),
        lost_batches=state.lost_batches + max(missing, 0),
    )


def _make_room(path: Path) -> Path:
    """A free name for a damaged file; the oldest goes when there are too many."""
    names = [path.with_name(f"{path.name}.damaged-{n}") for n in range(1, DAMAGED_FILES_MAX + 1)]
    for name in names:
        if not name.exists():
            return name
    oldest = min(names, key=lambda name: name.stat().st_mtime_ns)
    _remove(oldest)
    return oldest


def _remove(path: Path) -> None:
    for side in _SIDE_FILES:
        path.with_name(path.name + side).unlink(missing_ok=True)
