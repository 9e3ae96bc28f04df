"""Writing the broker's files: whole or not at all, and only where something changed.

The broker runs as a user of its own: the files are readable by the folder's group, so that folder
and group are all an operator has to set up (docs/broker.md).
"""

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
        changed = [name for name, data in texts.items() if _read(folder / name) != data]
        for name in changed:
            files.replace(folder / name, texts[name], _RIGHTS)
    except OSError as error:
        raise RulesError(f"cannot write the broker's rules to {folder}: {error}") from error
    return changed


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
