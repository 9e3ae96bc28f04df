"""`plomba-gateway release`: new versions of the edge, vouched for by a key that no server has."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import click

from cloud_sync import release as wire_release
from cloud_sync.command import LIFETIME_MS_MAX, Update
from cloud_sync.private_file import KeyFileError
from cloud_sync.release import MANIFEST, STATEMENT_BYTES_MAX, Release, ReleaseError
from cloud_sync.signing import SigningKey, VerifyKey
from drivers.reading import from_ms
from gateway.commands.common import as_json, configured, ledger, print_json, print_table
from gateway.commands.noting import acting
from gateway.commands.people import by_person
from gateway.config import GatewayConfig
from gateway.releases import rings
from gateway.releases.files import ReleaseFiles, described
from gateway.releases.model import RING_LAST, Kept, Place, ReleasesError
from gateway.sql.releases import SqlReleases
from gateway.sql.word import WordLedger
from gateway.wiring import system_clock
from gateway.word.issuing import give

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_NEW = click.Path(path_type=Path, dir_okay=False)
_ARCHS = click.Choice(["amd64", "arm64", "armhf"])
_RING = click.IntRange(0, RING_LAST)
_KEY_BYTES_MAX = 4096
# A day has a night and a morning in it: what breaks at midnight breaks in the ring before.
SOAK_H = 24.0


@click.group("release")
def release() -> None:
    """Versions of the edge's software: signed, kept here, offered ring by ring."""


@release.command("key")
@click.option("--out", required=True, type=_NEW, help="The private key; its public half beside.")
def key(out: Path) -> None:
    """Make a release key: whoever builds keeps it, away from every server.

    The public half (OUT with .pub) goes into the package (--release-key) and to `release add`.
    """
    made = SigningKey.generate()
    made.save(out)
    public = out.with_name(out.name + ".pub")
    public.write_bytes(made.public.to_pem())
    click.echo(f"{public}: {made.public.fingerprint}")


@release.command("sign")
@click.argument("folder", type=_FOLDER)
@click.option("--key", "key_file", required=True, type=_FILE, help="The release key.")
@click.option("--out", required=True, type=_NEW, help="The statement.")
@click.option("--remarks", default="", help="What is new, for operators.")
def sign(folder: Path, key_file: Path, out: Path, remarks: str) -> None:
    """Vouch for the release in FOLDER: its manifest, and through it every file.

    FOLDER is usr/lib/plomba-edge/release of a package (docs/updates.md); no gateway is needed.
    """
    total, manifest = described(folder)
    sha256 = hashlib.sha256((folder / MANIFEST).read_bytes()).digest()
    if manifest.spool < 1:
        raise ReleasesError(f"{folder / MANIFEST} does not say which spool it leaves: build anew")
    try:
        said = Release(
            *(1, manifest.version, manifest.arch, sha256, len(manifest.files) + 1, total),  # type: ignore[arg-type]
            *(manifest.spool, system_clock(), remarks),
        )
        statement = wire_release.seal(said, SigningKey.load(key_file))
        wire_release.peek(statement)
    except ReleaseError as error:
        raise ReleasesError(f"{folder}: {error}") from error
    try:
        out.write_bytes(statement)
    except OSError as error:
        raise ReleasesError(f"cannot write {out}: {error.strerror}") from error
    click.echo(f"{said.software} for {said.arch}, {said.files} files, {total} bytes: {out}")


@release.command("add")
@click.argument("folder", type=_FOLDER)
@click.argument("statement", type=_FILE)
@click.option("--release-key", required=True, type=_FILE, help="Its public half: ….pub.")
@by_person
@configured
def add(
    config: GatewayConfig, *, folder: Path, statement: Path, release_key: Path, actor: str
) -> None:
    """Keep the release in FOLDER here, checked against its STATEMENT, so that devices get it."""
    with statement.open("rb") as file:
        sealed = file.read(STATEMENT_BYTES_MAX + 1)
    said = ReleaseFiles(config.data).add(folder, sealed, _public(release_key))
    now_ms = system_clock()
    with acting(config, actor, "release add", f"{said.software} {said.arch}") as deed:
        port = SqlReleases(deed.store.database.connection)
        for known in port.releases(said.software):
            if known.manifest == said.manifest:
                deed.undone = True
                click.echo(f"{said.software} for {said.arch} is kept already")
                return
            if known.arch == said.arch:
                raise ReleasesError(
                    f"{said.software} for {said.arch} is kept, and is another: "
                    "a version is built once, give the new one a number of its own"
                )
        port.add(
            Kept(0, said.software, said.arch, said.manifest, sealed, now_ms, actor),
        )
        deed.after = f"manifest {said.manifest.hex()}, {said.bytes} bytes"
    click.echo(f"{said.software} for {said.arch} is kept")


@release.command("list")
@configured
@as_json
def list_kept(config: GatewayConfig, *, as_json: bool) -> None:
    """The releases that are kept here, the newest first."""
    with ledger(config) as store:
        kept = SqlReleases(store.database.connection).releases(None)
    said = [(one, wire_release.peek(one.statement)) for one in kept]
    if as_json:
        print_json(
            [
                {
                    "version": one.software,
                    "arch": one.arch,
                    "bytes": what.bytes,
                    "manifest": one.manifest.hex(),
                    "remarks": what.remarks,
                    "added_at_ms": one.added_at_ms,
                    "added_by": one.added_by,
                }
                for one, what in said
            ]
        )
        return
    print_table(
        ("version", "for", "bytes", "added", "by", "remarks"),
        (
            (
                *(one.software, one.arch, what.bytes),
                from_ms(one.added_at_ms).isoformat(timespec="minutes"),
                *(one.added_by, what.remarks),
            )
            for one, what in said
        ),
    )


@release.command("ring")
@click.argument("devices", nargs=-1, required=True)
@click.option("--ring", required=True, type=_RING, help="0 is first; who is in none is in 9.")
@click.option("--arch", type=_ARCHS, help="What machine they are, as dpkg calls it.")
@by_person
@configured
def ring_of(
    config: GatewayConfig, *, devices: Sequence[str], ring: int, arch: str | None, actor: str
) -> None:
    """Put DEVICES into a ring: versions go to ring 0 first, to the others one after the other."""
    with acting(config, actor, "release ring", ", ".join(devices)) as deed:
        port = SqlReleases(deed.store.database.connection)
        for device in devices:
            if not port.place(device, ring, arch):
                raise ReleasesError(f"no device {device!r} that may speak: see registry list")
        deed.after = f"ring {ring} {arch or ''}".strip()
    click.echo(f"{len(devices)} devices in ring {ring}")


@release.command("offer")
@click.argument("version")
@click.option("--ring", required=True, type=_RING, help="To the devices of this ring.")
@click.option(
    "--soak",
    "soak_h",
    type=click.FloatRange(0, 24 * 365),
    default=SOAK_H,
    show_default=True,
    help="The ring before must have run it for so many hours.",
)
@click.option("--anyway", is_flag=True, help="Though the ring before has not proved it.")
@click.option("--why", default="", help="With --anyway: the reason, for the log.")
@by_person
@configured
def offer(
    config: GatewayConfig,
    *,
    version: str,
    ring: int,
    soak_h: float,
    anyway: bool,
    why: str,
    actor: str,
) -> None:
    """Offer VERSION to the devices of a ring that do not run it yet, by a signed command to each.

    A device installs it if the release key has sealed it, it is newer than what runs, and it does
    as well as the version before; otherwise it goes back by itself.
    """
    if anyway and not why:
        raise ReleasesError("--anyway needs --why: it is kept in the log")
    sealing, now_ms = SigningKey.load(config.key_file), system_clock()
    with acting(config, actor, "release offer", version, why) as deed:
        port = SqlReleases(deed.store.database.connection)
        word = WordLedger(deed.store.database.connection)
        kept = {one.arch: one for one in port.releases(version)}
        if not kept:
            raise ReleasesError(f"{version} is not kept here: release add first")
        _proved(port, version, ring, now_ms, -1.0 if anyway else soak_h)
        done = {one.device for one in port.offers(version) if one.is_under_way}
        places = [place for place in port.places(ring) if place.device not in done]
        for place in places:
            found = _fitting(kept, place)
            new = give(
                *(word, sealing, place.device, Update(found.statement)),
                by=actor,
                now_ms=now_ms,
                lifetime_ms=LIFETIME_MS_MAX,
            )
            port.offer(place, found.release_no, new.number, now_ms)
        deed.after = f"ring {ring}: {', '.join(place.device for place in places) or 'nobody'}"
        deed.undone = not places
    click.echo(f"{version} offered to {len(places)} devices of ring {ring}")


def _proved(port: SqlReleases, version: str, ring: int, now_ms: int, soak_h: float) -> None:
    """ReleasesError while the ring before has not proved the version; not asked below 0 hours."""
    inner = rings.before(ring, port.places(None))
    if inner is None or soak_h < 0:
        return
    lacking = rings.lacks(inner, port.offers(version), now_ms, soak_h)
    if lacking:
        raise ReleasesError(f"{version} is not proved yet: {lacking}; or --anyway --why")


def _fitting(kept: dict[str, Kept], place: Place) -> Kept:
    """The release for a device's machine."""
    if place.arch:
        if place.arch not in kept:
            raise ReleasesError(f"{place.device} is {place.arch}, and no release is for that")
        return kept[place.arch]
    if len(kept) > 1:
        raise ReleasesError(
            f"it is not known which machine {place.device} is, and releases are kept for "
            f"{', '.join(sorted(kept))}: say it with release ring --arch"
        )
    return next(iter(kept.values()))


@release.command("status")
@click.argument("version")
@configured
@as_json
def status(config: GatewayConfig, version: str, *, as_json: bool) -> None:
    """Where VERSION stands on each device, ring by ring, and who has not been offered it."""
    with ledger(config) as store:
        port = SqlReleases(store.database.connection)
        offers, places = port.offers(version), port.places(None)
    asked = {one.device for one in offers}
    rows = [
        (one.ring, one.device, one.standing, one.runs, one.reason or one.answer_reason)
        for one in offers
    ]
    rows += [(one.ring, one.device, "-", "", "") for one in places if one.device not in asked]
    header = ("ring", "device", "standing", "runs", "reason")
    if as_json:
        print_json([dict(zip(header, row, strict=True)) for row in sorted(rows)])
        return
    print_table(header, sorted(rows))


def _public(path: Path) -> VerifyKey:
    try:
        with path.open("rb") as file:
            return VerifyKey.from_pem(file.read(_KEY_BYTES_MAX))
    except (OSError, KeyFileError) as error:
        raise ReleasesError(f"{path}: {error}") from error
