"""The audit log on SQLite."""

import sqlite3
from collections.abc import Iterator

from gateway.audit import GENESIS, Act, Entry, Head, digest, following

_COLUMNS = "audit_no, at_ms, actor, via, act, subject, before, after, why, previous"


class SqliteAudit:
    """`AuditPort` on one SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def append(self, act: Act) -> int:
        entry = following(self._head(), act)
        self._sql.execute(
            f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
            (entry.number, *entry.act, entry.previous),
        )
        return entry.number

    def entries(self) -> Iterator[Entry]:
        rows = self._sql.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY audit_no")  # noqa: S608
        return (_entry(row) for row in rows)

    def newest(self, limit: int) -> list[Entry]:
        """The last entries, the newest first."""
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM audit ORDER BY audit_no DESC LIMIT ?",  # noqa: S608 - ours
            (limit,),
        )
        return [_entry(row) for row in rows]

    def _head(self) -> Head:
        last = self.newest(1)
        return Head(last[0].number, digest(last[0])) if last else Head(0, GENESIS)


def _entry(row: tuple[int, int, str, str, str, str, str, str, str, bytes]) -> Entry:
    return Entry(row[0], Act(*row[1:9]), row[9])
