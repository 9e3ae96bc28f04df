"""`plomba-gateway ca`: the authority behind the certificates of devices and servers."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from cloud_sync.authority import Profile, Reason
from cloud_sync.certificates import Certificate, TlsKey, parse_request
from cloud_sync.ladder import step_of
from drivers.reading import from_ms
from gateway.audit import By
from gateway.commands.common import Commands, as_json, configured, ledger, print_json, print_table
from gateway.commands.noting import acting
from gateway.commands.people import by_person, via
from gateway.config import GatewayConfig
from gateway.identity import authority as folders
from gateway.identity import external, revoking
from gateway.identity.authority import SERVER_DAYS, PrivateAuthority
from gateway.identity.model import IdentityError
from gateway.identity.revoking import Revocation
from gateway.identity.wired import (
    authority_of,
    external_authority,
    forgotten,
    ledger_of,
    list_revoked,
    private_authority,
)
from gateway.wiring import system_clock

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Commands)
def ca() -> None:
    """The certificate authority of this gateway, or requests to an external one."""


@ca.command("init")
@click.option(
    "--root-key",
    required=True,
    type=NEW_FILE,
    help="Where the root's key goes: a stick to lock up.",
)
@click.option("--name", default="plomba", show_default=True, help="What the authority is called.")
@by_person
@configured
@as_json
def init(config: GatewayConfig, root_key: Path, name: str, actor: str, *, as_json: bool) -> None:
    """Make a root, whose key is taken away, and an issuing authority, whose key stays here."""
    with acting(config, actor, "ca init") as deed:
        made = folders.create(config.ca_folder, root_key, name, system_clock())
        deed.subject = made.root.name
        deed.after = f"root {made.root.fingerprint}, issuing {made.issuing.fingerprint}"
        made.write_crl(ledger_of(deed.store).identities, system_clock())
    if as_json:
        print_json(_authority_document(made) | {"root_key": root_key})
        return
    click.echo(f"root {_groups(made.root.fingerprint)}")
    click.echo(
        f"Take {root_key} away from this machine now and lock it up: nothing here needs it until "
        f"the issuing authority is renewed, before {_day(made.issuing.valid_to_ms)}."
    )


@ca.command("renew-issuing")
@click.option("--root-key", required=True, type=FILE, help="The root's key, brought back.")
@by_person
@configured
def renew_issuing(config: GatewayConfig, root_key: Path, actor: str) -> None:
    """Make a new issuing authority with the root's key; devices believe it by the same root."""
    with acting(config, actor, "ca renew-issuing") as deed:
        made = folders.renew_issuing(config.ca_folder, root_key, system_clock())
        deed.subject, deed.after = made.name, f"issuing {made.fingerprint}"
        own = private_authority(config)
        own.write_crl(ledger_of(deed.store).identities, system_clock())
    click.echo(f"{made.subject}, until {_day(made.valid_to_ms)}; take {root_key} away again")


@ca.command("show")
@configured
@as_json
def show(config: GatewayConfig, *, as_json: bool) -> None:
    """Show who vouches here, with the fingerprints that invitations carry."""
    found = authority_of(config)
    chain = [found.root, found.issuing] if isinstance(found, PrivateAuthority) else [found.root]
    if as_json:
        print_json([_document(one) for one in chain])
        return
    for one in chain:
        click.echo(f"{one.subject}: until {_day(one.valid_to_ms)}, {_groups(one.fingerprint)}")


@ca.command("issue-server")
@click.argument("names", nargs=-1, required=True)
@click.option("--out", required=True, type=FOLDER, help="Where certificate and key are written.")
@click.option("--days", default=SERVER_DAYS, show_default=True, type=click.IntRange(1, 825))
@click.option("--node", is_flag=True, help="A node of a cluster: to other nodes a client too.")
@by_person
@configured
def issue_server(
    config: GatewayConfig, names: Sequence[str], out: Path, days: int, actor: str, *, node: bool
) -> None:
    """Make key and certificate for a server known under NAMES (host names or addresses)."""
    profile = Profile.NODE if node else Profile.SERVER
    _issue(config, profile, names, out, days=days, actor=actor)


@ca.command("issue-collector")
@click.argument("name")
@click.option("--out", required=True, type=FOLDER, help="Where certificate and key are written.")
@click.option("--days", default=SERVER_DAYS, show_default=True, type=click.IntRange(1, 825))
@by_person
@configured
def issue_collector(config: GatewayConfig, name: str, out: Path, days: int, actor: str) -> None:
    """Make key and client certificate for a collector, a gateway's connection to the broker."""
    _issue(config, Profile.COLLECTOR, [name], out, days=days, actor=actor)


@ca.command("list")
@configured
@as_json
def list_certificates(config: GatewayConfig, *, as_json: bool) -> None:
    """List every certificate, the one that is valid longest first."""
    with ledger(config) as store:
        found = ledger_of(store).identities.all_certificates()
    if as_json:
        print_json([one._asdict() | {"key_sha256": one.key_sha256.hex()} for one in found])
        return
    print_table(
        ("for", "name", "until (UTC)", "stands", "serial"),
        [
            (
                *(one.profile, one.subject, _day(one.valid_to_ms)),
                one.revoked_for or step_of(one.valid_from_ms, one.valid_to_ms, system_clock()),
                one.serial,
            )
            for one in found
        ],
    )


@ca.command("crl")
@click.option("--out", type=NEW_FILE, help="Write a copy there too.")
@configured
def crl(config: GatewayConfig, out: Path | None) -> None:
    """Make the revocation list anew, for the broker; the running gateway does it daily."""
    authority = private_authority(config)
    with ledger(config) as store, store.transaction():
        file = authority.write_crl(ledger_of(store).identities, system_clock())
        gone = forgotten(authority, store, system_clock())
    if gone:
        click.echo(
            f"{', '.join(gone)}: on the list, and not revoked in the ledger, which was put back "
            "from a copy: revoke their devices again (identity revoke)",
            err=True,
        )
    if out is not None:
        _write(out, file.read_bytes(), 0o644)
    click.echo(str(out or file))


@ca.command("revoke")
@click.argument("serial")
@click.option("--why", required=True, help="The reason, for the log.")
@click.option(
    "--reason",
    type=click.Choice([one.value for one in Reason]),
    default=Reason.UNSPECIFIED.value,
    show_default=True,
    help="The reason as the list gives it.",
)
@by_person
@configured
def revoke(config: GatewayConfig, serial: str, why: str, reason: str, actor: str) -> None:
    """Put one certificate onto the revocation list; a device: `identity revoke`."""
    private_authority(config)
    with ledger(config) as store:
        asked = Revocation(By(actor, via()), why)
        with store.transaction():
            gone = revoking.revoke_certificate(
                ledger_of(store), serial, asked, Reason(reason), system_clock()
            )
        list_revoked(config, store, system_clock())
    click.echo(f"certificate {gone.serial} of {gone.subject} is on the revocation list")


@ca.group("csr")
def csr() -> None:
    """Requests that an external authority is to answer."""


@csr.command("list")
@configured
@as_json
def list_requests(config: GatewayConfig, *, as_json: bool) -> None:
    """List what waits for an external authority."""
    with ledger(config) as store:
        found = ledger_of(store).identities.asked()
    if as_json:
        print_json([{"device": one.device, "asked_at_ms": one.asked_at_ms} for one in found])
        return
    rows = [(one.device, f"{from_ms(one.asked_at_ms):%Y-%m-%d %H:%M}") for one in found]
    print_table(("device", "asked (UTC)"), rows)


@csr.command("export")
@click.option("--out", required=True, type=FOLDER, help="A file DEVICE.csr for each.")
@configured
@as_json
def export_requests(config: GatewayConfig, out: Path, *, as_json: bool) -> None:
    """Write what waits as PKCS#10 files."""
    external_authority(config)
    with ledger(config) as store:
        found = ledger_of(store).identities.asked()
    _folder(out)
    files = [out / f"{one.device}.csr" for one in found]
    for file, one in zip(files, found, strict=True):
        _write(file, one.csr.encode("ascii"), 0o644)
    print_json(files) if as_json else click.echo(f"{len(files)} requests in {out}")


@ca.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@by_person
@configured
def import_certificates(config: GatewayConfig, files: Sequence[Path], actor: str) -> None:
    """Enter certificates that an external authority made; the devices fetch them by themselves."""
    authority = external_authority(config)
    with ledger(config) as store, store.transaction():
        for file in files:
            try:
                taken = external.take(
                    *(ledger_of(store), authority, file.read_text("ascii"), By(actor, via())),
                    now_ms=system_clock(),
                )
            except ValueError as error:
                raise IdentityError(f"{file}: {error}; nothing was entered") from error
            click.echo(f"{taken.device}: until {_day(taken.valid_to_ms)}")


def _issue(
    config: GatewayConfig,
    profile: Profile,
    names: Sequence[str],
    out: Path,
    *,
    days: int,
    actor: str,
) -> None:
    authority = private_authority(config)
    key = TlsKey.generate()
    now_ms = system_clock()
    _folder(out)
    files = [out / f"{names[0]}.pem", out / f"{names[0]}.key"]
    for file in files:
        if file.exists():
            raise IdentityError(f"{file} exists: move it away, or write elsewhere")
    # The register of certificates knows a node as the server that it is.
    known_as = Profile.SERVER if profile is Profile.NODE else profile
    with acting(config, actor, f"ca issue-{known_as}", names[0]) as deed:
        if ledger_of(deed.store).identities.device(names[0]) is not None:
            raise IdentityError(f"{names[0]} is the name of a device: it must have one of its own")
        made = authority.issue(profile, parse_request(key.request(names[0])), now_ms, days, names)
        deed.after = f"certificate {made.serial} for {', '.join(names)}"
        ledger_of(deed.store).identities.add_certificate(made, known_as, None, now_ms)
        key.save(files[1])
        _write(files[0], authority.chain(made.pem).encode("ascii"), 0o644)
    click.echo(f"{files[0]} with key {files[1]}, until {_day(made.valid_to_ms)}")


def _authority_document(made: PrivateAuthority) -> dict[str, object]:
    return {"root": _document(made.root), "issuing": _document(made.issuing)}


def _document(one: Certificate) -> dict[str, object]:
    return {
        "name": one.subject,
        "serial": one.serial,
        "sha256": one.fingerprint,
        "valid_to_ms": one.valid_to_ms,
    }


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IdentityError(f"cannot create {path}: {error.strerror}") from error


def _write(path: Path, data: bytes, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, rights)
    except OSError as error:
        raise IdentityError(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _groups(digits: str) -> str:
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _day(at_ms: int) -> str:
    moment: datetime = from_ms(at_ms)
    return f"{moment:%Y-%m-%d %H:%M}"
