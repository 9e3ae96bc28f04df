"""`plomba-edge read`: ask meters now and show what they say, the values beside the raw records.

The records answer the installer's second question: is this value taken from the right place? They
are shown for meters asked for by name; for all meters at once --raw wants them.
"""

import asyncio
import json
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import click

from drivers.driver import Answer, Detail, DriverError
from drivers.mbus.address import ID_DIGITS
from edge import app, meter_keys
from edge.clock import SystemClock
from edge.commands.asking import Means, Result, read_all
from edge.commands.common import config_option, find_line, json_option, one_line_errors
from edge.config import EdgeConfig, LineConfig, with_only
from edge.line_owner import owning_lines

# Wide enough for the name of any register and for a value of any counter.
_REGISTER, _VALUE = 14, 18
# A record takes one line of a terminal where that is possible: the beginning of its bytes is what
# tells it from others, and the whole of them is in --json.
_MEANING_MAX, _RAW_MIN = 60, 12


@click.command("read")
@click.argument("serials", nargs=-1, metavar="[METER]...")
@config_option
@click.option("--line", help="Where to ask a meter that is not configured.")
@click.option("--address", help="Its Modbus unit, primary or secondary address.")
@click.option("--profile", "model", help="What it is taken for, see docs/meters.md.")
@click.option(
    "--raw/--no-raw", default=None, help="Show the raw records too.  [default: of named meters]"
)
@json_option
@one_line_errors
def read(
    serials: tuple[str, ...],
    config: EdgeConfig,
    *,
    line: str | None,
    address: str | None,
    model: str | None,
    raw: bool | None,
    as_json: bool,
) -> None:
    """Read the named meters, or all, once and now. Stop the agent first: a line has one owner."""
    if line is not None and address is not None and model is not None and not serials:
        lines = [_unlisted(config, line, address, model)]
    elif line is None and address is None and model is None:
        lines = _with(config, serials)
    else:
        raise click.UsageError(
            "expected names of meters, or all of --line, --address and --profile"
        )
    keys = meter_keys.of(config.device.meter_keys)
    now = SystemClock().now()
    with owning_lines(config.device.state_dir), app.read_log(config, now) as reads:
        results = asyncio.run(read_all(lines, Means(keys, reads, now, config.zone)))
    with_records = bool(serials or line) if raw is None else raw
    for result in results:
        text = _document(result) if as_json else _text(result, with_records=with_records)
        click.echo(json.dumps(text) if as_json else "\n".join(text))
    failed = sum(isinstance(result.answer, DriverError) for result in results)
    if failed:
        raise click.ClickException(f"{failed} of {len(results)} meters gave no values")


def _with(config: EdgeConfig, serials: Sequence[str]) -> list[LineConfig]:
    """The lines with the named meters alone, or with all."""
    known = {meter.serial for _, meter in config.meters}
    if not known:
        raise click.ClickException("no meters to read yet: find them with plomba-edge scan --write")
    for serial in serials:
        if serial not in known:
            raise click.ClickException(
                f"no meter {serial!r} in the configuration; there are: {', '.join(sorted(known))}"
            )
    wanted = set(serials) or known
    return [
        line.model_copy(update={"meters": tuple(m for m in line.meters if m.serial in wanted)})
        for line in config.lines
    ]


def _unlisted(config: EdgeConfig, name: str, address: str, model: str) -> LineConfig:
    """The line called `name` with a meter that stands in no configuration."""
    place = int(address) if address.isdecimal() and len(address) < ID_DIGITS else address
    serial = f"{address}-unlisted"
    meter: dict[str, str | int] = {"serial": serial, "profile": model, "address": place}
    return with_only(find_line(config, name), meter)


def _document(result: Result) -> dict[str, Any]:
    head = {
        "meter": result.meter.serial,
        "line": result.line,
        "address": result.meter.address,
        "profile": result.meter.profile,
        "read_at": result.at.isoformat(timespec="milliseconds"),
    }
    answer = result.answer
    if isinstance(answer, DriverError):
        records = [record._asdict() for record in result.records]
        return head | {"error": str(answer), "records": records, "raw": answer.received.hex()}
    values = [
        {"register": value.register, "value": format(value.value, "f"), "unit": value.unit}
        for value in answer.values
    ]
    return head | {
        "identification": answer.identification,
        "status": int(answer.status),
        "values": values,
        "records": [record._asdict() for record in result.records],
        "raw": answer.raw.hex(),
    }


def _text(result: Result, *, with_records: bool) -> Iterator[str]:
    meter = result.meter
    yield f"{meter.serial}  {meter.profile} at {result.line}/{meter.address}"
    if isinstance(result.answer, DriverError):
        yield f"  {result.answer}"
    else:
        yield from _values(result.answer)
    if with_records and result.records:
        yield "  what it sent:"
        yield from _records(result.records)


def _values(answer: Answer) -> Iterator[str]:
    if answer.status:
        yield f"  status {answer.status.name}"
    for value in answer.values:
        amount = format(value.value, "f")
        yield f"  {value.register:{_REGISTER}} {amount:>{_VALUE}} {value.unit}"


def _records(records: Sequence[Detail]) -> Iterator[str]:
    """A line each: where it stands, which register takes it, what it means, its bytes."""
    rows = [(one.place, one.register or "", one.meaning[:_MEANING_MAX]) for one in records]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    indent = 4
    room = shutil.get_terminal_size().columns - indent - sum(widths) - 2 * len(widths) - 1
    for row, record in zip(rows, records, strict=True):
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield " " * indent + "  ".join((*cells, _cut(record.raw, max(room, _RAW_MIN)))).rstrip()


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
