"""Found meters into edge.toml: added where a person would add them, and nothing else is touched.

The file belongs to people: their comments, order and spelling stay (tomlkit). What the new file
says is compared with what it should say before it takes the old one's place, so a construction
that was not foreseen here is refused instead of being spoiled. Meters without a profile become
comments, once: an entry with a guessed profile would be refused by `run`, or worse, not refused.
"""

import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Key, Table, Whitespace

from drivers.driver import Found
from edge.config import ConfigError


class WritingError(ConfigError):
    """A configuration that this program cannot extend; the text says why and what to do."""


class Entry(NamedTuple):
    """A found meter to be added to a line: the keys of its table, and remarks on some of them."""

    line: str
    found: Found
    keys: dict[str, str | int]
    remarks: dict[str, str]


class Unknown(NamedTuple):
    """A meter that no profile fits, for a person to look into."""

    line: str
    found: Found
    remark: str


def extend(text: str, entries: Sequence[Entry], unknown: Sequence[Unknown]) -> str:
    """The text of an edge.toml with `entries` in it and `unknown` as comments.

    A comment about a meter that has a profile by now makes room for its entry.
    """
    ending = "\r\n" if "\r\n" in text else "\n"
    text = _without(text.replace("\r\n", "\n"), [_mark(one.line, one.found) for one in entries])
    try:
        document = tomlkit.parse(text)
        lines = _lines(document)
        for line in lines:
            name = str(line["name"])
            _extend_line(
                line,
                [entry for entry in entries if entry.line == name],
                [comment for one in unknown if one.line == name for comment in _told(one, text)],
            )
        extended = tomlkit.dumps(document)
        is_right = tomllib.loads(extended) == _expected(text, entries)
    except (TOMLKitError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise WritingError(f"cannot add meters to this file: {error}; add them by hand") from error
    if not is_right:
        raise WritingError("the file is written in a way that cannot be extended: add by hand")
    return extended.rstrip("\n").replace("\n", ending) + ending


def _without(text: str, marks: Iterable[str]) -> str:
    """The lines of `text` that tell of none of `marks`; with an end to the last line."""
    known = tuple(marks)
    lines = text.removesuffix("\n").split("\n")
    return "".join(f"{line}\n" for line in lines if not line.startswith(known))


def _mark(line: str, found: Found) -> str:
    """How the comment about a meter without a profile begins."""
    return f"# found by plomba-edge scan on {line}, no profile: {found.protocol} {found.address},"


def _lines(document: tomlkit.TOMLDocument) -> list[Table]:
    lines = document["lines"]
    if not isinstance(lines, AoT):
        raise WritingError("expected each line under a [[lines]] of its own: add meters by hand")
    return list(lines)


def _extend_line(line: Table, entries: Sequence[Entry], comments: Sequence[str]) -> None:
    """Behind the last meter, before what a person wrote about whatever comes next."""
    if not entries and not comments:
        return
    meters = line.get("meters")
    last = meters[-1] if isinstance(meters, AoT) and len(meters) else line
    ahead = _cut_tail(last)
    for entry in entries:
        last.add(tomlkit.nl())
        last = _append(line, entry)
    for number, comment in enumerate(comments):
        if number == 0:
            last.add(tomlkit.nl())
        last.add(tomlkit.comment(comment))
    for key, item in ahead or [(None, tomlkit.nl())]:
        last.value.append(key, item)


def _append(line: Table, entry: Entry) -> Table:
    table = tomlkit.table()
    for key, value in entry.keys.items():
        item = tomlkit.item(value)
        if key in entry.remarks:
            item.comment(entry.remarks[key])
            item.trivia.comment_ws = "  "
        table.add(key, item)
    if "meters" not in line:
        # As if it had been parsed: empty lines between its tables are ours, not the library's.
        line.add("meters", AoT([], parsed=True))
    meters = line["meters"]
    if not isinstance(meters, AoT):
        raise WritingError("expected each meter under a [[lines.meters]]: add meters by hand")
    meters.append(table)
    added: Table = meters[-1]
    return added


def _cut_tail(table: Table) -> list[tuple[Key | None, Item]]:
    """Take away the empty lines and comments at the end of a table, from the first empty one on.

    A comment right below a meter is about that meter; after an empty line it is about what follows.
    """
    body = table.value.body
    end = len(body)
    while end and body[end - 1][0] is None:
        end -= 1
    while end < len(body) and not isinstance(body[end][1], Whitespace):
        end += 1
    tail = body[end:]
    del body[end:]
    return tail


def _told(unknown: Unknown, text: str) -> Iterable[str]:
    """Comment lines about a meter that no profile fits; none if the file tells of it already."""
    found = unknown.found
    mark = _mark(unknown.line, found)
    if mark in text:
        return
    shown = (found.identification, found.manufacturer, found.medium)
    what = " ".join(part for part in shown if part) or "a meter"
    # What came from a meter is not trusted to be one line of text.
    remark = "".join(letter if letter.isprintable() else " " for letter in unknown.remark)
    yield f"{mark.removeprefix('# ')} {what}: {' '.join(remark.split())}"


def _expected(text: str, entries: Sequence[Entry]) -> dict[str, Any]:
    document = tomllib.loads(text)
    for entry in entries:
        for line in document["lines"]:
            if line["name"] == entry.line:
                line.setdefault("meters", []).append(dict(entry.keys))
    return document
