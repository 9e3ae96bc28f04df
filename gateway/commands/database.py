"""`plomba-gateway database`: the ledger's database as a whole (docs/postgres.md)."""

from collections.abc import Mapping
from pathlib import Path

import click

from gateway import config as configuration
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.noting import note
from gateway.commands.people import by_person
from gateway.config import ConfigError, GatewayConfig
from gateway.config_ledger import LedgerConfig
from gateway.sql import keeping
from gateway.sql.moving import digest_of, move
from gateway.sql.tables import Digest, whole
from gateway.wiring import system_clock


@click.group(cls=Commands)
def database() -> None:
    """The ledger's database as a whole: make it, move to it, compare it, keep its months."""


@database.command("init")
@configured
@as_json
def init(config: GatewayConfig, *, as_json: bool) -> None:
    """Make or migrate the schema as its owner, and give the writer and the reader their rights.

    Roles that are missing are made where the owner may; else what to run as whom is printed.
    """
    section = _section(config)
    found = keeping.init(section.owner_place, section.writer_place)
    if as_json:
        print_json({"schema": found.schema, "roles": found.roles, "run_first": found.to_run})
    if found.to_run:
        raise ConfigError(
            f"the owner may not make roles; run as a superuser: {' '.join(found.to_run)}"
        )
    if not as_json:
        click.echo(f"schema {found.schema}; rights given to {', '.join(found.roles) or 'nobody'}")


@database.command("digest")
@configured
@as_json
def digest(config: GatewayConfig, *, as_json: bool) -> None:
    """Print the SHA-256 of the ledger: the same on either engine for the same rows."""
    _print_digests(digest_of(config.place), as_json=as_json)


@database.command("move")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The gateway.toml whose [ledger] names the new, empty database.",
)
@by_person
@configured
@as_json
def move_to(config: GatewayConfig, *, target: Path, actor: str, as_json: bool) -> None:
    """Move the embedded ledger to PostgreSQL: all of it, proved by its digest, or nothing.

    Stop the gateway first. The file stays; go on with the new configuration.
    """
    if config.ledger is not None:
        raise ConfigError("the ledger to move is on a server already: name its old configuration")
    section = _section(configuration.load(target))
    with ledger(config) as store:
        # Before anything is copied, so that the entry is on both sides.
        note(store, actor, "database move", str(section.owner_place))
    moved = move(config.ledger_file, section.owner_place)
    keeping.init(section.owner_place, section.writer_place)
    _print_digests(moved, as_json=as_json)


@database.command("months")
@click.option("--detach-before", metavar="YYYY-MM", help="Take out the months before this one.")
@by_person
@configured
@as_json
def months(config: GatewayConfig, *, detach_before: str | None, actor: str, as_json: bool) -> None:
    """List the months of readings and messages; make those ahead, take out old ones."""
    section = _section(config)
    if detach_before is not None:
        _take_out(config, section, detach_before, actor)
    keeping.ahead(section.writer_place, system_clock(), section.months_ahead)
    found = keeping.months(section.owner_place)
    if as_json:
        print_json([month._asdict() for month in found])
        return
    print_table(
        ("month", "rows", "bytes", "state"),
        [(m.name, m.rows, m.size, "attached" if m.attached else "detached") for m in found],
    )


def _take_out(config: GatewayConfig, section: LedgerConfig, before: str, actor: str) -> None:
    """Take old months out; those that went are in the log also where one after them stayed."""
    names: list[str] = []
    try:
        names.extend(keeping.detach(section.owner_place, before, system_clock()))
    finally:
        if names:
            with ledger(config) as store:
                note(store, actor, "database months", before, f"taken out: {' '.join(names)}")


def _section(config: GatewayConfig) -> LedgerConfig:
    if config.ledger is None:
        raise ConfigError(
            "ledger: missing; the embedded ledger needs no keeping, a server is named by [ledger]"
        )
    return config.ledger


def _print_digests(found: Mapping[str, Digest], *, as_json: bool) -> None:
    if as_json:
        tables = {name: one._asdict() for name, one in found.items()}
        print_json({"digest": whole(found), "tables": tables})
        return
    print_table(("table", "rows", "sha256"), [(n, d.rows, d.sha256) for n, d in found.items()])
    click.echo(f"digest {whole(found)}")
