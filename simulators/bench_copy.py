"""How rows come into PostgreSQL quickest: the ways there are, as shares of the one that is taken.

Every way writes the same groups of readings into the same partitioned table, in turns, each group a
transaction whose COMMIT, the same for all, is not counted. `copy` is what the ledger does
(gateway/postgres/copying.py).
"""

import itertools
import json
import statistics
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import click
import psycopg

from gateway.postgres.connection import connect
from gateway.postgres.copying import FIELDS, copy_bytes, of_block, of_tuples
from gateway.postgres.place import Server
from simulators.bench_places import places_of

START_MS = 1_788_220_800_000  # 2026-09-01T00:00:00Z
REGISTERS = 5000
# The median of so many is steady on a machine that does other things too.
TIMES = 31

Row = tuple[int, ...]
Session = psycopg.Connection[Any]


@click.command("copy")
@click.option("--rows", "sizes", type=click.IntRange(1, 100_000), multiple=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def copy(*, sizes: tuple[int, ...], as_json: bool) -> None:
    """Rates of the ways rows can come into PostgreSQL, as shares of the ledger's own."""
    found: dict[str, Mapping[str, float]] = {}
    with places_of("postgres") as places, places.fresh() as place:
        assert isinstance(place, Server)  # noqa: S101 - that is what was asked for
        with closing(connect(place)) as database:
            session = database.connection.session
            _prepare(session)
            groups = _groups()
            for size in sizes or (4, 100, 1000, 10_000):
                found[str(size)] = _shares(session, size, groups)
    if as_json:
        click.echo(json.dumps(found))
        return
    for rows, shares in found.items():
        said = ", ".join(f"{name} {share}" for name, share in shares.items())
        click.echo(f"{rows:>6} rows: {said}")


def _shares(session: Session, size: int, groups: Iterator[int]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in _WAYS}
    for _ in range(TIMES):
        for name, way in _WAYS.items():
            rows = _rows(size, next(groups))
            with session.transaction():
                begun_s = time.perf_counter()
                way(session, rows)
                taken[name].append(time.perf_counter() - begun_s)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    own = medians["copy"]
    shares = {name: round(own / median, 2) for name, median in medians.items()}
    return {"rows_per_s": round(size / own), **shares}


def _prepare(session: Session) -> None:
    session.execute("SELECT partition_ensure('reading', ARRAY[%s])", (START_MS,))
    session.execute("CREATE TEMP TABLE arriving (LIKE reading) ON COMMIT DELETE ROWS")


def _groups() -> Iterator[int]:
    """A time of its own for each group of a way: none repeats a row."""
    return itertools.count()


def _rows(size: int, group: int) -> list[Row]:
    at_ms = START_MS + 100 * group
    return [
        (number % REGISTERS, at_ms + number // REGISTERS, 0, 123_456, 0, 0, group, number)
        for number in range(size)
    ]


def _copy(session: Session, rows: list[Row]) -> None:
    flat = array("q", itertools.chain.from_iterable(rows))
    copy_bytes(session, "reading", of_block(memoryview(flat)))


def _copy_and_insert(session: Session, rows: list[Row]) -> None:
    copy_bytes(session, "arriving", of_tuples(rows))
    session.execute("INSERT INTO reading SELECT * FROM arriving ON CONFLICT DO NOTHING")


def _arrays(session: Session, rows: list[Row]) -> None:
    columns = ", ".join(["%s::BIGINT[]"] * FIELDS)
    session.execute(
        f"INSERT INTO reading SELECT * FROM unnest({columns})".encode(),  # noqa: S608 - ours
        [list(column) for column in zip(*rows, strict=True)],
    )


def _row_by_row(session: Session, rows: list[Row]) -> None:
    marks = ", ".join(["%s"] * FIELDS)
    session.cursor().executemany(f"INSERT INTO reading VALUES ({marks})".encode(), rows)  # noqa: S608 - ours


_WAYS: dict[str, Callable[[Session, list[Row]], None]] = {
    "copy": _copy,
    "copy_to_temporary_and_insert": _copy_and_insert,
    "arrays": _arrays,
    "row_by_row": _row_by_row,
}
