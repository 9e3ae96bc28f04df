"""Commands about the audit log: list it, check its chain."""

from collections import deque
from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway import audit as log
from gateway.anchors import heads_in
from gateway.audit import AuditError, Entry, Head
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.registry import FILE
from gateway.config import GatewayConfig
from gateway.sql.audit import SqlAudit
from gateway.sql.lost import lost_batches
from gateway.sql.review import SqlQueue


@click.group(cls=Commands)
def audit() -> None:
    """What people did, in a chain that shows changes."""


@audit.command("list")
@click.option("--subject", help="Only what was done to this: a reading, device, house, account.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@configured
@as_json
def list_entries(config: GatewayConfig, subject: str | None, limit: int, *, as_json: bool) -> None:
    """List the newest entries of the log, the oldest of them first."""
    with ledger(config) as store:
        entries = SqlAudit(store.database.connection).entries()
        asked = (one for one in entries if subject in (None, one.act.subject))
        shown = deque(asked, maxlen=limit)
    if as_json:
        for entry in shown:
            print_json(_document(entry))
        return
    print_table(
        ("no", "at (UTC)", "who", "did", "subject", "before", "after", "why"),
        [
            (
                *(entry.number, f"{from_ms(entry.act.at_ms):%Y-%m-%d %H:%M:%S}"),
                *(entry.act.actor, entry.act.act, entry.act.subject),
                *(entry.act.before, entry.act.after, entry.act.why),
            )
            for entry in shown
        ],
    )


@audit.command("verify")
@click.option(
    "--head", "noted", help="A head noted earlier (NUMBER:HASH) that must still be there."
)
@click.option(
    "--anchors",
    multiple=True,
    type=FILE,
    help="A manifest of an export, events of closings, or noted heads, one a line.",
)
@configured
@as_json
def verify_log(
    config: GatewayConfig, noted: str | None, anchors: tuple[Path, ...], *, as_json: bool
) -> None:
    """Check the chain of the log, and that the ledger stands as was decided.

    Prints the head. Note it elsewhere: only with a noted one can a log that was cut off or written
    anew (or a ledger put back from an old backup) be told from the true one. Exports and closing
    events carry it away. Batches that the devices say were stored, and are not, are listed.
    """
    expected = log.parse_head(noted) if noted else None
    heads = _anchored(config, anchors)
    with ledger(config) as store, store.transaction():
        connection = store.database.connection
        head = log.check(SqlAudit(connection).entries(), expected, *heads)
        disagreements = SqlQueue(connection).disagreements()
        gaps = lost_batches(connection)
    if disagreements:
        raise AuditError("; ".join(disagreements))
    if as_json:
        told = {"entries": head.number, "head": str(head), "anchors": len(heads), "holds": True}
        print_json(told | {"lost_batches": [one._asdict() for one in gaps]})
        return
    anchored = f", {len(heads)} anchors found in it" if heads else ""
    click.echo(f"{head.number} entries, the chain holds{anchored}, head {head}")
    for gap in gaps:
        click.echo(f"{gap.device}: {gap.said}", err=True)


def _anchored(config: GatewayConfig, files: tuple[Path, ...]) -> list[Head]:
    if not files:
        return []
    key = SigningKey.load(config.key_file).public
    return [head for file in files for head in heads_in(file, key)]


def _document(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        **entry.act._asdict(),
        "previous": entry.previous.hex(),
        "hash": log.digest(entry).hex(),
    }
