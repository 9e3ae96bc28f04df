"""Writing the broker's files: whole or not at all, and only where something changed.

The broker runs as a user of its own: the files are readable by the folder's group, so that folder
and group are all an operator has to set up (docs/broker.md). Rights and group count as much as the
content: a mosquitto that is told to reload and finds a file of rules gone or closed to it goes on
without any rule (docs/broker.md).
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from gateway import files
from gateway.broker.model import RulesError

# The gateway writes, the folder's group (the broker's) reads, nobody else.
_RIGHTS = 0o640


def write(folder: Path, texts: Mapping[str, bytes]) -> list[str]:
    """Bring the files of `folder` to these contents; the names of those that changed."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        group = folder.stat().st_gid
        changed = [name for name, data in texts.items() if not _is(folder / name, data, group)]
        for name in changed:
            files.replace(folder / name, texts[name], _RIGHTS)
    except OSError as error:
        raise RulesError(f"cannot write the broker's rules to {folder}: {error}") from error
    return changed


def _is(path: Path, data: bytes, group: int) -> bool:
    """Whether the file says this, and the broker may read it; one closed to us is written anew."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            rights = (stat.S_IMODE(about.st_mode), about.st_gid)
            return rights == (_RIGHTS, group) and file.read() == data
    except (FileNotFoundError, PermissionError):
        return False
