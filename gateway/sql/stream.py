"""The stream of changes in SQL (gateway/stream.py says what it is made of)."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gateway.sql.engine import Connection, Database
from gateway.sql.statements import named
from gateway.stream import (
    Brought,
    Change,
    Cursor,
    Name,
    Place,
    Position,
    Scan,
    Sent,
    Stored,
)

_SQL = named(Path(__file__).with_suffix(".sql"))


class StreamLedger:
    """The cursors of followers, in the hands of whoever writes the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self, name: str) -> Cursor | None:
        """Where a follower is; None if it never began."""
        return cursor_of(self._database.connection, name)

    def horizon(self) -> Position:
        """The end of the stream, below which nothing can appear any more."""
        with self._database.transaction() as connection:
            batch_no = self._database.horizon()
            ends = connection.execute(_SQL["ends"]).fetchone()
        # The log of changes is cut behind its followers, who know how far it went.
        return Position(batch_no, max(ends[0], ends[2]), ends[1])

    def start(self, name: str, now_ms: int) -> Cursor:
        """Let a follower begin, anew if it had begun before: with everything that is stored."""
        with self._database.transaction() as connection:
            horizon = self.horizon()
            connection.execute(_SQL["start"], (name, *horizon, now_ms))
            return self.cursor(name) or _missing(name)

    def move(self, name: str, was: Cursor, now: Cursor) -> bool:
        """Note that a follower has come further; False if it stands elsewhere by now."""
        with self._database.transaction() as connection:
            new = (*now.position, *_scan(now.scan), now.sent, now.moved_at_ms)
            old = (*was.position, *_scan(was.scan))
            moved = connection.execute(_SQL["move"], (*new, name, *old)).rowcount == 1
            connection.execute(_SQL["prune"])
        return moved

    def end(self, name: str) -> None:
        """Forget a follower."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM stream_reader WHERE name = ?", (name,))


def cursor_of(connection: Connection, name: str) -> Cursor | None:
    """Where a follower is; None if it never began."""
    row = connection.execute(_SQL["cursor"], (name,)).fetchone()
    if row is None:
        return None
    return Cursor(Position(*row[:3]), Scan(*row[4:7]) if row[3] else None, *row[7:])


class SqlStreamLook:
    """A `StreamLook` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def batches(self, after_no: int, upto_no: int, limit: int) -> Iterator[Sent]:
        for row in self._sql.execute(_SQL["batches"], (after_no, upto_no, limit)):
            yield Sent(row[0], row[1], bytes(row[2]), *row[3:])

    def changes(self, after_no: int, upto_no: int, limit: int) -> list[Change]:
        rows = self._sql.execute(_SQL["changes"], (after_no, upto_no, limit))
        return [Change(*row) for row in rows]

    def decisions(self, after_no: int, upto_no: int, limit: int) -> list[Brought]:
        rows = self._sql.execute(_SQL["decisions"], (after_no, upto_no, limit))
        return [Brought(*row) for row in rows]

    def registers(self, names: Collection[Name]) -> Mapping[Name, Sequence[int]]:
        found: dict[Name, list[int]] = defaultdict(list)
        for *name, register_no in self._sql.execute(
            _SQL["registers"], (json.dumps(sorted(names)),)
        ):
            found[name[0], name[1], name[2]].append(register_no)
        return found

    def readings(self, places: Collection[Place]) -> list[Stored]:
        rows = self._sql.execute(_SQL["readings"], (json.dumps(sorted(places)),))
        return [Stored(*row) for row in rows]

    def scan(self, after: Scan, limit: int) -> list[Stored]:
        return [Stored(*row) for row in self._sql.execute(_SQL["scan"], (*after, limit))]


def _scan(scan: Scan | None) -> tuple[int, int, int, int]:
    return (0, 0, 0, 0) if scan is None else (1, *scan)


def _missing(name: str) -> Cursor:
    raise LookupError(f"{name} was begun and is not there")
