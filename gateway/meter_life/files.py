"""Three CSVs about meters and points: verifications, seals, and which point stands behind which.

Each is entered whole or not at all, every bad line named. A line about the same verification,
seal or relation may correct what an earlier file said; what changed is written to the audit log
with what stood there before. A file that was entered before changes nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple, Protocol, TypeVar

from drivers.reading import parse_obis
from gateway.audit import TEXT_CHARS_MAX as AUDIT_CHARS_MAX
from gateway.audit import Act
from gateway.csv_lines import (
    A_TEXT,
    FieldError,
    Fields,
    Problem,
    RegistryError,
    day,
    is_text,
    lines_of,
    refuse,
    repeated,
)
from gateway.meter_life import relations, values
from gateway.meter_life.relations import Place, Relation
from gateway.meter_life.seals import Seal
from gateway.meter_life.values import Shape
from gateway.meter_life.verification import (
    MONTHS_MAX,
    Finding,
    Verification,
    after_months,
)

VERIFICATION_COLUMNS: Final = ("meter", "verified_on", "interval", "number", "by", "finding")
VERIFICATION_OPTIONAL: Final = ("valid_until", "values")
SEAL_COLUMNS: Final = (
    "meter", "number", "place", "set_on", "by", "checked_on", "broken_on", "removed_on",
)  # fmt: skip
RELATION_COLUMNS: Final = ("point", "kind", "other", "since")
RELATION_OPTIONAL: Final = ("until",)
_INTERVAL = re.compile(r"([0-9]{1,3})(y|m)")

Noted = Mapping[str, int]
"""What a dial showed at a verification: mantissas by register, often none."""


class Verified(NamedTuple):
    """A verification with the values noted at it."""

    verification: Verification
    noted: Noted

    @property
    def meter(self) -> str:
        """Whose it is."""
        return self.verification.meter

    @property
    def said(self) -> str:
        """All of it in one line."""
        found = self.verification
        noted = "".join(f", {obis} at {mantissa}" for obis, mantissa in self.noted.items())
        return (
            f"{found.verified_on} until {found.valid_until}, {found.finding}, "
            f"no. {found.number} by {found.verified_by}{noted}"
        )


class Author(NamedTuple):
    """Who enters a file, how the program knows them, when, and what the file is called."""

    actor: str
    via: str
    at_ms: int
    why: str


class LifeStore(Protocol):
    """A ledger that keeps what the files say; all in the transaction open around it."""

    def dials(self) -> Mapping[str, Mapping[str, Shape]]:
        """The registers of every registered meter."""

    def places(self) -> Mapping[str, Place]:
        """Every metering point."""

    def verified(self) -> list[Verified]:
        """Every verification."""

    def set_verified(self, rows: Sequence[Verified]) -> None:
        """Enter verifications, in place of those of the same meter and day."""

    def seals(self) -> list[Seal]:
        """Every seal."""

    def set_seals(self, rows: Sequence[Seal]) -> None:
        """Enter seals, in place of those of the same meter and number."""

    def relations(self) -> list[Relation]:
        """Every relation."""

    def set_relations(self, rows: Sequence[Relation]) -> None:
        """Enter relations, in place of those of the same point and day."""

    def audit(self, act: Act) -> None:
        """Write to the audit log."""


class _Problems:
    """The problems of one line, each under its column."""

    def __init__(self, number: int, fields: Fields) -> None:
        self.number, self.fields = number, fields
        self.found: list[Problem] = []

    def note(self, column: str, expected: str) -> None:
        got = repr(self.fields.get(column, ""))
        self.found.append(Problem(self.number, column, expected, got))

    def text(self, column: str) -> str:
        text = self.fields[column]
        if not is_text(text):
            self.note(column, A_TEXT)
        return text

    def day(self, column: str, *, not_before: date | None = None) -> date | None:
        """A day that must be there."""
        try:
            found = day(self.fields, column)
        except FieldError as error:
            self.note(column, error.expected)
            return None
        if not_before is not None and found < not_before:
            self.note(column, f"a day not before {not_before}")
        return found

    def day_or_none(self, column: str, not_before: date | None) -> date | None:
        """A day that may be left out."""
        return self.day(column, not_before=not_before) if self.fields.get(column) else None


Row = TypeVar("Row")
_Key = tuple[object, ...]


def import_verifications(store: LifeStore, data: bytes, author: Author) -> dict[str, int]:
    """Enter the verifications of a CSV; how many were new, changed and the same."""
    dials = store.dials()
    rows = _rows(
        *(data, VERIFICATION_COLUMNS, VERIFICATION_OPTIONAL),
        lambda problems: _verified(problems, dials),
    )
    return _enter(
        rows,
        store.verified(),
        key=lambda one: (one.verification.meter, one.verification.verified_on),
        write=store.set_verified,
        audit=lambda one, before: store.audit(
            _act(author, "verification", one.meter, before and before.said, one.said)
        ),
    )


def import_seals(store: LifeStore, data: bytes, author: Author) -> dict[str, int]:
    """Enter the seals of a CSV; how many were new, changed and the same."""
    meters = store.dials().keys()
    rows = _rows(data, SEAL_COLUMNS, (), lambda problems: _seal(problems, meters))
    return _enter(
        rows,
        store.seals(),
        key=lambda one: (one.meter, one.number),
        write=store.set_seals,
        audit=lambda one, before: store.audit(
            _act(author, "seal", one.meter, before and before.said, one.said)
        ),
    )


def import_relations(store: LifeStore, data: bytes, author: Author) -> dict[str, int]:
    """Enter the relations of a CSV; how many were new, changed and the same."""
    places = store.places()
    rows = _rows(
        *(data, RELATION_COLUMNS, RELATION_OPTIONAL),
        lambda problems: _relation(problems, places),
    )
    known = store.relations()
    faults = relations.faults([one for _, one in rows], known, places)
    if faults:
        lines = {one: number for number, one in rows}
        raise RegistryError(
            [Problem(lines[one], "other", expected, one.other) for one, expected in faults]
        )
    return _enter(
        rows,
        known,
        key=lambda one: (one.point, one.since),
        write=store.set_relations,
        audit=lambda one, before: store.audit(
            _act(author, "relation", one.point, before and before.said, one.said)
        ),
    )


def _rows(
    data: bytes,
    columns: Sequence[str],
    optional: Sequence[str],
    parse: Callable[[_Problems], Row],
) -> list[tuple[int, Row]]:
    """The rows of a file with their lines; RegistryError with every problem of every line."""
    rows: list[tuple[int, Row]] = []
    found: list[Problem] = []
    for number, fields in lines_of(data, columns, found, optional):
        problems = _Problems(number, fields)
        row = parse(problems)
        found += problems.found
        rows.append((number, row))
    refuse(found)
    return rows


def _enter(
    rows: Sequence[tuple[int, Row]],
    known: Iterable[Row],
    *,
    key: Callable[[Row], _Key],
    write: Callable[[Sequence[Row]], None],
    audit: Callable[[Row, Row | None], None],
) -> dict[str, int]:
    """Write what is new or other than before; each subject once in a file."""
    subjects = ((number, key(row)) for number, row in rows)
    refuse(list(repeated(subjects, lambda subject: " ".join(map(str, subject)) + " once")))
    before = {key(one): one for one in known}
    fresh = [one for _, one in rows if key(one) not in before]
    changed = [one for _, one in rows if before.get(key(one), one) != one]
    write([*fresh, *changed])
    for one in (*fresh, *changed):
        audit(one, before.get(key(one)))
    same = len(rows) - len(fresh) - len(changed)
    return {"new": len(fresh), "changed": len(changed), "same": same}


def _verified(problems: _Problems, dials: Mapping[str, Mapping[str, Shape]]) -> Verified:
    fields = problems.fields
    meter = fields["meter"]
    if meter not in dials:
        problems.note("meter", "a meter of the registry")
    day = problems.day("verified_on") or date.min
    months = _months(problems)
    finding = Finding.FIT
    try:
        finding = Finding(fields["finding"] or Finding.FIT)
    except ValueError:
        problems.note("finding", f"one of {', '.join(Finding)}, or nothing for {Finding.FIT}")
    valid_until = problems.day_or_none("valid_until", day) or after_months(day, months)
    number, by = problems.text("number"), problems.text("by")
    verification = Verification(meter, day, months, valid_until, number, by, finding)
    return Verified(verification, dict(_noted(problems, dials.get(meter, {}))))


def _months(problems: _Problems) -> int:
    match = _INTERVAL.fullmatch(problems.fields["interval"])
    months = int(match[1]) * (12 if match[2] == "y" else 1) if match else 0
    if not 0 < months <= MONTHS_MAX:
        problems.note("interval", f"years or months like 6y or 72m, at most {MONTHS_MAX} months")
    return min(months, MONTHS_MAX)


def _noted(problems: _Problems, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, int]]:
    for part in problems.fields.get("values", "").split():
        obis, _, number = part.partition("=")
        try:
            shape = shapes[parse_obis(obis)]
            yield obis, values.mantissa(shape, obis, Decimal(number), "value")
        except (KeyError, ValueError, InvalidOperation):
            problems.note("values", "what its dial showed, like 8-0:1.0.0=123.456")


def _seal(problems: _Problems, meters: Iterable[str]) -> Seal:
    fields = problems.fields
    if fields["meter"] not in meters:
        problems.note("meter", "a meter of the registry")
    set_on = problems.day("set_on")
    return Seal(
        fields["meter"],
        problems.text("number"),
        problems.text("place"),
        set_on or date.min,
        problems.text("by"),
        problems.day_or_none("checked_on", set_on),
        problems.day_or_none("broken_on", set_on),
        problems.day_or_none("removed_on", set_on),
    )


def _relation(problems: _Problems, places: Mapping[str, Place]) -> Relation:
    fields = problems.fields
    for column in ("point", "other"):
        if fields[column] not in places:
            problems.note(column, "a point of the registry")
    kind = relations.Kind.BEHIND
    try:
        kind = relations.Kind(fields["kind"])
    except ValueError:
        problems.note("kind", f"one of {', '.join(relations.Kind)}")
    since = problems.day("since")
    until = problems.day_or_none("until", since)
    if until is not None and until == since:
        problems.note("until", "the first day without it, after since")
    return Relation(fields["point"], kind, fields["other"], since or date.min, until)


def _act(author: Author, what: str, subject: str, before: str | None, after: str) -> Act:
    limit = AUDIT_CHARS_MAX
    return Act(
        *(author.at_ms, author.actor, author.via, what, subject),
        *((before or "")[:limit], after[:limit], author.why[:limit]),
    )
