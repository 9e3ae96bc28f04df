"""The keys of meters that encrypt what they send: a private TOML file, apart from edge.toml.

    "12345678" = "000102030405060708090A0B0C0D0E0F"     # identification = AES-128 key

Whoever has a meter's key reads a household's consumption, so a file that others can read is
refused. A group may: the agent's user reads it by its group where root owns it.
"""

import re
import tomllib
from pathlib import Path

from cloud_sync import private_file
from cloud_sync.private_file import KeyFileError

Keys = dict[str, bytes]
"""Identification, eight digits -> AES-128 key."""

_IDENTIFICATION = re.compile(r"^[0-9A-Fa-f]{8}$")
_KEY = re.compile(r"^[0-9A-Fa-f]{32}$")
# 4000 meters, each with a comment.
_FILE_BYTES_MAX = 256 * 1024


def load(path: Path) -> Keys:
    """The keys of a file; KeyFileError with one line that never shows a key otherwise."""
    try:
        private_file.check(path, "meter keys", private_file.OWNER_AND_GROUP)
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read meter keys {path}: {error.strerror}") from error
    if len(data) > _FILE_BYTES_MAX:
        raise KeyFileError(f"meter keys {path}: expected at most {_FILE_BYTES_MAX} bytes")
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise KeyFileError(f"meter keys {path} are not TOML: {error}") from error
    return {name.upper(): _key(name, value, path) for name, value in table.items()}


def of(path: Path | None) -> Keys:
    """The keys of the file a configuration names, if it does."""
    return {} if path is None else load(path)


def find(keys: Keys, *names: object) -> bytes | None:
    """The key of the meter that bears one of `names`: secondary address, identification, serial."""
    for name in names:
        # A plate shows 6855817 where the header, and so the file of keys, has eight digits.
        digits = name[:8].upper().zfill(8) if isinstance(name, str) else ""
        if digits in keys:
            return keys[digits]
    return None


def _key(name: str, value: object, path: Path) -> bytes:
    if not _IDENTIFICATION.match(name):
        raise KeyFileError(f"meter keys {path}: expected 8 digits for the meter, got {name!r}")
    if not isinstance(value, str) or not _KEY.match(value):
        raise KeyFileError(f"meter keys {path}: {name}: expected a text of 32 hexadecimal digits")
    return bytes.fromhex(value)
