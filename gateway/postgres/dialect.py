"""The portable dialect's parameters, as psycopg wants them.

`?` becomes `%s`, `?2` becomes `%(p2)s` and `:name` becomes `%(name)s`, outside of literals, quoted
names and comments; `%` is doubled everywhere, since psycopg reads the whole text. Every statement
is translated once.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

# The program has some hundred statements; what a test composes must not grow without end.
STATEMENTS_MAX = 4096

_TOKEN = re.compile(
    r"""
    (?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | :: )
    | \?(?P<number>\d+)
    | (?P<mark>\?)
    | (?<![\w:]):(?P<name>[A-Za-z_]\w*)
    | (?P<percent>%)
    """,
    re.VERBOSE | re.DOTALL,
)


class Statement(NamedTuple):
    """A statement for psycopg; `numbered`: its parameters are numbers of a sequence."""

    text: str
    numbered: bool


@lru_cache(maxsize=STATEMENTS_MAX)
def translated(statement: str) -> Statement:
    """The statement with psycopg's parameters."""
    numbered = False

    def put(found: re.Match[str]) -> str:
        nonlocal numbered
        if found["number"] is not None:
            numbered = True
            return f"%(p{found['number']})s"
        if found["mark"] is not None:
            return "%s"
        if found["name"] is not None:
            return f"%({found['name']})s"
        return found[0].replace("%", "%%")

    return Statement(_TOKEN.sub(put, statement), numbered)


def arguments(statement: Statement, parameters: Any) -> Any:
    """The parameters in the shape the statement's placeholders have."""
    if statement.numbered and not isinstance(parameters, Mapping):
        return dict(_numbers(parameters))
    return parameters


def _numbers(parameters: Any) -> Iterator[tuple[str, Any]]:
    for number, value in enumerate(parameters, 1):
        yield f"p{number}", value
