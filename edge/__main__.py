"""plomba-edge: the agent on the device, and the installer's commands beside it."""

import asyncio
import json

import click

from edge import app, identity
from edge.commands.common import config_option, json_option, log_to_stderr, one_line_errors
from edge.commands.doctor import doctor
from edge.commands.read import read
from edge.commands.spool import spool
from edge.config import EdgeConfig
from edge.decode import decode


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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


@main.command()
@config_option
@json_option
@one_line_errors
def enroll(config: EdgeConfig, *, as_json: bool) -> None:
    """Make this device's key and print its public half, for `plomba-gateway registry`."""
    public = identity.enroll(config.device.key)
    pem = public.to_pem().decode("ascii")
    if as_json:
        name, print_ = config.device.name, public.fingerprint
        click.echo(json.dumps({"device": name, "fingerprint": print_, "public_key": pem}))
        return
    click.echo(pem, nl=False)
    click.echo(f"fingerprint of {config.device.name}: {public.fingerprint}", err=True)


for command in (read, doctor, spool, decode):
    main.add_command(command)


if __name__ == "__main__":
    main()
