"""Files of the gateway that others read while it writes them: the old one or the new one, whole.

Who reads them runs as a user of its own, so a file is given to its folder's group.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace(path: Path, data: bytes, rights: int) -> None:
    """Put `data` in the place of `path`, which may be new; OSError if that cannot be done."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), rights)
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
