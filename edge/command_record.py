"""What this device has been told to do, on disk: the last command's number, and the answer to it.

A number is written down before its command is carried out, so a power cut in between loses a
command and never does it twice. The answer follows; whoever asks again gets it again.

The file is exchanged whole (`edge/files.py`), so no crash leaves half of it. Where it is broken
all the same, every command given before counts as carried out: numbers begin at the gateway's
clock, so the time will do for the last of them.
"""

from pathlib import Path

import msgspec

from edge import files

FILE = "commands.json"


class Kept(msgspec.Struct, frozen=True):
    """The file: `answer` is the sealed message, and `refused` counts by reason."""

    last: int = 0
    answer: bytes = b""
    refused: dict[str, int] = {}


class CommandRecord:
    """The record of one device. Writing raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._kept: Kept | None = Kept()
        if self._path.exists():
            self._kept = read(self._path)

    @property
    def is_broken(self) -> bool:
        """Whether the file was there and could not be read."""
        return self._kept is None

    @property
    def kept(self) -> Kept:
        """What is on disk; nothing of a broken file."""
        return self._kept or Kept()

    def write(self, kept: Kept) -> None:
        """Keep this instead; on the disk when this returns."""
        files.replace(self._path, msgspec.json.encode(kept))
        self._kept = kept


def read(path: Path) -> Kept | None:
    """What a record says; None if it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
