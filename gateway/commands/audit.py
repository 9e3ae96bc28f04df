"""Commands about the audit log: list it, check its chain."""

from collections import deque

import click

from drivers.reading import from_ms
from gateway import audit as log
from gateway.audit import AuditError, Entry
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.config import GatewayConfig
from gateway.sqlite.audit import SqliteAudit
from gateway.sqlite.review import SqliteQueue


@click.group(cls=Commands)
def audit() -> None:
    """What people did, in a chain that shows changes."""


@audit.command("list")
@click.option("--subject", help="Only what was done to this reading.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@configured
@as_json
def list_entries(config: GatewayConfig, subject: str | None, limit: int, *, as_json: bool) -> None:
    """List the newest entries of the log, the oldest of them first."""
    with ledger(config) as store:
        entries = SqliteAudit(store.database.connection).entries()
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
@configured
@as_json
def verify_log(config: GatewayConfig, noted: str | None, *, as_json: bool) -> None:
    """Check the chain of the log, and that the ledger stands as was decided.

    Prints the head. Note it elsewhere: only with it can a log that was cut off or written anew
    be told from the true one.
    """
    expected = log.parse_head(noted) if noted else None
    with ledger(config) as store, store.transaction():
        head = log.check(SqliteAudit(store.database.connection).entries(), expected)
        disagreements = SqliteQueue(store.database.connection).disagreements()
    if disagreements:
        raise AuditError("; ".join(disagreements))
    if as_json:
        print_json({"entries": head.number, "head": str(head), "holds": True})
    else:
        click.echo(f"{head.number} entries, the chain holds, head {head}")


def _document(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        **entry.act._asdict(),
        "previous": entry.previous.hex(),
        "hash": log.digest(entry).hex(),
    }
