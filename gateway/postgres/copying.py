"""Rows in PostgreSQL's binary COPY format, the quickest way in: whole buffers, made in one go.

A file is a header, the rows, and a trailer; a row the number of its fields, and of each field its
length and its bytes, all big-endian. COPY goes straight into the table: a row that is there
already fails the group, which the caller then does once more by itself (gateway/store.py:
Crossed). A temporary table with INSERT … ON CONFLICT after it, arrays and single rows were slower
at every size of a group (docs/postgres.md, `plomba-sim bench copy`).
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from gateway.store import ReadingRow

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
FIELDS = len(ReadingRow._fields)
"""Of a reading, each a BIGINT."""

_pack = struct.Struct(">h" + "iq" * FIELDS).pack
_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for n in range(FIELDS) for part in ((f"length{n}", ">i4"), (f"value{n}", ">i8"))]
)


def of_tuples(rows: Iterable[Sequence[int]]) -> bytes:
    """Rows of eight integers, for COPY."""
    packed = [
        _pack(FIELDS, 8, a, 8, b, 8, c, 8, d, 8, e, 8, f, 8, g, 8, h)
        for a, b, c, d, e, f, g, h in rows
    ]
    return b"".join((HEADER, *packed, TRAILER))


def of_block(rows: memoryview) -> bytes:
    """Flat 64-bit integers, eight to a row, for COPY."""
    columns = np.frombuffer(rows, np.int64).reshape(-1, FIELDS)
    packed = np.empty(len(columns), _ROW)
    packed["fields"] = FIELDS
    for number in range(FIELDS):
        packed[f"length{number}"] = 8
        packed[f"value{number}"] = columns[:, number]
    return b"".join((HEADER, packed.tobytes(), TRAILER))


def copy_bytes(session: psycopg.Connection[Any], table: str, data: bytes) -> None:
    """Write a whole file of rows into `table`."""
    with session.cursor().copy(_into(table)) as copy:
        copy.write(data)


def copy_rows(
    session: psycopg.Connection[Any],
    table: str,
    types: Sequence[str],
    rows: Iterable[Sequence[Any]],
    columns: Sequence[str] = (),
) -> None:
    """Write rows of any `types` (PostgreSQL's names) into `columns` of `table`, or all of them."""
    with session.cursor().copy(_into(table, columns)) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _into(table: str, columns: Sequence[str] = ()) -> Composed:
    named = SQL("({})").format(SQL(", ").join(map(Identifier, columns))) if columns else SQL("")
    return SQL("COPY {} {} FROM STDIN (FORMAT binary)").format(Identifier(table), named)
