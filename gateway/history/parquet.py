"""Readings of a month in a Parquet file that any tool reads, and that proves itself.

A row is a reading with everything its meaning takes: a scaled integer with its power of ten and
unit, never a float, where it stood, and the batch that brought it by device, number and hash. The
rows stand in the order of the ledger's key. The digest is SHA-256 over one line of text for each
row (`_line`), so it says the same of a file that was written anew with another compression, and
can be checked with a few lines of any language (docs/history.md).
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from cloud_sync import private_file
from gateway.history.model import HistoryError

FORMAT = "1"
# Rows read back at once; a row group is what was written at once, see archiving.py.
ROWS_AT_ONCE = 50_000
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        pa.field("register_no", pa.int64(), nullable=False),
        pa.field("captured_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("copy", pa.int32(), nullable=False),
        pa.field("mantissa", pa.int64(), nullable=False),
        pa.field("state", pa.int8(), nullable=False),
        pa.field("flags", pa.int32(), nullable=False),
        pa.field("batch_no", pa.int64(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("device", _TEXT, nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("batch_hash", pa.binary(32)),
        pa.field("meter", _TEXT, nullable=False),
        pa.field("obis", _TEXT, nullable=False),
        pa.field("unit", _TEXT, nullable=False),
        pa.field("exponent", pa.int8(), nullable=False),
        pa.field("house", _TEXT, nullable=False),
        pa.field("point", _TEXT, nullable=False),
    ]
)


class Row(NamedTuple):
    """A reading in a file, in the order of its columns; `batch_hash` None: no device's."""

    register_no: int
    at_ms: int
    copy: int
    mantissa: int
    state: int
    flags: int
    batch_no: int
    position: int
    device: str
    sequence: int
    batch_hash: bytes | None
    meter: str
    obis: str
    unit: str
    exponent: int
    house: str
    point: str


class Header(NamedTuple):
    """What a file says of itself: `month` is YYYY-MM, UTC."""

    ledger: str
    month: str
    group: str
    readings: int
    digest: str

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return f"plomba-{self.month}-{self.group}-{self.digest[:8]}.parquet"


def write(path: Path, header: Header, parts: Iterable[Sequence[Row]]) -> Header:
    """Write a file under a name that nobody reads yet; `header` with its count and digest.

    It is on the disk when this returns; OSError if it cannot be written.
    """
    digest, readings = hashlib.sha256(), 0
    try:
        with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
            for part in parts:
                columns = [list(column) for column in zip(*part, strict=True)]
                arrays = [
                    pa.array(values, field.type)
                    for values, field in zip(columns, _SCHEMA, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))
                readings += len(part)
                for row in part:
                    digest.update(_line(row))
            done = header._replace(readings=readings, digest=digest.hexdigest())
            told = {f"plomba.{name}": str(value) for name, value in done._asdict().items()}
            writer.add_key_value_metadata(told | {"plomba.format": FORMAT})
        private_file.sync(path)
    except BaseException:
        with suppress(FileNotFoundError):
            path.unlink()
        raise
    return done


def publish(path: Path, name: Path) -> None:
    """Give a checked file the name under which it is read, for good."""
    path.replace(name)
    private_file.sync(name.parent)


def header(path: Path) -> Header:
    """What a file says of itself; HistoryError if it is none of ours."""
    with _opened(path) as file:
        return _header(path, file)


def verify(path: Path) -> Header:
    """Read a whole file and compare it with what it says; HistoryError where it differs."""
    told = header(path)
    digest, readings = hashlib.sha256(), 0
    before: tuple[int, ...] = ()
    for row in rows(path):
        if row[:3] <= before:
            raise HistoryError(f"{path}: its rows are not in the order of their keys")
        before = row[:3]
        digest.update(_line(row))
        readings += 1
    found = told._replace(readings=readings, digest=digest.hexdigest())
    if found != told:
        raise HistoryError(
            f"{path}: says {told.readings} readings with digest {told.digest[:16]}…, holds "
            f"{found.readings} with {found.digest[:16]}…: take another copy of it"
        )
    return told


def rows(path: Path) -> Iterator[Row]:
    """The readings of a file; HistoryError if it cannot be read to its end."""
    with _opened(path) as file:
        try:
            for part in file.iter_batches(batch_size=ROWS_AT_ONCE):
                columns = [column.to_pylist() for column in _numbers(part)]
                yield from map(Row._make, zip(*columns, strict=True))
        except (pa.ArrowException, OSError) as error:
            raise HistoryError(f"{path} cannot be read: {_one_line(error)}") from error


def _numbers(part: Any) -> list[Any]:
    """The columns of a part, its times as numbers."""
    at = part.schema.get_field_index("captured_at")
    return [
        column.cast(pa.int64()) if index == at else column
        for index, column in enumerate(part.columns)
    ]


def _opened(path: Path) -> Any:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise HistoryError(f"{path} is no Parquet file: {_one_line(error)}") from error
    return file


def _header(path: Path, file: Any) -> Header:
    told = {
        name.decode(): value.decode()
        for name, value in (file.schema_arrow.metadata or file.metadata.metadata or {}).items()
        if name.startswith(b"plomba.")
    }
    if told.get("plomba.format") != FORMAT or not file.schema_arrow.equals(_SCHEMA):
        raise HistoryError(f"{path} is no history file of format {FORMAT}")
    try:
        fields = {name: told[f"plomba.{name}"] for name in Header._fields}
        return Header(**(fields | {"readings": int(fields["readings"])}))
    except (KeyError, ValueError) as error:
        raise HistoryError(f"{path}: its metadata is not whole") from error


def _line(row: Row) -> bytes:
    """A row as the digest takes it: its columns with tabs between, the hash in hex."""
    shown = row._replace(batch_hash=None)
    parts = [str(value) for value in shown if value is not None]
    return ("\t".join([*parts, (row.batch_hash or b"").hex()]) + "\n").encode()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
