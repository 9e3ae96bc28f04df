"""Migrations: the schema is brought to the newest version when the ledger is opened.

alembic keeps the order and the version; what a revision does stands in the .sql file of its
name. All pending revisions are one transaction, so a crash leaves the old schema, never half a
new one. alembic is loaded only where there is something to migrate.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from gateway.store import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"


def head() -> str:
    """The newest revision this program knows."""
    return _revisions()[-1]


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring `connection` to `head()`; StoreError for a ledger of a newer program."""
    current = version(connection)
    if current == head():
        return
    if current is not None and current not in _revisions():
        raise StoreError(
            f"the ledger {path} has schema {current}, this program knows up to {head()}: "
            "update plomba-gateway"
        )
    _upgrade(connection)


def version(connection: sqlite3.Connection) -> str | None:
    """The revision of an open ledger, None for an empty file; StoreError if it is not one."""
    try:
        known = connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
        ).fetchone()
        if known is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"not a ledger: {error}") from error
    return None if row is None else str(row[0])


def statements(script: str) -> Iterator[str]:
    """The single statements of a .sql file."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""


def _revisions() -> list[str]:
    return sorted(file.stem.split("_")[0] for file in (MIGRATIONS / "versions").glob("*.sql"))


def _upgrade(connection: sqlite3.Connection) -> None:
    from alembic import command  # noqa: PLC0415 - half a second that an up-to-date start saves
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine, event  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # Our connection commits by itself; the one transaction around all revisions is asked for.
    event.listen(engine, "begin", lambda wrapped: wrapped.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as wrapped:
        config.attributes["connection"] = wrapped
        command.upgrade(config, "head")
