"""Two CSVs about houses: areas and residents, and the norms of common needs and of residents.

Both say dated facts: a line holds from its day on, until a later line about the same subject. A
line may be said again, never otherwise for the same day; what changed gets its own day. A file is
entered whole or not at all, every bad line named.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Final, NamedTuple, Protocol, TypeVar

from drivers.reading import Resource
from gateway.balance.model import Use
from gateway.balance.registers import UNITS
from gateway.csv_lines import (
    TEXT_CHARS_MAX,
    FieldError,
    Fields,
    Problem,
    amount,
    day,
    lines_of,
    parsed,
    refuse,
)

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


def import_areas(store: FactsPort, data: bytes) -> dict[str, int]:
    """Enter areas and residents; how many lines were new and the same. RegistryError names all."""
    with store.transaction():
        known = _Known(store.houses(), store.accounts(), store.house_points())
        problems: list[Problem] = []
        lines = lines_of(data, AREA_COLUMNS, problems)
        facts = list(parsed(lines, lambda fields: _area(fields, known), problems))
        new = _new(facts, store.areas(), problems)
        store.add_areas(new)
    return {"new": len(new), "same": len(facts) - len(new)}


def import_norms(store: FactsPort, data: bytes) -> dict[str, int]:
    """Enter norms; how many lines were new and the same. RegistryError names every bad line."""
    with store.transaction():
        houses = store.houses()
        problems: list[Problem] = []
        lines = lines_of(data, NORM_COLUMNS, problems)
        facts = list(parsed(lines, lambda fields: _norm(fields, houses), problems))
        new = _new(facts, store.norms(), problems)
        store.add_norms(new)
    return {"new": len(new), "same": len(facts) - len(new)}


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
    refuse(problems)
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
            raise FieldError(column, f"nothing for {use}")
    if "area_m2" not in _EMPTY[use]:
        area = amount(fields, "area_m2", AREA_MAX, AREA_STEP, "a number").normalize()
    residents = _residents(fields["residents"])
    return AreaFact(
        fields["house"],
        fields["subject"],
        use,
        area,
        residents,
        _valid_from(fields),
    )


def _check_subject(fields: Fields, use: Use, known: _Known) -> None:
    house, subject = fields["house"], fields["subject"]
    if house not in known.houses:
        raise FieldError("house", "a house of the registry")
    if use is Use.COMMON and subject:
        raise FieldError("subject", "nothing for the common property")
    if use is Use.HEATING and known.house_points.get(subject) != house:
        raise FieldError("subject", f"a house meter's point of house {house}")
    if use in _OF_ACCOUNTS and known.accounts.get(subject) != house:
        raise FieldError("subject", f"an account of house {house}")


def _norm(fields: Fields, houses: set[str]) -> NormFact:
    if fields["house"] not in houses:
        raise FieldError("house", "a house of the registry")
    try:
        resource = Resource(fields["resource"])
    except ValueError:
        raise FieldError("resource", "one of " + ", ".join(Resource)) from None
    if fields["unit"] not in UNITS[resource]:
        raise FieldError("unit", "one of " + ", ".join(sorted(UNITS[resource])))
    per_m2 = _optional(fields, "per_m2")
    per_resident = _optional(fields, "per_resident")
    if per_m2 is None and per_resident is None:
        raise FieldError("per_m2", "a norm here or in per_resident")
    if not 0 < len(fields["source"]) <= TEXT_CHARS_MAX:
        raise FieldError("source", f"the act that sets the norm, 1 to {TEXT_CHARS_MAX} characters")
    return NormFact(
        fields["house"], resource, fields["unit"], per_m2, per_resident, _valid_from(fields),
        fields["source"],
    )  # fmt: skip


def _use(text: str) -> Use:
    try:
        return Use(text)
    except ValueError:
        raise FieldError("use", "one of " + ", ".join(Use)) from None


def _optional(fields: Fields, column: str) -> Decimal | None:
    if not fields[column]:
        return None
    return amount(fields, column, NORM_MAX, NORM_STEP, "a number").normalize()


def _residents(text: str) -> int | None:
    if not text:
        return None
    digits = text if text.isascii() and text.isdigit() else ""
    # Beyond some thousands of digits Python makes no number of them at all.
    if not 0 < len(digits) <= _DIGITS_MAX or int(digits) > RESIDENTS_MAX:
        raise FieldError("residents", f"a whole number from 0 to {RESIDENTS_MAX}, or nothing")
    return int(text)


def _valid_from(fields: Fields) -> str:
    return day(fields, "valid_from").isoformat()


def standing(facts: Sequence[F], period: str) -> list[F]:
    """The newest fact of each subject that held on the last day of a period."""
    newest: dict[tuple[str, ...], F] = {}
    for fact in sorted(facts, key=lambda fact: fact.valid_from):
        if fact.valid_from[: len(period)] <= period:
            newest[fact.key[:-1]] = fact
    return list(newest.values())
