"""The files of releases below the data directory: checked when they come, served in parts.

A release lies in a folder named by its manifest's SHA-256, and takes that name when every file in
it was copied and is what the manifest names: what stands there is whole.
"""

import hashlib
import os
import shutil
from pathlib import Path

from cloud_sync.private_file import sync
from cloud_sync.release import (
    MANIFEST,
    MANIFEST_BYTES_MAX,
    RELEASE_BYTES_MAX,
    Manifest,
    ReleaseError,
    check_manifest,
    opened,
    read_manifest,
)
from cloud_sync.release import Release as Statement
from cloud_sync.release_road import PART_BYTES_MAX
from cloud_sync.signing import VerifyKey
from gateway.releases.model import ReleasesError

FOLDER = "releases"
"""Below the data directory."""
# Of three machines the last few versions; 60 MB each.
KEPT_MAX = 24


class ReleaseFiles:
    """The folder. ReleasesError where it cannot be used."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def add(self, release: Path, statement: bytes, key: VerifyKey) -> Statement:
        """Copy a release that `key` vouches for; ReleasesError if any of it is not as vouched."""
        try:
            said = opened(statement, key)
            _, manifest = described(release)
            if hashlib.sha256(_read(release / MANIFEST, MANIFEST_BYTES_MAX)).digest() != (
                said.manifest
            ):
                raise ReleasesError(f"{release / MANIFEST} is not the one the statement names")
            check_manifest(manifest, said)
            self._copy(release, manifest, said)
        except ReleaseError as error:
            raise ReleasesError(str(error)) from error
        except OSError as error:
            raise ReleasesError(f"cannot keep the release: {error}") from error
        return said

    def _copy(self, release: Path, manifest: Manifest, said: Statement) -> None:
        to = self._folder / said.manifest.hex()
        if to.is_dir():
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if len([path for path in self._folder.iterdir() if path.is_dir()]) >= KEPT_MAX:
            raise ReleasesError(
                f"{KEPT_MAX} releases are kept already: remove an old one from {self._folder}"
            )
        fresh = self._folder / f".{said.manifest.hex()}"
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / "wheels").mkdir(mode=0o700, parents=True)
        left = said.bytes
        for name in (MANIFEST, *sorted(manifest.files)):
            data = _read(release / name, left)
            left -= len(data)
            digest = hashlib.sha256(data).hexdigest()
            if name != MANIFEST and digest != manifest.files[name]:
                raise ReleasesError(f"{release / name} is not what the manifest names")
            (fresh / name).write_bytes(data)
            sync(fresh / name)
        if left != 0:
            raise ReleasesError(
                f"the statement says {said.bytes} bytes, {left} more than there are"
            )
        sync(fresh / "wheels")
        sync(fresh)
        fresh.replace(to)
        sync(self._folder)

    def part(self, manifest: bytes, name: str, offset: int) -> tuple[bytes, int] | None:
        """A part of a file and the file's size; None where there is nothing from there on."""
        path = self._folder / manifest.hex() / name
        try:
            with path.open("rb") as file:
                total = os.fstat(file.fileno()).st_size
                file.seek(offset)
                data = file.read(PART_BYTES_MAX)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ReleasesError(f"cannot read {path}: {error.strerror}") from error
        return (data, total) if data else None


def described(release: Path) -> tuple[int, Manifest]:
    """The bytes of all files of a release folder, and its manifest; ReleasesError."""
    try:
        raw = _read(release / MANIFEST, MANIFEST_BYTES_MAX)
        manifest = read_manifest(raw)
        sizes = [(release / name).stat().st_size for name in manifest.files]
    except ReleaseError as error:
        raise ReleasesError(f"{release}: {error}") from error
    except OSError as error:
        raise ReleasesError(f"{release} is not a whole release: {error}") from error
    total = len(raw) + sum(sizes)
    if total > RELEASE_BYTES_MAX:
        raise ReleasesError(f"{release}: {total} bytes, at most {RELEASE_BYTES_MAX}")
    return total, manifest


def _read(path: Path, most: int) -> bytes:
    """An ordinary file of at most so many bytes."""
    if path.is_symlink() or not path.is_file():
        raise ReleasesError(f"expected {path} as a file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ReleasesError(f"{path} is larger than was vouched for")
    return data
