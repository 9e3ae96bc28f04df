"""Drawing lines from the ledger: events by number, and how far each client is."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.audit import Act
from gateway.handoff.pull import Client, Served
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Connection, Place, connect, snapshot

_CLIENT = "SELECT name, made_at_ms, revoked_at_ms, through_no, acknowledged_at_ms FROM pull_client"


class PullLedger:
    """A `PullPort` on one connection, in the transaction that is open around it."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def events(self, after_no: int, limit: int) -> list[Served]:
        rows = self._sql.execute(
            "SELECT event_no, payload FROM event WHERE event_no > ? ORDER BY event_no LIMIT ?",
            (after_no, limit),
        )
        return [Served(*row) for row in rows]

    def event(self, number: int) -> Served | None:
        row = self._sql.execute(
            "SELECT event_no, payload FROM event WHERE event_no = ?", (number,)
        ).fetchone()
        return None if row is None else Served(*row)

    def last_no(self) -> int:
        (number,) = self._sql.execute("SELECT coalesce(max(event_no), 0) FROM event").fetchone()
        return int(number)

    def client(self, name: str) -> Client | None:
        row = self._sql.execute(
            f"{_CLIENT} WHERE name = ? AND revoked_at_ms IS NULL", (name,)
        ).fetchone()
        return None if row is None else Client(*row)

    def clients(self) -> list[Client]:
        return [Client(*row) for row in self._sql.execute(f"{_CLIENT} ORDER BY name")]

    def add(self, name: str, now_ms: int) -> None:
        self._sql.execute(
            "INSERT INTO pull_client VALUES (?, ?, NULL, 0, NULL)"
            " ON CONFLICT (name) DO UPDATE SET revoked_at_ms = NULL",
            (name, now_ms),
        )

    def revoke(self, name: str, now_ms: int) -> bool:
        cursor = self._sql.execute(
            "UPDATE pull_client SET revoked_at_ms = ? WHERE name = ? AND revoked_at_ms IS NULL",
            (now_ms, name),
        )
        return cursor.rowcount > 0

    def acknowledge(self, name: str, through_no: int, now_ms: int) -> int:
        before = self.client(name)
        (number,) = self._sql.execute(
            "UPDATE pull_client SET through_no = max(through_no, ?), acknowledged_at_ms = ?"
            " WHERE name = ? RETURNING through_no",
            (through_no, now_ms, name),
        ).fetchone()
        if before is None or before.through_no < number:
            said = f"events up to {number}"
            act = Act(now_ms, name, "pull API, by its token", "api acknowledge", name, "", said, "")
            SqlAudit(self._sql).append(act)
        return int(number)


@contextmanager
def looking(place: Place) -> Iterator[PullLedger]:
    """One look at the ledger at `place`, which it cannot change; StoreError if it fails."""
    with snapshot(place) as connection:
        yield PullLedger(connection)


@contextmanager
def writing(place: Place) -> Iterator[PullLedger]:
    """One transaction of a connection of its own; a running gateway's is waited for."""
    database = connect(place)
    try:
        with database.transaction() as connection:
            yield PullLedger(connection)
    finally:
        database.close()
