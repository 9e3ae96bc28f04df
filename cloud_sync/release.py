"""A release of the edge's software, as whoever builds it vouches for it.

A statement names a version, the machines it is for, and the SHA-256 of the release's manifest,
which names every file by its own. It is sealed by the *release key*, which lies with whoever builds
and on no server: a gateway offers statements to devices and cannot make one. What a device installs
is what such a statement names, newer than what it runs, whoever offers it and however often.

The statement stays true for ever, so a device never goes by it alone: see edge/update/judging.py.
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from cloud_sync import signing, wire
from cloud_sync.signing import Sealer, SealError, VerifyKey
from cloud_sync.wire import WireError
from drivers.reading import Sha256, TimeMs

TOPIC = "plomba/v1/releases"
"""What the release key's seal is bound to; no broker has such a topic."""
# As deploy/raspberry-pi/package/lib/releases.py has them, which reads the same manifest.
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 256 * 1024
FILES_MAX = 300
# The wheels of two Pythons take some 60 MB; a card of 8 GB holds this beside all else.
RELEASE_BYTES_MAX = 256 * 1024 * 1024
# A few lines for operators: what is new.
REMARKS_MAX = 500
# Remarks of four bytes a character, and the seal.
STATEMENT_BYTES_MAX = 4 * 1024
# A $ would let a line's end follow.
NUMBER_PATTERN = r"^(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\Z"
FILE_PATTERN = r"^(manifest\.json|wheels/[A-Za-z0-9][A-Za-z0-9._+\-]{0,199}\.whl)\Z"
_HEX = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(FILE_PATTERN)

Software = Annotated[str, Meta(pattern=NUMBER_PATTERN, max_length=17)]
"""A version that can be compared: three numbers."""
Arch = Literal["amd64", "arm64", "armhf"]
"""As dpkg calls them."""
FileName = Annotated[str, Meta(pattern=FILE_PATTERN, max_length=220)]
"""A file of a release: the manifest or a wheel, and no path to anywhere else."""


class ReleaseError(ValueError):
    """No statement or manifest that can be believed; the text says why."""


class Release(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What is vouched for. `bytes` are those of all files, the manifest among them.

    `spool`: a program that reads spools of this format, or a later one, can still read what this
    version leaves behind; a device whose program is older than that could not go back.
    """

    version: Literal[1]
    software: Software
    arch: Arch
    manifest: Sha256
    files: Annotated[int, Meta(ge=1, le=FILES_MAX)]
    bytes: Annotated[int, Meta(ge=1, le=RELEASE_BYTES_MAX)]
    spool: Annotated[int, Meta(ge=1, le=65535)]
    made_at_ms: TimeMs
    remarks: Annotated[str, Meta(max_length=REMARKS_MAX)]


class Manifest(Struct, frozen=True):
    """What a release says of itself: `files` by name with their SHA-256 in hex."""

    format: Literal[1]
    version: str
    arch: str
    files: dict[str, str]
    spool: int = 0


def number(software: str) -> tuple[int, ...]:
    """A version to compare; ReleaseError for anything but three numbers."""
    if re.fullmatch(NUMBER_PATTERN, software) is None:
        raise ReleaseError(f"expected a version like 1.2.3, got {software[:40]!r}")
    return tuple(int(part) for part in software.split("."))


def seal(release: Release, key: Sealer) -> bytes:
    """The sealed statement."""
    return key.seal(wire.encode(release), TOPIC)


def opened(statement: bytes, key: VerifyKey) -> Release:
    """What the release key `key` has sealed; ReleaseError for anything else."""
    release = peek(statement)
    try:
        key.verify(signing.parse(statement), TOPIC)
    except SealError as error:
        raise ReleaseError(f"not sealed by the release key {key.fingerprint}: {error}") from error
    return release


def peek(statement: bytes) -> Release:
    """What a statement says, not believed yet; ReleaseError."""
    if len(statement) > STATEMENT_BYTES_MAX:
        raise ReleaseError(f"expected at most {STATEMENT_BYTES_MAX} bytes, got {len(statement)}")
    try:
        payload = signing.parse(statement).payload
        return wire.decode(payload, Release, limit=STATEMENT_BYTES_MAX)
    except (SealError, WireError) as error:
        raise ReleaseError(f"not a statement of a release: {error}") from error


def read_manifest(raw: bytes) -> Manifest:
    """A manifest, every name and hash in it checked; ReleaseError."""
    if len(raw) > MANIFEST_BYTES_MAX:
        raise ReleaseError(f"a manifest: expected at most {MANIFEST_BYTES_MAX} bytes")
    try:
        found = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReleaseError(f"not a manifest of a release: {error}") from error
    if not 0 < len(found.files) < FILES_MAX:
        raise ReleaseError(f"a manifest: expected 1 to {FILES_MAX - 1} files")
    for name, digest in found.files.items():
        if name == MANIFEST or _FILE.fullmatch(name) is None or _HEX.fullmatch(digest) is None:
            raise ReleaseError(f"expected wheels/NAME.whl with its SHA-256, got {name[:80]!r}")
    return found


def check_manifest(found: Manifest, release: Release) -> None:
    """ReleaseError unless the manifest says the same as the statement that names it."""
    said = (found.version, found.arch, len(found.files) + 1)
    if said != (release.software, release.arch, release.files):
        raise ReleaseError(
            f"the manifest is of {found.version} for {found.arch} with {len(found.files)} files, "
            f"the statement of {release.software} for {release.arch} with {release.files - 1}"
        )
