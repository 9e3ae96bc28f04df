"""Commands that look after the rules: what is silent, and by which numbers readings are judged."""

import click

from drivers.reading import from_ms
from gateway.commands.common import as_json, configured, looking, print_json, print_table
from gateway.config import GatewayConfig
from gateway.rules import VERSION
from gateway.rules.parameters import ROWS
from gateway.surveillance import Delivery, Watched, troubled, watch
from gateway.wiring import system_clock


@click.command()
@click.option("--house", help="One house; all of them if left out.")
@click.option("--all", "everything", is_flag=True, help="Also what arrives as it should.")
@configured
@as_json
def silent(config: GatewayConfig, house: str | None, *, everything: bool, as_json: bool) -> None:
    """List registers that are silent, or of which too many readings are missing."""
    now_ms = system_clock()
    with looking(config) as overview:
        if house is not None and house not in {one.name for one in overview.houses()}:
            raise click.ClickException(f"no house is called {house!r}: see registry show")
        found = watch(overview.deliveries, house, now_ms)
    shown = found if everything else list(troubled(found))
    if as_json:
        counts = {state.value: sum(one.state is state for one in found) for state in Delivery}
        print_json({"now_ms": now_ms} | counts | {"registers": [one.as_text() for one in shown]})
        return
    print_table(
        ("house", "flat", "meter", "register", "state", "last", "received in a week"),
        [_row(one) for one in shown],
    )


@click.command("rules")
@as_json
def numbers(*, as_json: bool) -> None:
    """List the numbers of the rules: since when, for which resource, and where each is from."""
    rows = [row._asdict() | {"valid_from": row.valid_from.isoformat()} for row in ROWS]
    if as_json:
        print_json({"version": VERSION, "parameters": rows})
        return
    click.echo(f"version {VERSION}; S sourced, M from memory, P our proposal: none is a law")
    print_table(
        ("rule", "number", "resource", "from", "value", "mark", "source"),
        [tuple(row.values()) for row in rows],
    )


def _row(one: Watched) -> tuple[object, ...]:
    register = one.register
    last = "never" if one.newest_ms is None else f"{from_ms(one.newest_ms):%Y-%m-%d %H:%M}"
    share = f"{one.received} of {one.expected}" if one.expected else ""
    return (
        *(register.house, register.dwelling, register.meter, register.register),
        *(one.state.value, last, share),
    )
