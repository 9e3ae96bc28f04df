"""Where a line comes from, asked of the ledger."""

from decimal import Decimal

from gateway.claims.list import ClaimRow
from gateway.claims.ports import CLAIM_COPIES
from gateway.closing_records import ClosingLine
from gateway.evidence import Inspection, StoredReading, Verdict
from gateway.sql import withdrawing
from gateway.sql.billing import BillingLedger
from gateway.sql.claims import SqlClaims
from gateway.sql.engine import Database
from gateway.withdrawn import Withdrawal

_READING = """
SELECT meter.serial, register.obis, reading.mantissa, register.exponent, reading.captured_at_ms,
       reading.state, reading.position, device.name, batch.sequence, batch.received_at_ms,
       batch.rules_version, device_key.public_key, batch.message,
       reading.register_no, reading.copy
FROM written_line AS line
JOIN reading ON reading.register_no = closing_register_no
    AND reading.captured_at_ms = closing_at_ms AND reading.copy = closing_copy
JOIN register ON register.register_no = reading.register_no
JOIN meter ON meter.meter_no = register.meter_no
JOIN batch ON batch.batch_no = reading.batch_no
JOIN device ON device.device_no = batch.device_no
JOIN device_key ON device_key.key_id = batch.key_id
WHERE line_id = ?
"""

_VERDICTS = """
SELECT rule, severity, quality, detail, rules_version FROM verdict
WHERE register_no = ? AND captured_at_ms = ? AND copy = ? ORDER BY verdict_no
"""

_INSPECTION = """
SELECT decision_no, actor, decision.at_ms, why, document, hex(document_sha256)
FROM written_line
JOIN decision ON register_no = closing_register_no
    AND read_at_ms = closing_at_ms AND read_copy = closing_copy
WHERE line_id = ?
"""

_CLAIM = "SELECT closing_copy FROM written_line WHERE line_id = ? AND closing_copy >= ?"

_BEFORE = """
SELECT before.line_id FROM written_line AS line
JOIN written_closing AS closing USING (closing_no)
JOIN written_line AS before USING (point_no, obis, unit)
JOIN written_closing AS closed ON closed.closing_no = before.closing_no
WHERE line.line_id = ? AND before.line_no < line.line_no AND closed.period < closing.period
ORDER BY before.line_no DESC LIMIT 1
"""


class TraceLedger:
    """An `EvidenceStore` over the embedded ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines = BillingLedger(database)

    def line(self, line_id: str) -> ClosingLine | None:
        """The line of that id."""
        return self._lines.line(line_id)

    def opening_line(self, line_id: str) -> str | None:
        """The id of the line before, whose closing is this line's opening."""
        row = self._database.connection.execute(_BEFORE, (line_id,)).fetchone()
        return None if row is None else str(row[0])

    def closing_reading(self, line_id: str) -> StoredReading | None:
        """The signed reading that closes a line."""
        row = self._database.connection.execute(_READING, (line_id,)).fetchone()
        if row is None:
            return None
        found = self._database.connection.execute(_VERDICTS, (row[13], row[4], row[14]))
        verdicts = tuple(Verdict(*one) for one in found)
        value = Decimal(row[2]).scaleb(row[3])
        return StoredReading._make((*row[:2], value, *row[4:13], verdicts))

    def withdrawal(self, line_id: str) -> Withdrawal | None:
        """Who took back the closing of a line; None for a line that stands."""
        return withdrawing.withdrawal(self._database.connection, line_id)

    def claim(self, line_id: str) -> ClaimRow | None:
        """The claim that closes a line, where one does."""
        row = self._database.connection.execute(_CLAIM, (line_id, CLAIM_COPIES)).fetchone()
        return row and SqlClaims(self._database.connection).claim(row[0] - CLAIM_COPIES)

    def inspection(self, line_id: str) -> Inspection | None:
        """The decision behind a line that a person's reading closes."""
        row = self._database.connection.execute(_INSPECTION, (line_id,)).fetchone()
        return None if row is None else Inspection._make((*row[:5], row[5].lower() or None))
