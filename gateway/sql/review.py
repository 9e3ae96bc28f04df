"""Decisions of people in the ledger: carrying them out (`SqlReview`), looking at them (`Queue`)."""

from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from drivers.reading import Resource, Unit
from gateway.audit import Entry
from gateway.claims.list import ClaimRow
from gateway.claims.ports import CLAIM_COPIES
from gateway.evidence import StoredReading, Verdict
from gateway.model import Flag, Level, State
from gateway.review.queue import Decided, Near, Refusal, Story, Task, Waiting
from gateway.review.reference import Reference
from gateway.review.words import (
    Decision,
    Kind,
    Neighbours,
    Order,
    Proposal,
    Read,
    Stood,
    Subject,
)
from gateway.rules.subject import Dial
from gateway.sql.audit import SqlAudit
from gateway.sql.claims import SqlClaims
from gateway.sql.engine import Connection, Cursor, Database
from gateway.sql.statements import named
from gateway.sql.store import ledger_of

_SQL = named(Path(__file__).with_suffix(".sql"))
# A reading's story tells what people said of its register within a month, the newest few of it.
_CLAIMS_MS = 31 * 24 * 3_600_000
_CLAIMS_MAX = 20


class SqlReviewStore:
    """`ReviewStore` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ledger = ledger_of(database)
        self.review = SqlReview(database.connection)
        self.audit = SqlAudit(database.connection)

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing."""
        return self._database.transaction()


class SqlReview:
    """`ReviewPort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def subject(self, reference: Reference) -> Subject | None:
        row = self._sql.execute(_SQL["subject"], reference._asdict()).fetchone()
        return None if row is None else _subject(reference, *row)

    def evidence(self, subject: Subject) -> StoredReading | None:
        row = self._sql.execute(_SQL["evidence"], _place(subject)).fetchone()
        if row is None:
            return None
        verdicts = tuple(Verdict(*one) for one in self._verdicts(subject))
        return StoredReading._make((*row[:2], _exact(*row[2:4]), *row[4:], verdicts))

    def neighbours(self, register_no: int, at_ms: int) -> Neighbours:
        before, here, after = (
            tuple(Stood(*row) for row in self._sql.execute(_SQL[name], (register_no, at_ms)))
            for name in ("before", "here", "after")
        )
        return Neighbours(before[0] if before else None, here, after[0] if after else None)

    def suspects(self, subject: Subject, through_ms: int, limit: int) -> list[Reference]:
        rows = self._sql.execute(
            "SELECT captured_at_ms, copy FROM reading WHERE register_no = ?"
            " AND captured_at_ms > ? AND captured_at_ms <= ? AND state = 1"
            " ORDER BY captured_at_ms, copy LIMIT ?",
            (subject.register_no, subject.at_ms, through_ms, limit),
        )
        return [subject.reference._replace(at_ms=at_ms, copy=copy) for at_ms, copy in rows]

    def copies(self, register_no: int, at_ms: int) -> int:
        row = self._sql.execute(
            "SELECT count(*) FROM automatic_reading WHERE register_no = ? AND captured_at_ms = ?",
            (register_no, at_ms),
        ).fetchone()
        return int(row[0])

    def closed_with(self, register_no: int, at_ms: int) -> str | None:
        row = self._sql.execute(_SQL["closed-with"], (register_no, at_ms)).fetchone()
        return None if row is None else str(row[0])

    def set_state(self, subject: Subject, state: State) -> None:
        self._sql.execute(
            "UPDATE reading SET state = ?, flags = 0"
            " WHERE register_no = ? AND captured_at_ms = ? AND copy = ?",
            (int(state), *_place(subject)),
        )

    def set_flags(self, register_no: int, at_ms: int, copy: int, flags: Flag) -> None:
        self._sql.execute(
            "UPDATE reading SET flags = ?"
            " WHERE register_no = ? AND captured_at_ms = ? AND copy = ?",
            (int(flags), register_no, at_ms, copy),
        )

    def write(self, decision: Decision) -> int:
        order, read = decision.order, decision.order.read
        (number,) = self._sql.execute(
            _SQL["write"],
            (
                *(*_place(decision.subject), order.act, "done" if decision.done else "proposed"),
                *(order.actor, order.why, decision.at_ms, decision.confirms),
                *(int(decision.subject.state), int(decision.state_after), decision.effect),
                *(read and read.at_ms, decision.read_copy, decision.read_mantissa),
                *(read and read.document, read and read.sha256, order.through_ms),
                decision.audit_no,
            ),
        ).fetchone()
        return int(number)

    def proposal(self, number: int) -> Proposal | None:
        row = self._sql.execute(_SQL["proposal"], (number,)).fetchone()
        if row is None:
            return None
        act, reference, (actor, why) = Kind(row[0]), Reference(*row[1:6]), row[6:8]
        read = None if row[8] is None else Read(_exact(*row[8:10]), *row[10:13])
        return Proposal(Order(act, reference, actor, "", why, read, row[13]), row[14])

    def changed(self) -> None:
        self._sql.execute("UPDATE registry_revision SET revision = revision + 1")

    def _verdicts(self, subject: Subject) -> Cursor:
        return self._sql.execute(_SQL["verdicts"], _place(subject))


class SqlQueue:
    """`Queue` on one connection; it only looks."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection
        self._review = SqlReview(connection)
        self._listed = SqlClaims(connection)

    def waiting(self, house: str | None, limit: int, *, warned: bool = False) -> list[Waiting]:
        severity, state = ("W", State.ACCEPTED) if warned else ("E", State.SUSPECT)
        asked = {"severity": severity, "state": int(state), "house": house, "most": limit}
        return [self._waiting(row) for row in self._sql.execute(_SQL["waiting"], asked).fetchall()]

    def tasks(self, house: str | None, limit: int) -> list[Task]:
        rows = self._sql.execute(_SQL["tasks"], {"house": house, "most": limit})
        return [
            Task._make((*row[:2], bool(row[2]), str(Reference(*row[3:8])), *row[8:]))
            for row in rows
        ]

    def story(self, reference: Reference) -> Story | None:
        subject = self._review.subject(reference)
        if subject is None:
            return None
        place, exponent = _place(subject), int(subject.value.as_tuple().exponent)
        before, after = self._around(subject.register_no, subject.at_ms, exponent)
        return Story(
            subject=subject,
            verdicts=tuple(Verdict(*row) for row in self._sql.execute(_SQL["verdicts"], place)),
            before=before,
            after=after,
            decisions=tuple(_decided(row) for row in self._sql.execute(_SQL["decisions"], place)),
            stored=self._review.evidence(subject),
            line=self._review.closed_with(subject.register_no, subject.at_ms),
            claims=self._claims(subject),
        )

    def claim(self, number: int) -> ClaimRow | None:
        return self._listed.claim(number)

    def _claims(self, subject: Subject) -> tuple[ClaimRow, ...]:
        """What was said of the register about that time, the reading's own claim first."""
        near = (subject.at_ms - _CLAIMS_MS, subject.at_ms + _CLAIMS_MS)
        found = self._listed.claims(None, *near, _CLAIMS_MAX, subject.register_no)
        own = subject.reference.copy - CLAIM_COPIES
        return tuple(sorted(found, key=lambda one: one.number != own))

    def refusals(self, house: str | None, limit: int) -> list[Refusal]:
        rows = self._sql.execute(_SQL["refusals"], {"house": house, "most": limit})
        return [Refusal(*row) for row in rows]

    def log(self, limit: int) -> list[Entry]:
        return SqlAudit(self._sql).newest(limit, ("review ", "outbox retry"))

    def disagreements(self) -> list[str]:
        return [str(row[0]) for row in self._sql.execute(_SQL["disagreements"])]

    def _waiting(self, row: tuple[Any, ...]) -> Waiting:
        reference = Reference(*row[:5])
        place = (row[14], reference.at_ms, reference.copy)
        before, after = self._around(row[14], reference.at_ms, row[11])
        return Waiting._make(
            (
                *(str(reference), *row[5:9], reference.meter, reference.register, row[9]),
                *(_exact(*row[10:12]), reference.at_ms, *row[12:14]),
                tuple(Verdict(*one) for one in self._sql.execute(_SQL["verdicts"], place)),
                *(before, after),
                tuple(one[0] for one in self._sql.execute(_SQL["open"], place)),
            )
        )

    def _around(
        self, register_no: int, at_ms: int, exponent: int
    ) -> tuple[Near | None, Near | None]:
        around = self._review.neighbours(register_no, at_ms)
        return _near(around.before, exponent), _near(around.after, exponent)


def _subject(reference: Reference, *row: Any) -> Subject:
    register_no, unit, mantissa, exponent, state, registered, digits, rate, resource = row[:9]
    installed_ms, removed_ms, initial = row[9:]
    known = Resource(resource) if resource else None
    dial = Dial(Unit(unit), exponent, digits, rate, known) if registered else None
    return Subject(
        reference, register_no, unit, _exact(mantissa, exponent), mantissa, State(state), dial,
        installed_ms, removed_ms, None if initial is None else Level(installed_ms, initial),
    )  # fmt: skip


def _decided(row: tuple[Any, ...]) -> Decided:
    before, after, effect, read, exponent = row[7:12]
    return Decided._make(
        (
            *(*row[:7], State(before).name.lower(), State(after).name.lower()),
            *(None if one is None else _exact(one, exponent) for one in (effect, read)),
            *(*row[12:14], row[14].lower() or None),
        )
    )


def _near(stood: Stood | None, exponent: int) -> Near | None:
    return None if stood is None else Near(stood.at_ms, _exact(stood.mantissa, exponent))


def _place(subject: Subject) -> tuple[int, int, int]:
    return subject.register_no, subject.at_ms, subject.reference.copy


def _exact(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)
