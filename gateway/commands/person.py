"""Commands about people: what is held about an account, and forgetting whose it is."""

import secrets

import click

from drivers.reading import from_ms
from gateway.audit import By
from gateway.commands.common import (
    Commands,
    as_json,
    configured,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.noting import acting
from gateway.commands.people import by_person, via
from gateway.config import LEDGER_FILE, GatewayConfig
from gateway.people import forgetting
from gateway.people.forgetting import Left
from gateway.people.words import PSEUDONYM_BYTES, PeopleError
from gateway.photo.keeping import FOLDER, PhotoFiles
from gateway.sql.people import PeopleLedger, cleaned, overwriting
from gateway.sql.photos import PhotosLedger
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock


@click.group(cls=Commands)
def person() -> None:
    """What is held about a person, and forgetting them (see docs/personal-data.md)."""


@person.command("show")
@click.argument("account")
@by_person
@configured
@as_json
def show(config: GatewayConfig, account: str, actor: str, *, as_json: bool) -> None:
    """Show all that is held about ACCOUNT, for whoever asks what is known of them.

    Readings are counted; profile and trace show them one by one. That it was shown is noted.
    """
    with acting(config, actor, "person show", f"account {account}") as deed:
        people = PeopleLedger(deed.store.database)
        found = people.account(account)
        if found is None:
            raise PeopleError(f"no account is called {account!r}: see registry list")
        held = people.held(found)
    if as_json:
        print_json(held)
        return
    for name, rows in held.items():
        if isinstance(rows, list) and rows:
            click.echo(f"{name}:")
            print_table(list(rows[0]), [list(row.values()) for row in rows])


@person.command("forget")
@click.argument("account")
@click.option("--name", "words", multiple=True, help="What else names the person in texts.")
@click.option("--dwelling", is_flag=True, help="The dwelling's number names them as well.")
@click.option("--why", required=True, help="The reason; names in it are forgotten too.")
@by_person
@configured
@as_json
def forget(
    config: GatewayConfig,
    account: str,
    words: tuple[str, ...],
    why: str,
    actor: str,
    *,
    dwelling: bool,
    as_json: bool,
) -> None:
    """Ask that the person of ACCOUNT be forgotten; another person must confirm it.

    The account's number and the names given, in every text, then give way to a pseudonym that
    nothing leads back from. Values, marks, hashes and evidence stay.
    """
    with ledger(config) as store, store.transaction():
        asked = forgetting.ask(
            PeopleLedger(store.database),
            account,
            By(actor, via()),
            why,
            system_clock(),
            words=words,
            dwelling=dwelling,
        )
    if as_json:
        print_json({"request": asked.number, "account": account, "done": False})
    else:
        click.echo(
            f"request {asked.number}: another person must say"
            f" plomba-gateway person confirm {asked.number}"
        )


@person.command("confirm")
@click.argument("request", type=click.IntRange(min=1))
@by_person
@configured
@as_json
def confirm(config: GatewayConfig, request: int, actor: str, *, as_json: bool) -> None:
    """Carry out the REQUEST of another person. It cannot be undone.

    Lists what is out of reach: lines handed over, exports, what devices sealed, ledgers that a
    restore left here. Backups are for you to deal with.
    """
    with ledger(config) as store:
        with overwriting(store.database):
            found = forgetting.confirm(
                PeopleLedger(store.database),
                request,
                By(actor, via()),
                system_clock(),
                lambda: secrets.token_bytes(PSEUDONYM_BYTES),
            )
        found = found._replace(beyond=(*found.beyond, *_left_by_restores(config)))
        # The files first: whoever else holds the ledger does not keep them.
        _without_photos(config, store)
        cleaned(store.database)
    if as_json:
        print_json(found._asdict() | {"beyond": [one._asdict() for one in found.beyond]})
        return
    click.echo(
        f"now {found.pseudonym}: {found.replaced} texts replaced,"
        f" {found.entries} entries of the audit log without theirs"
    )
    for one in found.beyond:
        click.echo(f"not recalled: {one.where}: {one.what}")


@person.command("list")
@configured
@as_json
def list_requests(config: GatewayConfig, *, as_json: bool) -> None:
    """List requests that wait for another person."""
    with ledger(config) as store, store.transaction():
        waiting = PeopleLedger(store.database).waiting()
    rows = [
        (one.number, one.account.number, one.asked_by, one.why, from_ms(one.asked_at_ms))
        for one in waiting
    ]
    header = ("request", "account", "asked by", "why", "at (UTC)")
    if as_json:
        for row in rows:
            print_json(dict(zip(header, row, strict=True)))
        return
    print_table(header, rows)


def _left_by_restores(config: GatewayConfig) -> list[Left]:
    """Ledgers that a restore put aside (gateway/backup.py)."""
    asides = sorted(config.data.glob(f"{LEDGER_FILE}.before-*"))
    return [Left("file", f"{one}, which a restore left: delete it") for one in asides]


def _without_photos(config: GatewayConfig, store: SqlStore) -> None:
    """Delete the files of photos that are not to be kept any more."""
    files, kept = PhotoFiles(config.data / FOLDER), PhotosLedger(store.database)
    try:
        while files.sweep(kept, system_clock()):
            pass
    except OSError as error:
        raise PeopleError(
            f"what was forgotten is out of the ledger, but photos are still in {config.data}"
            f" ({error}): make the folder writable and say person confirm once more"
        ) from error
