"""Seats as advisory locks of a session: the server frees them when the session ends.

The connection is one of its own, so that it lives and dies with nothing but its process. Both
sides notice a machine that went dark: this one first (TCP's user timeout), so a leader has stopped
before its seat is free. Between gateway and server may stand no pool that shares sessions.
"""

from dataclasses import replace
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from gateway.postgres.errors import one_line
from gateway.postgres.locks import LEADER
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.store import StoreError

# As the second key of the lock; far above every seat.
_PRESENT = 1_000_000
# What was sent and not acknowledged for so long: the line is dead.
_DARK_MS = 4_000
# The server asks after so many silent seconds, and again: free after 6 + 3 * 2 s.
_ASKED = (
    "SET tcp_keepalives_idle = 6; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
)
_COUNT = """
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE d.datname = current_database() AND locktype = 'advisory' AND granted
AND classid = %s AND objid = %s AND objsubid = 2
"""


class Seats:
    """A `Table` for this process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        patient = make_conninfo(server.conninfo, tcp_user_timeout=_DARK_MS)
        self._session = open_session(replace(server, conninfo=patient), Purpose.LEAD)
        self._ask(_ASKED)
        self._ask("SELECT pg_advisory_lock_shared(%s::int, %s::int)", LEADER, _PRESENT)

    def take(self, seat: int) -> bool:
        """Sit down, unless another process sits there."""
        return bool(
            self._number("SELECT pg_try_advisory_lock(%s::int, %s::int)::int", LEADER, seat)
        )

    def leave(self, seat: int) -> None:
        """Get up."""
        self._ask("SELECT pg_advisory_unlock(%s::int, %s::int)", LEADER, seat)

    def present(self) -> int:
        """How many processes sit at this table; asking also shows whether the session lives."""
        return self._number(_COUNT, LEADER, _PRESENT)

    def close(self) -> None:
        """Leave all seats."""
        self._session.close()

    def _number(self, statement: str, *parameters: int) -> int:
        row = self._ask(statement, *parameters).fetchone()
        return 0 if row is None else int(row[0])

    def _ask(self, statement: str, *parameters: int) -> psycopg.Cursor[Any]:
        try:
            return self._session.execute(statement, parameters or None)
        except psycopg.Error as error:
            self._session.close()
            raise StoreError(f"the seats at {self._server} are lost: {one_line(error)}") from error
