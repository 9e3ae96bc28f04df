"""plomba-edge: the agent on the device, and the installer's commands beside it.

The agent runs for years on a small machine: what only the installer's commands need is loaded with
them.
"""

import asyncio
from importlib import import_module

import click

from edge import app
from edge.commands.common import config_option, log_to_stderr, one_line_errors
from edge.config import EdgeConfig

_INSTALLERS = {
    "decode": "edge.decode",
    "doctor": "edge.commands.doctor",
    "enroll": "edge.commands.enroll",
    "read": "edge.commands.read",
    "rotate-key": "edge.commands.enroll",
    "scan": "edge.commands.scan",
    "spool": "edge.commands.spool",
}


class _Commands(click.Group):
    """A group that loads the installer's commands when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of the alphabet."""
        return sorted({*super().list_commands(ctx), *_INSTALLERS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None if there is none."""
        if cmd_name not in _INSTALLERS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(
            import_module(_INSTALLERS[cmd_name]), cmd_name.replace("-", "_")
        )
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="plomba")
def main() -> None:
    """Read meters, sign what they say, and keep it until the gateway has it."""


@main.command()
@config_option
@one_line_errors
def run(config: EdgeConfig) -> None:
    """Run the agent until it is told to stop (SIGINT or SIGTERM)."""
    log_to_stderr()
    asyncio.run(app.run(config))


if __name__ == "__main__":
    main()
