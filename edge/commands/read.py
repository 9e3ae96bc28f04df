"""`plomba-edge read`: ask meters now and show what they say, beside one another."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from drivers.driver import Answer, DriverError
from edge import app
from edge.commands.common import config_option, json_option, one_line_errors
from edge.config import EdgeConfig, LineConfig, MeterConfig


class Result(NamedTuple):
    """What came of asking one meter."""

    line: str
    meter: MeterConfig
    at: datetime
    answer: Answer | DriverError


@click.command("read")
@click.argument("serials", nargs=-1, metavar="[METER]...")
@config_option
@json_option
@click.pass_context
@one_line_errors
def read(
    context: click.Context, serials: tuple[str, ...], config: EdgeConfig, *, as_json: bool
) -> None:
    """Read the named meters, or all, once and now. Stop the agent first: a line has one owner."""
    known = {meter.serial for _, meter in config.meters}
    for serial in serials:
        if serial not in known:
            raise click.ClickException(
                f"no meter {serial!r} in the configuration; there are: {', '.join(sorted(known))}"
            )
    results = asyncio.run(_read_all(config, set(serials) or known))
    for result in results:
        click.echo(json.dumps(_document(result)) if as_json else "\n".join(_text(result)))
    if any(isinstance(result.answer, DriverError) for result in results):
        context.exit(1)


async def _read_all(config: EdgeConfig, serials: set[str]) -> list[Result]:
    """Lines side by side, the meters of each in turn."""
    lines = await asyncio.gather(*(_read_line(line, serials) for line in config.lines))
    return list(itertools.chain.from_iterable(lines))


async def _read_line(config: LineConfig, serials: set[str]) -> Sequence[Result]:
    line = app.open_line(config)
    results = []
    try:
        for meter in config.meters:
            if meter.serial not in serials:
                continue
            try:
                answer: Answer | DriverError = await app.reader(line, meter)()
            except DriverError as error:
                answer = error
            results.append(Result(config.name, meter, datetime.now(UTC), answer))
    finally:
        await line.close()
    return results


def _document(result: Result) -> dict[str, Any]:
    head = {
        "meter": result.meter.serial,
        "line": result.line,
        "address": result.meter.address,
        "read_at": result.at.isoformat(timespec="milliseconds"),
    }
    answer = result.answer
    if isinstance(answer, DriverError):
        return head | {"error": str(answer)}
    values = [
        {"register": value.register, "value": format(value.value, "f"), "unit": value.unit}
        for value in answer.values
    ]
    return head | {
        "identification": answer.identification,
        "status": int(answer.status),
        "values": values,
        "raw": answer.raw.hex(),
    }


def _text(result: Result) -> Iterator[str]:
    meter = result.meter
    yield f"{meter.serial}  {meter.profile} at {result.line}/{meter.address}"
    if isinstance(result.answer, DriverError):
        yield f"  {result.answer}"
        return
    if result.answer.status:
        yield f"  status {result.answer.status.name}"
    for value in result.answer.values:
        yield f"  {value.register:14} {format(value.value, 'f'):>18} {value.unit}"
