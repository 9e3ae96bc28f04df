"""A ledger as tables of rows, and its digest: what says whether two ledgers hold the same.

The digest is of every row of every table in the order of its key, so it is the same on any engine
and after any number of backups and moves, and another one after any change.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

# Rows hashed at a time: one call into hashlib for many.
ROWS_PER_HASH = 1000


class Table(NamedTuple):
    """A table with its columns in their order, and those of its key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def select(self) -> str:
        """All rows in the order of the key, the columns in the order of their names."""
        order = ", ".join(self.key or sorted(self.columns))
        columns = ", ".join(sorted(self.columns))
        return f"SELECT {columns} FROM {self.name} ORDER BY {order}"  # noqa: S608 - names of ours


class Digest(NamedTuple):
    """How many rows a table has, and the SHA-256 of them all."""

    rows: int
    sha256: str


Rows = Callable[[str], Iterator[tuple[Any, ...]]]
"""Runs a statement and gives its rows one by one."""


def digests(tables: Mapping[str, Table], rows: Rows) -> dict[str, Digest]:
    """The digest of each table by name, in the order of the names."""
    return {name: digest(tables[name], rows) for name in sorted(tables)}


def digest(table: Table, rows: Rows) -> Digest:
    """The digest of a table: of its columns' names, then of its rows."""
    encode = msgspec.msgpack.Encoder().encode
    hashed = hashlib.sha256(encode(sorted(table.columns)))
    count = 0
    for group in _groups(rows(table.select)):
        count += len(group)
        hashed.update(b"".join([encode(row) for row in group]))
    return Digest(count, hashed.hexdigest())


def whole(digests: Mapping[str, Digest]) -> str:
    """One digest over those of all tables."""
    return hashlib.sha256(msgspec.msgpack.encode(sorted(digests.items()))).hexdigest()


def _groups(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    group: list[tuple[Any, ...]] = []
    for row in rows:
        group.append(row)
        if len(group) == ROWS_PER_HASH:
            yield group
            group = []
    if group:
        yield group
