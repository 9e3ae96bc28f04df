"""Where a ledger on PostgreSQL is, without anything secret in it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A database of a server, and as whom to come.

    `conninfo` is libpq's (host, port, dbname, user, target_session_attrs …) and never has a
    password: that stands in `password_file`, or where libpq itself looks (~/.pgpass).
    `reader` is how those come who only look; without it they come as the writer.
    `unsafe` tolerates a server that does not bring commits to the disk: for tests only.
    """

    conninfo: str
    password_file: Path | None = None
    reader: "Server | None" = None
    unsafe: bool = False

    def __str__(self) -> str:
        return f"PostgreSQL ({self.conninfo})"
