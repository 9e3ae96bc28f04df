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
    # A link stays a link: what it points to is exchanged.
    _need_own_link(path)
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


def _need_own_link(path: Path) -> None:
    """OSError (ELOOP) where `path` is a link that neither this user nor root has laid."""
    if path.is_symlink() and path.lstat().st_uid not in {0, os.geteuid()}:
        raise OSError(
            errno.ELOOP, "expected a file, found another user's link; remove it", str(path)
        )


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
