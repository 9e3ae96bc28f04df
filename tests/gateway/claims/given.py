"""Claims in a few words, for the tests of what becomes of them."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from hypothesis import strategies as st

from gateway.claims.deciding import bring, reference_of
from gateway.claims.list import ClaimRow
from gateway.claims.model import Claim, ClaimSource, Entered, enter
from gateway.closing_records import ClosingLine
from gateway.model import FOREVER_MS
from gateway.review.reference import Reference
from gateway.sql.claims import SqlClaims, SqlClaimStore
from tests.gateway.town import HOUR_MS, Town, local

OBIS = "1-0:1.8.0"


class Said(NamedTuple):
    """A claim in a few words: the day of September and what was read."""

    source: str
    day: int
    value: str
    hour: int = 12
    month: int = 9

    def claim(self, number: int) -> Claim:
        at_ms = local(self.month, self.day, self.hour)
        return Claim(
            ClaimSource(self.source), "A1", OBIS, at_ms, Decimal(self.value), f"r{number}",
            "Петров", at_ms + HOUR_MS,
        )  # fmt: skip


def give(town: Town, *said: Said, now_ms: int | None = None) -> Entered:
    claims = [one.claim(number) for number, one in enumerate(said)]
    return enter(SqlClaimStore(town.store.database), claims, now_ms or local(10, 1, 1))


def listed(town: Town) -> list[ClaimRow]:
    rows = SqlClaims(town.store.database.connection).claims(None, 0, FOREVER_MS, 100)
    return sorted(rows, key=lambda row: row.number)


def closed(town: Town, period: str = "2026-09", now_ms: int | None = None) -> ClosingLine:
    (line,) = town.close(period, now_ms=now_ms or local(10, 1, 2)).lines
    return line


def automatic(town: Town, *days: int) -> None:
    """A meter that counts 10.00 kWh a day from 100.00, read at midnight of those days."""
    for day in days:
        town.read("A1", local(9, day, 0, 1), 10_000 + 1000 * (day - 1))
    town.send()


# What people may say of September, and the days on which the meter was read.
CLAIMS = st.lists(
    st.builds(
        Said,
        st.sampled_from([source.value for source in ClaimSource]),
        st.integers(1, 30),
        st.integers(90, 500).map(str),
        st.just(12),
        st.just(9),
    ),
    max_size=6,
)
DAYS = st.lists(st.integers(2, 29), max_size=4, unique=True)


def to_decide(town: Town, number: int, now_ms: int) -> tuple[Reference, Callable[[], None]]:
    """The reading a claim is or becomes, and what makes it one within the decision."""
    claims = SqlClaims(town.store.database.connection)
    return reference_of(claims, number), partial(bring, claims, number, "Иванова", now_ms)
