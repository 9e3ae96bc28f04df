"""The journal of the exchange with ГИС ЖКХ in the ledger."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gateway.config import GIS_TARGET
from gateway.gis.journal import Due, Given, Value
from gateway.gis.model import Accepted, Message, Prepared, Result, Stage
from gateway.handoff.target import Answer, Attempt
from gateway.sql.book import SqlBook
from gateway.sql.closed import ClosedLedger
from gateway.sql.engine import Connection, Database
from gateway.sql.outbox import OutboxLedger
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))


class GisLedger:
    """A `Journal` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outbox = OutboxLedger(database)

    def due(self, now_ms: int, period: str | None, house: str | None) -> Due | None:
        asked = {"target": GIS_TARGET, "now_ms": now_ms, "period": period, "house": house}
        sql = self._database.connection
        row = sql.execute(_SQL["due-closing"], asked).fetchone()
        if row is None:
            return None
        closing_no, found, its_house, attempts, withdrawn = row
        events = sql.execute(_SQL["due-events"], asked | {"closing": closing_no}).fetchall()
        return Due(
            period=found,
            events=dict(events),
            lines=() if withdrawn else tuple(ClosedLedger(self._database).closed(found, its_house)),
            numbers=dict(sql.execute(_SQL["events"], (closing_no,)).fetchall()),
            devices=SqlBook(self._database).gis_devices(),
            withdrawn=withdrawn,
            attempts=attempts,
        )

    def tries(self, line_id: str) -> int:
        (count,) = self._database.connection.execute(_SQL["tries"], (line_id,)).fetchone()
        return int(count)

    def prepare(self, requests: Sequence[Prepared], given: Sequence[Given], now_ms: int) -> bool:
        guids = json.dumps([value.transport_guid for one in requests for value in one.values])
        with self._database.transaction() as connection:
            if connection.execute(_SQL["known"], (guids,)).fetchone() is not None:
                return False
            for one in requests:
                _write(connection, one, now_ms)
            self._outbox.record(GIS_TARGET, [Attempt(*one) for one in given], now_ms)
        return True

    def open(self, now_ms: int | None) -> list[Message]:
        rows = self._database.connection.execute(_SQL["open"], {"now_ms": now_ms})
        return _messages(rows)

    def taken(self, message: Message, gis_guid: str, next_at_ms: int, now_ms: int) -> None:
        row = (gis_guid, next_at_ms, now_ms, message.message_no)
        with self._database.transaction() as connection:
            if not connection.execute(_SQL["taken"], row).rowcount:
                return
            said = f"ГИС ЖКХ has taken request {message.message_guid}; its result is awaited"
            self._tell(connection, message, said, next_at_ms, now_ms)

    def again(self, message: Message, error: str, next_at_ms: int, now_ms: int) -> None:
        row = (error, next_at_ms, now_ms, message.message_no, message.stage)
        with self._database.transaction() as connection:
            if not connection.execute(_SQL["again"], row).rowcount:
                return
            self._tell(connection, message, error, next_at_ms, now_ms)

    def settle(
        self,
        message: Message,
        stage: Stage,
        results: Sequence[Result],
        answers: Mapping[str, Answer],
        now_ms: int,
    ) -> None:
        with self._database.transaction() as connection:
            row = (stage, now_ms, message.message_no, message.stage)
            if not connection.execute(_SQL["settle-message"], row).rowcount:
                return
            attempts = []
            for one in results:
                connection.execute(_SQL["settle-value"], _row(message, one))
                lines = connection.execute(_SQL["lines-of-value"], (one.transport_guid,))
                attempts += [Attempt(no, answers[one.transport_guid], now_ms) for (no,) in lines]
            self._outbox.record(GIS_TARGET, attempts, now_ms)

    def values(self, message_no: int) -> list[Value]:
        rows = self._database.connection.execute(_SQL["values"], (message_no,))
        return [Value._make((*row[:3], tuple(json.loads(row[3])), *row[4:])) for row in rows]

    def messages(self, limit: int) -> list[Message]:
        rows = self._database.connection.execute(_SQL["messages"], (limit,))
        return _messages((*row[:4], b"", *row[4:]) for row in rows)

    def _tell(
        self,
        connection: Connection,
        message: Message,
        said: str,
        next_at_ms: int,
        now_ms: int,
    ) -> None:
        """The lines of a request show what it waits for."""
        told = {"target": GIS_TARGET, "message": message.message_no, "error": said}
        connection.execute(_SQL["told"], told | {"next_at_ms": next_at_ms, "now_ms": now_ms})


def _write(connection: Connection, request: Prepared, now_ms: int) -> None:
    row = (request.message_guid, request.period, request.body, now_ms)
    (number,) = connection.execute(_SQL["add-message"], row).fetchone()
    for value in request.values:
        connection.execute(_SQL["add-value"], (value.transport_guid, number, value.meter))
        connection.executemany(
            _SQL["add-value-line"], [(event, value.transport_guid) for event in value.events]
        )


def _messages(rows: Iterable[Sequence[object]]) -> list[Message]:
    return [Message._make((*row[:3], Stage(str(row[3])), *row[4:])) for row in rows]


def _row(message: Message, result: Result) -> dict[str, object]:
    blank = {"guid": "", "unique_number": "", "updated_at": "", "code": "", "words": ""}
    state = "accepted" if isinstance(result, Accepted) else "refused"
    return blank | result._asdict() | {"state": state, "message": message.message_no}
