"""The CSV of contracts' windows: entered whole or not at all, every bad line named.

A contract holds from its period on. One that a closed period was closed by is not changed: a
line would have ended elsewhere, and nobody could see why.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from drivers.reading import Resource
from gateway.contracts import Contract, Cutoff
from gateway.csv_lines import Fields, Problem, lines_of, refuse, repeated
from gateway.periods import is_period

COLUMNS: Final = (
    "house", "resource", "since", "first_day", "last_day", "next_month", "cutoff",
)  # fmt: skip

_DAY = re.compile(r"[1-9]|[12][0-9]|3[01]|99")
_YES_NO: Final = {"yes": True, "no": False}
_RESOURCES: Final = frozenset(Resource)
_CUTOFFS: Final = frozenset(Cutoff)


class ContractRow(NamedTuple):
    """A contract of a house; `resource` is empty where it holds for every one."""

    house: str
    resource: str
    contract: Contract

    @property
    def subject(self) -> tuple[str, str, str]:
        """What there is one contract of."""
        return self.house, self.resource, self.contract.since


class ContractStore(Protocol):
    """A ledger that keeps contracts; all in the transaction open around it."""

    def last_closed(self) -> Mapping[str, str | None]:
        """Every house with its newest closed period."""

    def all_contracts(self) -> Sequence[ContractRow]:
        """Every contract, by house, resource and period."""

    def set_contracts(self, rows: Sequence[ContractRow]) -> None:
        """Enter contracts, in place of those of the same subject and period."""


def import_contracts(store: ContractStore, data: bytes) -> dict[str, int]:
    """Enter the contracts of a CSV; how many were new, changed and the same.

    RegistryError names every bad line, and then nothing was written.
    """
    last_closed = store.last_closed()
    problems: list[Problem] = []
    rows: dict[int, ContractRow] = {}
    for number, fields in lines_of(data, COLUMNS, problems):
        found = list(_faults(number, fields, last_closed))
        problems += found
        if not found:
            rows[number] = _row(fields)
    subjects = ((number, one.subject) for number, one in rows.items())
    problems += repeated(subjects, lambda _: "each house, resource and period once")
    known = {one.subject: one for one in store.all_contracts()}
    changed = {number: one for number, one in rows.items() if known.get(one.subject) != one}
    problems += _too_late(changed, last_closed)
    refuse(problems)
    store.set_contracts(list(changed.values()))
    new = sum(one.subject not in known for one in changed.values())
    return {"new": new, "changed": len(changed) - new, "same": len(rows) - len(changed)}


def _faults(number: int, fields: Fields, houses: Mapping[str, str | None]) -> Iterator[Problem]:
    checks = (
        ("house", fields["house"] in houses, "a house of the registry"),
        (
            "resource",
            fields["resource"] in {"", *_RESOURCES},
            f"one of {', '.join(Resource)}, or nothing for every one",
        ),
        ("since", is_period(fields["since"]), "the first period it holds for, like 2026-10"),
        ("first_day", bool(_DAY.fullmatch(fields["first_day"])), "1 to 31, or 99 for the last"),
        ("last_day", bool(_DAY.fullmatch(fields["last_day"])), "1 to 31, or 99 for the last"),
        ("next_month", fields["next_month"] in _YES_NO, "yes or no"),
        ("cutoff", fields["cutoff"] in _CUTOFFS, f"one of {', '.join(Cutoff)}"),
    )
    faults = [
        Problem(number, column, expected, repr(fields[column]))
        for column, is_good, expected in checks
        if not is_good
    ]
    yield from faults
    if not faults:
        yield from _misplaced(number, _row(fields).contract)


def _misplaced(number: int, contract: Contract) -> Iterator[Problem]:
    """A window that ends before it begins, or only after the next one has begun."""
    first, last = contract.first_day, contract.last_day
    if contract.next_month and last >= first:
        expected = f"a day of the next month before {first}, when its window begins"
        yield Problem(number, "last_day", expected, str(last))
    if not contract.next_month and last < first:
        expected = f"a day not before {first}, or yes for next_month"
        yield Problem(number, "last_day", expected, str(last))


def _too_late(
    changed: Mapping[int, ContractRow], last_closed: Mapping[str, str | None]
) -> Iterator[Problem]:
    for number, one in changed.items():
        last = last_closed[one.house]
        if last is not None and one.contract.since <= last:
            expected = f"a period after {last}, the last one closed (or reopen it first)"
            yield Problem(number, "since", expected, one.contract.since)


def _row(fields: Fields) -> ContractRow:
    contract = Contract(
        fields["since"],
        int(fields["first_day"]),
        int(fields["last_day"]),
        _YES_NO[fields["next_month"]],
        Cutoff(fields["cutoff"]),
    )
    return ContractRow(fields["house"], fields["resource"], contract)
