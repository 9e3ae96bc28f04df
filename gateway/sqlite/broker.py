"""Who may speak at the broker, from the SQLite ledger."""

import sqlite3


class SpeakersLedger:
    """A `SpeakersPort` on one SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def speaking(self) -> list[str]:
        rows = self._sql.execute("SELECT device FROM speaking_device ORDER BY device")
        return [name for (name,) in rows]
