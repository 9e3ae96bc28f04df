"""Files of lines that people enter: read as CSV, and every bad line of them named.

Every fault of every line is found before anything is written, and each is one `Problem` that
names line, column, what was expected and what came. What a kind of file says is its own module's;
here is what all of them share: the shape of the file, how faults are told, and fields that many
files have.
"""

import csv
import io
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeVar

# A city's meters; the file is held in memory while it is checked.
LINES_MAX = 500_000
TEXT_CHARS_MAX = 200
A_TEXT = f"1 to {TEXT_CHARS_MAX} printable characters"
# Days and months are added to a day, so it must lie far from the ends of the calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)

Fields = Mapping[str, str]
"""The fields of a line by column, without blanks around them."""

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Problem(NamedTuple):
    """One fault of one line; line 0 is the file as a whole."""

    line: int
    column: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else "file"
        column = f", column {self.column}" if self.column else ""
        return f"{where}{column}: expected {self.expected}, got {self.got}"


class RegistryError(ValueError):
    """What stands against a change of the registry, one line each; nothing was written."""

    def __init__(self, problems: list[Problem] | str) -> None:
        self.problems = [] if isinstance(problems, str) else problems
        super().__init__(problems if isinstance(problems, str) else "\n".join(map(str, problems)))


class FieldError(Exception):
    """What a column of a line should have said; becomes a Problem, never leaves a file's reader.

    `got` is the field as it came, unless more is known of it.
    """

    def __init__(self, column: str, expected: str, got: str | None = None) -> None:
        super().__init__(column, expected, got)
        self.column, self.expected, self.got = column, expected, got

    def problem(self, number: int, fields: Fields) -> Problem:
        """It as one of a line."""
        got = repr(fields[self.column]) if self.got is None else self.got
        return Problem(number, self.column, self.expected, got)


def lines_of(
    data: bytes, columns: Sequence[str], problems: list[Problem], optional: Sequence[str] = ()
) -> Iterator[tuple[int, Fields]]:
    """The lines of a CSV (UTF-8; comma or semicolon) by number, the header checked first.

    `optional` columns may be missing in the header, and then in the fields. A line with another
    number of fields than the header has is left out and goes to `problems`, which are whole when
    the lines have ended. RegistryError where the file cannot be read as lines at all.
    """
    text = _decoded(data)
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if head.count(";") else ",", strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, columns, optional)
        for fields in reader:
            if reader.line_num > LINES_MAX:
                raise RegistryError([Problem(0, "", f"at most {LINES_MAX} lines", "more")])
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                got = f"{len(fields)} fields instead of {len(header)}"
                problems.append(Problem(reader.line_num, "", "one field per column", got))
                continue
            yield (
                reader.line_num,
                {name: field.strip() for name, field in zip(header, fields, strict=True)},
            )
    except csv.Error as error:
        raise RegistryError([Problem(reader.line_num, "", "CSV", str(error))]) from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RegistryError(
            [Problem(line, "", "UTF-8", f"byte {data[error.start]:#04x}")]
        ) from None


def _check_header(header: list[str], columns: Sequence[str], optional: Sequence[str]) -> None:
    refuse(
        [Problem(1, name, "this column", "none") for name in columns if name not in header]
        + [
            Problem(1, name or "''", "a known column, once", repr(name))
            for at, name in enumerate(header)
            if name not in (*columns, *optional) or name in header[:at]
        ]
    )


def parsed(
    lines: Iterable[tuple[int, Fields]], parse: Callable[[Fields], T], problems: list[Problem]
) -> Iterator[tuple[int, T]]:
    """What `parse` makes of the lines, by number; where it raises FieldError, one of `problems`."""
    for number, fields in lines:
        try:
            yield number, parse(fields)
        except FieldError as error:
            problems.append(error.problem(number, fields))


def repeated(
    subjects: Iterable[tuple[int, K]], expected: Callable[[K], str], column: str = ""
) -> Iterator[Problem]:
    """The lines about a subject that an earlier one was about."""
    first: dict[K, int] = {}
    for number, subject in subjects:
        before = first.setdefault(subject, number)
        if before != number:
            yield Problem(number, column, expected(subject), f"the one of line {before} again")


def refuse(problems: Sequence[Problem]) -> None:
    """Where there are problems, the RegistryError that names them in order of lines."""
    if problems:
        raise RegistryError(sorted(problems))


def is_text(text: str) -> bool:
    """Whether it is A_TEXT."""
    return 0 < len(text) <= TEXT_CHARS_MAX and text.isprintable()


def day(fields: Fields, column: str) -> date:
    """A day that must be there."""
    try:
        found = date.fromisoformat(fields[column])
    except ValueError:
        raise FieldError(column, "a day like 2026-10-31") from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise FieldError(column, f"a day from {FIRST_DAY} to {LAST_DAY}")
    return found


def amount(fields: Fields, column: str, most: Decimal, step: Decimal, what: str) -> Decimal:
    """A number above 0 with a point or a comma, at most `most` and in whole steps."""
    expected = f"{what} above 0, at most {most}, with no digit below {step}"
    try:
        value = Decimal(fields[column].replace(",", "."))
    except InvalidOperation:
        raise FieldError(column, expected) from None
    if not value.is_finite() or not 0 < value <= most or value % step:
        raise FieldError(column, expected)
    return value
