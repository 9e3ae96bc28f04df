"""Commands that look after the rules: what is silent, and by which numbers readings are judged."""

from collections.abc import Sequence

import click

from drivers.reading import from_ms
from gateway.commands.common import as_json, configured, looking, print_json, print_table
from gateway.config import GatewayConfig
from gateway.estimation.clauses import Clause, clauses
from gateway.quality import CODES, Quality
from gateway.rules import VERSION
from gateway.rules.catalogue import RULES
from gateway.rules.parameters import ROWS
from gateway.surveillance import Delivery, Watched, troubled, watch
from gateway.wiring import system_clock

_MARKS = "S sourced, M from memory, P our proposal: none is a law"


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
@click.option("--clauses", "shown", flag_value="clauses", help="Those of estimates and charges.")
@click.option("--codes", "shown", flag_value="codes", help="The quality codes and other words.")
@as_json
def numbers(shown: str | None, *, as_json: bool) -> None:
    """List the rules with where each is judged, and their numbers with where they are from.

    With --clauses those of ПП 354 by which estimates and charges are made; with --codes what
    AEMO, ESPI, MSCONS, Sparkplug and ГИС ЖКХ call the quality codes of IEC 61968-9.
    """
    if shown == "clauses":
        _list("clauses", clauses(), Clause._fields, as_json=as_json)
        return
    if shown == "codes":
        _list("codes", list(CODES.values()), Quality._fields, as_json=as_json)
        return
    rows = [row._asdict() | {"valid_from": row.valid_from.isoformat()} for row in ROWS]
    if as_json:
        rules = [rule._asdict() for rule in RULES]
        print_json({"version": VERSION, "rules": rules, "parameters": rows})
        return
    click.echo(f"version {VERSION}; {_MARKS}")
    print_table(("rule", "judged", "weighs", "default", "mark", "looks at"), RULES)
    click.echo()
    print_table(
        ("rule", "number", "resource", "from", "value", "mark", "source"),
        [tuple(row.values()) for row in rows],
    )


def _list(
    name: str, rows: Sequence[Clause | Quality], header: Sequence[str], *, as_json: bool
) -> None:
    if as_json:
        print_json({name: [row._asdict() for row in rows]})
        return
    if name == "clauses":
        click.echo(_MARKS)
    print_table(header, [tuple(map(_cell, row)) for row in rows])


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _row(one: Watched) -> tuple[object, ...]:
    register = one.register
    last = "never" if one.newest_ms is None else f"{from_ms(one.newest_ms):%Y-%m-%d %H:%M}"
    share = f"{one.received} of {one.expected}" if one.expected else ""
    return (
        *(register.house, register.dwelling, register.meter, register.register),
        *(one.state.value, last, share),
    )
