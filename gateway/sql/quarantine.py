"""The quarantine in the ledger: refused messages with their bytes, bounded per reason.

The bounds are per reason, so that a flood of one kind never washes away the evidence of another.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from gateway.sql.engine import Connection
from gateway.store import QuarantineRow, RefusedTopic

# Enough to see a pattern in an attack or a broken device, and at most 16 MiB for each of twelve
# reasons (of oversized messages 4 MiB): whatever is thrown at it, the quarantine stays below
# 200 MiB.
ROWS_MAX = 1000
BYTES_MAX = 16 * 1024 * 1024

_TRIM = """
DELETE FROM quarantine WHERE reason = :reason AND quarantine_no <= (
    SELECT quarantine_no FROM (
        SELECT quarantine_no,
            row_number() OVER newest_first AS position,
            sum(kept) OVER newest_first AS bytes
        FROM quarantine WHERE reason = :reason
        WINDOW newest_first AS (ORDER BY quarantine_no DESC)
    ) AS held
    WHERE position > :rows OR bytes > :bytes
    ORDER BY quarantine_no DESC LIMIT 1
)
"""

_COUNT = """
INSERT INTO quarantine_count VALUES (?, ?, ?)
ON CONFLICT (reason) DO UPDATE
SET refused = quarantine_count.refused + excluded.refused,
    dropped = quarantine_count.dropped + excluded.dropped
"""


class SqlQuarantine:
    """`QuarantinePort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def add(self, rows: Sequence[QuarantineRow]) -> None:
        self._sql.executemany(
            "INSERT INTO quarantine (reason, received_at_ms, topic, detail, size, sha256, kept, "
            "evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*row[:6], len(row.evidence), row.evidence) for row in rows],
        )
        for reason, refused in sorted(Counter(row.reason for row in rows).items()):
            bounds = {"reason": reason, "rows": ROWS_MAX, "bytes": BYTES_MAX}
            dropped = self._sql.execute(_TRIM, bounds).rowcount
            self._sql.execute(_COUNT, (reason, refused, dropped))

    def add_unkept(self, reason: str, count: int) -> None:
        self._sql.execute(_COUNT, (reason, count, count))

    def counts(self) -> dict[str, tuple[int, int]]:
        rows = self._sql.execute(
            "SELECT reason, refused, dropped FROM quarantine_count ORDER BY reason"
        )
        return {reason: (refused, dropped) for reason, refused, dropped in rows}

    def kept(self, reason: str | None = None) -> Iterator[QuarantineRow]:
        rows = self._sql.execute(
            "SELECT reason, received_at_ms, topic, detail, size, sha256, evidence "
            "FROM quarantine WHERE CAST(?1 AS TEXT) IS NULL OR reason = ?1 "
            "ORDER BY quarantine_no DESC",
            (reason,),
        )
        return (QuarantineRow(*row) for row in rows)

    def topics(self, limit: int) -> list[RefusedTopic]:
        """Who was refused for what, of what is kept, the last one first."""
        rows = self._sql.execute(
            "SELECT reason, topic, max(received_at_ms) AS last_at_ms, count(*) FROM quarantine "
            "GROUP BY reason, topic ORDER BY last_at_ms DESC, reason, topic LIMIT ?",
            (limit,),
        )
        return [RefusedTopic(*row) for row in rows]
