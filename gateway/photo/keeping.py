"""Where photos are kept: files that only the gateway reads, under names that tell nothing.

A name is a hash, so no text from outside ever becomes a path; it is of the account, the register
and the bytes that came, so the same photo sent twice is the same file. A file is on the disk before
the ledger has a row of it, and its row says that it is to go before it goes; both happen within the
transaction of the row, so no two acts cross. Whatever is killed in between, there is never a row
without its file but one whose file is to be deleted; and a file without a row is one that nobody
was told of, which is swept away when it is a day old.
"""

import hashlib
import os
import re
from collections.abc import Collection
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

from cloud_sync import private_file
from gateway import files

FOLDER = "photos"
"""Below the data directory."""
_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.jpg")
# The longest that taking a photo in may last, and a clock set back by summer time, many times over.
STRAY_MS_MIN = 24 * 3_600_000
# A photo that led to no reading in a week will lead to none.
DRAFT_MS_MIN = 7 * 24 * 3_600_000
# A step of deleting stays well below a second.
STEP = 200


class PhotoGoneError(Exception):
    """A photo whose file is not there, or is not the one that was put there."""


class KeptPort(Protocol):
    """What is written in the ledger about files."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, and nobody else's act beside it."""

    def drop_drafts(self, before_ms: int, now_ms: int) -> None:
        """Note, in the log too, that photos of before that led to no reading are not to be kept."""

    def to_delete(self, limit: int) -> list[str]:
        """Names of files that are not to be kept and may be there yet."""

    def deleted(self, names: Collection[str]) -> None:
        """Note that those files are gone."""

    def known(self, names: Collection[str]) -> set[str]:
        """Which of the names are those of a row."""


def name_of(account_no: int, register_no: int, sha256: bytes) -> str:
    """The name of a photo's file: that of its folder, and its own."""
    text = f"{account_no}:{register_no}:{sha256.hex()}"
    name = hashlib.sha256(text.encode()).hexdigest()
    return f"{name[:2]}/{name}.jpg"


class PhotoFiles:
    """The folder of photos."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, jpeg: bytes) -> None:
        """Put a photo on the disk; OSError if that cannot be done."""
        path = self._path(name)
        for folder in (self._folder, path.parent):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700, parents=True)
                private_file.sync(folder.parent)
        files.replace(path, jpeg, 0o600)
        private_file.sync(path.parent)

    def read(self, name: str, sha256: bytes) -> bytes:
        """A photo that was kept; PhotoGoneError unless it is there as it was."""
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise PhotoGoneError(f"the file of photo {name[:11]} is not there") from error
        if hashlib.sha256(data).digest() != sha256:
            raise PhotoGoneError(f"the file of photo {name[:11]} is not the one that was kept")
        return data

    def sweep(self, kept: KeptPort, now_ms: int) -> int:
        """Delete a step's worth of what is not to be kept, and all strays; how many files."""
        with kept.transaction():
            kept.drop_drafts(now_ms - DRAFT_MS_MIN, now_ms)
            names = kept.to_delete(STEP)
            for name in names:
                self._path(name).unlink(missing_ok=True)
            kept.deleted(names)
        before_ms = now_ms - STRAY_MS_MIN
        return len(names) + sum(
            _without_strays(folder, kept, before_ms)
            for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]"))
        )

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise PhotoGoneError(f"expected the name of a photo's file, got {name[:20]!r}")
        return self._folder / name


def _without_strays(folder: Path, kept: KeptPort, before_ms: int) -> int:
    """Delete old files that no row knows: what a crash left, or a file half written."""
    with os.scandir(folder) as entries:
        old = {
            f"{folder.name}/{entry.name}": Path(entry.path)
            for entry in entries
            if entry.stat(follow_symlinks=False).st_mtime * 1000 < before_ms
        }
    if not old:
        return 0
    with kept.transaction():
        strays = old.keys() - kept.known(old.keys())
        for name in strays:
            old[name].unlink(missing_ok=True)
    return len(strays)
