"""Two CSVs about houses: areas and residents, and the norms of common needs and of residents.

Both say dated facts: a line holds from its day on, until a later line about the same subject. A
line may be said again, never otherwise for the same day; what changed gets its own day. A file is
entered whole or not at all, every bad line named.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple, Protocol, TypeVar

from drivers.reading import Resource
from gateway.balance.model import Use
from gateway.balance.registers import UNITS
from gateway.registry_csv import TEXT_CHARS_MAX, Problem, RegistryError, fields_of

AREA_COLUMNS: Final = ("house", "subject", "use", "area_m2", "residents", "valid_from")
NORM_COLUMNS: Final = (
    "house", "resource", "unit", "per_m2", "per_resident", "valid_from", "source",
)  # fmt: skip
# A hundredth of a square metre is what a cadastre states; a million is a district.
AREA_MAX = Decimal(1_000_000)
AREA_STEP = Decimal("0.01")
RESIDENTS_MAX = 10_000
_DIGITS_MAX = 9
# A norm is a few units a month with up to five decimals; ПП 306's tables have fewer.
NORM_MAX = Decimal(100_000)
NORM_STEP = Decimal("0.000001")

_OF_ACCOUNTS: Final = frozenset({Use.DWELLING, Use.NONRESIDENTIAL})
# What makes no sense of a use.
_EMPTY: Final = {
    Use.DWELLING: (),
    Use.NONRESIDENTIAL: ("residents",),
    Use.COMMON: ("residents",),
    Use.HEATING: ("area_m2", "residents"),
}

Fields = Mapping[str, str]


class AreaFact(NamedTuple):
    """A line of areas. `subject` is an account, a house meter's point, or empty: the house."""

    house: str
    subject: str
    use: Use
    area: Decimal | None
    residents: int | None
    valid_from: str

    @property
    def key(self) -> tuple[str, ...]:
        """About whom, in which role of it, and from when: what may be said once."""
        is_point = self.use is Use.HEATING
        return (self.house, "point" if is_point else "", self.subject, self.valid_from)


class NormFact(NamedTuple):
    """A line of norms."""

    house: str
    resource: str
    unit: str
    per_m2: Decimal | None
    per_resident: Decimal | None
    valid_from: str
    source: str

    @property
    def key(self) -> tuple[str, ...]:
        """The house, the resource and the day."""
        return (self.house, self.resource, self.valid_from)


class FactsPort(Protocol):
    """What entering the two files asks of storage."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, durable when it ends."""

    def houses(self) -> set[str]:
        """The names of all houses."""

    def accounts(self) -> dict[str, str]:
        """The house of each account."""

    def house_points(self) -> dict[str, str]:
        """The house of each house meter's point."""

    def areas(self) -> list[AreaFact]:
        """All area facts."""

    def norms(self) -> list[NormFact]:
        """All norms."""

    def add_areas(self, facts: Sequence[AreaFact]) -> None:
        """Enter facts that are new."""

    def add_norms(self, facts: Sequence[NormFact]) -> None:
        """Enter norms that are new."""


F = TypeVar("F", AreaFact, NormFact)


class _Fault(Exception):  # noqa: N818 - becomes a Problem, never leaves this module
    pass


def import_areas(store: FactsPort, data: bytes) -> dict[str, int]:
    """Enter areas and residents; how many lines were new and the same. RegistryError names all."""
    with store.transaction():
        known = _Known(store.houses(), store.accounts(), store.house_points())
        facts, problems = _parsed(data, AREA_COLUMNS, lambda fields: _area(fields, known))
        new = _new(facts, store.areas(), problems)
        store.add_areas(new)
    return {"new": len(new), "same": len(facts) - len(new)}


def import_norms(store: FactsPort, data: bytes) -> dict[str, int]:
    """Enter norms; how many lines were new and the same. RegistryError names every bad line."""
    with store.transaction():
        houses = store.houses()
        facts, problems = _parsed(data, NORM_COLUMNS, lambda fields: _norm(fields, houses))
        new = _new(facts, store.norms(), problems)
        store.add_norms(new)
    return {"new": len(new), "same": len(facts) - len(new)}


def _parsed(
    data: bytes, columns: Sequence[str], parse: Callable[[Fields], F]
) -> tuple[list[tuple[int, F]], list[Problem]]:
    facts, problems = [], []
    for number, fields in fields_of(data, columns):
        if "" in fields:
            problems.append(Problem(number, "", "one field per column", fields[""]))
            continue
        try:
            facts.append((number, parse(fields)))
        except _Fault as fault:
            column, expected = fault.args
            problems.append(Problem(number, column, expected, repr(fields[column])))
    return facts, problems


def _new(facts: Sequence[tuple[int, F]], known: Sequence[F], problems: list[Problem]) -> list[F]:
    """The facts not known yet; RegistryError where anything is wrong with any line."""
    told = {fact.key: fact for fact in known}
    new = []
    for number, fact in facts:
        before = told.setdefault(fact.key, fact)
        if before is fact:
            new.append(fact)
        elif before != fact:
            problems.append(Problem(number, "", f"what was said before: {_told(before)}", "other"))
    if problems:
        raise RegistryError(sorted(problems))
    return new


def _told(fact: AreaFact | NormFact) -> str:
    return ", ".join(str(value) for value in fact if value is not None and value != "")


class _Known(NamedTuple):
    houses: set[str]
    accounts: Mapping[str, str]
    house_points: Mapping[str, str]


def _area(fields: Fields, known: _Known) -> AreaFact:
    use = _use(fields["use"])
    _check_subject(fields, use, known)
    area = None
    for column in _EMPTY[use]:
        if fields[column]:
            raise _Fault(column, f"nothing for {use}")
    if "area_m2" not in _EMPTY[use]:
        area = _number(fields, "area_m2", AREA_MAX, AREA_STEP)
    residents = _residents(fields["residents"])
    return AreaFact(fields["house"], fields["subject"], use, area, residents, _day(fields))


def _check_subject(fields: Fields, use: Use, known: _Known) -> None:
    house, subject = fields["house"], fields["subject"]
    if house not in known.houses:
        raise _Fault("house", "a house of the registry")
    if use is Use.COMMON and subject:
        raise _Fault("subject", "nothing for the common property")
    if use is Use.HEATING and known.house_points.get(subject) != house:
        raise _Fault("subject", f"a house meter's point of house {house}")
    if use in _OF_ACCOUNTS and known.accounts.get(subject) != house:
        raise _Fault("subject", f"an account of house {house}")


def _norm(fields: Fields, houses: set[str]) -> NormFact:
    if fields["house"] not in houses:
        raise _Fault("house", "a house of the registry")
    try:
        resource = Resource(fields["resource"])
    except ValueError:
        raise _Fault("resource", "one of " + ", ".join(Resource)) from None
    if fields["unit"] not in UNITS[resource]:
        raise _Fault("unit", "one of " + ", ".join(sorted(UNITS[resource])))
    per_m2 = _optional(fields, "per_m2")
    per_resident = _optional(fields, "per_resident")
    if per_m2 is None and per_resident is None:
        raise _Fault("per_m2", "a norm here or in per_resident")
    if not 0 < len(fields["source"]) <= TEXT_CHARS_MAX:
        raise _Fault("source", f"the act that sets the norm, 1 to {TEXT_CHARS_MAX} characters")
    return NormFact(
        fields["house"], resource, fields["unit"], per_m2, per_resident, _day(fields),
        fields["source"],
    )  # fmt: skip


def _use(text: str) -> Use:
    try:
        return Use(text)
    except ValueError:
        raise _Fault("use", "one of " + ", ".join(Use)) from None


def _number(fields: Fields, column: str, most: Decimal, step: Decimal) -> Decimal:
    expected = f"a number above 0, at most {most}, with no digit below {step}"
    try:
        value = Decimal(fields[column].replace(",", "."))
    except InvalidOperation:
        raise _Fault(column, expected) from None
    if not value.is_finite() or not 0 < value <= most or value % step:
        raise _Fault(column, expected)
    return value.normalize()


def _optional(fields: Fields, column: str) -> Decimal | None:
    return _number(fields, column, NORM_MAX, NORM_STEP) if fields[column] else None


def _residents(text: str) -> int | None:
    if not text:
        return None
    digits = text if text.isascii() and text.isdigit() else ""
    # Beyond some thousands of digits Python makes no number of them at all.
    if not 0 < len(digits) <= _DIGITS_MAX or int(digits) > RESIDENTS_MAX:
        raise _Fault("residents", f"a whole number from 0 to {RESIDENTS_MAX}, or nothing")
    return int(text)


def _day(fields: Fields) -> str:
    try:
        return date.fromisoformat(fields["valid_from"]).isoformat()
    except ValueError:
        raise _Fault("valid_from", "a day like 2026-10-01") from None


def standing(facts: Sequence[F], period: str) -> list[F]:
    """The newest fact of each subject that held on the last day of a period."""
    newest: dict[tuple[str, ...], F] = {}
    for fact in sorted(facts, key=lambda fact: fact.valid_from):
        if fact.valid_from[: len(period)] <= period:
            newest[fact.key[:-1]] = fact
    return list(newest.values())
