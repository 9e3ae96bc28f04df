"""plomba-gateway: the cloud side's commands. What they do is in gateway/commands/."""

import click

from gateway.commands.billing import balance, close, outbox, write
from gateway.commands.common import Commands
from gateway.commands.evidence import quarantine, review, trace, verify
from gateway.commands.registry import registry
from gateway.commands.running import init, run


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
    trace,
    verify,
    review,
    quarantine,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
