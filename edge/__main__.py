"""plomba-edge: the agent on the device, and the installer's commands beside it.

The agent runs for years on a small machine: what only the installer's commands need is loaded with
them.
"""

import asyncio
from importlib import import_module

import click

from edge import app, waiting
from edge.commands.common import config_option, config_path, log_to_stderr, one_line_errors
from edge.config import EdgeConfig

_INSTALLERS = {
    "commission": "edge.commands.commission",
    "decode": "edge.decode",
    "doctor": "edge.commands.doctor",
    "enroll": "edge.commands.enroll",
    "page": "edge.commands.page",
    "read": "edge.commands.read",
    "rotate-key": "edge.commands.enroll",
    "scan": "edge.commands.scan",
    "spool": "edge.commands.spool",
    "update": "edge.commands.update",
    "visit": "edge.commands.visit",
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
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for the first meters, and give the lines to a visit that wants them.",
)
@click.pass_context
@one_line_errors
def run(context: click.Context, *, config: EdgeConfig, wait: bool) -> None:
    """Run the agent until it is told to stop (SIGINT or SIGTERM)."""
    log_to_stderr()
    asyncio.run(waiting.run_waiting(config_path(context)) if wait else app.run(config))


if __name__ == "__main__":
    main()
