"""The audit log, in the ledger."""

import json
import secrets
from collections.abc import Collection, Iterator

from gateway.audit import GENESIS, SALT_BYTES, Act, Entry, Head, digest, following
from gateway.sql.engine import Connection

_COLUMNS = (
    "audit_no, at_ms, actor, via, act, subject, before, after, why, previous,"
    " salt, seal, is_sealed, forgotten_by"
)


class SqlAudit:
    """`AuditPort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def append(self, act: Act) -> int:
        entry = following(self.head(), act, secrets.token_bytes(SALT_BYTES))
        self._sql.execute(
            f"INSERT INTO audit ({_COLUMNS})"  # noqa: S608 - ours
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, NULL)",
            (entry.number, *entry.act, entry.previous, entry.salt, entry.seal),
        )
        return entry.number

    def entries(self) -> Iterator[Entry]:
        rows = self._sql.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY audit_no")  # noqa: S608
        return (_entry(row) for row in rows)

    def newest(self, limit: int, acts: Collection[str] = ("",)) -> list[Entry]:
        """The last entries, the newest first; only those whose act begins with one of `acts`."""
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM audit WHERE EXISTS (SELECT 1 FROM json_each(?1) w"  # noqa: S608 - ours
            " WHERE substr(act, 1, length(w.atom)) = w.atom) ORDER BY audit_no DESC LIMIT ?2",
            (json.dumps([*acts]), limit),
        )
        return [_entry(row) for row in rows]

    def page(self, below: int, find: str, limit: int) -> list[Entry]:
        """Entries numbered below `below`, the newest first.

        With `find` only those of that person or program, act, or subject.
        """
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM audit WHERE audit_no < ?1 AND (CAST(?2 AS TEXT) = ''"  # noqa: S608 - ours
            " OR actor = ?2 OR act = ?2 OR subject = ?2) ORDER BY audit_no DESC LIMIT ?3",
            (below, find, limit),
        )
        return [_entry(row) for row in rows]

    def head(self) -> Head:
        """The last entry's number and hash."""
        last = self.newest(1)
        return Head(last[0].number, digest(last[0])) if last else Head(0, GENESIS)

    def forget(self, entries: Collection[tuple[Entry, Act]], number: int) -> None:
        """Leave of each entry what stands beside it; its salt is gone. Entry `number` says so."""
        for entry, left in entries:
            seal = entry.seal if entry.is_sealed else digest(entry)
            self._sql.execute(
                "UPDATE audit SET subject = ?, before = ?, after = ?, why = ?, salt = NULL,"
                " seal = ?, forgotten_by = coalesce(forgotten_by, ?) WHERE audit_no = ?",
                (*left[4:], seal, number, entry.number),
            )


def _entry(row: tuple[object, ...]) -> Entry:
    number, act, previous = row[0], Act._make(row[1:9]), row[9]
    salt, seal, is_sealed, forgotten_by = row[10:]
    return Entry._make(
        (number, act, previous, salt or b"", seal or b"", bool(is_sealed), forgotten_by or 0)
    )
