"""The months of the partitions: which a group needs, and which are known to be there.

A group costs one comparison with the months seen last; only what lies outside of them asks the
database, which makes what is missing. Nothing is known any more once a transaction failed: what
was made in it is not there, and what failed may have been that a month has been detached.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

FIRST_MS = 1_577_836_800_000
"""2020-01-01; what is dated before lies in the partition `early`."""
END_MS = 4_102_444_800_000
"""2100-01-01; what is dated from then on lies in the partition `far`."""
FAMILIES = ("reading", "batch_message")
"""The tables that are kept in months."""


class Months:
    """What is known of the months of one connection's database."""

    def __init__(self, session: Callable[[], psycopg.Connection[Any]]) -> None:
        self._session = session
        self._known: dict[str, list[tuple[int, int]]] = {}

    def ensure(self, family: str, first_ms: int, last_ms: int, every: Iterable[int]) -> None:
        """Have the months of `every` instant, of which those two are the bounds."""
        known = self._known.setdefault(family, [])
        if any(start <= first_ms and last_ms < end for start, end in known):
            return
        instants = list(starts_of(every))
        self._session().execute("SELECT partition_ensure(%s, %s)", (family, instants))
        fresh = {(at, after(at)) for at in instants}
        self._known[family] = list(_joined(sorted({*known, *fresh})))

    def forget(self) -> None:
        """Nothing is known."""
        self._known.clear()


def start_of(at_ms: int) -> int:
    """The first instant of the month of `at_ms`."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return _ms(at.year, at.month)


def starts_of(every: Iterable[int]) -> set[int]:
    """The months of those instants that have one; a broken clock says what is in no calendar."""
    return {start_of(at_ms) for at_ms in every if FIRST_MS <= at_ms < END_MS}


def after(month_ms: int, count: int = 1) -> int:
    """The first instant `count` months later (earlier, below zero)."""
    at = datetime.fromtimestamp(month_ms // 1000, UTC)
    years, month = divmod(at.month - 1 + count, 12)
    return _ms(at.year + years, month + 1)


def name(family: str, month_ms: int) -> str:
    """The partition of a month."""
    return f"{family}_{datetime.fromtimestamp(month_ms // 1000, UTC):%Y_%m}"


def month_of(partition: str) -> int | None:
    """The first instant of a partition's month; None for `early` and `far`."""
    year, month = partition.split("_")[-2:]
    return _ms(int(year), int(month)) if year.isdigit() else None


def ensure_rows(months: Months, family: str, rows: Collection[Sequence[Any]], column: int) -> None:
    """As Months.ensure, for rows with their instants in `column`."""
    instants = [row[column] for row in rows]
    months.ensure(family, min(instants), max(instants), instants)


def _ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000


def _joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that touch, as one."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held is not None and start <= held[1]:
            held = (held[0], max(end, held[1]))
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held
