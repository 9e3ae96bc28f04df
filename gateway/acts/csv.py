"""The CSV of acts: a line per act, each checked against the registry before anything is entered."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from gateway.acts.model import Act, Kind
from gateway.acts.port import Place
from gateway.registry_csv import TEXT_CHARS_MAX, Problem, RegistryError, fields_of

COLUMNS: Final = (
    "kind", "number", "made_on", "made_by", "account", "point", "register", "capacity_per_h",
    "begun_on",
)  # fmt: skip
# A whole building's inlet in kW or m3 an hour, and a thousandth of it.
CAPACITY_MAX = Decimal(100_000)
CAPACITY_STEP = Decimal("0.001")

Fields = Mapping[str, str]


class Known(NamedTuple):
    """What the registry says of a file's accounts (with the day it is there) and points."""

    today: Mapping[str, date]
    places: Mapping[str, Place]


class _Fault(Exception):  # noqa: N818 - becomes a Problem, never leaves this module
    pass


def parse(data: bytes, known_of: Callable[[set[str], set[str]], Known]) -> list[tuple[int, Act]]:
    """The acts of a CSV by line number; RegistryError names every bad line."""
    lines = list(fields_of(data, COLUMNS))
    whole = [(number, fields) for number, fields in lines if "" not in fields]
    problems = [
        Problem(number, "", "one field per column", fields[""])
        for number, fields in lines
        if "" in fields
    ]
    known = known_of(
        {fields["account"] for _, fields in whole}, {fields["point"] for _, fields in whole}
    )
    found = []
    for number, fields in whole:
        try:
            found.append((number, _act(fields, known)))
        except _Fault as fault:
            column, expected = fault.args
            problems.append(Problem(number, column, expected, repr(fields[column])))
    if problems:
        raise RegistryError(sorted(problems))
    return found


def _act(fields: Fields, known: Known) -> Act:
    kind = _kind(fields["kind"])
    today = known.today.get(fields["account"])
    if today is None:
        raise _Fault("account", "an account of the registry")
    made_on = _day(fields, "made_on")
    if made_on > today:
        raise _Fault("made_on", f"a day that has been, until {today}")
    _check_point(fields, known)
    is_interference = kind is Kind.INTERFERENCE
    if not is_interference:
        _check_empty(fields, kind)
    return Act(
        kind, _text(fields, "number"), made_on, _text(fields, "made_by"), fields["account"],
        fields["point"], _register(fields, known) if is_interference else "",
        _capacity(fields), _begun_on(fields, made_on),
    )  # fmt: skip


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise _Fault("kind", "one of " + ", ".join(Kind)) from None


def _check_point(fields: Fields, known: Known) -> None:
    place = known.places.get(fields["point"])
    if fields["point"] and (place is None or place.account != fields["account"]):
        raise _Fault("point", f"a metering point of account {fields['account']}, or nothing")


def _check_empty(fields: Fields, kind: Kind) -> None:
    for column in ("register", "capacity_per_h", "begun_on"):
        if fields[column]:
            raise _Fault(column, f"nothing for {kind}")


def _register(fields: Fields, known: Known) -> str:
    place = known.places.get(fields["point"])
    if place is None:
        raise _Fault("point", "the metering point that was interfered with")
    if fields["register"] not in place.units:
        raise _Fault("register", f"one of {', '.join(sorted(place.units))}")
    return fields["register"]


def _capacity(fields: Fields) -> Decimal | None:
    text = fields["capacity_per_h"].replace(",", ".")
    if not text:
        return None
    expected = f"units an hour above 0, at most {CAPACITY_MAX}, no digit below {CAPACITY_STEP}"
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _Fault("capacity_per_h", expected) from None
    if not value.is_finite() or not 0 < value <= CAPACITY_MAX or value % CAPACITY_STEP:
        raise _Fault("capacity_per_h", expected)
    return value


def _begun_on(fields: Fields, made_on: date) -> date | None:
    if not fields["begun_on"]:
        return None
    begun_on = _day(fields, "begun_on")
    if begun_on >= made_on:
        raise _Fault("begun_on", f"a day before {made_on}, or nothing where nobody knows")
    return begun_on


def _day(fields: Fields, column: str) -> date:
    try:
        return date.fromisoformat(fields[column])
    except ValueError:
        raise _Fault(column, "a day like 2026-10-05") from None


def _text(fields: Fields, column: str) -> str:
    text = fields[column]
    if not 0 < len(text) <= TEXT_CHARS_MAX or not text.isprintable():
        raise _Fault(column, f"1 to {TEXT_CHARS_MAX} printable characters")
    return text
