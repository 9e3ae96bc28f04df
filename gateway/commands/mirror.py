"""Commands about the time-series mirror: how far it is, bring it up, begin it anew."""

import click

from gateway.commands.common import Commands, as_json, configured, ledger, print_json
from gateway.commands.noting import note
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.sql.store import SqlStore
from gateway.sql.stream import StreamLedger
from gateway.wiring import system_clock


@click.group(cls=Commands)
def mirror() -> None:
    """The mirror of readings in a time-series store (docs/mirror.md)."""


@mirror.command("status")
@configured
@as_json
def status(config: GatewayConfig, *, as_json: bool) -> None:
    """Show how far the mirror is behind the ledger."""
    from gateway.mirror.follower import NAME  # noqa: PLC0415 - loads the client of the mirror

    with ledger(config) as store:
        stream = StreamLedger(store.database)
        cursor, horizon = stream.cursor(NAME), stream.horizon()
    begun = cursor is not None
    told = {
        "configured": config.mirror is not None,
        "begun": begun,
        "filling": cursor is None or cursor.scan is not None,
        "batches_behind": horizon.batch_no - (cursor.position.batch_no if cursor else 0),
        "changes_behind": horizon.change_no - (cursor.position.change_no if cursor else 0),
        "points_sent": cursor.sent if cursor else 0,
        "moved_at_ms": cursor.moved_at_ms if cursor else None,
    }
    if as_json:
        print_json(told)
        return
    state = "filling" if told["filling"] else "following"
    click.echo(
        f"{state if begun else 'not begun'}, {told['batches_behind']} batches and "
        f"{told['changes_behind']} changes behind, {told['points_sent']} points sent"
    )


def _bring_up(config: GatewayConfig, store: SqlStore) -> tuple[int, int]:
    """Follow the stream to its end; how many points that took, in how many portions."""
    from gateway.mirror.wired import following  # noqa: PLC0415 - loads the client of the mirror

    with following(config, store, system_clock) as follower:
        before, portions = follower.plan().cursor.sent, 0
        while follower.step():
            portions += 1
        return follower.plan().cursor.sent - before, portions


@mirror.command("run")
@configured
@as_json
def run(config: GatewayConfig, *, as_json: bool) -> None:
    """Mirror everything up to now, then end. A running gateway does this by itself."""
    with ledger(config) as store:
        sent, portions = _bring_up(config, store)
    if as_json:
        print_json({"points_sent": sent, "portions": portions})
    else:
        click.echo(f"{sent} points sent in {portions} portions")


@mirror.command("rebuild")
@by_person
@configured
@as_json
def rebuild(config: GatewayConfig, actor: str, *, as_json: bool) -> None:
    """Delete this gateway's points from the store and mirror the whole ledger again.

    Readings that stand in history files are not in the ledger: restore them first, if they are
    to be in the mirror. Where this was cut off, run it again.
    """
    from gateway.mirror.wired import following  # noqa: PLC0415 - loads the client of the mirror

    with ledger(config) as store:
        with following(config, store, system_clock) as follower:
            note(store, actor, "mirror-rebuild", config.mirror.url if config.mirror else "")
            follower.rebuild()
        sent, portions = _bring_up(config, store)
    if as_json:
        print_json({"points_sent": sent, "portions": portions})
    else:
        click.echo(f"{sent} points sent in {portions} portions")
