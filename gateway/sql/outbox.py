"""The outbox in the ledger: what waits, what was acknowledged, what was refused and why."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from gateway.handoff.target import ERROR_CHARS_MAX, Attempt, DueEvent, State
from gateway.sql.billing import count
from gateway.sql.engine import Connection, Database
from gateway.withdrawn import withdrawal_id

# One closed period of the largest house there is (a thousand flats, eight registers each). More
# due events than this are simply taken in a second round.
DUE_MAX = 10_000

# A withdrawal and a correction wait until the target has given its word on what they name.
_FREE = """
target = :target AND state = 'pending' AND next_at_ms <= :now_ms AND NOT EXISTS (
    SELECT 1 FROM event AS named JOIN delivery AS before ON before.event_no = named.event_no
    WHERE before.target = :target AND before.state = 'pending' AND named.event_id IN (
        substr(event.event_id, 1,
            CAST(max(0, length(event.event_id) - length(:withdrawn)) AS INTEGER)),
        (SELECT line_id FROM written_correction JOIN written_line USING (line_no)
         WHERE correction_id = event.event_id)))
"""
_DUE = f"""
SELECT event_no, event_id, closing_no, attempts, payload
FROM delivery JOIN event USING (event_no)
WHERE {_FREE} AND closing_no = (
    SELECT closing_no FROM delivery JOIN event USING (event_no)
    WHERE {_FREE} ORDER BY event_no LIMIT 1)
ORDER BY event_no LIMIT :most
"""  # noqa: S608 - put together of our own constants

# What a target has once acknowledged stays so, whatever a second program was told meanwhile.
_RECORD = """
UPDATE delivery SET state = :state, attempts = attempts + 1, next_at_ms = :next_at_ms,
                    last_error = :error, changed_at_ms = :now_ms
WHERE target = :target AND event_no = :event_no AND state <> 'acknowledged'
"""

# In billing is what every target has acknowledged that has a place for it. Events are counted as
# they become complete, and counted back where a person puts one that was left out into the queue.
HANDED_OVER = "handed_over"
_COMPLETE = """
SELECT count(*) FROM (SELECT CAST(w.value AS BIGINT) AS event_no FROM json_each(?) w) AS told
WHERE EXISTS (SELECT 1 FROM delivery
              WHERE delivery.event_no = told.event_no AND state = 'acknowledged')
    AND NOT EXISTS (SELECT 1 FROM delivery
                    WHERE delivery.event_no = told.event_no AND state IN ('pending', 'refused'))
"""

# A target that would not take a record before it was withdrawn is not asked to take it afterwards:
# it may have heard of the withdrawal already.
_IS_WITHDRAWN = """
CASE WHEN EXISTS (SELECT 1 FROM event AS back WHERE back.event_id = event.event_id || :withdrawn)
    THEN 1 ELSE 0 END
"""
_NAMED = f"""
SELECT event_no, target, event_id, attempts, next_at_ms, last_error
FROM delivery JOIN event USING (event_no)
WHERE state = :state AND (CAST(:id AS TEXT) IS NULL OR event_id = :id)
    AND {_IS_WITHDRAWN} = :is_withdrawn
ORDER BY event_no, target
"""  # noqa: S608 - put together of our own constants
_RETRY = """
UPDATE delivery SET state = 'pending', attempts = 0, next_at_ms = :now_ms, changed_at_ms = :now_ms
WHERE target = :target AND event_no = :event_no
"""
_LEAVE_OUT = """
UPDATE delivery SET state = 'left-out', changed_at_ms = :now_ms, last_error =
    substr('the period was reopened: ' || (
        SELECT why FROM event JOIN withdrawal USING (closing_no)
        WHERE event.event_no = :event_no), 1, CAST(:most AS INTEGER))
WHERE target = :target AND event_no = :event_no
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

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing of what is done inside."""
        return self._database.transaction()

    def due(self, target: str, now_ms: int) -> list[DueEvent]:
        rows = self._database.connection.execute(
            _DUE,
            {
                "target": target,
                "now_ms": now_ms,
                "most": DUE_MAX,
                "withdrawn": withdrawal_id(""),
            },
        )
        return [DueEvent(*row) for row in rows]

    def record(self, target: str, attempts: Sequence[Attempt], now_ms: int) -> None:
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
        told = [attempt.event_no for attempt in attempts]
        with self._database.transaction() as connection, counting(connection, told):
            connection.executemany(_RECORD, rows)

    def retry(
        self, event_id: str | None, now_ms: int, state: State = State.REFUSED
    ) -> list[Delivery]:
        """Put refused (or left out) deliveries, of one event or all, back into the queue.

        What was withdrawn stays where it is.
        """
        return self._move(_RETRY, self._asked(event_id, state, is_withdrawn=False), now_ms)

    def leave_out_withdrawn(self, event_id: str | None, now_ms: int) -> list[Delivery]:
        """Mark what was refused and then withdrawn, of one event or all, as left out, and why."""
        asked = self._asked(event_id, State.REFUSED, is_withdrawn=True)
        return self._move(_LEAVE_OUT, asked, now_ms)

    def is_withdrawn(self, event_id: str) -> bool:
        """Whether a record was taken back by another event."""
        found = self._database.connection.execute(
            "SELECT 1 FROM event WHERE event_id = ?", (withdrawal_id(event_id),)
        )
        return found.fetchone() is not None

    def _asked(
        self, event_id: str | None, state: State, *, is_withdrawn: bool
    ) -> dict[str, str | int | None]:
        return {
            "id": event_id,
            "state": state,
            "withdrawn": withdrawal_id(""),
            "is_withdrawn": int(is_withdrawn),
        }

    def _move(
        self, statement: str, asked: dict[str, str | int | None], now_ms: int
    ) -> list[Delivery]:
        """Change the deliveries asked for by `statement`; as they were before."""
        with self._database.transaction() as connection:
            found = connection.execute(_NAMED, asked).fetchall()
            rows = [
                {"event_no": row[0], "target": row[1], "now_ms": now_ms, "most": ERROR_CHARS_MAX}
                for row in found
            ]
            with counting(connection, [row[0] for row in found]):
                connection.executemany(statement, rows)
        state = State(str(asked["state"]))
        return [Delivery(target, event_id, state, *rest) for _, target, event_id, *rest in found]

    def deliveries(self, state: State | None = None) -> Iterator[Delivery]:
        """What the outbox holds, oldest first."""
        rows = self._database.connection.execute(
            "SELECT target, event_id, state, attempts, next_at_ms, last_error"
            " FROM delivery JOIN event USING (event_no)"
            " WHERE CAST(:state AS TEXT) IS NULL OR state = :state ORDER BY event_no, target",
            {"state": state},
        )
        for target, event_id, found, *rest in rows:
            yield Delivery(target, event_id, State(found), *rest)


@contextmanager
def counting(connection: Connection, events: Sequence[int]) -> Iterator[None]:
    """Count how many of `events` become complete by what is done inside."""
    told = json.dumps(sorted(set(events)))
    (before,) = connection.execute(_COMPLETE, (told,)).fetchone()
    yield
    (after,) = connection.execute(_COMPLETE, (told,)).fetchone()
    count(connection, HANDED_OVER, after - before)
