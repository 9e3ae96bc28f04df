"""Commands about estimates: what is billed without a reading, its corrections, and the tables."""

from collections.abc import Callable
from pathlib import Path

import click

from drivers.reading import from_ms
from gateway import orders
from gateway.commands.common import as_json, configured, ledger, print_json, print_table, warn_of
from gateway.commands.noting import acting
from gateway.commands.people import by_person
from gateway.commands.registry import FILE, Moment, entered, registry, tell_entered
from gateway.config import GatewayConfig
from gateway.estimation.terms import Cause
from gateway.norms import NormStore, import_norms, import_seasons
from gateway.obligations import Obligation
from gateway.sql.estimates import EstimateLedger
from gateway.sql.norms import NormLedger
from gateway.sql.orders import OrderLedger
from gateway.sql.store import SqlStore
from gateway.sql.too_late import bars_entered
from gateway.wiring import system_clock


@click.command()
@click.option("--house", help="One house; all of them if left out.")
@click.option("--open", "only_open", is_flag=True, help="Only those no reading has settled yet.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000))
@configured
@as_json
def estimates(
    config: GatewayConfig, house: str | None, limit: int, *, only_open: bool, as_json: bool
) -> None:
    """List the lines billed without a reading, the newest first, and what became of each."""
    with ledger(config) as store:
        found = EstimateLedger(store.database.connection).obligations(
            house, only_open=only_open, limit=limit
        )
    if as_json:
        for one in found:
            print_json(one.as_text())
        return
    print_table(
        (
            *("line", "house", "flat", "register", "billed", "method"),
            *("settled in", "difference", "in a row"),
        ),
        [
            (
                *(one.line_id, one.house, one.dwelling, one.register),
                *(f"{one.billed:f} {one.unit}", one.method, one.settled_in or "open"),
                *("" if one.difference is None else f"{one.difference:+f}", _in_a_row(one)),
            )
            for one in found
        ],
    )


def _in_a_row(one: Obligation) -> str:
    """How many periods the run has, marked where it is a long one."""
    mark = " V-EST" if one.prolonged() else ""
    return f"{one.in_a_row}{mark}" if one.in_a_row else ""


@click.command()
@click.option("--house", help="One house; all of them if left out.")
@click.option("--period", help="YYYY-MM: what was handed over with it; all if left out.")
@configured
@as_json
def corrections(
    config: GatewayConfig, house: str | None, period: str | None, *, as_json: bool
) -> None:
    """List corrections of earlier lines, each with the line it names and the difference."""
    with ledger(config) as store:
        found = list(EstimateLedger(store.database.connection).corrections(house, period))
    if as_json:
        for one in found:
            print_json(one.as_text())
        return
    print_table(
        ("correction", "in", "house", "flat", "register", "billed", "by", "is", "difference"),
        [
            (
                *(one.correction_id, one.corrected_in, one.house, one.dwelling, one.register),
                *(f"{one.billed:f} {one.unit}", one.billed_method),
                *(f"{one.consumption:f}", f"{one.difference:+f}"),
            )
            for one in found
        ],
    )


@registry.command("norms")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def norms(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter what a month without readings is billed by norm, a CSV.

    Columns: house, account (empty: every account of the house without a norm of its own),
    register, unit, since (the first period it holds for), amount (a month's, the residents
    already counted). A line may correct what an earlier file said.
    """
    _enter(import_norms, config, file, (actor, "registry norms"), as_json=as_json)


@registry.command("seasons")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def seasons(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter the heating seasons of houses, a CSV.

    Columns: house, starts_on, ends_on (the last day of heating, empty while it goes on). A line
    may correct what an earlier file said.
    """
    _enter(import_seasons, config, file, (actor, "registry seasons"), as_json=as_json)


@registry.command("out-of-order")
@click.argument("meter")
@click.argument("cause", type=click.Choice([Cause.EXPIRED.value, Cause.FAILED.value]))
@click.option("--from", "since", type=Moment(), required=True, help="From when it is.")
@by_person
@configured
def out_of_order(config: GatewayConfig, meter: str, cause: str, since: int, actor: str) -> None:
    """Bill METER's readings no more: its verification has expired, or it has failed.

    From then on its periods are estimated (ПП 354 п. 59), until it is found fit or exchanged.
    Periods that were closed by its readings already are named, with how to reopen them.
    """
    with (
        acting(config, actor, "registry out-of-order", meter) as deed,
        bars_entered(deed.store.database.connection) as concerned,
    ):
        orders.declare(OrderLedger(deed.store.database.connection), meter, Cause(cause), since)
        deed.after = f"{cause} since {from_ms(since).isoformat()}"
    click.echo(f"{meter}: {cause} since {from_ms(since):%Y-%m-%d %H:%M} UTC, not billed by")
    warn_of(concerned)


@registry.command("fit")
@click.argument("meter")
@click.option("--at", type=Moment(), help="When it was found fit; now if left out.")
@by_person
@configured
def fit(config: GatewayConfig, meter: str, at: int | None, actor: str) -> None:
    """Bill METER's readings again, also those taken while it counted as out of order.

    What was estimated meanwhile is corrected when the next period is closed.
    """
    at_ms = system_clock() if at is None else at
    with acting(config, actor, "registry fit", meter) as deed:
        orders.declare_fit(OrderLedger(deed.store.database.connection), meter, at_ms)
        deed.after = f"fit, found {from_ms(at_ms).isoformat()}"
    click.echo(f"{meter}: fit, all its readings count")


def _enter(
    importing: Callable[[NormStore, bytes], dict[str, int]],
    config: GatewayConfig,
    file: Path,
    did: tuple[str, str],
    *,
    as_json: bool,
) -> None:
    def enter(store: SqlStore, data: bytes) -> dict[str, int]:
        with store.transaction() as connection:
            return importing(NormLedger(connection), data)

    counts = entered(enter, config, file, did)
    tell_entered(file, counts, as_json=as_json)
