"""The command that compares what was handed over with what was closed."""

import sys

import click

from gateway.closing import ClosingError
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.config import GatewayConfig
from gateway.handoff.reconcile import Statement, Sums, document, reconcile
from gateway.periods import PeriodError
from gateway.sql.reconcile import ReconcileLedger


@click.command("reconcile")
@click.argument("period", required=False)
@click.option("--house", help="One house; all of them if left out.")
@configured
@as_json
def reconcile_period(
    config: GatewayConfig, period: str | None, house: str | None, *, as_json: bool
) -> None:
    """Compare what every target has of PERIOD (the last closed one) with the ledger.

    Sent is accepted, refused, pending and left out together; the sums are of billed consumption.
    Exit status 1 if it does not add up.
    """
    with ledger(config) as store, store.transaction() as connection:
        found = ReconcileLedger(connection)
        period = period or found.last_closed()
        if period is None:
            raise ClosingError("no period has been closed yet: run plomba-gateway close-period")
        statement = reconcile(found.book(period, house), period, house)
    if not statement.records:
        where = f" of house {house!r}" if house else ""
        raise PeriodError(f"period {period}{where} has no closing lines")
    if as_json:
        print_json(document(statement))
    else:
        _print(statement)
    if statement.problems:
        sys.exit(1)


def _print(statement: Statement) -> None:
    click.echo(f"{statement.period}: {statement.records} records, {_said(statement.sums)}")
    rows = [
        (one.target, state, share.records, _said(share.sums))
        for one in statement.targets
        for state, share in one.shares.items()
        if share.records
    ]
    if rows:
        print_table(("target", "state", "records", "billed consumption"), rows)
    for one in statement.targets:
        for reason, count in sorted(one.reasons.items()):
            click.echo(f"{one.target}: {count} × {reason}")
    for problem in statement.problems:
        click.echo(f"does not add up: {problem}", err=True)
    if not statement.problems:
        click.echo("it adds up")


def _said(sums: Sums) -> str:
    told = [
        f"{kind.resource} {amount:f} {kind.unit} ({kind.whose})"
        for kind, amount in sorted(sums.items())
    ]
    return ", ".join(told) or "nothing billed"
