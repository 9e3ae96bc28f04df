"""How long what may name a person is kept: a dated table, applied by the running gateway.

A row holds from its day on; the newest row of a kind that has begun is the one that counts. What
bills rest on (lines, readings, batches) is no row here: it stays until a person is forgotten.
`mark`: S from a source, M from memory of one, P our proposal; an operator's lawyer decides.
"""

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from drivers.reading import from_ms
from gateway.audit import GATEWAY, RETENTION, Act, covering

DAY_MS = 86_400_000
# A step stays well below a second, so that ingest gets its turn.
ROWS_MAX = 500
EXPIRED = "expired"
"""What stands in place of a text whose time is over."""


class Kept(StrEnum):
    """What is kept for a time only."""

    QUARANTINE = "quarantined evidence"
    CLAIMS = "references of claims"
    REVIEWS = "reasons of reviews"
    REQUESTS = "requests to ГИС ЖКХ"
    AUDIT = "texts of the audit log"
    RESIDENTS = "links and messages to residents"
    DISPUTES = "texts of disputes"
    RECEIPTS = "electronic acts"
    PHOTOS = "photos of meters"


class Term(NamedTuple):
    """For how many days something is kept, from which day on that holds, and why."""

    kept: Kept
    days: int
    valid_from: date
    mark: str
    why: str


_SINCE = date(2026, 1, 1)
# Three years of limitation and a year for the court to ask; leap days included.
_LIMITATION = "limitation of three years (ГК РФ ст. 196), and a year for whoever is sued late"
TERMS: Final = (
    Term(Kept.QUARANTINE, 365, _SINCE, "P", "an attack or a broken device is looked into by then"),
    Term(Kept.CLAIMS, 1461, _SINCE, "M", _LIMITATION),
    Term(Kept.REVIEWS, 1461, _SINCE, "M", _LIMITATION),
    Term(Kept.REQUESTS, 1461, _SINCE, "M", _LIMITATION),
    Term(Kept.RESIDENTS, 1461, _SINCE, "P", "shows that somebody was asked before an average"),
    Term(Kept.DISPUTES, 1461, _SINCE, "M", _LIMITATION),
    Term(Kept.RECEIPTS, 1461, _SINCE, "M", _LIMITATION),
    Term(Kept.PHOTOS, 1461, _SINCE, "M", _LIMITATION),
    Term(Kept.AUDIT, 1826, _SINCE, "P", "five years, as long as books are kept (402-ФЗ ст. 29)"),
)


class RetentionPort(Protocol):
    """The ledger as retention needs it, in the transaction open around it."""

    def expire(self, kept: Kept, before_ms: int, limit: int) -> int:
        """Empty what is older, some `limit` at a time; how many rows, of every table, went."""

    def expiring_entries(self, before_ms: int, limit: int) -> list[int]:
        """The numbers of audit entries that are older, at most `limit`."""

    def append(self, act: Act) -> int:
        """Add to the audit log."""

    def expire_entries(self, numbers: list[int], by_entry: int) -> None:
        """Empty the texts of audit entries."""


def term(kept: Kept, on: date, terms: tuple[Term, ...] = TERMS) -> Term:
    """The row that counts on a day."""
    return max(
        (one for one in terms if one.kept is kept and one.valid_from <= on),
        key=lambda one: one.valid_from,
        default=next(one for one in terms if one.kept is kept),
    )


def apply(store: RetentionPort, now_ms: int, terms: tuple[Term, ...] = TERMS) -> dict[Kept, int]:
    """Empty a step's worth of what was kept long enough; how much of each kind."""
    today = from_ms(now_ms).date()
    days = {kept: term(kept, today, terms).days for kept in Kept}
    before_ms = {kept: now_ms - days[kept] * DAY_MS for kept in Kept}
    entries = store.expiring_entries(before_ms[Kept.AUDIT], ROWS_MAX)
    found = {
        kept: len(entries) if kept is Kept.AUDIT else store.expire(kept, before_ms[kept], ROWS_MAX)
        for kept in Kept
    }
    counts = {kept: count for kept, count in found.items() if count}
    if counts:
        said = ", ".join(f"{count} {kept}" for kept, count in counts.items())
        store.expire_entries(entries, store.append(let_go(now_ms, said, entries)))
    return counts


def let_go(now_ms: int, said: str, entries: Collection[int] = ()) -> Act:
    """How the log tells that something went by itself, and the texts of `entries` with it."""
    return Act(now_ms, *GATEWAY, RETENTION, "", "", f"{said}; {covering(entries)}", "")
