"""`plomba-edge scan`: find the meters on a line, show them as they appear, write them down.

A scan takes minutes, so every end of it is an ordinary one: Ctrl-C, a lost ssh session and a line
that fails all keep what was found, and the same command goes on from there. Nothing is written
into the configuration unless asked for, and then what exists stays as it is.
"""

import asyncio
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import click

from drivers.mbus import search as mbus
from drivers.modbus import probe
from edge.commands.common import config_option, config_path, find_line, json_option, one_line_errors
from edge.commands.scan_lines import scan_lines
from edge.commands.scan_view import View
from edge.config import EdgeConfig, LineConfig
from edge.line_owner import owning_lines
from edge.scan import addresses, searches
from edge.scan.adding import Added, add
from edge.scan.job import Job, prepare
from edge.scan.searches import Searchers
from edge.scan.standing import Standing

SEARCHERS = Searchers(modbus=probe.search, primary=mbus.primary, secondary=mbus.secondary)


class _Wishes(NamedTuple):
    """What the options say."""

    protocol: Literal["modbus", "mbus", "all"]
    addresses: tuple[int, ...] | None
    primary: bool
    target: Path | None
    fresh: bool


def _addresses(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else addresses.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("scan")
@config_option
@click.option("--line", "lines", multiple=True, help="Only this line; all of them if left out.")
@click.option(
    "--protocol", type=click.Choice(["modbus", "mbus", "all"]), default="all", show_default=True
)
@click.option(
    "--addresses",
    "wanted",
    metavar="LIST",
    callback=_addresses,
    help="Modbus or primary addresses, like 1-20,35.  [default: 1-247, M-Bus 0-250]",
)
@click.option(
    "--secondary/--primary",
    default=True,
    show_default=True,
    help="How M-Bus meters are searched; primary takes minutes and is for old meters.",
)
@click.option("--write", is_flag=True, help="Add the new meters to the configuration.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the configuration with the new meters to this new file instead.",
)
@click.option("--fresh", is_flag=True, help="Start over, whatever an earlier scan has found.")
@json_option
@click.pass_context
@one_line_errors
def scan(
    context: click.Context,
    *,
    config: EdgeConfig,
    lines: tuple[str, ...],
    protocol: Literal["modbus", "mbus", "all"],
    wanted: tuple[int, ...] | None,
    secondary: bool,
    write: bool,
    out: Path | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Find the meters on the lines. Stop the agent first: a line has one owner.

    Ctrl-C keeps what was found, and the same command goes on from there.
    """
    path = config_path(context)
    if write and out is not None:
        raise click.UsageError("--write and --out exclude each other")
    target = out or (path if write else None)
    wishes = _Wishes(protocol, wanted, not secondary, target, fresh)
    _check_target(path, target)
    names = lines or [line.name for line in config.lines]
    view = View(as_json=as_json)
    with suppress(OSError):
        # Said in time by whoever wants to write there.
        config.device.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    jobs = [_job(find_line(config, name), config, wishes) for name in dict.fromkeys(names)]
    with owning_lines(config.device.state_dir):
        problems = asyncio.run(scan_lines(jobs, config, view))
    if target is not None:
        _tell_added(add(path, target, jobs), view)
        for job in jobs:
            if job.notes.complete:
                job.forget()
    elif any(job.counts(config)[Standing.NEW] for job in jobs):
        view.tell("nothing was written: the same command with --write adds the new meters")
    if problems:
        raise click.ClickException("; ".join(problems))


def _check_target(source: Path, target: Path | None) -> None:
    """Say now what would otherwise be said after minutes of searching."""
    if target is None:
        return
    if target != source and target.exists():
        raise click.ClickException(f"{target} exists: name a new file, or use --write")
    folder = target.resolve().parent
    if not folder.is_dir():
        raise click.ClickException(f"cannot write {target}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.ClickException(f"cannot write to {folder}: try it with sudo")


def _job(line: LineConfig, config: EdgeConfig, wishes: _Wishes) -> Job:
    try:
        planned = searches.plan(
            SEARCHERS,
            protocol=wishes.protocol,
            framing=line.framing,
            wanted=wishes.addresses,
            primary=wishes.primary,
        )
    except ValueError as error:
        raise click.UsageError(f"line {line.name}: {error}") from error
    return prepare(
        line,
        planned,
        config.device.state_dir,
        fresh=wishes.fresh,
        writes=wishes.target is not None,
        now=datetime.now().astimezone(),
    )


def _tell_added(added: Added, view: View) -> None:
    content = {"entries": [entry.keys for entry in added.entries], "unknown": len(added.unknown)}
    view.event("written", {"path": str(added.path), "added": len(added.entries)} | content)
    if not added.changed:
        view.tell(f"{added.path} has them all: nothing changed")
        return
    view.tell(f"{added.path}: {len(added.entries)} meters added")
    if added.unnamed:
        names = ", ".join(added.unnamed)
        view.tell(f"these tell no serial, write the one on the dial instead: {names}")
    if added.unknown:
        view.tell(f"{len(added.unknown)} without a profile stand there as comments")
