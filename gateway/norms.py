"""Norms of consumption and heating seasons: dated tables, a CSV each, entered whole or not at all.

A norm is what a dwelling is billed for a month without readings (ПП 354 п. 60), the people in it
already counted: of one account, or of every account of a house without a row of its own. A later
file may correct a row or a season; a line that was closed by it keeps what it was billed.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from drivers.reading import parse_obis
from gateway.billing import BILLED_UNITS
from gateway.csv_lines import (
    FIRST_DAY,
    FieldError,
    Fields,
    Problem,
    day,
    lines_of,
    refuse,
    repeated,
)
from gateway.periods import is_period

NORM_COLUMNS: Final = ("house", "account", "register", "unit", "since", "amount")
SEASON_COLUMNS: Final = ("house", "starts_on", "ends_on")

# Nine digits before the point and six after: more than a month of any dwelling, and exact.
_AMOUNT = re.compile(r"[0-9]{1,9}([.,][0-9]{1,6})?")


class Norm(NamedTuple):
    """A month's norm from a period (``YYYY-MM``) on; `account` is empty for the whole house."""

    house: str
    account: str
    register: str
    unit: str
    since: str
    amount: Decimal

    @property
    def subject(self) -> tuple[str, ...]:
        """What there is one amount of."""
        return self[:5]


class Season(NamedTuple):
    """A heating season: its first day and its last, None while it goes on."""

    house: str
    starts_on: date
    ends_on: date | None

    @property
    def subject(self) -> tuple[str, date]:
        """What there is one season of."""
        return self.house, self.starts_on


class NormStore(Protocol):
    """A ledger that keeps norms and seasons; all in the transaction open around it."""

    def houses(self) -> set[str]:
        """The houses there are."""

    def accounts(self, numbers: Collection[str]) -> dict[str, str]:
        """The house of each known account."""

    def all_norms(self) -> list[Norm]:
        """Every norm, in order of subjects."""

    def set_norms(self, rows: Sequence[Norm]) -> None:
        """Enter norms, in place of those of the same subject."""

    def all_seasons(self) -> list[Season]:
        """Every season, by house and in order of time."""

    def set_seasons(self, rows: Sequence[Season]) -> None:
        """Enter seasons, in place of those that begin on the same day."""


def import_norms(store: NormStore, data: bytes) -> dict[str, int]:
    """Enter the norms of a CSV; how many were new, changed and the same.

    RegistryError names every bad line, and then nothing was written.
    """
    problems: list[Problem] = []
    lines = list(lines_of(data, NORM_COLUMNS, problems))
    houses = store.houses()
    accounts = store.accounts({fields["account"] for _, fields in lines})
    for number, fields in lines:
        problems += _norm_faults(number, fields, houses, accounts)
    problems += _repeated(lines, NORM_COLUMNS[:-1])
    refuse(problems)
    rows = [_norm(fields) for _, fields in lines]
    known = {one.subject: one for one in store.all_norms()}
    changed = [one for one in rows if known.get(one.subject) != one]
    store.set_norms(changed)
    return _counts(len(rows), changed, {one.subject for one in changed} - known.keys())


def import_seasons(store: NormStore, data: bytes) -> dict[str, int]:
    """Enter the heating seasons of a CSV; how many were new, changed and the same.

    RegistryError names every bad line, and then nothing was written.
    """
    problems: list[Problem] = []
    lines = list(lines_of(data, SEASON_COLUMNS, problems))
    houses = store.houses()
    for number, fields in lines:
        problems += _season_faults(number, fields, houses)
    problems += _repeated(lines, SEASON_COLUMNS[:-1])
    refuse(problems)
    rows = {number: _season(fields) for number, fields in lines}
    known = {one.subject: one for one in store.all_seasons()}
    refuse(_overlaps(rows, known))
    changed = [one for one in rows.values() if known.get(one.subject) != one]
    store.set_seasons(changed)
    return _counts(len(rows), changed, {one.subject for one in changed} - known.keys())


def _repeated(lines: Sequence[tuple[int, Fields]], columns: Sequence[str]) -> Iterator[Problem]:
    subjects = ((number, tuple(fields[name] for name in columns)) for number, fields in lines)
    return repeated(subjects, lambda _: "each subject once")


def _norm_faults(
    number: int, fields: Fields, houses: Collection[str], accounts: Mapping[str, str]
) -> Iterator[Problem]:
    house, account = fields["house"], fields["account"]
    if house not in houses:
        yield Problem(number, "house", "a house of the registry", repr(house))
    elif account and accounts.get(account) != house:
        yield Problem(number, "account", f"an account of {house}, or nothing", repr(account))
    checks = (
        ("register", _is_obis, "an OBIS code like 8-0:1.0.0"),
        ("unit", _is_billed, f"one of {', '.join(sorted(BILLED_UNITS))}"),
        ("since", is_period, "the first period it holds for, like 2026-10"),
        ("amount", _AMOUNT.fullmatch, "a month's amount like 4.2, with at most 6 decimals"),
    )
    for column, is_good, expected in checks:
        if not is_good(fields[column]):
            yield Problem(number, column, expected, repr(fields[column]))


def _season_faults(number: int, fields: Fields, houses: Collection[str]) -> Iterator[Problem]:
    if fields["house"] not in houses:
        yield Problem(number, "house", "a house of the registry", repr(fields["house"]))
    try:
        starts = day(fields, "starts_on")
    except FieldError as error:
        yield error.problem(number, fields)
        starts = FIRST_DAY
    try:
        ends = day(fields, "ends_on") if fields["ends_on"] else starts
    except FieldError as error:
        yield error.problem(number, fields)
        return
    if ends < starts:
        expected = "a day not before the first one, or nothing while the season goes on"
        yield Problem(number, "ends_on", expected, repr(fields["ends_on"]))


def _overlaps(
    rows: Mapping[int, Season], known: Mapping[tuple[str, date], Season]
) -> list[Problem]:
    """Seasons of one house that would hold the same day."""
    lines = {one.subject: number for number, one in rows.items()}
    after = {**known, **{one.subject: one for one in rows.values()}}
    problems = []
    for before, one in pairwise(sorted(after.values(), key=lambda season: season.subject)):
        unfinished = before.ends_on is None or before.ends_on >= one.starts_on
        if before.house == one.house and unfinished:
            number = max(lines.get(one.subject, 0), lines.get(before.subject, 0))
            expected = f"a season after that of {before.starts_on} has ended"
            problems.append(Problem(number, "starts_on", expected, str(one.starts_on)))
    return problems


def _counts(total: int, changed: Sequence[object], new: Collection[object]) -> dict[str, int]:
    return {"new": len(new), "changed": len(changed) - len(new), "same": total - len(changed)}


def _norm(fields: Fields) -> Norm:
    amount = Decimal(fields["amount"].replace(",", "."))
    return Norm._make((*(fields[column] for column in NORM_COLUMNS[:-1]), amount))


def _season(fields: Fields) -> Season:
    ends = day(fields, "ends_on") if fields["ends_on"] else None
    return Season(fields["house"], day(fields, "starts_on"), ends)


def _is_obis(text: str) -> bool:
    try:
        return parse_obis(text) == text
    except ValueError:
        return False


def _is_billed(text: str) -> bool:
    return text in BILLED_UNITS
