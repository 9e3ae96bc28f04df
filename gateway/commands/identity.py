"""`plomba-gateway invite` and `identity`: who may come in, who is in, who is out."""

import re
from collections.abc import Sequence
from pathlib import Path

import click

from cloud_sync import invitation as paper
from cloud_sync import private_file
from cloud_sync.invitation import Invitation
from cloud_sync.topics import DEVICE_PATTERN
from drivers.reading import from_ms
from gateway.audit import By
from gateway.clones import Clone
from gateway.commands.common import (
    Commands,
    as_json,
    configurable,
    configured,
    default_config,
    ledger,
    print_json,
    print_table,
)
from gateway.commands.people import by_person, via
from gateway.config import GatewayConfig
from gateway.identity import invitations, revoking
from gateway.identity.model import IdentityError, IdentityRow, Invited, RefusalRow, state_of
from gateway.identity.revoking import Revocation
from gateway.identity.standing import fingerprint_of, standing_of
from gateway.identity.wired import authority_of, ledger_of, list_revoked, section_of
from gateway.wiring import system_clock

FOLDER = click.Path(path_type=Path, file_okay=False)
_DEVICE = re.compile(DEVICE_PATTERN)
# Beyond a quarter of a year an invitation is a key that lies about.
VALID_DAYS_MAX = 92
_DAY_MS = 86_400_000


class Days(click.ParamType[int]):
    """A time span written 14d or 36h, as ms."""

    name = "DAYS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Milliseconds; a usage error for anything else."""
        match = re.fullmatch(r"([1-9][0-9]{0,3})([dh])", str(value))
        span_ms = (
            0 if match is None else int(match[1]) * (_DAY_MS if match[2] == "d" else 3_600_000)
        )
        if not 0 < span_ms <= VALID_DAYS_MAX * _DAY_MS:
            self.fail(f"expected 1h to {VALID_DAYS_MAX}d like 14d, got {value!r}", param, ctx)
        return span_ms


@click.group(cls=Commands, invoke_without_command=True)
@click.option("--house", help="The house of the registry the device will hang in.")
@click.option("--device", "devices", multiple=True, help="Only for this name; may be repeated.")
@click.option("--count", type=click.IntRange(1, 200), help="So many, for any name expected there.")
@click.option("--valid", default="14d", show_default=True, type=Days(), help="For how long.")
@click.option("--out", type=FOLDER, help="Where the files are written, rights 0600.")
@by_person
@configurable
@as_json
@click.pass_context
def invite(
    context: click.Context,
    config: GatewayConfig | None,
    *,
    house: str | None,
    devices: Sequence[str],
    count: int | None,
    valid: int,
    out: Path | None,
    actor: str,
    as_json: bool,
) -> None:
    """Invite devices into a house: a file each, which lets one device enrol once.

    A name given with --device goes on the house's list; a house with a list admits no other.
    """
    if context.invoked_subcommand is not None:
        return
    if house is None or out is None:
        raise click.UsageError("give --house and --out, or a command: list, withdraw")
    if devices and count is not None:
        raise click.UsageError("give --device or --count, not both")
    if config is None:  # the commands below this one take their own
        config = default_config()
    for device in devices:
        if _DEVICE.match(device) is None:
            raise IdentityError(f"expected a name like lesnaya-5 (a DNS label), got {device!r}")
    now_ms = system_clock()
    root = authority_of(config).root
    terms = invitations.Terms(section_of(config).url, root, house, now_ms + valid, By(actor, via()))
    wanted = devices or [""] * (count or 1)
    with ledger(config) as store, store.transaction():
        kept = ledger_of(store)
        made = invitations.invite(kept.identities, kept.audit, terms, wanted, now_ms)
        files = [_written(out, one) for one in made]
    if as_json:
        print_json([{"file": file, **_public(one)} for file, one in zip(files, made, strict=True)])
        return
    for file, one in zip(files, made, strict=True):
        whom = one.device or "any device expected there"
        until = f"{from_ms(one.expires_at_ms):%Y-%m-%d %H:%M}"
        click.echo(f"{file}: {whom}, until {until} UTC")
    click.echo(f"authority {root.fingerprint}", err=True)


@invite.command("list")
@click.option("--house", help="One house; all of them if left out.")
@configured
@as_json
def list_invitations(config: GatewayConfig, house: str | None, *, as_json: bool) -> None:
    """List invitations, the newest first; the secrets are known to nobody here."""
    now_ms = system_clock()
    with ledger(config) as store:
        found = ledger_of(store).identities.invitations(house)
    if as_json:
        print_json([_invited(one, now_ms) for one in found])
        return
    print_table(
        ("label", "house", "for", "until (UTC)", "stands", "used by", "made by"),
        [
            (
                *(one.label, one.house, one.device or "any"),
                *(f"{from_ms(one.expires_at_ms):%Y-%m-%d %H:%M}", state_of(one, now_ms)),
                *(one.used_by, one.made_by),
            )
            for one in found
        ],
    )


@invite.command("withdraw")
@click.argument("label")
@click.option("--why", required=True, help="The reason, for the log.")
@by_person
@configured
def withdraw(config: GatewayConfig, label: str, why: str, actor: str) -> None:
    """Make an unused invitation worthless."""
    with ledger(config) as store, store.transaction():
        kept = ledger_of(store)
        invitations.withdraw(
            *(kept.identities, kept.audit, label),
            by=By(actor, via()),
            why=why,
            now_ms=system_clock(),
        )
    click.echo(f"invitation {label} is worth nothing any more")


@click.group(cls=Commands)
def identity() -> None:
    """Devices by their keys and certificates, and who was not let in."""


@identity.command("list")
@click.option("--house", help="One house; all of them if left out.")
@configured
@as_json
def list_identities(config: GatewayConfig, house: str | None, *, as_json: bool) -> None:
    """List devices with the fingerprint that their own screen shows, and how they stand."""
    now_ms = system_clock()
    with ledger(config) as store:
        found = ledger_of(store).identities.identities(house)
        twice = {one.device: one for one in store.clones.clones()}
    if as_json:
        print_json([_identity(one, now_ms, twice.get(one.device)) for one in found])
        return
    print_table(
        ("device", "house", "fingerprint", "certificate until (UTC)", "stands", "cloned?"),
        [
            (
                *(one.device, one.house, fingerprint_of(one, now_ms)),
                "" if one.valid_to_ms is None else f"{from_ms(one.valid_to_ms):%Y-%m-%d %H:%M}",
                *(standing_of(one, now_ms), _cloned(twice.get(one.device))),
            )
            for one in found
        ],
    )


@identity.command("refused")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 5000))
@configured
@as_json
def refused(config: GatewayConfig, limit: int, *, as_json: bool) -> None:
    """List who was not let in, and why; the newest first."""
    with ledger(config) as store:
        found: list[RefusalRow] = ledger_of(store).identities.refusals(limit)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    print_table(
        ("last (UTC)", "times", "reason", "device", "fingerprint", "invitation", "from", "detail"),
        [
            (
                *(f"{from_ms(one.last_at_ms):%Y-%m-%d %H:%M:%S}", one.times, one.reason),
                *(one.device, one.fingerprint, one.invitation, one.source, one.detail),
            )
            for one in found
        ],
    )


@identity.command("revoke")
@click.argument("device")
@click.option("--why", required=True, help="The reason, for the log.")
@click.option(
    "--take-backlog",
    is_flag=True,
    help="Taken down in good order: what it signed until now still counts when it comes.",
)
@by_person
@configured
def revoke(config: GatewayConfig, device: str, why: str, actor: str, *, take_backlog: bool) -> None:
    """Revoke DEVICE for good: its keys end now, its certificates are on the revocation list."""
    with ledger(config) as store:
        asked = Revocation(By(actor, via()), why, take_backlog)
        with store.transaction():
            count = revoking.revoke(ledger_of(store), device, asked, system_clock())
        list_revoked(config, store, system_clock())
    click.echo(f"{device} is revoked, with {count} certificate{'' if count == 1 else 's'}")


def _written(folder: Path, one: Invitation) -> Path:
    label = paper.label_of(one.secret_bytes)
    path = folder / f"{one.device or 'invitation'}-{label}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise IdentityError(f"cannot create {folder}: {error.strerror}") from error
    private_file.create(path, paper.to_text(one).encode("utf-8"))
    return path


def _public(one: Invitation) -> dict[str, object]:
    """What may be printed of an invitation: all but its secret."""
    return {
        "label": paper.label_of(one.secret_bytes),
        "house": one.house,
        "device": one.device,
        "expires_at_ms": one.expires_at_ms,
        "ca_sha256": one.ca_sha256,
    }


def _invited(one: Invited, now_ms: int) -> dict[str, object]:
    hidden = {"invitation_no", "house_no", "key_id", "key_sha256"}
    shown = {name: value for name, value in one._asdict().items() if name not in hidden}
    return shown | {"state": state_of(one, now_ms)}


def _cloned(found: Clone | None) -> str:
    if found is None:
        return ""
    return f"since {from_ms(found.first_at_ms):%Y-%m-%d %H:%M}: {found.places}"


def _identity(one: IdentityRow, now_ms: int, clone: Clone | None) -> dict[str, object]:
    keys = [
        {
            "key": key.key_id.hex(),
            "valid_from_ms": key.valid_from_ms,
            "valid_to_ms": key.valid_to_ms,
        }
        for key in one.keys
    ]
    return one._asdict() | {
        "keys": keys,
        "fingerprint": fingerprint_of(one, now_ms),
        "stands": standing_of(one, now_ms),
        "cloned": None
        if clone is None
        else clone._asdict()
        | {"stored_boot": clone.stored_boot.hex(), "other_boot": clone.other_boot.hex()},
    }
