"""How values travel: what SQLite gives and takes is what PostgreSQL shall give and take.

Integers go as BIGINT whatever their size, so that a statement is prepared once and not once for
each width; truth is 0 and 1; JSON stays text; an exact number is an int, and a Decimal where it
has digits after the point. Nothing becomes a float.
"""

from decimal import Decimal
from typing import Any

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown, TextLoader

_INT8_OID = 20


class _Bool(Dumper):
    """True as 1, False as 0."""

    oid = _INT8_OID

    def dump(self, obj: Any) -> Buffer:
        return b"1" if obj else b"0"


class _Text(StrDumperUnknown):
    """Untyped, as a literal in the statement would be: the column says what it is.

    PostgreSQL has no texts with a NUL. Nobody who means well writes one; what does is kept with
    the sign of an unknown letter in its place, and finds nothing.
    """

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufffd"))


class _Truth(Loader):
    """PostgreSQL's t and f as 1 and 0."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _Number(Loader):
    """A sum of BIGINTs is NUMERIC."""

    def load(self, data: Buffer) -> int | Decimal:
        text = bytes(data).decode()
        return Decimal(text) if "." in text else int(text)


def teach(adapters: AdaptersMap) -> None:
    """Make a connection's values those of the portable dialect."""
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(bool, _Bool)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("bool", _Truth)
    adapters.register_loader("numeric", _Number)
    for json_type in ("json", "jsonb"):
        adapters.register_loader(json_type, TextLoader)
