"""Devices that speak from two places, in the ledger."""

from gateway.clones import Clone, Twice
from gateway.sql.engine import Connection

_NOTE = """
INSERT INTO device_clone VALUES (:device_no, :at_ms, :at_ms, :sequence, coalesce(
    (SELECT boot FROM batch WHERE device_no = :device_no
        AND sequence BETWEEN CAST(:sequence AS BIGINT) - 1 AND CAST(:sequence AS BIGINT) + 1
        ORDER BY abs(sequence - :sequence), sequence LIMIT 1),
    :none), :boot, :times)
ON CONFLICT (device_no) DO UPDATE
SET last_at_ms = max(device_clone.last_at_ms, excluded.last_at_ms),
    times = device_clone.times + excluded.times
RETURNING times
"""
_CLONE = """
SELECT name, first_at_ms, last_at_ms, sequence, stored_boot, other_boot, times
FROM device_clone JOIN device USING (device_no) WHERE device_no = ?
"""
_STANDING = """
SELECT name, first_at_ms, last_at_ms, sequence, stored_boot, other_boot, times
FROM device_clone JOIN device USING (device_no)
WHERE device_no NOT IN (SELECT device_no FROM device_revocation) ORDER BY name
"""


class SqlClones:
    """Devices that speak from two places, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def note(self, seen: Twice, times: int, at_ms: int) -> Clone | None:
        values = {**seen._asdict(), "times": times, "at_ms": at_ms, "none": b""}
        if self._sql.execute(_NOTE, values).fetchone()[0] != times:
            return None
        found = self._sql.execute(_CLONE, (seen.device_no,))
        return Clone(*found.fetchone())

    def clones(self) -> list[Clone]:
        return [Clone(*row) for row in self._sql.execute(_STANDING)]
