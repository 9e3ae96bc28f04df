"""Months as tables: made ahead, taken out when they are old, counted.

Taking out needs a moment in which nobody holds the table; if that does not come within the lock's
time it is said, and that month and the later ones stay. A month taken out stands beside its table
under its name, with its keys, until it is archived; a late reading of it attaches it again
(partition_ensure).
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from gateway.postgres import months as calendar
from gateway.postgres.errors import one_line
from gateway.postgres.months import FAMILIES
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.sql.keeping import Month
from gateway.store import StoreError

# A bill can be disputed for three years, and what it was made of must be at hand as long.
KEPT_MONTHS = 36

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")

_PARTS = """
SELECT c.relname, greatest(CAST(c.reltuples AS BIGINT), 0), pg_total_relation_size(c.oid),
    c.relispartition
FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = CAST('public' AS REGNAMESPACE)
    AND c.relname ~ '^(reading|batch_message)_([0-9]{4}_[0-9]{2}|early|far)$'
ORDER BY c.relname
"""


def ahead(server: Server, now_ms: int, count: int) -> int:
    """Have this month and the `count` next ones ready; how many were made."""
    this = calendar.start_of(now_ms)
    wanted = [calendar.after(this, number) for number in range(count + 1)]
    made = 0
    with _session(server) as session, session.transaction():
        for family in FAMILIES:
            row = session.execute("SELECT partition_ensure(%s, %s::BIGINT[])", (family, wanted))
            made += row.fetchall()[0][0]
    return made


def detach(server: Server, before: str, now_ms: int) -> Iterator[str]:
    """Take the months before YYYY-MM out of their tables, one by one; the names that went."""
    if _MONTH.fullmatch(before) is None:
        raise StoreError(f"{before} is no month: expected YYYY-MM")
    if before > (latest := months_ago(now_ms, KEPT_MONTHS)):
        raise StoreError(
            f"the last {KEPT_MONTHS} months stay, for as long can a bill be disputed: expected"
            f" {latest} or an earlier month, got {before}"
        )
    limit = int(datetime.fromisoformat(f"{before}-01").replace(tzinfo=UTC).timestamp()) * 1000
    with _session(server) as session:
        for month in _found(session):
            start = calendar.month_of(month.name)
            if month.attached and start is not None and start < limit:
                _detach(session, month.name)
                yield month.name


def months_ago(now_ms: int, count: int) -> str:
    """The month `count` months before this one, as YYYY-MM."""
    month = calendar.after(calendar.start_of(now_ms), -count)
    return f"{datetime.fromtimestamp(month // 1000, UTC):%Y-%m}"


def months(server: Server) -> list[Month]:
    """The months there are, attached or not, and what lies before and after all months."""
    with _session(server) as session:
        return _found(session)


def _found(session: psycopg.Connection[Any]) -> list[Month]:
    rows = session.execute(_PARTS).fetchall()
    return [Month(name, rows, size, bool(attached)) for name, rows, size, attached in rows]


def _detach(session: psycopg.Connection[Any], name: str) -> None:
    family = next(one for one in FAMILIES if name.startswith(f"{one}_"))
    statement = SQL("ALTER TABLE {} DETACH PARTITION {}")
    try:
        session.execute(statement.format(Identifier(family), Identifier(name)))
    except psycopg.errors.LockNotAvailable as error:
        said = f"{name} is in use all the time and stays attached: try again when less is going on"
        raise StoreError(said) from error


@contextmanager
def _session(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection for keeping; what the server says becomes a StoreError in one line."""
    with closing(open_session(server, Purpose.KEEP)) as session:
        try:
            yield session
        except psycopg.Error as error:
            raise StoreError(f"cannot keep {server}: {one_line(error)}") from error
