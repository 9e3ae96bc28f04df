"""What stands behind a bill line, asked of the ledger."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from gateway.claims.ports import CLAIM_COPIES
from gateway.closing_records import ClosingLine
from gateway.correcting import CorrectedLine
from gateway.evidence import Verdict
from gateway.explain.model import At, Handed, Hung, Origin, Page, Past, Told, Withdrawal, Written
from gateway.review.queue import Story
from gateway.review.reference import Reference
from gateway.sql.billing import LINES, closing_lines
from gateway.sql.engine import Connection
from gateway.sql.estimates import EstimateLedger
from gateway.sql.review import SqlQueue
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))
# The same columns of the tables behind the views, where withdrawn lines are as well.
_WRITTEN = LINES.replace("closing_line AS", "written_line AS").replace(
    "closed_period", "written_closing"
)


class ExplainLedger:
    """An `ExplainStore` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection
        self._queue = SqlQueue(connection)
        self._estimates = EstimateLedger(connection)

    def written(self, line_id: str) -> Written | None:
        query = f"{_WRITTEN} WHERE line_id = ?"
        line = next(closing_lines(self._sql, query, line_id), None)
        if line is None:
            return None
        row = self._sql.execute(_SQL["about"], (line_id,)).fetchone()
        opening = At(
            *(row[2], line.opening_meter, row[3], line.opening_value, line.opening_at_ms, row[4])
        )
        closing = At(
            *(row[5], line.closing_meter, row[6], line.closing_value, line.closing_at_ms, row[7])
        )
        withdrawal = None if row[8] is None else Withdrawal(*row[8:11])
        return Written(line, row[0], row[1], opening, closing, withdrawal)

    def hung(self, written: Written) -> list[Hung]:
        return [
            Hung(
                *(row[0], row[1], row[2], _exact(row[3], row[6]), row[4], _value(row[5], row[6])),
                *(Decimal(10).scaleb(row[6] + row[7] - 1), row[8], _value(row[9], row[6])),
            )
            for row in self._sql.execute(_SQL["hung"], (written.line.line_id,))
        ]

    def story(self, reference: Reference) -> Story | None:
        return self._queue.story(reference)

    def told(self, at: At) -> Told | None:
        asked = (at.register_no, at.at_ms, at.copy)
        row = self._sql.execute(_SQL["told"], asked).fetchone()
        if row is not None:
            return Told("inspection", *row)
        row = self._sql.execute(_SQL["claimed"], (_claim(at), at.register_no)).fetchone()
        return None if row is None else Told(*row)

    def findings(self, at: At) -> list[Verdict]:
        rows = self._sql.execute(_SQL["claim-findings"], (_claim(at),))
        return [Verdict(*row) for row in rows]

    def origin(self, at: At) -> Origin:
        for name, origin in (
            ("is-removal", Origin.REMOVAL),
            ("is-installation", Origin.INSTALLATION),
        ):
            if self._sql.execute(_SQL[name], (at.register_no, at.at_ms)).fetchone():
                return origin
        return Origin.DRAWN

    def beside(self, line_id: str) -> tuple[str | None, str | None]:
        before, after = self._sql.execute(_SQL["beside"], (line_id,)).fetchone()
        return before, after

    def correction_of(self, line_id: str) -> CorrectedLine | None:
        return self._estimates.correction_of(line_id)

    def owed(self, line_id: str) -> bool:
        return self._sql.execute(_SQL["owed"], (line_id,)).fetchone() is not None

    def handed(self, line_id: str) -> list[Handed]:
        return [Handed(*row) for row in self._sql.execute(_SQL["handed"], (line_id,))]

    def past(self, line_id: str, limit: int) -> list[Past]:
        return [
            Past(row[0], row[1], _exact(*row[2:4]) + (_value(*row[4:6]) or 0), row[6])
            for row in self._sql.execute(_SQL["past"], (line_id, limit))
        ]

    def of_account(self, account: str, period: str) -> Sequence[str]:
        return [str(row[0]) for row in self._sql.execute(_SQL["of-account"], (account, period))]

    def of_period(self, house: str, period: str, after: str, limit: int) -> Page:
        query = (
            f"{LINES} WHERE house.name = ? AND period = ? AND line_id > ? ORDER BY line_id LIMIT ?"
        )
        found: list[ClosingLine] = list(
            closing_lines(self._sql, query, house, period, after, limit + 1)
        )
        return Page(tuple(found[:limit]), more=len(found) > limit)


def _claim(at: At) -> int | None:
    """The number of the claim a reading comes from, None of any other."""
    return None if at.copy is None else at.copy - CLAIM_COPIES


def _exact(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def _value(mantissa: int | None, exponent: int | None) -> Decimal | None:
    return None if mantissa is None or exponent is None else _exact(mantissa, exponent)
