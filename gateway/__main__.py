"""plomba-gateway: the cloud side's commands. What they do is in gateway/commands/."""

import click

from gateway.commands import billing, evidence, registry, running
from gateway.commands.common import Commands


@click.group(cls=Commands)
@click.version_option(package_name="plomba")
def main() -> None:
    """Receive, verify, validate and store signed readings, and hand them to billing."""


for command in (
    running.init,
    running.run,
    registry.registry,
    billing.close,
    billing.write,
    billing.outbox,
    billing.balance,
    evidence.trace,
    evidence.verify,
    evidence.review,
    evidence.quarantine,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
