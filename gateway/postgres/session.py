"""Connections as psycopg opens them: who comes, what for, how long anything may take."""

from enum import Enum
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.conninfo import make_conninfo

from cloud_sync import private_file
from gateway.postgres import values
from gateway.postgres.errors import one_line
from gateway.postgres.place import Server
from gateway.store import StoreError

# A name that resolves to three hosts of which one hangs: the others must get their turn in time.
CONNECT_TIMEOUT_S = 5
# As SQLite's: a group takes well under a second, a close of a large house a few.
LOCK_TIMEOUT_MS = 15_000
# A writer that was stopped in the middle of a transaction keeps everybody out; nothing that is
# alive thinks so long between two statements.
IDLE_TIMEOUT_MS = 300_000
# A server whose machine went dark is noticed after 10 + 3 * 5 seconds without a sign of life.
KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
# From the third use on a statement is planned once; a few hundred are all the program has.
PREPARE_THRESHOLD = 2
PREPARED_MAX = 500
# A password is read up to here: a longer file is something else.
PASSWORD_BYTES_MAX = 4096


class Purpose(Enum):
    """What a connection is for, as the server's list of sessions shows it."""

    WRITE = "plomba ledger"
    LOOK = "plomba look"
    LEAD = "plomba leader"
    KEEP = "plomba database"


def open_session(
    server: Server,
    purpose: Purpose,
    durability: Literal["full", "off"] = "full",
    *,
    plain: bool = False,
) -> psycopg.Connection[Any]:
    """Connect, each statement its own transaction; StoreError in one line if that fails.

    `plain`: as psycopg does it, for another library to use.
    """
    # jit: it looks at the sum over all months, of which a look-up touches one or two, and compiled
    # for seconds what then took milliseconds (40 months).
    settings = f"-c lock_timeout={LOCK_TIMEOUT_MS} -c TimeZone=UTC -c jit=off"
    if purpose is Purpose.WRITE:
        settings += f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS}"
    if durability == "off":
        settings += " -c synchronous_commit=off"
    defaults = {
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        "application_name": purpose.value,
        "options": settings,
        **KEEPALIVES,
    }
    try:
        session = psycopg.connect(
            make_conninfo(_with(defaults, server), **_secret(server.password_file)),
            autocommit=not plain,
            prepare_threshold=PREPARE_THRESHOLD,
        )
    except psycopg.Error as error:
        raise StoreError(f"cannot reach the ledger {server}: {one_line(error)}") from error
    if not plain:
        session.prepared_max = PREPARED_MAX
        values.teach(session.adapters)
    return session


def _with(defaults: dict[str, str], server: Server) -> str:
    """What the configuration says wins over the defaults, also one by one among the options."""
    told = _told(server.conninfo)
    if "options" in told:
        told["options"] = f"{defaults['options']} {told['options']}"
    return make_conninfo(**defaults | told)


def _told(conninfo: str) -> dict[str, Any]:
    return {k: v for k, v in psycopg.conninfo.conninfo_to_dict(conninfo).items() if v is not None}


def _secret(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    private_file.refuse_open(file)
    try:
        with file.open("rb") as source:
            text = source.read(PASSWORD_BYTES_MAX)
    except OSError as error:
        raise StoreError(f"cannot read the password file {file}: {error.strerror}") from error
    try:
        return {"password": text.decode().strip("\r\n")}
    except UnicodeDecodeError:
        # Without its cause, which holds the bytes.
        raise StoreError(f"the password file {file} holds no UTF-8 text") from None
