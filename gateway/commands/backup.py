"""`plomba-gateway backup`: copies of the embedded ledger, and the way back from one."""

from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway import backup as copies
from gateway.audit import By
from gateway.backup import Backup, Restored
from gateway.commands.common import as_json, configured, ledger, print_json
from gateway.commands.noting import note
from gateway.commands.people import by_person, via
from gateway.config import ConfigError, GatewayConfig
from gateway.wiring import system_clock

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group("backup")
def backup() -> None:
    """Copies of the ledger in the data directory, and the way back from one."""


@backup.command("make")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder."
)
@click.option("--keep", type=click.IntRange(1, 10_000), help="Remove all but so many copies.")
@by_person
@configured
@as_json
def make(config: GatewayConfig, *, out: Path, keep: int | None, actor: str, as_json: bool) -> None:
    """Copy the ledger while the gateway runs; the copy is checked and its manifest sealed.

    The gateway's key and the authority's are not in it: keep them apart (docs/operations.md).
    """
    file = _embedded(config)
    key = SigningKey.load(config.key_file)
    with ledger(config) as store:
        note(store, actor, "backup make", str(out))
    made = copies.make(file, out, key, system_clock())
    gone = copies.prune(out, keep) if keep else []
    if as_json:
        print_json(_document(made) | {"removed": [str(one) for one in gone]})
        return
    click.echo(f"{_said(made)}{f', {len(gone)} older ones removed' if gone else ''}")


@backup.command("check")
@click.argument("file", type=FILE)
@configured
@as_json
def check(config: GatewayConfig, file: Path, *, as_json: bool) -> None:
    """Check a copy: its manifest's seal, its SHA-256, every page, the chain of the audit log."""
    found = copies.check(file, SigningKey.load(config.key_file).public)
    if as_json:
        print_json(_document(found) | {"holds": True})
        return
    click.echo(f"{_said(found)}: it holds")


@backup.command("restore")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def restore(config: GatewayConfig, file: Path, *, actor: str, as_json: bool) -> None:
    """Put a copy in the ledger's place. Stop the gateway first; what is replaced is kept aside.

    Batches that devices had receipted since are not in the copy: they are named by `audit verify`
    once the devices have sent again, and `command resend` brings back what a device still has.
    """
    key = SigningKey.load(config.key_file).public
    by = By(actor, via())
    done = copies.restore(file, _embedded(config), key, by, system_clock())
    if as_json:
        print_json(
            _document(done.backup)
            | {
                "aside": None if done.aside is None else str(done.aside),
                "acts_gone": done.acts_gone,
                "person_forget_gone": done.forgotten_gone,
                "still_taken_back": None if done.carried is None else done.carried._asdict(),
                "lost_batches": [gap._asdict() for gap in done.gaps],
            }
        )
        return
    click.echo(f"restored {_said(done.backup)}")
    if done.aside is not None:
        click.echo(f"the ledger that was there is kept as {done.aside}")
    _say_what_stays_closed(done)
    if done.acts_gone:
        click.echo(
            f"{done.acts_gone} acts are only in that one, {done.forgotten_gone} of them forgot a"
            " person: audit list with the two shows them; repeat them",
            err=True,
        )
    click.echo("start the gateway, let the devices send, then: plomba-gateway audit verify")


def _say_what_stays_closed(done: Restored) -> None:
    """A copy does not know who was revoked since it was made."""
    if done.carried is None:
        click.echo(
            "no ledger can be read that tells who was revoked since the copy was made: revoke them"
            " again before the gateway starts (docs/operations.md)",
            err=True,
        )
        return
    told = [f"{what} {count}" for what, count in done.carried._asdict().items() if count]
    if told:
        click.echo(f"revoked, ended or used since the copy, and so again: {', '.join(told)}")


def _embedded(config: GatewayConfig) -> Path:
    if isinstance(config.place, Path):
        return config.place
    raise ConfigError(
        "the ledger is on a server, which has its own backups: base-backup.sh and restore.sh"
        " (docs/operations.md)"
    )


def _document(made: Backup) -> dict[str, object]:
    return {
        "file": str(made.file),
        "at": f"{from_ms(made.at_ms):%Y-%m-%dT%H:%M:%SZ}",
        "sha256": made.sha256,
        "audit_head": str(made.head),
        "batches": made.batches,
        "schema": made.schema,
    }


def _said(made: Backup) -> str:
    return f"{made.file} of {from_ms(made.at_ms):%Y-%m-%d %H:%M:%S} UTC, {made.batches} batches"
