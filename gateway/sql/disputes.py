"""Disputes in the ledger."""

import json
import re
from collections import defaultdict
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.resident.dispute import Dispute, Doubtful, Kind, State, Step, Whose
from gateway.review import reference
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Connection, Database
from gateway.sql.photos import asked_of
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))
_CLAIM = re.compile(r"claim-([0-9]{1,12})")


class SqlDisputeStore:
    """A `DisputeStore` over one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.disputes = SqlDisputes(database.connection)
        self.audit = SqlAudit(database.connection)

    def transaction(self) -> AbstractContextManager[Connection]:
        """All or nothing."""
        return self._database.transaction()


class SqlDisputes:
    """A `DisputePort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def whose(self, account_no: int) -> Whose | None:
        row = self._sql.execute(_SQL["whose"], (account_no,)).fetchone()
        return None if row is None else Whose(*row)

    def knows(self, account_no: int, kind: Kind, subject: str) -> bool:
        asked: dict[str, object] = {"account": account_no, "subject": subject}
        if kind is Kind.LINE:
            return self._has("knows-line", asked)
        if kind is Kind.READING:
            return self._knows_reading(asked, subject)
        return not subject or (kind is Kind.WRONG_METER and self._has("knows-meter", asked))

    def _knows_reading(self, asked: dict[str, object], subject: str) -> bool:
        """An act, a meter, a claim (``claim-17``) or a reading by its name."""
        if match := _CLAIM.fullmatch(subject):
            return self._has("knows-claim", asked | {"claim": int(match[1])})
        if self._has("knows-act", asked) or self._has("knows-meter", asked):
            return True
        try:
            meter, register, at_ms, *_ = reference.parse(subject)
        except ValueError:
            return False
        reading = {"meter": meter, "register": register, "at_ms": at_ms}
        return self._has("knows-reading", asked | reading)

    def counts(self, account_no: int, since_ms: int) -> tuple[int, int]:
        asked = {"account": account_no, "since": since_ms}
        opened, recent = self._sql.execute(_SQL["counts"], asked).fetchone()
        return int(opened), int(recent)

    def add(self, dispute: Dispute, audit_no: int) -> None:
        self._sql.execute(
            _SQL["add"],
            (
                *(dispute.number, dispute.account_no, dispute.kind, dispute.subject),
                *(dispute.said, dispute.opened_at_ms, dispute.due_at_ms),
            ),
        )
        self.step(dispute.number, dispute.steps[0], audit_no)

    def step(self, number: str, step: Step, audit_no: int) -> None:
        self._sql.execute(_SQL["step"], (*step, audit_no, number))

    def by_number(self, number: str) -> Dispute | None:
        return next(iter(self._found("by-number", (number,))), None)

    def of_account(self, account_no: int, limit: int) -> list[Dispute]:
        return self._found("of-account", (account_no, limit))

    def waiting(self, house: str | None, limit: int) -> list[Dispute]:
        return self._found("waiting", {"house": house, "most": limit})

    def against_advice(self, house: str, limit: int) -> list[Doubtful]:
        rows = self._sql.execute(_SQL["against-advice"], (house, limit))
        return [
            Doubtful._make(
                (*row[:5], _value(*row[5:8]), *row[8:10], asked_of(row[10]), bool(row[11]))
            )
            for row in rows
        ]

    def photo_of(self, number: str) -> tuple[str, bytes] | None:
        """The file of the photo of an act and its SHA-256, while it is kept."""
        row = self._sql.execute(_SQL["photo-of"], (number,)).fetchone()
        return None if row is None else (str(row[0]), bytes(row[1]))

    def _has(self, statement: str, asked: dict[str, object]) -> bool:
        return self._sql.execute(_SQL[statement], asked).fetchone() is not None

    def _found(self, statement: str, asked: Any) -> list[Dispute]:
        rows = self._sql.execute(_SQL[statement], asked).fetchall()
        steps: dict[int, list[Step]] = defaultdict(list)
        numbers = json.dumps([row[0] for row in rows])
        for dispute_no, state, *rest in self._sql.execute(_SQL["steps"], (numbers,)):
            steps[dispute_no].append(Step(State(state), *rest))
        return [
            Dispute._make((*row[1:6], Kind(row[6]), *row[7:], tuple(steps[row[0]]))) for row in rows
        ]


def _value(mantissa: int, exponent: int, step: int) -> Decimal:
    """With as many digits as were given: the step is a power of ten."""
    return Decimal(mantissa // step).scaleb(exponent + len(str(step)) - 1)
