"""Writing the broker's files: whole or not at all, and only where something changed.

The broker runs as a user of its own: the files are readable by the folder's group, so that folder
and group are all an operator has to set up (docs/broker.md).
"""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gateway.broker.model import RulesError

# The gateway writes, the folder's group (the broker's) reads, nobody else.
_MODE = 0o640


def write(folder: Path, texts: Mapping[str, bytes]) -> list[str]:
    """Bring the files of `folder` to these contents; the names of those that changed."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        changed = [name for name, data in texts.items() if _read(folder / name) != data]
        for name in changed:
            _replace(folder / name, texts[name])
    except OSError as error:
        raise RulesError(f"cannot write the broker's rules to {folder}: {error}") from error
    return changed


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), _MODE)
            _give_to_group_of(path.parent, file.fileno())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _give_to_group_of(folder: Path, descriptor: int) -> None:
    group = folder.stat().st_gid
    if os.fstat(descriptor).st_gid != group:
        os.fchown(descriptor, -1, group)
