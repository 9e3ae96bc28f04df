"""The spool: a signed batch is on the disk before it is sent, and stays until it is acknowledged.

One SQLite file in WAL mode with synchronous FULL: `append` returns after the fsync. Sequence
number, chain and sealed bytes are made in one transaction, so a number is given once.

Beside it stands the head file: the last number given and the hash of its batch, written after
each commit and before the number is told to anyone. It is what keeps numbers from being given
twice when the database itself is lost: a database that does not read (a torn write, a dying card)
is set aside under another name, every sound row is carried over, and numbering goes on after the
head. What was lost that way is counted and said; it never stops the agent.

A row whose bytes do not hash to what was written is treated the same way, alone. Of a batch that
is acknowledged before the ones below it the hash stays: it is still needed to tie a later receipt
to this device's own history.

What is acknowledged is not thrown away at once: the newest of it stays in `kept`, bounded, so that
a gateway that had to go back to a backup can ask for it again (`restore`).

SQLite is called from the event loop. A commit takes milliseconds; a card that stalls for a
second may cost a read in flight its timeout, which is repeated, and never a wrong value.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from cloud_sync.receipt import Range
from edge import spool_file
from edge.head_file import Head, HeadFile, is_locked
from edge.spool_file import Durability, Row, State

T = TypeVar("T")

FILE = "spool.sqlite"
HEAD_FILE = "spool.head"
# The share of the bound from which on the spool says that it is filling up.
HIGH_WATER = 0.8
# Hashes kept of batches acknowledged above a gap: three months of a device that polls every
# quarter of an hour. A receipt that names an older one waits for the next to be believed.
HASHES_MAX = 10_000

# The share of the bound that acknowledged batches may take besides: with the default some months
# of a device that polls every quarter of an hour, far more than backups are apart.
KEPT_SHARE = 4
# Rows looked at in one step when the oldest kept batches make room.
_TRIM_ROWS = 32

_APPENDED = """
UPDATE state SET head = ?, head_hash = ?, bytes = bytes + ?,
    polled = polled + ?, signed = signed + ?
"""
_WAITING = "SELECT sequence FROM batch WHERE sequence > ? ORDER BY sequence LIMIT ?"
_COUNT = "SELECT COUNT(*) FROM batch"
_OLDEST = "SELECT message FROM batch ORDER BY sequence LIMIT 1"
_HASH_OF = """
SELECT hash FROM batch WHERE sequence = ?1
UNION ALL SELECT hash FROM gone_above_a_gap WHERE sequence = ?1
UNION ALL SELECT head_hash FROM state WHERE head = ?1
UNION ALL SELECT through_hash FROM state WHERE through = ?1
"""
_COVERED = """
SELECT COALESCE(SUM(readings), 0), COALESCE(SUM(LENGTH(message)), 0) FROM batch
WHERE sequence BETWEEN ? AND ?
"""
_DELIVERED = "UPDATE state SET delivered = delivered + ?, bytes = bytes - ?"
_REMEMBER = """
INSERT OR IGNORE INTO gone_above_a_gap
SELECT sequence, hash FROM batch WHERE sequence BETWEEN ? AND ?
"""
_LET_GO = "DELETE FROM batch WHERE sequence BETWEEN ? AND ?"
_THROUGH = "UPDATE state SET through = ?1, through_hash = ?2 WHERE through < ?1"
_FORGET = "DELETE FROM gone_above_a_gap WHERE sequence <= MAX(?1, (SELECT head FROM state) - ?2)"
_KEEP = "INSERT OR REPLACE INTO kept SELECT * FROM batch WHERE sequence BETWEEN ? AND ?"
_OLDEST_KEPT = "SELECT sequence, LENGTH(message) FROM kept ORDER BY sequence LIMIT ?"
_KEPT_IN = """
SELECT sequence, readings, LENGTH(message) FROM kept WHERE sequence BETWEEN ? AND ?
ORDER BY sequence
"""
_GIVE_UP = """
UPDATE state SET lost_batches = lost_batches + 1,
    bytes = bytes - (SELECT LENGTH(message) FROM batch WHERE sequence = ?)
"""


class SpoolError(Exception):
    """The spool cannot be used at all; the text says why and what to do."""


class SpoolFull(SpoolError):
    """There is no room for another batch: nothing was stored and no number was given."""


class Counters(NamedTuple):
    """Over the device's whole life: readings taken, signed, acknowledged; batches lost on disk."""

    polled: int
    signed: int
    delivered: int
    lost_batches: int


class Glance(NamedTuple):
    """A spool seen from outside: its state, how many batches wait, and the oldest of them."""

    state: State
    waiting: int
    oldest: bytes | None


def glance(folder: Path) -> Glance | None:
    """Look into a spool that may be in use, changing nothing; None if there is none yet."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            state = spool_file.read_state(db)
            waiting = db.execute(_COUNT).fetchone()[0]
            oldest = db.execute(_OLDEST).fetchone()
    except sqlite3.Error as error:
        raise SpoolError(f"cannot read {path}: {error}; the agent will set it aside") from error
    if state is None:
        raise SpoolError(f"cannot read {path}: it has no state; the agent will set it aside")
    return Glance(state, waiting, None if oldest is None else bytes(oldest[0]))


def in_use(folder: Path) -> bool:
    """Whether an agent has the spool open."""
    return is_locked(folder / HEAD_FILE)


class Spool:
    """The batches that wait for the gateway's receipt, and the head of the chain.

    `durability` is "off" only in simulations, where no power is ever cut.
    """

    def __init__(self, folder: Path, *, max_bytes: int, durability: Durability = "full") -> None:
        self.max_bytes = max_bytes
        self.set_aside: list[Path] = []
        """Damaged files this object has exchanged; what was lost is in `counters`."""
        self._path = folder / FILE
        self._durability = durability
        self._db: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._head_file = HeadFile(folder / HEAD_FILE, durable=durability == "full")
        except BlockingIOError as error:
            raise SpoolError(f"the spool in {folder} is in use: is the agent running?") from error
        except OSError as error:
            raise SpoolError(f"cannot use {folder} for the spool: {error.strerror}") from error
        try:
            self._healed(lambda _: None)
        except SpoolError:
            self._head_file.close()
            raise

    def close(self) -> None:
        """Close the files; everything in them is already durable."""
        if self._db is not None:
            self._db.close()
        self._head_file.close()

    def append(
        self, seal: Callable[[int, bytes], bytes], *, readings: int, polled: int | None = None
    ) -> int:
        """Number, seal and store one batch; its sequence number, once it is on the disk.

        `seal(sequence, previous)` gives the signed bytes of a batch with that number whose
        predecessor has that hash. `polled` is how many readings were taken for it, where that is
        more than it holds. Raises SpoolFull; then no number was given.
        """
        taken = readings if polled is None else polled
        return self._healed(lambda db: self._append(db, seal, readings, taken))

    def waiting(self, *, after: int = 0, limit: int) -> list[int]:
        """The lowest numbers above `after` that wait for a receipt."""
        return self._healed(lambda db: [row[0] for row in db.execute(_WAITING, (after, limit))])

    def message(self, sequence: int) -> bytes | None:
        """The signed bytes of a waiting batch; None if there is none or its row was damaged."""
        return self._healed(lambda db: _message(db, sequence))

    def hash_of(self, sequence: int) -> bytes | None:
        """The hash of a batch of this device's own history, where it is still known."""
        return self._healed(lambda db: _hash_of(db, sequence))

    def acknowledge(self, through: int, also: Iterable[Range] = ()) -> int:
        """Let go of everything up to `through` and of the ranges above; the readings let go.

        The caller has verified that the gateway holds exactly these batches.
        """
        kept_max = self.max_bytes // KEPT_SHARE
        return self._healed(lambda db: _acknowledge(db, through, tuple(also), kept_max))

    def restore(self, first: int, last: int) -> int:
        """Let acknowledged batches wait again, from the lowest on; how many were still kept.

        Only up to the high-water mark, so that there is room for new readings.
        """
        room = int(HIGH_WATER * self.max_bytes)
        return self._healed(lambda db: _restore(db, first, last, room))

    @property
    def head(self) -> int:
        """The last number given, 0 before the first."""
        return self._state().head

    @property
    def through(self) -> int:
        """Up to which number the gateway has acknowledged everything."""
        return self._state().through

    @property
    def used_bytes(self) -> int:
        """The size of what waits."""
        return self._state().bytes

    @property
    def filling(self) -> bool:
        """Whether the high-water mark is passed."""
        return self.used_bytes > HIGH_WATER * self.max_bytes

    @property
    def counters(self) -> Counters:
        """What went through, counted in the transactions that did it."""
        state = self._state()
        return Counters(state.polled, state.signed, state.delivered, state.lost_batches)

    def count(self) -> int:
        """How many batches wait."""
        return int(self._healed(lambda db: db.execute(_COUNT).fetchone()[0]))

    def _state(self) -> State:
        state = self._healed(spool_file.read_state)
        if state is None:
            raise SpoolError(f"{self._path} has lost its state while it was open")
        return state

    def _append(
        self,
        db: sqlite3.Connection,
        seal: Callable[[int, bytes], bytes],
        readings: int,
        taken: int,
    ) -> int:
        with db:
            db.execute("BEGIN IMMEDIATE")
            head, previous, used = db.execute("SELECT head, head_hash, bytes FROM state").fetchone()
            message = seal(head + 1, previous)
            if used + len(message) > self.max_bytes:
                raise SpoolFull(f"the spool holds {used} of {self.max_bytes} bytes")
            row = Row.of(head + 1, readings, message)
            db.execute(spool_file.INSERT_BATCH, row)
            db.execute(_APPENDED, (row.sequence, row.hash, len(message), taken, readings))
        self._head_file.write(Head(row.sequence, row.hash))
        return int(head) + 1

    def _healed(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` done on a sound file: a damaged one is exchanged, and the work done again."""
        try:
            try:
                return work(self._opened())
            except spool_file.READ_ERRORS as error:
                if not spool_file.is_damage(error):
                    raise
            self._exchange()
            return work(self._opened())
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise SpoolFull(f"no room on the disk for {self._path}") from error
            raise SpoolError(f"cannot use {self._path}: {error}") from error
        except OSError as error:
            raise SpoolError(f"cannot use {self._path}: {error.strerror}") from error

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = self._open()
        return self._db

    def _open(self) -> sqlite3.Connection:
        db = self._open_sound()
        db.executescript(spool_file.KEPT)
        return db

    def _open_sound(self) -> sqlite3.Connection:
        spool_file.finish_replacing(self._path)
        head = self._head_file.read()
        if head is None and not self._path.exists():
            return spool_file.create(self._path, self._durability)
        db = spool_file.connect(self._path, self._durability)
        if not spool_file.is_sound(db, head):
            db.close()
            self._exchange()
            db = spool_file.connect(self._path, self._durability)
        state = spool_file.read_state(db)
        if state is not None:
            self._head_file.write(Head(state.head, state.head_hash))
        return db

    def _exchange(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        try:
            self.set_aside.append(spool_file.replace(self._path, self._head_file.read()))
        except ValueError as error:
            raise SpoolError(
                f"{error}: no number can be given safely; move both away and enroll anew"
            ) from error


def _message(db: sqlite3.Connection, sequence: int) -> bytes | None:
    columns = db.execute("SELECT * FROM batch WHERE sequence = ?", (sequence,)).fetchone()
    if columns is None:
        return None
    row = Row(*columns)
    if row.is_whole():
        return row.message
    # Bytes that changed on the disk can never be sent: nobody would believe their seal.
    with db:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_GIVE_UP, (sequence,))
        db.execute("DELETE FROM batch WHERE sequence = ?", (sequence,))
    return None


def _hash_of(db: sqlite3.Connection, sequence: int) -> bytes | None:
    row = db.execute(_HASH_OF, (sequence,)).fetchone()
    return None if row is None else bytes(row[0])


def _acknowledge(
    db: sqlite3.Connection, through: int, also: tuple[Range, ...], kept_max: int
) -> int:
    gone = 0
    with db:
        db.execute("BEGIN IMMEDIATE")
        digest = _hash_of(db, through)
        for first, last in ((0, through), *also):
            readings, size = db.execute(_COVERED, (first, last)).fetchone()
            db.execute(_DELIVERED, (readings, size))
            db.execute(_REMEMBER, (max(first, through + 1), last))
            db.execute(_KEEP, (first, last))
            db.execute("UPDATE kept_state SET bytes = bytes + ?", (size,))
            db.execute(_LET_GO, (first, last))
            gone += readings
        if digest is not None:
            db.execute(_THROUGH, (through, digest))
        db.execute(_FORGET, (through, HASHES_MAX))
        _trim(db, kept_max)
    return gone


def _trim(db: sqlite3.Connection, kept_max: int) -> None:
    """Let the oldest kept batches go until the rest is within its bound."""
    (used,) = db.execute("SELECT bytes FROM kept_state").fetchone()
    while used > kept_max:
        oldest = db.execute(_OLDEST_KEPT, (_TRIM_ROWS,)).fetchall()
        for sequence, size in oldest:
            if used <= kept_max:
                break
            db.execute("DELETE FROM kept WHERE sequence = ?", (sequence,))
            used -= size
        used = used if oldest else 0
    db.execute("UPDATE kept_state SET bytes = ?", (used,))


def _restore(db: sqlite3.Connection, first: int, last: int, room: int) -> int:
    with db:
        db.execute("BEGIN IMMEDIATE")
        (used,) = db.execute("SELECT bytes FROM state").fetchone()
        end, count, readings, size = first - 1, 0, 0, 0
        for sequence, held, length in db.execute(_KEPT_IN, (first, last)):
            if used + size + length > room:
                break
            end, count, readings, size = sequence, count + 1, readings + held, size + length
        if count:
            db.execute(
                "INSERT INTO batch SELECT * FROM kept WHERE sequence BETWEEN ? AND ?", (first, end)
            )
            db.execute("DELETE FROM kept WHERE sequence BETWEEN ? AND ?", (first, end))
            db.execute("UPDATE kept_state SET bytes = bytes - ?, restored = 1", (size,))
            db.execute(_DELIVERED, (-readings, -size))
    return count
