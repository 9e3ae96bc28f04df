"""`plomba-gateway cards`: what an installer takes to a house, a folder and a label a card."""

import re
from collections.abc import Sequence
from pathlib import Path

import click

from cloud_sync.signing import SigningKey
from cloud_sync.topics import DEVICE_PATTERN
from gateway.audit import By
from gateway.cards import bundle, writing
from gateway.cards.model import Batch, Card, CardError, check_ssh_key, drawn, names
from gateway.commands.common import as_json, configured, print_json
from gateway.commands.identity import FOLDER, Days
from gateway.commands.noting import acting
from gateway.commands.people import by_person, via
from gateway.config import GatewayConfig
from gateway.identity import invitations
from gateway.identity.wired import authority_of, ledger_of, section_of
from gateway.sql import billing
from gateway.sql.store import SqlStore
from gateway.sql.visits import waiting_sealed
from gateway.wiring import system_clock

_DEVICE = re.compile(DEVICE_PATTERN)
# Names given, no count, no prefix; or the other way round.
_WAYS = {(True, True, True), (False, False, False)}
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
# A prefix with a number behind it is still a DNS label.
_PREFIX_CHARS_MAX = 55
# A configuration's lines and a public key are a screen of text.
_TEXT_BYTES_MAX = 64 * 1024


@click.command("cards")
@click.option("--house", required=True, help="The house of the registry the devices hang in.")
@click.option("--count", type=click.IntRange(1, 200), help="So many, with names after --prefix.")
@click.option("--prefix", help="What their names begin with, like lesnaya-5.")
@click.option("--device", "devices", multiple=True, help="A card for this name; may be repeated.")
@click.option("--package", required=True, type=_FILE, help="plomba-edge_….deb (make package).")
@click.option("--out", required=True, type=FOLDER, help="A folder a card, and labels.pdf.")
@click.option("--lines", type=_FILE, help="[[lines]] for edge.toml; else one RS-485 adapter.")
@click.option("--ssh-key", type=_FILE, help="Who may log in over SSH: a public key.")
@click.option("--country", default="RU", show_default=True, help="Whose radio rules hold.")
@click.option("--clock", default="", help="A clock chip on the I2C pins: ds3231, pcf8523, …")
@click.option(
    "--state-partition", is_flag=True, help="A read-only root, and the state on its own partition."
)
@click.option("--valid", default="14d", show_default=True, type=Days(), help="For how long.")
@click.option("--lang", "language", type=click.Choice(["ru", "en"]), default="ru")
@by_person
@configured
@as_json
def cards(
    config: GatewayConfig,
    *,
    house: str,
    count: int | None,
    prefix: str | None,
    devices: Sequence[str],
    package: Path,
    out: Path,
    lines: Path | None,
    ssh_key: Path | None,
    country: str,
    clock: str,
    state_partition: bool,
    valid: int,
    language: str,
    actor: str,
    as_json: bool,
) -> None:
    """Make cards for devices of a house: claims that work once, papers, and a sheet of labels.

    Each folder is copied to the boot partition of a freshly written card, best by
    deploy/raspberry-pi/card/plomba_card.py, which also writes into image files.
    """
    if (bool(devices), count is None, prefix is None) not in _WAYS:
        raise click.UsageError("give --device, or --count and --prefix")
    batch = Batch(
        package=writing.package_of(package).name,
        country=_country(country),
        lines=bundle.LINES if lines is None else _text(lines),
        ssh_key="" if ssh_key is None else check_ssh_key(_text(ssh_key)),
        state_partition=state_partition,
        clock=_overlay(clock),
    )
    key, now_ms = SigningKey.load(config.key_file), system_clock()
    root, url = authority_of(config).root, section_of(config).url
    terms = invitations.Terms(url, root, house, now_ms + valid, By(actor, via()))
    with acting(config, actor, "cards", house) as deed:
        store = deed.store
        wanted = _wanted(store, devices, prefix, count)
        kept = ledger_of(store)
        invited = invitations.invite(kept.identities, kept.audit, terms, wanted, now_ms)
        timezone = _timezone(store, house)
        made = [
            drawn(
                *(one.device, timezone, one),
                waiting_sealed(store, key, house, now_ms, one.device),
            )
            for one in invited
        ]
        # Written before the ledger keeps the claims: a full disk leaves no claims of lost cards.
        _write(made, batch, package, out)
        _label(made, out, language, now_ms)
    _tell(made, out, as_json=as_json)


def _write(made: Sequence[Card], batch: Batch, package: Path, out: Path) -> None:
    for card in made:
        writing.write_card(out / card.device, bundle.files(card, batch), package)


def _label(made: Sequence[Card], out: Path, language: str, now_ms: int) -> None:
    from gateway.cards import labels  # noqa: PLC0415 - needs typst

    writing.write_labels(out / "labels.pdf", labels.pdf(made, language=language, now_ms=now_ms))


def _wanted(
    store: SqlStore, devices: Sequence[str], prefix: str | None, count: int | None
) -> list[str]:
    if prefix is None or count is None:
        wanted = list(devices)
    elif len(prefix) > _PREFIX_CHARS_MAX:
        raise CardError(f"expected a prefix of at most {_PREFIX_CHARS_MAX} characters")
    else:
        wanted = names(prefix, count, _taken(store))
    for device in wanted:
        if _DEVICE.match(device) is None:
            raise CardError(f"expected a name like lesnaya-5-01 (a DNS label), got {device!r}")
    return wanted


def _taken(store: SqlStore) -> frozenset[str]:
    """Names that are somebody's, or that an invitation was made for."""
    identities = ledger_of(store).identities
    known = {one.device for one in identities.identities()}
    return frozenset(known | {one.device for one in identities.invitations()})


def _timezone(store: SqlStore, house: str) -> str:
    found = billing.looking(store.database.connection).house(house)
    if found is None:
        raise CardError(f"expected a house of the registry, got {house!r}: see registry list")
    return found.timezone


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_TEXT_BYTES_MAX + 1)
    if len(data) > _TEXT_BYTES_MAX:
        raise CardError(f"expected {path} to have at most {_TEXT_BYTES_MAX} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CardError(f"expected {path} to be UTF-8 text: {error.reason}") from error


def _country(code: str) -> str:
    if re.fullmatch(r"[A-Z]{2}", code) is None:
        raise CardError(f"expected a country of two letters like RU, got {code!r}")
    return code


def _overlay(name: str) -> str:
    if re.fullmatch(r"[a-z0-9]{0,16}", name) is None:
        raise CardError(f"expected the name of a clock chip like ds3231, got {name!r}")
    return name


def _tell(made: Sequence[Card], out: Path, *, as_json: bool) -> None:
    if as_json:
        # Names and ends; what opens a device stands in the files alone.
        told = [
            {
                "device": one.device,
                "folder": str(out / one.device),
                "expires_at_ms": one.invitation.expires_at_ms,
            }
            for one in made
        ]
        print_json({"cards": told, "labels": str(out / "labels.pdf")})
        return
    for one in made:
        click.echo(f"{out / one.device}: copy it to a card's boot partition")
    click.echo(f"{out / 'labels.pdf'}: {len(made)} labels; keep them as you keep the cards")
