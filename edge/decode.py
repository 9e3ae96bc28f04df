"""`plomba-edge decode`: telegrams from files or standard input to readable records or JSON lines.

Needs neither hardware nor configuration. A file holds one telegram or several, as hexadecimal
digits with or without spaces, over any number of lines; a line that opens a JSON object ends it,
which is how collections of telegrams keep the expected values beside the bytes. Every telegram
gives one result: its records, or one error, or both where the records end before the telegram does.
An error of one never hides the others. What a meter encrypted is read with its key, from a file of
keys.
"""

import json
import re
import sys
from collections.abc import Iterator
from decimal import Context
from pathlib import Path
from typing import Any

import click

from cloud_sync.signing import KeyFileError
from drivers.driver import FrameError
from drivers.mbus import frame, telegram
from drivers.mbus.records import Record
from drivers.mbus.telegram import Telegram
from drivers.mbus.values import REAL32
from edge import meter_keys
from edge.meter_keys import Keys

# Two thousand telegrams of the longest kind in spaced hex: a day's capture of a line.
FILE_BYTES_MAX = 2 * 1024 * 1024
_STDIN = "-"
# IEEE 754 binary32 has 24 bits, which nine decimal digits always tell apart.
_REAL_DIGITS = Context(prec=9)
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
@click.option(
    "--keys",
    "key_file",
    type=click.Path(path_type=Path),
    help='Keys of meters that encrypt: a private TOML file of "12345678" = "32 hex digits".',
)
@click.pass_context
def mbus(
    context: click.Context, files: tuple[str, ...], as_json: bool, key_file: Path | None
) -> None:
    """Decode M-Bus telegrams given as hexadecimal digits; - reads standard input."""
    try:
        keys = meter_keys.of(key_file)
    except KeyFileError as error:
        raise click.ClickException(str(error)) from error
    shown = [_show(file, one, as_json) for file in files for one in results(file, keys)]
    if not all(shown):
        context.exit(1)


def results(file: str, keys: Keys) -> Iterator[Telegram | HexError | FrameError]:
    """Each telegram of `file` decoded, or the error that stands in its place."""
    try:
        data = parse_hex(_text(file))
    except HexError as error:
        yield error
        return
    for one in split(data):
        try:
            yield _decode(one, keys)
        except FrameError as error:
            yield error


def _decode(data: bytes, keys: Keys) -> Telegram:
    """A telegram, opened with its meter's key where that is needed and known."""
    found = telegram.decode(data)
    key = meter_keys.find(keys, found.identification)
    if key is None or not found.is_closed:
        return found
    return telegram.decode(data, key=key)


def _show(file: str, found: Telegram | HexError | FrameError, as_json: bool) -> bool:
    """Print one result, its error on stderr too; whether there was none."""
    error = found.damage if isinstance(found, Telegram) else str(found)
    if as_json:
        said = {"file": file} | (_said(found) if isinstance(found, Telegram) else {})
        click.echo(json.dumps(said | ({"error": error} if error else {})))
    elif isinstance(found, Telegram):
        click.echo(_page(file, found))
    if error:
        click.echo(f"{file}: {error}", err=True)
    return not error


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


def _said(found: Telegram) -> dict[str, Any]:
    return {
        "identification": found.identification,
        "manufacturer": found.manufacturer,
        "version": found.version,
        "medium": found.medium,
        "access_number": found.access_number,
        "status": found.status,
        "more_follows": found.more_follows,
        "records": [_record(record) for record in found.records],
    }


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


def _shown(record: Record) -> str | None:
    """The value for a reader: of a 32-bit real only the digits that it can tell apart."""
    if record.value is None or not record.dib or record.dib[0] & 0x0F != REAL32:
        return _decimal(record)
    return format(_REAL_DIGITS.plus(record.value).normalize(), "f")


def _page(file: str, found: Telegram) -> str:
    """A telegram for a reader: its header on one line, a line per record."""
    header = (found.manufacturer, found.identification, found.medium)
    known = [
        " ".join(word for word in header if word is not None) or "a meter that names itself not"
    ]
    if found.status is not None:
        known.append(f"status {found.status:02X}h")
    lines = [f"{file}: {', '.join(known)}"]
    lines += [_line(record) for record in found.records]
    if found.more_follows:
        lines.append("  more telegrams follow")
    return "\n".join(lines)


def _line(record: Record) -> str:
    value = _shown(record)
    unit = record.unit if value is not None else None
    said = " ".join(word for word in (value, unit, record.time, record.text) if word)
    channel = f"{record.function} {record.storage}/{record.tariff}/{record.subunit}"
    problem = f"  ({record.problem})" if record.problem else ""
    line = f"  {record.index:3} {record.quantity:32} {channel:22} {said}{problem}"
    # A meter's text goes to a terminal: control characters in it must not.
    return "".join(character if character.isprintable() else "." for character in line)
