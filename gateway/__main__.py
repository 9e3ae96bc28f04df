"""plomba-gateway: the cloud side's commands. What they do is in gateway/commands/."""

import click

from gateway.commands.audit import audit
from gateway.commands.billing import balance, close, outbox
from gateway.commands.common import Commands
from gateway.commands.estimates import corrections, estimates
from gateway.commands.evidence import quarantine, trace, verify
from gateway.commands.export import write
from gateway.commands.house_balance import house_balance
from gateway.commands.registry import registry
from gateway.commands.review import review
from gateway.commands.running import init, run
from gateway.commands.watch import numbers, silent


@click.group(cls=Commands)
@click.version_option(package_name="plomba")
def main() -> None:
    """Receive, verify, validate and store signed readings, and hand them to billing."""


for command in (
    init,
    run,
    registry,
    close,
    write,
    outbox,
    balance,
    house_balance,
    estimates,
    corrections,
    trace,
    verify,
    review,
    audit,
    quarantine,
    silent,
    numbers,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
