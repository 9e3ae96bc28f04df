"""Who may speak at the broker, from the ledger."""

from gateway.sql.engine import Connection


class SpeakersLedger:
    """A `SpeakersPort` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def speaking(self) -> list[str]:
        rows = self._sql.execute("SELECT device FROM speaking_device ORDER BY device")
        return [name for (name,) in rows]
