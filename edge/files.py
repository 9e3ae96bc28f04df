"""Files that a power cut finds either as they were or as they should be, never in between.

The new content is written beside the old one, forced to the disk, and takes its name. Owner and
rights stay what they were, or come from the folder: `sudo plomba-edge scan` must not leave files
behind that the agent, which runs as a user of its own, cannot read.
"""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`, which may be new; OSError if that cannot be done."""
    # A link stays a link: what it points to is exchanged.
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _look_like(file.fileno(), target)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    _sync_folder(target.parent)


def _look_like(descriptor: int, target: Path) -> None:
    """The owner and rights of `target`, or of a new private file of its folder."""
    if target.exists():
        like = target.stat()
        mode = stat.S_IMODE(like.st_mode)
    else:
        like, mode = target.parent.stat(), PRIVATE
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    """Force the new name to the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
