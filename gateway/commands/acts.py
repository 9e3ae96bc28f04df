"""Commands about acts: who was not let in, what was inspected, what was interfered with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.acts.entering import Desk, confirm, enter
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
    warn_of,
)
from gateway.commands.people import by_person, via
from gateway.commands.registry import FILE, entered, registry, tell_entered
from gateway.config import GatewayConfig
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from gateway.sql.store import SqlStore
from gateway.sql.too_late import acts_entered
from gateway.wiring import system_clock


@registry.command("acts")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def acts(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter acts of controllers from a CSV; every bad line is named, or all are entered.

    Columns: kind (access-refused, inspection or interference), number, made_on, made_by, account,
    point (empty: all of the account's), and of an interference register, capacity_per_h (empty:
    not known) and begun_on (empty: not known). Two refusals raise the norm of an unread period
    (ПП 354 п. 60); an interference is charged (п. 62), above the limit once another person has
    confirmed it. Closed periods that an act comes too late for are named on stderr.
    """

    def entering(store: SqlStore, data: bytes) -> dict[str, int]:
        connection = store.database.connection
        with _desk(store, actor) as desk, acts_entered(connection) as concerned:
            counts = enter(desk, data, config.review.limits)
        warn_of(concerned)
        return counts

    counts = entered(entering, config, file)
    tell_entered(file, counts, as_json=as_json)


@click.group(cls=Commands)
def charges() -> None:
    """What interferences are charged for, beside the lines of the meters."""


@charges.command("list")
@click.option("--house", help="One house; all of them if left out.")
@configured
@as_json
def list_charges(config: GatewayConfig, house: str | None, *, as_json: bool) -> None:
    """List charges with the act they rest on, how they came about and where they stand."""
    with ledger(config) as store:
        found = list(ActLedger(store.database.connection).charges(house))
    if as_json:
        for one in found:
            print_json(one.as_text())
        return
    print_table(
        ("charge", "house", "flat", "point", "register", "amount", "stands", "why"),
        [
            (
                *(one.charge_id, one.house, one.dwelling, one.point, one.register),
                *(f"{one.amount:f} {one.unit}", _standing(one.confirmed_by, one.charged_in)),
                one.reason,
            )
            for one in found
        ],
    )


@charges.command("confirm")
@click.argument("charge")
@by_person
@click.option("--why", required=True, help="The reason, as the log will keep it.")
@configured
@as_json
def confirm_charge(
    config: GatewayConfig, charge: str, actor: str, why: str, *, as_json: bool
) -> None:
    """Agree to CHARGE that another person entered; the next closing hands it over."""
    with ledger(config) as store, _desk(store, actor) as desk:
        one = confirm(desk, charge, why)
    if as_json:
        print_json(one.as_text())
    else:
        click.echo(f"{charge}: {one.amount:f} {one.unit} confirmed by {actor}")


@contextmanager
def _desk(store: SqlStore, actor: str) -> Iterator[Desk]:
    """All that is entered there, or nothing."""
    with store.transaction() as connection:
        yield Desk(ActLedger(connection), SqlAudit(connection), actor, via(), system_clock())


def _standing(confirmed_by: str | None, charged_in: str | None) -> str:
    if confirmed_by is None:
        return "waits for another person"
    return f"handed over in {charged_in}" if charged_in else "with the next closing"
