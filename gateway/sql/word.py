"""Commands to devices, in the ledger."""

from collections.abc import Collection

from gateway.sql.engine import Connection
from gateway.word.model import Ending, Given, NewCommand

_ADD = """
INSERT INTO command (device_no, number, kind, told, issued_at_ms, expires_at_ms, issued_by, message)
SELECT device_no, ?, ?, ?, ?, ?, ?, ? FROM device WHERE name = ?
"""
_WAITING = """
SELECT d.name, c.number, c.expires_at_ms, c.message
FROM command c JOIN device d USING (device_no)
WHERE c.outcome IS NULL AND c.number =
    (SELECT min(o.number) FROM command o WHERE o.device_no = c.device_no AND o.outcome IS NULL)
ORDER BY d.name
"""
_END = """
UPDATE command SET outcome = ?, reason = ?, ended_at_ms = ?, answer = ?
WHERE device_no = (SELECT device_no FROM device WHERE name = ?) AND number = ? AND outcome IS NULL
"""
_GIVEN = """
SELECT d.name, c.number, c.kind, c.told, c.issued_at_ms, c.expires_at_ms, c.issued_by,
    c.outcome, c.reason, c.ended_at_ms, c.answer
FROM command c JOIN device d USING (device_no)
WHERE CAST(?1 AS TEXT) IS NULL OR d.name = ?1 ORDER BY c.command_no DESC LIMIT ?2
"""
_OF_DEVICE = "FROM command JOIN device USING (device_no) WHERE name = ?"


class WordLedger:
    """A `WordPort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def may_speak(self, device: str) -> bool:
        found = self._sql.execute("SELECT 1 FROM speaking_device WHERE device = ?", (device,))
        return found.fetchone() is not None

    def last_number(self, device: str) -> int:
        return self._number(f"SELECT coalesce(max(number), 0) {_OF_DEVICE}", device)

    def waiting_count(self, device: str) -> int:
        return self._number(f"SELECT count(*) {_OF_DEVICE} AND outcome IS NULL", device)

    def add(self, new: NewCommand) -> None:
        device, *columns = new
        self._sql.execute(_ADD, (*columns, device))

    def waiting(self) -> list[tuple[str, int, int, bytes]]:
        return self._sql.execute(_WAITING).fetchall()

    def end(self, endings: Collection[Ending]) -> int:
        ended = 0
        for device, number, *columns in endings:
            ended += self._sql.execute(_END, (*columns, device, number)).rowcount
        return ended

    def given(self, device: str | None, limit: int) -> list[Given]:
        return [Given(*row) for row in self._sql.execute(_GIVEN, (device, limit))]

    def _number(self, query: str, device: str) -> int:
        return int(self._sql.execute(query, (device,)).fetchone()[0])
