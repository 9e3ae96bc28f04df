"""plomba-gateway: the cloud side's commands. What they do is in gateway/commands/."""

import click

from gateway.commands.acts import charges
from gateway.commands.api import api_token
from gateway.commands.audit import audit
from gateway.commands.backup import backup
from gateway.commands.billing import balance, close, outbox
from gateway.commands.broker import broker
from gateway.commands.ca import ca
from gateway.commands.cards import cards
from gateway.commands.claims import claims
from gateway.commands.common import Commands
from gateway.commands.database import database
from gateway.commands.dispute import dispute
from gateway.commands.estimates import corrections, estimates
from gateway.commands.evidence import quarantine, trace, verify
from gateway.commands.explain import explain_line
from gateway.commands.export import write
from gateway.commands.gis import gis
from gateway.commands.history import history
from gateway.commands.house_balance import house_balance
from gateway.commands.identity import identity, invite
from gateway.commands.meter_life import verification
from gateway.commands.mirror import mirror
from gateway.commands.periods import periods, reopen
from gateway.commands.person import person
from gateway.commands.profile import profile, profile_check
from gateway.commands.reconcile import reconcile_period
from gateway.commands.registry import registry
from gateway.commands.release import release
from gateway.commands.resident import resident
from gateway.commands.review import review
from gateway.commands.running import collect, init, run
from gateway.commands.visit import visit
from gateway.commands.waiting import enter_points, waiting
from gateway.commands.watch import numbers, silent
from gateway.commands.word import command as gateway_word


@click.group(cls=Commands)
@click.version_option(package_name="plomba")
def main() -> None:
    """Receive, verify, validate and store signed readings, and hand them to billing."""


for command in (
    init,
    run,
    collect,
    registry,
    ca,
    invite,
    cards,
    identity,
    broker,
    gateway_word,
    close,
    periods,
    reopen,
    write,
    outbox,
    gis,
    api_token,
    reconcile_period,
    balance,
    house_balance,
    estimates,
    corrections,
    verification,
    charges,
    explain_line,
    trace,
    verify,
    review,
    claims,
    dispute,
    visit,
    audit,
    backup,
    database,
    release,
    resident,
    person,
    quarantine,
    silent,
    profile,
    profile_check,
    history,
    mirror,
    numbers,
):
    main.add_command(command)
for of_registry in (enter_points, waiting):
    registry.add_command(of_registry)


if __name__ == "__main__":
    main()
