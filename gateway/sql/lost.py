"""Batches the ledger does not have though later ones of their device came: what a restore lost.

An edge forgets a batch once a signed receipt has named it. If the ledger is then put back from an
older backup, the next batch comes with a number far above the newest one stored. The receipt asks
for the gap; what the spool still has comes again, the rest is named here, for `command resend`.
"""

from typing import NamedTuple

from gateway.sql.engine import Connection

_GAPS = """
SELECT device.name, first_missing, last_missing,
       (SELECT max(received_at_ms) FROM batch
        WHERE batch.device_no = gap.device_no AND sequence < first_missing)
FROM (SELECT device_no, first - 1 AS last_missing,
             coalesce(lag(last) OVER (PARTITION BY device_no ORDER BY first), 0) + 1
                 AS first_missing
      FROM chain_range) AS gap
JOIN device USING (device_no)
WHERE first_missing <= last_missing
ORDER BY device.name, first_missing
"""


class Lost(NamedTuple):
    """A gap in a device's chain; `since_ms`: when the batch before it was taken."""

    device: str
    first: int
    last: int
    since_ms: int | None

    @property
    def said(self) -> str:
        """The gap as an operator reads it."""
        return (
            f"batches {self.first} to {self.last} are asked for and not here; where the ledger was"
            " put back from a backup the device has let go of them: plomba-gateway command resend"
            f" {self.device} {self.first} {self.last} (see docs/audit.md)"
        )


def lost_batches(connection: Connection) -> list[Lost]:
    """The gaps of all chains, by device."""
    return [Lost(*row) for row in connection.execute(_GAPS)]
