"""Ledgers as a whole, on any engine: their digest, and the move from a file to a server."""

from functools import partial
from pathlib import Path
from typing import Any

from gateway.postgres.place import Server
from gateway.sql.engine import Place, connect, postgres, snapshot
from gateway.sql.tables import Digest, digests
from gateway.sqlite import catalogue
from gateway.store import StoreError


def digest_of(place: Place) -> dict[str, Digest]:
    """The digests of a ledger's tables, all of one instant; its schema must be up to date."""
    with snapshot(place) as look:
        # What a connection is, the engine of its place knows.
        connection: Any = look
        if isinstance(place, Server):
            there = postgres("catalogue")
            session = connection.session
            return digests(there.tables(session), partial(there.rows, session))
        return digests(catalogue.tables(connection), partial(catalogue.rows, connection))


def move(file: Path, server: Server) -> dict[str, Digest]:
    """Copy the ledger of a file, which nobody can write meanwhile, into the one of `server`."""
    moving = postgres("moving")
    if not file.exists():
        raise StoreError(f"no ledger {file}: nothing to move")
    source = connect(file)
    try:
        # Its schema is brought up to date by connecting; so must the server's be.
        connect(server).close()
        with source.transaction() as connection:
            from_file: Any = connection
            return dict(
                moving.move(
                    moving.Source(catalogue.tables(from_file), partial(catalogue.rows, from_file)),
                    server,
                )
            )
    finally:
        source.close()
