"""The section `[ledger]`: which PostgreSQL holds the ledger, and as whom the gateway comes to it.

Without the section the ledger is a SQLite file in the data directory. A password never stands in
the configuration itself: it is in a file of its own that others may not read, or in ~/.pgpass.
"""

import re
from typing import Annotated

from pydantic import Field, model_validator

from gateway.config_base import LOOPBACK, PrivateFile, Section
from gateway.postgres.place import Server

# A word of libpq's and its value, which stands in quotes where it has blanks.
_WORD = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']*)")
# libpq's words, an address with a password in it, and what people take for one of libpq's words.
_PASSWORD = re.compile(
    r"\b\w*(pass(?!file\b)\w*|pwd|pw|secret|token)\s*=|^postgres(ql)?://|\w:[^\s/=]+@",
    re.IGNORECASE,
)


# The words of libpq are checked by libpq itself when it connects.
Conninfo = Annotated[str, Field(min_length=1, max_length=1000)]


class LedgerConfig(Section):
    """A database of a PostgreSQL server; several hosts with target_session_attrs=read-write.

    `server` is how ingest and every act come (the writer), `reader` how pages, exports and the
    pull API do, `owner` how `plomba-gateway database` makes and migrates the schema.
    """

    server: Conninfo
    password_file: PrivateFile | None = None
    reader: Conninfo | None = None
    reader_password_file: PrivateFile | None = None
    owner: Conninfo | None = None
    owner_password_file: PrivateFile | None = None
    # How many months of partitions stand ready before they are needed.
    months_ahead: Annotated[int, Field(ge=1, le=24)] = 3
    # Tolerates a server that forgets what it has committed: for tests, never for meters.
    unsafe_without_fsync: bool = False

    @model_validator(mode="after")
    def _without_a_password(self) -> "LedgerConfig":
        # Of the whole section, so that the error repeats nothing: the text may hold the secret.
        for key in ("server", "reader", "owner"):
            if _PASSWORD.search(getattr(self, key) or ""):
                raise ValueError(
                    f"{key}: expected libpq's words (host=… dbname=… user=…) without a password:"
                    " put that into a password_file"
                )
        return self

    @model_validator(mode="after")
    def _over_tls(self) -> "LedgerConfig":
        # By itself libpq asks for TLS and believes whoever answers, or does without.
        for key in ("server", "reader", "owner"):
            words = {
                name: value.strip("'") for name, value in _WORD.findall(getattr(self, key) or "")
            }
            hosts = ",".join(words.get(name, "") for name in ("host", "hostaddr")).split(",")
            is_near = all(not host or host[0] in "/@" or host in LOOPBACK for host in hosts)
            if not is_near and words.get("sslmode") != "verify-full":
                raise ValueError(
                    f"{key}: expected sslmode=verify-full and sslrootcert=… for a server on another"
                    " machine: readings go there"
                )
        return self

    @property
    def writer_place(self) -> Server:
        """Where and as whom the gateway writes."""
        reader = None
        if self.reader is not None:
            reader = Server(
                self.reader, self.reader_password_file, unsafe=self.unsafe_without_fsync
            )
        return Server(self.server, self.password_file, reader, self.unsafe_without_fsync)

    @property
    def owner_place(self) -> Server:
        """Where and as whom the schema is made: as the writer where no owner is named."""
        if self.owner is None:
            return self.writer_place
        return Server(self.owner, self.owner_password_file, unsafe=self.unsafe_without_fsync)
