"""Migrations: the schema is brought to the newest version when the ledger is opened.

As on SQLite, alembic keeps the order and the version and a revision is the .sql files of its name;
all pending revisions are one transaction. Several processes may open a ledger at once: the first
migrates under a lock, the others wait and find it done. Whoever may not change the schema is told
to have it done by its owner.
"""

from pathlib import Path
from typing import Any

import psycopg

from gateway.postgres.errors import one_line
from gateway.postgres.locks import SCHEMA
from gateway.postgres.place import Server
from gateway.postgres.session import Purpose, open_session
from gateway.store import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"


def head() -> str:
    """The newest revision this program knows."""
    return _revisions()[-1]


def migrate(session: psycopg.Connection[Any], server: Server) -> None:
    """Bring the database of `server` to `head()`; StoreError for a ledger of a newer program."""
    current = version(session)
    if current == head():
        return
    if current is not None and current not in _revisions():
        raise StoreError(
            f"the ledger {server} has schema {current}, this program knows up to {head()}: "
            "update plomba-gateway"
        )
    try:
        _upgrade(server)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(
            f"the ledger {server} has schema {current or 'none'} and needs {head()}, which its"
            " user may not make: run plomba-gateway database init as the owner"
            f" ({one_line(error)})"
        ) from error
    except psycopg.Error as error:
        raise StoreError(f"cannot migrate the ledger {server}: {one_line(error)}") from error


def version(session: psycopg.Connection[Any]) -> str | None:
    """The revision of an open ledger, None for an empty database."""
    if session.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = session.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def exists(server: Server) -> bool:
    """Whether the database of `server` has a ledger, of whatever version."""
    with open_session(server, Purpose.LOOK) as session:
        return version(session) is not None


def run(*names: str) -> None:
    """For a revision: run these .sql files of migrations/versions."""
    from alembic import op  # noqa: PLC0415 - see _upgrade

    driver: Any = op.get_bind().connection.driver_connection
    for name in names:
        driver.execute((MIGRATIONS / "versions" / name).read_text(encoding="utf-8"))


def _revisions() -> list[str]:
    versions = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return sorted(file.stem.split("_")[0] for file in versions)


def _upgrade(server: Server) -> None:
    from alembic import command  # noqa: PLC0415 - half a second that an up-to-date start saves
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: _plain(server),
        poolclass=NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as wrapped:
            wrapped.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA})")
            config.attributes["connection"] = wrapped
            command.upgrade(config, "head")
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise


def _plain(server: Server) -> psycopg.Connection[Any]:
    """A connection as SQLAlchemy expects it: it begins transactions, and knows its own types."""
    return open_session(server, Purpose.KEEP, plain=True)
