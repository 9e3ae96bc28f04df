"""CSV as another program wants it: a profile says which columns, in which order and writing.

A column's value is a text with the fields of a line in braces (``{house}, кв. {dwelling}``), a
text without any is a constant. Numbers get the profile's decimal mark, days its date format;
`words` replace single values of a field. Values keep every digit. A profile is checked whole when
it is read, so that a field that does not exist is not found out at the end of a month.
"""

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.billing import DETERMINED, Method, Role
from gateway.closing_records import ClosingLine
from gateway.config import said
from gateway.export.closed import Closed, Documents, ExportError, LeftOut, local_date
from gateway.handoff.csv import harmless

SHIPPED = Path(__file__).parent / "profiles"
# What a billing form could have; a bound against a file that is something else altogether.
COLUMNS_MAX = 100
PROFILE_BYTES_MAX = 64 * 1024

_DAYS = ("opening_at_ms", "closing_at_ms", "closed_at_ms")
_NUMBERS = ("opening_value", "closing_value", "consumption")
# A line's own fields, the house's address, the period in its two parts, and how ГИС ЖКХ's bills
# call the way the consumption was determined (N, M, O).
FIELDS = frozenset(
    {name.removesuffix("_ms") for name in ClosingLine._fields}
    | {"address", "origin", "period_year", "period_month", "determined"}
)
# What an account's bill must not add up: its lines are in the others already, or no consumption.
_UNBILLED = {
    Role.CHECK: "a check register: its consumption is in the lines that are billed",
    Role.EXPORT: "energy given back is no consumption",
}
_EXAMPLE_DAY = date(2026, 10, 31)


def _known_fields(text: str) -> str:
    for name in _fields_of(text):
        if name not in FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise ValueError(f"expected fields of a line in braces ({known}), got {{{name}}}")
    return text


def _date_format(text: str) -> str:
    # One that says no day would write its own words into every line.
    if "%" not in text or _EXAMPLE_DAY.strftime(text) == text:
        raise ValueError("expected a date format like %d.%m.%Y")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """One column: its heading and what stands in it."""

    name: Annotated[str, Field(max_length=200)]
    value: Annotated[str, Field(max_length=400), AfterValidator(_known_fields)]


class Profile(_Part):
    """How a CSV file is written.

    `lines` = "accounts" leaves out the meters of whole houses, and what is not billed.
    """

    title: str
    note: str = ""
    encoding: Literal["utf-8", "utf-8-sig", "cp1251", "cp866"] = "utf-8"
    separator: Literal[";", ",", "\t", "|"] = ";"
    decimal: Literal[".", ","] = "."
    date: Annotated[str, Field(max_length=40), AfterValidator(_date_format)] = "%d.%m.%Y"
    header: bool = True
    lines: Literal["all", "accounts"] = "all"
    words: dict[str, dict[str, str]] = {}
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=COLUMNS_MAX)]


class _Cell(NamedTuple):
    """What one value looks like in the file, and whether a spreadsheet may count with it."""

    text: str
    is_number: bool


def load(name: str) -> Profile:
    """The profile of a file, or a shipped one by its name; ExportError with one line if not."""
    shipped = {file.stem: file for file in SHIPPED.glob("*.toml")}
    path = shipped.get(name, Path(name))
    try:
        with path.open("rb") as file:
            data = file.read(PROFILE_BYTES_MAX + 1)
    except OSError as error:
        known = ", ".join(sorted(shipped))
        raise ExportError(
            f"cannot read the column profile {name}: {error.strerror} (shipped ones: {known})"
        ) from error
    if len(data) > PROFILE_BYTES_MAX:
        raise ExportError(f"{name}: expected a profile of at most {PROFILE_BYTES_MAX} bytes")
    try:
        profile = Profile(**tomllib.loads(data.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{name} is not TOML: {error}") from error
    except ValidationError as error:
        raise ExportError(f"{name}: {'; '.join(said(item) for item in error.errors())}") from error
    unknown = sorted(profile.words.keys() - FIELDS)
    if unknown:
        raise ExportError(f"{name}: words: no line has a field {', '.join(unknown)}")
    for column in profile.columns if profile.header else ():
        if letter := _lacks(profile.encoding, column.name):
            raise ExportError(
                f"{name}: the heading {column.name!r}: {profile.encoding} has no letter "
                f"{letter!r}: choose another encoding"
            )
    return profile


def as_columns(lines: Iterable[Closed], profile: Profile) -> Documents:
    """The lines as `profile` says; ExportError for a letter its encoding does not have."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=profile.separator, lineterminator="\r\n")
    if profile.header:
        writer.writerow(column.name for column in profile.columns)
    left_out = []
    count = 0
    for one in lines:
        if profile.lines == "accounts" and one.line.account is None:
            left_out.append(LeftOut.of(one, "a meter of the whole house has no account"))
            continue
        if profile.lines == "accounts" and one.line.role != Role.BILLED:
            left_out.append(LeftOut.of(one, _UNBILLED[Role(one.line.role)]))
            continue
        cells = _cells(one, profile)
        row = [_filled(column.value, cells) for column in profile.columns]
        _encodable(one, row, profile)
        writer.writerow(row)
        count += 1
    return Documents((text.getvalue().encode(profile.encoding),), count, tuple(left_out))


def _cells(closed: Closed, profile: Profile) -> dict[str, _Cell]:
    line = closed.line
    told: dict[str, str] = line.as_text()
    for name in _DAYS:
        day = local_date(getattr(line, name), closed.timezone)
        told[name.removesuffix("_ms")] = day.strftime(profile.date)
    for name in _NUMBERS:
        told[name] = told[name].replace(".", profile.decimal)
    year, month = line.period.split("-")
    told |= {"address": closed.address, "origin": closed.origin.value}
    told |= {"period_year": year, "period_month": month}
    told |= {"determined": DETERMINED[Method(line.method)]}
    return {
        name: _Cell(profile.words.get(name, {}).get(text, text), name in _NUMBERS)
        for name, text in told.items()
    }


def _filled(template: str, cells: Mapping[str, _Cell]) -> str:
    text = template.format_map({name: cell.text for name, cell in cells.items()})
    match = re.fullmatch(r"\{(\w+)\}", template)
    if match is not None and cells[match[1]].is_number:
        return text
    return harmless(text)


def _fields_of(template: str) -> list[str]:
    """The fields a template names; ValueError for anything that is more than a name in braces."""
    names = []
    for _, name, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError(f"expected only names in braces, got {template!r}")
        if name is not None:
            names.append(name)
    return names


def _encodable(closed: Closed, row: Iterable[str], profile: Profile) -> None:
    for column, text in zip(profile.columns, row, strict=True):
        if letter := _lacks(profile.encoding, text):
            raise ExportError(
                f"line {closed.line.line_id}, column {column.name!r}: {profile.encoding} has no "
                f"letter {letter!r}: choose another encoding in the profile"
            )


def _lacks(encoding: str, text: str) -> str | None:
    """The first letter of a text that an encoding cannot write."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        return str(error.object[error.start])
    return None
