"""Files that a power cut finds either as they were or as they should be, never in between.

The new content is written beside the old one, forced to the disk, and takes its name. Owner and
rights stay what they were, or come from the folder: `sudo plomba-edge scan` must not leave files
behind that the agent, which runs as a user of its own, cannot read. Nor may it be led: a link that
another user laid, where root writes, could have it write anywhere.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from cloud_sync.private_file import sync

PRIVATE = 0o600


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path`, which may be new; OSError if that cannot be done."""
    target = _place(path)
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
    sync(target.parent)


def make_folder(path: Path) -> None:
    """A private folder, owned by whoever owns the one it is in; there already is as good."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    hand_over(path)
    sync(path.parent)


def hand_over(path: Path) -> None:
    """Give what was just made to whoever owns the folder it is in."""
    like, mine = path.parent.stat(), path.lstat()
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.chown(path, like.st_uid, like.st_gid, follow_symlinks=False)


def _place(path: Path) -> Path:
    """What is exchanged. A link stays a link, and what it points to is taken.

    OSError (ELOOP) for one that neither this user nor root has laid; one that comes after this
    look is not followed but replaced.
    """
    if not path.is_symlink():
        return path
    if path.lstat().st_uid not in {0, os.geteuid()}:
        said = "expected a file, found another user's link; remove it"
        raise OSError(errno.ELOOP, said, str(path))
    return path.resolve()


def _look_like(descriptor: int, target: Path) -> None:
    """The owner and rights of `target`, or of a new private file of its folder."""
    like, mode = target.parent.stat(), PRIVATE
    with suppress(FileNotFoundError):
        found = target.lstat()
        if stat.S_ISREG(found.st_mode):
            like, mode = found, stat.S_IMODE(found.st_mode)
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, mode)
