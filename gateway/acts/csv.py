"""The CSV of acts: a line per act, each checked against the registry before anything is entered."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from gateway.acts.model import Act, Kind
from gateway.acts.port import Place
from gateway.csv_lines import (
    A_TEXT,
    FieldError,
    Fields,
    Problem,
    amount,
    day,
    is_text,
    lines_of,
    parsed,
    refuse,
)

COLUMNS: Final = (
    "kind", "number", "made_on", "made_by", "account", "point", "register", "capacity_per_h",
    "begun_on",
)  # fmt: skip
# A whole building's inlet in kW or m3 an hour, and a thousandth of it.
CAPACITY_MAX = Decimal(100_000)
CAPACITY_STEP = Decimal("0.001")


class Known(NamedTuple):
    """What the registry says of a file's accounts (with the day it is there) and points."""

    today: Mapping[str, date]
    places: Mapping[str, Place]


def parse(data: bytes, known_of: Callable[[set[str], set[str]], Known]) -> list[tuple[int, Act]]:
    """The acts of a CSV by line number; RegistryError names every bad line."""
    problems: list[Problem] = []
    lines = list(lines_of(data, COLUMNS, problems))
    known = known_of(
        {fields["account"] for _, fields in lines}, {fields["point"] for _, fields in lines}
    )
    found = list(parsed(lines, lambda fields: _act(fields, known), problems))
    refuse(problems)
    return found


def _act(fields: Fields, known: Known) -> Act:
    kind = _kind(fields["kind"])
    today = known.today.get(fields["account"])
    if today is None:
        raise FieldError("account", "an account of the registry")
    made_on = day(fields, "made_on")
    if made_on > today:
        raise FieldError("made_on", f"a day that has been, until {today}")
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
        raise FieldError("kind", "one of " + ", ".join(Kind)) from None


def _check_point(fields: Fields, known: Known) -> None:
    place = known.places.get(fields["point"])
    if fields["point"] and (place is None or place.account != fields["account"]):
        raise FieldError("point", f"a metering point of account {fields['account']}, or nothing")


def _check_empty(fields: Fields, kind: Kind) -> None:
    for column in ("register", "capacity_per_h", "begun_on"):
        if fields[column]:
            raise FieldError(column, f"nothing for {kind}")


def _register(fields: Fields, known: Known) -> str:
    place = known.places.get(fields["point"])
    if place is None:
        raise FieldError("point", "the metering point that was interfered with")
    if fields["register"] not in place.units:
        raise FieldError("register", f"one of {', '.join(sorted(place.units))}")
    return fields["register"]


def _capacity(fields: Fields) -> Decimal | None:
    if not fields["capacity_per_h"]:
        return None
    return amount(fields, "capacity_per_h", CAPACITY_MAX, CAPACITY_STEP, "units an hour")


def _begun_on(fields: Fields, made_on: date) -> date | None:
    if not fields["begun_on"]:
        return None
    begun_on = day(fields, "begun_on")
    if begun_on >= made_on:
        raise FieldError("begun_on", f"a day before {made_on}, or nothing where nobody knows")
    return begun_on


def _text(fields: Fields, column: str) -> str:
    text = fields[column]
    if not is_text(text):
        raise FieldError(column, A_TEXT)
    return text
