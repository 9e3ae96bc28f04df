"""Reconciliation: what was handed over against what the ledger closed, to the last digit.

The two sides come by different ways. The ledger's is added up from its tables: lines, differences
of corrections, and all of it taken away again where a closing was withdrawn. The other is added up
from the very bytes that were handed over, target by target, by what the target said of each. It
adds up if both sides have the same records and sums, and no target lacks one of them.

Sums are of consumption, by resource and unit, of billed lines only (a check register's line is
handed over, but bills nothing), and of dwellings and whole houses apart, since the house's meter
measures what the dwellings' do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from gateway.handoff.event import (
    INTERFERENCE_CHARGED,
    LINE_CLOSED,
    LINE_CORRECTED,
    LINE_WITHDRAWN,
    data_of,
    type_of,
)
from gateway.handoff.target import State

DWELLINGS, HOUSE = "dwellings", "house"


class Kind(NamedTuple):
    """What is added up by itself."""

    resource: str
    unit: str
    whose: str


Sums = Mapping[Kind, Decimal]


class Booked(NamedTuple):
    """A record of the ledger that billing is told of; `amount` is None where it bills nothing."""

    record_id: str
    kind: Kind
    amount: Decimal | None


class Handed(NamedTuple):
    """An event with what each target said of it: state and words."""

    event_id: str
    payload: bytes
    said: Mapping[str, tuple[State, str]]


class Book(NamedTuple):
    """A period's two sides. `unbilled` are the lines that bill nothing."""

    booked: Sequence[Booked]
    handed: Sequence[Handed]
    unbilled: frozenset[str]


class Share(NamedTuple):
    """How many events a target said the same of, and what they come to."""

    records: int
    sums: Sums


class TargetBook(NamedTuple):
    """A target's account; `reasons` say how often it left out or refused for what."""

    target: str
    shares: Mapping[State, Share]
    reasons: Mapping[str, int]
    missing: tuple[str, ...]


class Statement(NamedTuple):
    """A period reconciled; `problems` are what does not add up, a line each."""

    period: str
    house: str | None
    records: int
    sums: Sums
    targets: tuple[TargetBook, ...]
    problems: tuple[str, ...]


class ReconcilePort(Protocol):
    """A ledger whose hand-off can be reconciled."""

    def last_closed(self) -> str | None:
        """The newest period any house has closed."""

    def book(self, period: str, house: str | None) -> Book:
        """Both sides of a period, of one house or all; pull clients are targets too."""


def reconcile(book: Book, period: str, house: str | None) -> Statement:
    """Add both sides up and compare them."""
    amounts = {one.event_id: _amount(one, book.unbilled) for one in book.handed}
    ledger = _sums((one.kind, one.amount) for one in book.booked)
    handed = _sums(amounts.values())
    names = sorted({name for one in book.handed for name in one.said})
    targets = tuple(_target(name, book.handed, amounts) for name in names)
    problems = [*_differences(book, ledger, handed), *_lacking(targets, len(book.handed))]
    return Statement(period, house, len(book.booked), ledger, targets, tuple(problems))


def _target(
    name: str, handed: Sequence[Handed], amounts: Mapping[str, tuple[Kind, Decimal | None]]
) -> TargetBook:
    by_state: dict[State, list[tuple[Kind, Decimal | None]]] = {state: [] for state in State}
    reasons: dict[str, int] = defaultdict(int)
    missing = []
    for one in handed:
        if name not in one.said:
            missing.append(one.event_id)
            continue
        state, words = one.said[name]
        by_state[state].append(amounts[one.event_id])
        if state in {State.LEFT_OUT, State.REFUSED}:
            reasons[words] += 1
    shares = {state: Share(len(found), _sums(found)) for state, found in by_state.items()}
    return TargetBook(name, shares, dict(reasons), tuple(missing))


def _differences(book: Book, ledger: Sums, handed: Sums) -> Iterable[str]:
    records, events = {one.record_id for one in book.booked}, {one.event_id for one in book.handed}
    for said, ids in (("never handed over", records - events), ("of no record", events - records)):
        if ids:
            yield f"{len(ids)} {said}, the first is {min(ids)}"
    for kind in sorted(ledger.keys() | handed.keys()):
        ours, theirs = ledger.get(kind, Decimal(0)), handed.get(kind, Decimal(0))
        if ours != theirs:
            yield (
                f"{kind.resource} of {kind.whose}: the ledger has {ours:f} {kind.unit},"
                f" {theirs:f} were handed over"
            )


def _lacking(targets: Iterable[TargetBook], count: int) -> Iterable[str]:
    for one in targets:
        if one.missing:
            yield (
                f"{one.target}: {len(one.missing)} of {count} events were never put before it,"
                f" the first is {one.missing[0]}"
            )


def _amount(handed: Handed, unbilled: frozenset[str]) -> tuple[Kind, Decimal | None]:
    """What an event comes to, by its own bytes."""
    data = data_of(handed.payload)
    name, sign = _AMOUNTS[type_of(handed.payload)]
    kind = Kind(data["resource"], data["unit"], DWELLINGS if data["account"] else HOUSE)
    if data.get("line_id") in unbilled:
        return kind, None
    return kind, sign * Decimal(data[name])


# Which field of an event says what it bills, and whether that is taken back.
_AMOUNTS = {
    LINE_CLOSED: ("consumption", 1),
    LINE_CORRECTED: ("difference", 1),
    LINE_WITHDRAWN: ("amount", -1),
    INTERFERENCE_CHARGED: ("amount", 1),
}


def _sums(amounts: Iterable[tuple[Kind, Decimal | None]]) -> dict[Kind, Decimal]:
    sums: dict[Kind, Decimal] = defaultdict(Decimal)
    for kind, amount in amounts:
        if amount is not None:
            sums[kind] += amount
    return dict(sums)


def document(statement: Statement) -> dict[str, object]:
    """A statement for JSON: amounts as exact text."""
    return {
        "period": statement.period,
        "house": statement.house,
        "records": statement.records,
        "sums": _told(statement.sums),
        "targets": [
            {
                "target": one.target,
                "sent": sum(share.records for share in one.shares.values()),
                **{
                    state.value: {"count": share.records, "sums": _told(share.sums)}
                    for state, share in one.shares.items()
                },
                "reasons": dict(one.reasons),
                "missing": list(one.missing),
            }
            for one in statement.targets
        ],
        "problems": list(statement.problems),
        "adds_up": not statement.problems,
    }


def _told(sums: Sums) -> list[dict[str, str]]:
    return [{**kind._asdict(), "amount": f"{amount:f}"} for kind, amount in sorted(sums.items())]
