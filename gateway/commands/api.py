"""The command that lets a billing system draw lines by itself, or ends that."""

import click

from gateway.audit import Act
from gateway.commands.common import as_json, configured, ledger, print_json
from gateway.commands.people import by_person, via
from gateway.config import GIS_TARGET, GatewayConfig
from gateway.handoff.pull import FOLDER, PullError, Tokens, check_name
from gateway.sql.audit import SqlAudit
from gateway.sql.pull import PullLedger
from gateway.wiring import system_clock


@click.command("api-token")
@click.argument("name")
@click.option("--revoke", is_flag=True, help="End the client's token instead.")
@by_person
@configured
@as_json
def api_token(config: GatewayConfig, name: str, actor: str, *, revoke: bool, as_json: bool) -> None:
    """Make a token for the billing system NAME, with which it draws lines (see docs/handoff.md).

    The token is printed once and kept only as a hash. A second one ends the first.
    """
    check_name(name)
    if name in {*config.target_names, GIS_TARGET}:
        raise PullError(f"{name} is the name of a target: lines are sent there already")
    tokens = Tokens(config.data / FOLDER)
    token, now_ms = "", system_clock()
    with ledger(config) as store, store.transaction() as connection:
        clients = PullLedger(connection)
        if revoke and not clients.revoke(name, now_ms):
            raise PullError(f"no client {name} has a token")
        if not revoke:
            clients.add(name, now_ms)
        done = "api-token revoked" if revoke else "api-token made"
        act = Act(now_ms, actor, via(), done, f"client {name}", "", done, "draws closing lines")
        SqlAudit(connection).append(act)
        if revoke:
            tokens.end(name)
        else:
            token = tokens.make(name)
    if as_json:
        print_json({"client": name, "revoked": revoke, **({"token": token} if token else {})})
    else:
        click.echo(token or f"the token of {name} is good for nothing any more")
