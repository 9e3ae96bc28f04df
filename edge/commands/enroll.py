"""`plomba-edge enroll` and `rotate-key`: this device's identity, got and exchanged."""

import json
from pathlib import Path

import click

from edge import enrolment, identity
from edge.commands.common import config_option, json_option, one_line_errors
from edge.config import EdgeConfig
from edge.enrolled import Enrolled
from edge.spool import in_use


@click.command("enroll")
@click.option(
    "--invitation",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file from plomba-gateway invite, unless [enrolment] names it.",
)
@config_option
@json_option
@one_line_errors
def enroll(config: EdgeConfig, invitation: Path | None, *, as_json: bool) -> None:
    """Get this device's identity: with an invitation from the gateway, else the key alone.

    Without an invitation the key is made and its public half printed, for `plomba-gateway
    registry`. The fingerprint shown is the one on the operator's screen: compare them.
    """
    if invitation is None and config.enrolment is not None:
        invitation = config.enrolment.invitation
    if invitation is None:
        _by_hand(config, as_json=as_json)
        return
    key, _ = enrolment.born(config)
    print_ = key.public.fingerprint
    if not as_json:
        click.echo(f"fingerprint of {config.device.name}: {print_}", err=True)
    done = enrolment.enrol(config, invitation)
    _say(done, print_, as_json=as_json)


@click.command("rotate-key")
@config_option
@json_option
@one_line_errors
def rotate_key(config: EdgeConfig, *, as_json: bool) -> None:
    """Exchange the signing key: the old one vouches for the new one, what waits stays valid."""
    if in_use(config.device.state_dir):
        raise click.ClickException(
            "the agent is running and would go on signing with the old key: stop it first"
        )
    old, new = enrolment.rotate(config)
    if as_json:
        prints = {"old": old.fingerprint, "new": new.fingerprint}
        click.echo(json.dumps({"device": config.device.name, **prints}))
        return
    click.echo(f"fingerprint of {config.device.name}: {new.fingerprint} (before {old.fingerprint})")


def _say(done: Enrolled, fingerprint: str, *, as_json: bool) -> None:
    if as_json:
        document = {"device": done.device, "house": done.house, "fingerprint": fingerprint}
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{done.device} is enrolled in {done.house}")


def _by_hand(config: EdgeConfig, *, as_json: bool) -> None:
    public = identity.enroll(config.device.key)
    pem = public.to_pem().decode("ascii")
    if as_json:
        name, print_ = config.device.name, public.fingerprint
        click.echo(json.dumps({"device": name, "fingerprint": print_, "public_key": pem}))
        return
    click.echo(pem, nl=False)
    click.echo(f"fingerprint of {config.device.name}: {public.fingerprint}", err=True)
