"""`plomba-edge decode`: telegrams from files or standard input to readable records or JSON lines.

Needs neither hardware nor configuration. A file holds one telegram or several, as hexadecimal
digits with or without spaces, over any number of lines; a line that opens a JSON object ends it,
which is how collections of telegrams keep the expected values beside the bytes. Every telegram
gives one result: its records, or one error. An error of one never hides the others.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from drivers.driver import FrameError
from drivers.mbus import frame, telegram
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram

# Two thousand telegrams of the longest kind in spaced hex: a day's capture of a line.
FILE_BYTES_MAX = 2 * 1024 * 1024
_STDIN = "-"
_SEPARATORS = re.compile(r"0[xX]|[\s,;:_-]")
_NOT_HEX = re.compile(r"[^0-9a-fA-F]")
_EXPECTATIONS = "{"


class HexError(ValueError):
    """A file without telegrams in hexadecimal digits."""


@click.group()
def decode() -> None:
    """Turn telegrams into readable values."""


@decode.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE... | -")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per telegram and line.")
@click.pass_context
def mbus(context: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Decode M-Bus telegrams given as hexadecimal digits; - reads standard input."""
    failed = False
    for file in files:
        for found in results(file):
            if isinstance(found, Telegram):
                click.echo(_json_line(file, found) if as_json else _page(file, found))
                continue
            failed = True
            if as_json:
                click.echo(json.dumps({"file": file, "error": str(found)}))
            click.echo(f"{file}: {found}", err=True)
    if failed:
        context.exit(1)


def results(file: str) -> Iterator[Telegram | HexError | FrameError]:
    """Each telegram of `file` decoded, or the error that stands in its place."""
    try:
        data = parse_hex(_text(file))
    except HexError as error:
        yield error
        return
    for one in split(data):
        try:
            yield telegram.decode(one)
        except FrameError as error:
            yield error


def parse_hex(text: str) -> bytes:
    """The bytes that `text` spells; HexError names the line and what stands there."""
    digits = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if digits and line.startswith(_EXPECTATIONS):
            break
        found = _SEPARATORS.sub("", line)
        alien = _NOT_HEX.search(found)
        if alien is not None:
            raise HexError(f"expected hexadecimal digits, got {alien.group()!r} in line {number}")
        digits += found
    if not digits:
        raise HexError("expected a telegram in hexadecimal digits, got none")
    if len(digits) % 2:
        raise HexError(f"expected two hexadecimal digits a byte, got {len(digits)} digits")
    return bytes.fromhex(digits)


def split(data: bytes) -> Iterator[bytes]:
    """The frames of `data` one by one; from the first broken one on the rest is one piece."""
    while data:
        try:
            length = frame.expected_length(data) or len(data)
        except FrameError:
            length = len(data)
        yield data[:length]
        data = data[length:]


def _text(file: str) -> str:
    try:
        content = _content(file)
    except OSError as error:
        raise HexError(f"expected a readable file: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise HexError(f"expected at most {FILE_BYTES_MAX} bytes of hexadecimal digits, got more")
    return content.decode("utf-8-sig", errors="replace")


def _content(file: str) -> bytes:
    """At most one byte more than is allowed, so that too much is noticed and never loaded."""
    if file == _STDIN:
        return sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
    with Path(file).open("rb") as stream:
        return stream.read(FILE_BYTES_MAX + 1)


def _json_line(file: str, found: Telegram) -> str:
    return json.dumps(
        {
            "file": file,
            "identification": found.identification,
            "manufacturer": found.manufacturer,
            "version": found.version,
            "medium": found.medium,
            "access_number": found.access_number,
            "status": found.status,
            "more_follows": found.more_follows,
            "records": [_record(record) for record in found.records],
        }
    )


def _record(record: Record) -> dict[str, Any]:
    return {
        "index": record.index,
        "quantity": record.quantity,
        "value": _decimal(record),
        "unit": record.unit,
        "time": record.time,
        "text": record.text,
        "function": record.function,
        "storage": record.storage,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "raw": record.raw,
        "problem": record.problem,
    }


def _decimal(record: Record) -> str | None:
    """Without an exponent: 35000, never 3.5E+4."""
    return None if record.value is None else format(record.value, "f")


def _page(file: str, found: Telegram) -> str:
    """A telegram for a reader: its header on one line, a line per record."""
    header = (found.manufacturer, found.identification, found.medium)
    known = " ".join(word for word in header if word is not None) or "no header"
    lines = [f"{file}: {known}, status {found.status or 0:02X}h"]
    lines += [_line(record) for record in found.records]
    if found.more_follows:
        lines.append("  more telegrams follow")
    return "\n".join(lines)


def _line(record: Record) -> str:
    said = " ".join(
        word for word in (_decimal(record), record.unit, record.time, record.text) if word
    )
    channel = f"{record.function} {record.storage}/{record.tariff}/{record.subunit}"
    problem = f"  ({record.problem})" if record.problem else ""
    line = f"  {record.index:3} {record.quantity:32} {channel:22} {said}{problem}"
    # A meter's text goes to a terminal: control characters in it must not.
    return "".join(character if character.isprintable() else "." for character in line)
