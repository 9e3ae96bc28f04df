"""The outbox in SQLite: what waits, what was acknowledged, what was refused and why."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.handoff.target import Attempt, DueEvent, State
from gateway.sqlite.billing import count
from gateway.sqlite.connection import Database

# One closed period of the largest house there is (a thousand flats, eight registers each). More
# due events than this are simply taken in a second round.
DUE_MAX = 10_000

_DUE = """
SELECT event_no, event_id, closing_no, attempts, payload
FROM delivery JOIN event USING (event_no)
WHERE target = :target AND state = 'pending' AND next_at_ms <= :now_ms AND closing_no = (
    SELECT closing_no FROM delivery JOIN event USING (event_no)
    WHERE target = :target AND state = 'pending' AND next_at_ms <= :now_ms
    ORDER BY event_no LIMIT 1)
ORDER BY event_no LIMIT :most
"""

_RECORD = """
UPDATE delivery SET state = :state, attempts = attempts + 1, next_at_ms = :next_at_ms,
                    last_error = :error, changed_at_ms = :now_ms
WHERE target = :target AND event_no = :event_no
"""

# In billing is what every one of its targets has acknowledged. An acknowledgement is never taken
# back, so each event becomes complete once, with the last acknowledgement it was waiting for.
HANDED_OVER = "handed_over"
_COMPLETE = """
SELECT count(*) FROM json_each(?) AS told WHERE NOT EXISTS (
    SELECT 1 FROM delivery WHERE event_no = told.value AND state <> 'acknowledged')
"""


class Delivery(NamedTuple):
    """One event's way to one target."""

    target: str
    event_id: str
    state: State
    attempts: int
    next_at_ms: int
    last_error: str


class OutboxLedger:
    """An `Outbox` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, target: str, now_ms: int) -> list[DueEvent]:
        """The due events of the target's oldest closed period that has any."""
        rows = self._database.connection.execute(
            _DUE, {"target": target, "now_ms": now_ms, "most": DUE_MAX}
        )
        return [DueEvent(*row) for row in rows]

    def record(self, target: str, attempts: Sequence[Attempt], now_ms: int) -> None:
        """Keep what became of them, in one transaction."""
        rows = [
            {
                "target": target,
                "event_no": attempt.event_no,
                "state": attempt.answer.state,
                "next_at_ms": attempt.next_at_ms,
                "error": attempt.answer.error,
                "now_ms": now_ms,
            }
            for attempt in attempts
        ]
        with self._database.transaction() as connection:
            connection.executemany(_RECORD, rows)
            told = [row["event_no"] for row in rows if row["state"] is State.ACKNOWLEDGED]
            (complete,) = connection.execute(_COMPLETE, (json.dumps(told),)).fetchone()
            count(connection, HANDED_OVER, complete)

    def retry(self, event_id: str | None, now_ms: int) -> int:
        """Put refused deliveries (of one event, or all) back into the queue; how many."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE delivery SET state = 'pending', attempts = 0, next_at_ms = :now_ms,"
                " changed_at_ms = :now_ms WHERE state = 'refused' AND (:id IS NULL OR event_no ="
                " (SELECT event_no FROM event WHERE event_id = :id))",
                {"now_ms": now_ms, "id": event_id},
            )
        return cursor.rowcount

    def deliveries(self, state: State | None = None) -> Iterator[Delivery]:
        """What the outbox holds, oldest first."""
        rows = self._database.connection.execute(
            "SELECT target, event_id, state, attempts, next_at_ms, last_error"
            " FROM delivery JOIN event USING (event_no)"
            " WHERE :state IS NULL OR state = :state ORDER BY event_no, target",
            {"state": state},
        )
        for target, event_id, found, *rest in rows:
            yield Delivery(target, event_id, State(found), *rest)
