"""A release comes to this device in small steps, each of which a power cut may interrupt.

The manifest comes first and must be the one the statement names; then each wheel, taken from a
folder that has the very same one, or asked for part by part from where the last part ended. A file
has its name only when its hash was right, and the whole is never larger than the statement says.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from cloud_sync import private_file
from cloud_sync import release as wire_release
from cloud_sync.release import MANIFEST, MANIFEST_BYTES_MAX, Manifest, Release, ReleaseError
from edge import files

Ask = Callable[[str, int], tuple[bytes, int]]
"""A part of a file from an offset on, and the size of the whole file."""
# What the spool and the system go on needing while a release comes in.
SPARE_BYTES = 128 * 1024 * 1024
_PART = ".part"


class FetchError(Exception):
    """The release cannot be had as it was vouched for; what came of the file is thrown away."""


class NoRoom(Exception):
    """There is no room now; trying again later may help."""


class Fetch:
    """One release on its way into `folder`; `known` are folders with wheels to take instead."""

    def __init__(self, release: Release, folder: Path, known: Sequence[Path], ask: Ask) -> None:
        self._release = release
        self._folder = folder
        self._known = known
        self._ask = ask
        self._manifest: Manifest | None = None
        self._unlike: set[Path] = set()
        self.was_far = False
        """Whether the last step asked the gateway."""

    def step(self) -> bool:
        """Do one small thing; True once the release is whole. FetchError, NoRoom, OSError."""
        self.was_far = False
        if self._manifest is None:
            return self._begin()
        for name, digest in sorted(self._manifest.files.items()):
            if not (self._folder / name).is_file():
                self._have(name, digest)
                return False
        if self.bytes != self._release.bytes:
            raise self._thrown(f"{self.bytes} bytes came, the statement says {self._release.bytes}")
        return True

    @property
    def bytes(self) -> int:
        """How much has come."""
        paths = [path for path in self._folder.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in paths)

    @property
    def percent(self) -> int:
        """The same of the whole, 0 to 100."""
        return min(100, self.bytes * 100 // self._release.bytes)

    def _begin(self) -> bool:
        files.make_folder(self._folder)
        files.make_folder(self._folder / "wheels")
        path = self._folder / MANIFEST
        if not path.is_file():
            self._fetch(MANIFEST, self._release.manifest.hex(), MANIFEST_BYTES_MAX)
            return False
        raw = path.read_bytes()
        try:
            found = wire_release.read_manifest(raw)
            wire_release.check_manifest(found, self._release)
        except ReleaseError as error:
            raise self._thrown(str(error)) from error
        self._manifest = found
        return False

    def _have(self, name: str, digest: str) -> None:
        for folder in self._known:
            if self._copied(folder / Path(name).name, self._folder / name, digest):
                return
        self._fetch(name, digest, self._release.bytes)

    def _copied(self, source: Path, to: Path, digest: str) -> bool:
        """Whether `source` is that wheel; then it was copied."""
        if source in self._unlike or not source.is_file():
            return False
        if source.stat().st_size > self._left or _digest(source) != digest:
            self._unlike.add(source)
            return False
        part = to.with_name(to.name + _PART)
        self._room(source.stat().st_size)
        shutil.copyfile(source, part)
        if _digest(part) != digest:
            part.unlink()
            raise FetchError(f"{source} was changed while it was copied")
        _settle(part, to)
        return True

    def _fetch(self, name: str, digest: str, most: int) -> None:
        """One part of a file; the file itself when it was the last."""
        to = self._folder / name
        part = to.with_name(to.name + _PART)
        offset = part.stat().st_size if part.exists() else 0
        self.was_far = True
        data, total = self._ask(name, offset)
        if total > most or total - offset > self._left or offset + len(data) > total:
            part.unlink(missing_ok=True)
            raise FetchError(f"{name}: {total} bytes are more than the statement allows")
        self._room(total - offset)
        with part.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if offset + len(data) < total:
            return
        if _digest(part) != digest:
            part.unlink()
            raise FetchError(f"{name}: what came is not the file the manifest names")
        _settle(part, to)

    @property
    def _left(self) -> int:
        return self._release.bytes - self.bytes

    def _room(self, bytes_: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < bytes_ + SPARE_BYTES:
            raise NoRoom(f"expected {(bytes_ + SPARE_BYTES) >> 20} MB free, got {free >> 20} MB")

    def _thrown(self, why: str) -> FetchError:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._manifest = None
        return FetchError(why)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settle(part: Path, to: Path) -> None:
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(to)
    private_file.sync(to.parent)
