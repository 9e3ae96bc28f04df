"""Root's two notes, as the agent reads them: the trial under way, and how the last one ended."""

from pathlib import Path
from typing import TypeVar

import msgspec

TRIAL = "trial.json"
OUTCOME = "update.json"
# Some versions that failed, and a line of reason.
NOTE_BYTES_MAX = 64 * 1024
T = TypeVar("T")


class Trial(msgspec.Struct, frozen=True):
    """A new version is being watched; `nonce` is what its health is to repeat."""

    version: str
    nonce: str


class Outcome(msgspec.Struct, frozen=True):
    """How the last update ended. `ready`: SHA-256 of the note it was asked with, in hex."""

    ready: str = ""
    number: int = 0
    version: str = ""
    outcome: str = ""
    reason: str = ""
    failed: dict[str, int] = {}


def trial(prefix: Path | None) -> Trial | None:
    """The trial under way; None for none, or a note that cannot be read."""
    return None if prefix is None else _read(prefix / TRIAL, Trial)


def outcome(prefix: Path | None) -> Outcome:
    """How the last update ended; an empty one where none did."""
    return (None if prefix is None else _read(prefix / OUTCOME, Outcome)) or Outcome()


def _read(path: Path, shape: type[T]) -> T | None:
    try:
        with path.open("rb") as file:
            raw = file.read(NOTE_BYTES_MAX)
        return msgspec.json.decode(raw, type=shape)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
