"""`plomba-edge visit`: the sealed records of this device's visits, and their way to the gateway."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from cloud_sync.visit import Exchange, Remove
from cloud_sync.visit_doubts import doubt
from cloud_sync.visit_road import EventAnswer
from cloud_sync.visit_texts import Language, sentence, what
from drivers.reading import ClockState, from_ms
from edge.commands.commission import language_option
from edge.commands.common import config_option, config_path, json_option, one_line_errors
from edge.config import EdgeConfig
from edge.visit.core import Finished, VisitError
from edge.visit.steps import Visiting

_NUMBER = click.argument("number", type=click.IntRange(1), required=False)


@click.group("visit")
def visit() -> None:
    """The records of visits: list, show, send, pdf."""


@visit.command("list")
@config_option
@json_option
@click.pass_context
@one_line_errors
def list_(context: click.Context, *, config: EdgeConfig, as_json: bool) -> None:
    """All visits of this device; one line each."""
    del config
    visiting = _visiting(context)
    try:
        draft = visiting.draft
        rows = [_head(visiting, visiting.book.finished(n)) for n in visiting.book.numbers()]
    except VisitError as error:
        raise click.ClickException(str(error)) from error
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))
    if draft is not None:
        row = {"visit": draft.number, "installer": draft.begun.installer, "state": "open"}
        text = f"{draft.number:4}  open  {draft.begun.installer}  {len(draft.meters)} meters"
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else text)
    if not rows and draft is None and not as_json:
        click.echo("no visits yet: plomba-edge commission")


@visit.command("show")
@_NUMBER
@config_option
@language_option
@json_option
@click.pass_context
@one_line_errors
def show(
    context: click.Context,
    *,
    number: int | None,
    config: EdgeConfig,
    language: Language,
    as_json: bool,
) -> None:
    """One record, the last one if no number is given: its meters, and how far it is."""
    del config
    visiting = _visiting(context)
    try:
        finished = _chosen(visiting, number)
        document = _document(visiting, finished, language)
    except VisitError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    for name, value in document.items():
        if isinstance(value, list):
            click.echo(f"{name}:")
            for row in value:
                click.echo("  " + "  ".join(str(cell) for cell in row.values() if cell != ""))
        else:
            click.echo(f"{name:10} {value}")


@visit.command("send")
@config_option
@json_option
@click.pass_context
@one_line_errors
def send(context: click.Context, *, config: EdgeConfig, as_json: bool) -> None:
    """Send what waits to the gateway now; exit 1 if something still waits."""
    del config
    try:
        sent = asyncio.run(_visiting(context).deliver())
    except VisitError as error:
        raise click.ClickException(str(error)) from error
    for one in sent:
        text = f"visit {one.number}: {one.what}: {one.detail}"
        click.echo(json.dumps(one._asdict(), ensure_ascii=False) if as_json else text)
    if not sent and not as_json:
        click.echo("nothing waits")
    if not all(one.ok for one in sent):
        context.exit(1)


@visit.command("pdf")
@_NUMBER
@config_option
@language_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The new file.")
@click.pass_context
@one_line_errors
def pdf(
    context: click.Context,
    *,
    number: int | None,
    config: EdgeConfig,
    language: Language,
    out: Path | None,
) -> None:
    """A record as a PDF on A4, with the seal to check it by."""
    visiting = _visiting(context)
    try:
        finished = _chosen(visiting, number)
        target = out or Path(f"{config.device.name}-visit-{finished.number}-{language}.pdf")
        with target.open("xb") as file:
            file.write(visiting.pdf(finished.number, language))
    except VisitError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from error
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"a PDF needs {error.name}: install the extra plomba[page] beside the agent"
        ) from error
    click.echo(str(target))


def _visiting(context: click.Context) -> Visiting:
    return Visiting(config_path(context))


def _chosen(visiting: Visiting, number: int | None) -> Finished:
    numbers = visiting.book.numbers()
    if number is None and not numbers:
        raise VisitError("no record yet: a visit ends with plomba-edge commission or on the page")
    return visiting.book.finished(numbers[-1] if number is None else number)


def _head(visiting: Visiting, finished: Finished) -> dict[str, Any]:
    record = finished.visit
    answer = visiting.book.answer(finished.number)
    return {
        "visit": finished.number,
        "state": "waits" if answer is None else answer.outcome,
        "kind": record.kind,
        "ended_at": from_ms(record.ended.ms).isoformat(timespec="seconds")
        if record.ended.clock_state is not ClockState.RELATIVE
        else "",
        "installer": record.installer,
        "house": record.house,
        "meters": len(record.installs),
        "sha256": finished.digest.hex(),
    }


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['visit']:4}  {row['state']:7} {row['ended_at'] or 'time not known':25} "
        f"{row['installer']}  {row['meters']} meters"
    )


def _document(visiting: Visiting, finished: Finished, language: Language) -> dict[str, Any]:
    record = finished.visit
    answer = visiting.book.answer(finished.number)
    outcomes = {} if answer is None else {one.index: one for one in answer.events}
    arrival = visiting.arrival(finished.number)
    return _head(visiting, finished) | {
        "reason": "" if answer is None else answer.reason,
        "checks": [
            {"ok": one.ok, "what": what(one, language), "detail": sentence(one, language)}
            for one in record.checks
        ],
        "taken_in": [
            {
                "serial": one.serial,
                "profile": one.profile,
                "address": f"{one.line}/{one.address}",
                "values": ", ".join(f"{v.obis} {v.value:f} {v.unit}" for v in one.levels),
                "dial": ", ".join(f"{v.value:f}" for v in one.dial),
                "point": one.point,
                "place": one.place,
                "seal": one.seal,
                "first_reading": arrival.meters[one.serial],
            }
            for one in record.installs
        ],
        "taken_away": [
            {
                "serial": one.old_serial if isinstance(one, Exchange) else one.serial,
                "final": ", ".join(f"{v.obis} {v.value:f} {v.unit}" for v in one.final),
                "source": one.final_source,
                "reason": one.reason,
            }
            for one in record.events
            if isinstance(one, Exchange | Remove)
        ],
        "answers": [
            {"event": index, "outcome": one.outcome, "text": _doubt(one, language)}
            for index, one in sorted(outcomes.items())
        ],
        "remarks": record.remarks,
    }


def _doubt(answer: EventAnswer, language: Language) -> str:
    """Why a person at the gateway is needed; nothing where the event was applied."""
    return "" if answer.outcome == "applied" else doubt(answer.code, language) or answer.text
