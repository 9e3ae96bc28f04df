"""Commands of claims: what people say meters showed, and which source a house believes."""

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from gateway import periods
from gateway.audit import Act
from gateway.claims import csv
from gateway.claims.list import ClaimRow
from gateway.claims.model import Claim, ClaimSource, Entered, enter
from gateway.claims.policy import ROWS, Policy
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    looking,
    print_json,
    print_table,
)
from gateway.commands.people import by_person, via
from gateway.commands.registry import FILE, registry
from gateway.config import GatewayConfig
from gateway.csv_lines import RegistryError
from gateway.model import FOREVER_MS
from gateway.sql.audit import SqlAudit
from gateway.sql.claims import SqlClaimBook, SqlClaimStore
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

_UTC = ZoneInfo("UTC")


@click.group(cls=Commands)
def claims() -> None:
    """Readings that people bring: kept as they are given, believed where nothing better is."""


@claims.command("import")
@click.argument("file", type=FILE)
@click.option(
    "--source",
    required=True,
    type=click.Choice([source.value for source in ClaimSource]),
    help="Who says so.",
)
@by_person
@configured
@as_json
def bring(config: GatewayConfig, file: Path, source: str, actor: str, *, as_json: bool) -> None:
    """Take claims from a CSV with one line each; a line taken before changes nothing.

    Columns: meter (a serial, or the account), register, time, value, reference (the photo's hash,
    the act's number). A date alone is the end of that day, a time without zone the house's.
    """
    now_ms = system_clock()
    with ledger(config) as store:
        book = SqlClaimBook(store.database.connection)
        found = csv.read_claims(file.read_bytes(), book, ClaimSource(source), actor, now_ms)
        with store.transaction():
            made = enter(SqlClaimStore(store.database), found, now_ms)
            _log(store, actor, ("claims import", file.name), _counted(made))
    if as_json:
        print_json(_document(made))
    else:
        click.echo(_counted(made))
        for claim, why in made.refused:
            click.echo(f"refused   {_named(claim)}: {why}", err=True)
    if made.refused:
        raise click.exceptions.Exit(1)


@claims.command("list")
@click.option("--house", help="One house; all of them if left out.")
@click.option("--period", help="Only those taken in that month (UTC), like 2026-10.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@configured
@as_json
def list_claims(
    config: GatewayConfig, house: str | None, period: str | None, limit: int, *, as_json: bool
) -> None:
    """List claims, the newest first, with what was asked at their entry and became of them."""
    with looking(config) as overview:
        rows = overview.claims.claims(house, *_bounds(period), limit)
    if as_json:
        for row in rows:
            print_json(row.document())
        return
    print_table(
        ("claim", "source", "house", "flat", "meter", "register", "value", "at (UTC)", "state",
         "why", "asked"),
        [_row(row) for row in rows],
    )  # fmt: skip


@registry.command("policies")
@click.argument("file", type=FILE, required=False)
@by_person
@configured
@as_json
def policies(config: GatewayConfig, file: Path | None, actor: str, *, as_json: bool) -> None:
    """Enter which source a house believes first, a CSV; without FILE list what holds.

    Columns: house, since (a period), sources (in order, with > between them), fresh_days (how long
    a reading makes later claims unnecessary), tolerance_units, tolerance_percent (of the use).
    """
    with ledger(config) as store:
        book = SqlClaimBook(store.database.connection)
        if file is not None:
            found = csv.read_policies(file.read_bytes())
            with store.transaction():
                for house, policy in found:
                    if not book.set_policy(house, policy):
                        raise RegistryError(f"no house is called {house!r}: see registry list")
                _log(store, actor, ("registry policies", file.name), f"{len(found)} rows")
        rows = [("", row) for row in ROWS] + book.all_policies()
    if as_json:
        for house, row in rows:
            print_json({"house": house} | _policy(row))
        return
    print_table(
        ("house", "since", "sources", "fresh days", "units", "percent", "mark"),
        [(house or "every", *_policy(row).values()) for house, row in rows],
    )


def _log(store: SqlStore, actor: str, act: tuple[str, str], after: str) -> None:
    log = SqlAudit(store.database.connection)
    log.append(Act(system_clock(), actor, via(), *act, "", after, ""))


def _bounds(period: str | None) -> tuple[int, int]:
    if period is None:
        return 0, FOREVER_MS
    return periods.bounds(period, _UTC)


def _counted(made: Entered) -> str:
    counts = (len(made.taken), len(made.repeated), len(made.refused))
    return "{} taken, {} known before, {} refused".format(*counts)


def _document(made: Entered) -> dict[str, object]:
    return {
        "taken": [f"claim-{number}" for number in made.taken],
        "repeated": len(made.repeated),
        "refused": [{"claim": _named(claim), "why": why} for claim, why in made.refused],
    }


def _named(claim: Claim) -> str:
    return f"{claim.serial} {claim.obis} {claim.value:f} ({claim.reference})"


def _row(row: ClaimRow) -> tuple[object, ...]:
    document = row.document()
    return (
        *(row.name, row.source, row.house, row.dwelling, row.meter, row.register),
        *(f"{row.value:f} {row.unit}", document["at"], row.standing, row.reason),
        "; ".join(row.findings),
    )


def _policy(row: Policy) -> dict[str, object]:
    return {
        "since": row.since,
        "sources": " > ".join(row.sources),
        "fresh_days": row.fresh_days,
        "tolerance_units": f"{row.tolerance_units:f}",
        "tolerance_percent": f"{row.tolerance_percent:f}",
        "mark": row.mark,
    }
