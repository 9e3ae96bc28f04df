"""Who has given the label's code: a secret in a cookie, its hash on the disk.

A session outlives a restart and a power cut, since both are everyday in a riser. It ends after a
working day of running time: the clock of a device without a network tells no date, so only the time
this program ran is counted.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge import files
from edge.page import door

FILE = "page-sessions.json"
# An installer and a colleague, each with a phone and a laptop.
SESSIONS_MAX = 4
LIVES_S = 12 * 3600
# A power cut gives back at most this much of a session's time; the card is not written more often.
SAVED_EVERY_S = 600
_FILE_BYTES_MAX = 4096


class _Session(msgspec.Struct, forbid_unknown_fields=True):
    digest: str
    left_s: float


class Sessions:
    """The sessions of one device; `clock_s` only goes forward."""

    def __init__(self, state_dir: Path, clock_s: Callable[[], float]) -> None:
        self._path = state_dir / FILE
        self._clock_s = clock_s
        self._counted_s = self._saved_s = clock_s()
        self._open = self._load()

    def begin(self) -> str:
        """A new session's secret; of too many the oldest ends."""
        self._count()
        secret = door.fresh()
        self._open = [*self._open, _Session(_digest(secret), LIVES_S)][-SESSIONS_MAX:]
        self._save()
        return secret

    def stands(self, secret: str) -> bool:
        """Whether this secret is of a session that has not ended."""
        self._count()
        if self._open and self._clock_s() - self._saved_s >= SAVED_EVERY_S:
            self._save()
        return bool(secret) and any(one.digest == _digest(secret) for one in self._open)

    def end(self, secret: str) -> None:
        """End it."""
        self._open = [one for one in self._open if one.digest != _digest(secret)]
        self._save()

    def _count(self) -> None:
        passed_s, self._counted_s = self._clock_s() - self._counted_s, self._clock_s()
        for one in self._open:
            one.left_s -= passed_s
        self._open = [one for one in self._open if one.left_s > 0]

    def _save(self) -> None:
        self._saved_s = self._clock_s()
        files.replace(self._path, msgspec.json.encode(self._open))

    def _load(self) -> list[_Session]:
        try:
            with self._path.open("rb") as file:
                found = msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=list[_Session])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Whoever was inside enters the code once more.
            return []
        return [one for one in found if 0 < one.left_s <= LIVES_S][-SESSIONS_MAX:]


def _digest(secret: str) -> str:
    return hashlib.sha256(b"plomba page session " + secret.encode()).hexdigest()
