"""Commands about residents: how they are reached, asked and let in, and how to end all of it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloud_sync.signing import SigningKey
from drivers.reading import from_ms
from gateway import periods
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
from gateway.commands.registry import FILE, entered, tell_entered
from gateway.commands.resident_act import act
from gateway.commands.resident_codes import bill_codes
from gateway.config import ConfigError, GatewayConfig
from gateway.config_resident import ResidentConfig
from gateway.resident import contacts as contacts_csv
from gateway.resident.links import Links, url
from gateway.resident.model import Channel, Dwelling, ResidentError
from gateway.resident.secrets import Secrets
from gateway.sql.resident import ResidentLedger
from gateway.sql.resident_accounts import AccountsLedger
from gateway.sql.resident_asking import AskingLedger
from gateway.sql.resident_contacts import ContactsLedger, Status
from gateway.sql.store import SqlStore
from gateway.wiring import system_clock

if TYPE_CHECKING:
    from gateway.resident.notice import Slip

# As long as the longest window; whoever has not used it by then asks for another one.
LINK_DAYS, LINK_DAYS_MAX = 7, 31
_DAY_MS = 86_400_000


@click.group(cls=Commands)
def resident() -> None:
    """Ask residents for readings that did not come by themselves (see docs/resident.md)."""


resident.add_command(act)
resident.add_command(bill_codes)


@resident.command("status")
@click.option("--house", help="One house; all of them if left out.")
@configured
@as_json
def status(config: GatewayConfig, house: str | None, *, as_json: bool) -> None:
    """Show who was asked, what came of it, and which messages did not go."""
    with ledger(config) as store:
        found = ContactsLedger(store.database).status(house)
    if as_json:
        print_json(_document(found))
        return
    _tell(found)
    if config.resident is None:
        click.echo("nobody is asked: gateway.toml has no section [resident]", err=True)


@resident.command("ask")
@click.option("--house", help="One house; all of them if left out.")
@by_person
@configured
@as_json
def ask(config: GatewayConfig, house: str | None, actor: str, *, as_json: bool) -> None:
    """Look now who has to be asked, and leave alone who need not be any more.

    The running gateway does the same every five minutes, and sends the messages.
    """
    from gateway.resident.wired import asker_of  # noqa: PLC0415 - needs httpx

    section, key = _section(config), SigningKey.load(config.key_file)
    with acting(config, actor, "resident ask", house or "all houses") as deed:
        asker = asker_of(deed.store.database, key, section, system_clock)
        asked = messages = ended = 0
        more = True
        while more:
            swept = asker.sweep(house, By(actor, via()))
            asked, messages = asked + swept.asked, messages + swept.messages
            ended, more = ended + swept.ended, swept.more
        counts = {"asked": asked, "messages": messages, "ended": ended}
        deed.after = _counted(counts)
    print_json(counts) if as_json else click.echo(_counted(counts))


@resident.command("contacts")
@click.argument("file", type=FILE)
@by_person
@configured
@as_json
def contacts(config: GatewayConfig, file: Path, actor: str, *, as_json: bool) -> None:
    """Enter how residents are reached, a CSV with one line per account and channel.

    Columns: account, channel (email or sms), address, language (ru or en), and since (a day, may
    be left out). Another address takes the place of the one before; every bad line is named, or
    all are entered.
    """

    def enter(store: SqlStore, data: bytes) -> dict[str, int]:
        return contacts_csv.import_csv(ContactsLedger(store.database), data, system_clock())

    counts = entered(enter, config, file, (actor, "resident contacts"))
    tell_entered(file, counts, as_json=as_json)


@resident.command("link")
@click.argument("account")
@click.option("--days", type=click.IntRange(1, LINK_DAYS_MAX), default=LINK_DAYS, show_default=True)
@by_person
@configured
@as_json
def link(config: GatewayConfig, account: str, days: int, actor: str, *, as_json: bool) -> None:
    """Make a link for ACCOUNT, to be given to its resident by hand; those on paper before it end.

    Whoever opens it types the account's number. It is printed once and kept nowhere.
    """
    section, key = _section(config), SigningKey.load(config.key_file)
    now_ms = system_clock()
    with acting(config, actor, "resident link", f"account {account}") as deed:
        asking = AskingLedger(deed.store.database)
        dwelling = _dwelling(asking, account)
        asking.end_paper_links(dwelling.account_no, "another one was made", now_ms)
        links = Links(asking, Secrets.of(key), system_clock)
        period, until_ms = periods.containing(now_ms, dwelling.zone), now_ms + days * _DAY_MS
        made = links.make(dwelling.account_no, period, until_ms, None)
        until = from_ms(until_ms).isoformat(timespec="minutes")
        deed.after = f"link {made.link_no} until {until}"
    address = url(section.public_url, made.token)
    document = {"account": account, "link": made.link_no, "url": address, "until": until}
    print_json(document) if as_json else click.echo(f"{address}\nuntil {until}")


@resident.command("end")
@click.argument("account")
@click.option("--contacts", "with_contacts", is_flag=True, help="Take its contacts out as well.")
@click.option("--why", required=True, help="The reason, for the audit log.")
@by_person
@configured
@as_json
def end(
    config: GatewayConfig,
    account: str,
    why: str,
    actor: str,
    *,
    with_contacts: bool,
    as_json: bool,
) -> None:
    """End every link, code, session and waiting message of ACCOUNT, and stop asking it.

    Whoever linked it by signing in is unlinked and signed out, their phones are forgotten, and the
    codes on its bills end.
    """
    with acting(config, actor, "resident end", f"account {account}", why) as deed:
        asking = AskingLedger(deed.store.database)
        dwelling = _dwelling(asking, account)
        counts = asking.end_all(
            dwelling.account_no, "ended by a person", system_clock(), contacts=with_contacts
        )
        accounts = AccountsLedger(deed.store.database)
        counts |= accounts.end_all(dwelling.account_no, system_clock())
        deed.after = _counted(counts)
    print_json(counts) if as_json else click.echo(f"ended: {_counted(counts)}")


@resident.command("unreachable")
@click.argument("account")
@click.argument("channel", type=click.Choice([one.value for one in Channel]))
@click.option("--why", required=True, help="The reason, for the audit log: what came back.")
@by_person
@configured
@as_json
def unreachable(
    config: GatewayConfig, account: str, channel: str, why: str, actor: str, *, as_json: bool
) -> None:
    """Take out the e-mail address or the phone of ACCOUNT, from which messages come back.

    While the dwelling is asked, its other contact is written to within five minutes; without
    another one it is on the house's next notice. Links sent to that contact open nothing any more.
    """
    with acting(config, actor, "resident unreachable", f"account {account}", why) as deed:
        people = ContactsLedger(deed.store.database)
        dwelling = _dwelling(people, account)
        standing = people.contacts(dwelling.account_no)
        found = next((one for one in standing if one.channel == channel), None)
        if found is None:
            raise ResidentError(f"account {account!r} has no {channel}: see resident contacts")
        people.end_contact(found.contact_no, system_clock())
        deed.after = f"{channel} {found.masked} taken out"
    told = {"account": account, "channel": channel}
    print_json(told) if as_json else click.echo(f"taken out: the {channel} of account {account}")


@resident.command("notice")
@click.option("--house", required=True, help="The house.")
@click.option("--period", required=True, help="The period it is asked for, like 2026-10.")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--lang", "language", type=click.Choice(["ru", "en"]), default="ru")
@by_person
@configured
@as_json
def notice(
    config: GatewayConfig,
    *,
    house: str,
    period: str,
    folder: Path,
    language: str,
    actor: str,
    as_json: bool,
) -> None:
    """Write slips for the dwellings of a house that are asked and have no contact, as a PDF.

    Every run makes new links, and those on earlier slips of the dwellings end.
    """
    from gateway.resident import notice as slips  # noqa: PLC0415 - needs typst

    section, key = _section(config), SigningKey.load(config.key_file)
    with acting(config, actor, "resident notice", f"{house} {period}") as deed:
        made = _slips(deed.store, key, section, house, period)
        file = folder / slips.file_name(house, period)
        if made:
            content = slips.pdf(
                made, language=language, office=section.office, now_ms=system_clock()
            )
            _write(file, content)
        deed.after = f"{len(made)} slips"
        deed.undone = not made
    if as_json:
        print_json({"file": str(file) if made else None, "slips": len(made)})
    elif made:
        click.echo(f"{file}: {len(made)} slips; it opens what it is for, so keep it to yourself")
    else:
        click.echo(f"{house} {period}: no dwelling is asked that has no contact")


def _slips(
    store: SqlStore, key: SigningKey, section: ResidentConfig, house: str, period: str
) -> "list[Slip]":
    from gateway.resident import notice as slips  # noqa: PLC0415 - needs typst

    asking, now_ms = AskingLedger(store.database), system_clock()
    links = Links(asking, Secrets.of(key), system_clock)
    found = next(iter(asking.houses(house)), None)
    if found is None:
        raise ResidentError(f"no house is called {house!r}: see registry list")
    periods.bounds(period, found.zone)  # a PeriodError for what is no period
    people = ContactsLedger(store.database)
    numbers = people.without_contact(found.house_no, period)
    if len(numbers) > slips.SLIPS_MAX:
        raise ResidentError(f"expected at most {slips.SLIPS_MAX} slips, got {len(numbers)}")
    made = []
    for number in numbers:
        until_ms = people.closes_ms(number, period) or now_ms
        asking.end_paper_links(number, "another notice was made", now_ms)
        token = links.make(number, period, until_ms, None).token
        made.append(slips.Slip(asking.dwelling(number), url(section.public_url, token), until_ms))
    return made


def _write(file: Path, content: bytes) -> None:
    """A file for its owner's eyes alone, in the place of an older one."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
    except OSError as error:
        raise ResidentError(f"cannot write {file}: {error.strerror}") from error


def _section(config: GatewayConfig) -> ResidentConfig:
    if config.resident is None:
        raise ConfigError("resident: missing; add a section [resident] with public_url")
    return config.resident


def _dwelling(asking: ResidentLedger, account: str) -> Dwelling:
    found = asking.by_number(account)
    if found is None:
        raise ResidentError(f"no account is called {account!r}: see registry list")
    return found


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _document(found: Status) -> dict[str, object]:
    return {
        "askings": [one._asdict() for one in found.askings],
        "messages": [
            dict(zip(("kind", "state", "count"), one, strict=True)) for one in found.messages
        ],
        "contacts": [
            dict(zip(("channel", "written_to", "unsubscribed"), one, strict=True))
            for one in found.contacts
        ],
        "troubles": [one._asdict() for one in found.troubles],
    }


def _tell(found: Status) -> None:
    header = ("house", "period", "asked", "open", "given", "read", "over", "on paper")
    print_table(header, found.askings)
    click.echo()
    print_table(("message", "state", "count"), found.messages)
    click.echo()
    print_table(("contacts", "written to", "unsubscribed"), found.contacts)
    if found.troubles:
        click.echo()
        rows = [
            (one.account, one.kind, from_ms(one.at_ms).isoformat(timespec="minutes"), one.error)
            for one in found.troubles
        ]
        print_table(("account", "message", "at", "why it did not go"), rows)
