"""The code on the label that opens the page, and how often it may be wrong.

The code lies in a private file of the state directory, put there from the card. It is read anew
each time, so that a new one needs no restart. Wrong tries are counted on the disk: after the first
few each costs a wait that doubles up to a minute, and a restart begins the wait from its start. At
a try a minute, the shortest code that is taken (six digits) holds for a year on the average, and an
installer who was kept out by somebody's guessing waits for a minute, not for a day.
"""

import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from cloud_sync import private_file
from edge import files
from edge.page.refusal import NotDone

FILE = "page-code"
TRIES_FILE = "page-tries.json"
# Without letters and digits that look alike on a scratched label; eight of them are 40 bits.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NEW_CHARS = 8
# Below six a code could be guessed in a day.
CODE_CHARS_MIN, CODE_CHARS_MAX = 6, 64
# A cold hand mistypes; nobody guesses with five tries.
FREE_TRIES = 5
WAIT_FIRST_S, WAIT_MAX_S = 2.0, 60.0
_FILE_BYTES_MAX = 1024


class _Tries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wrong: int


class Label:
    """The code of one device; `clock_s` only goes forward."""

    def __init__(self, state_dir: Path, clock_s: Callable[[], float]) -> None:
        self._path = state_dir / FILE
        self._tries = state_dir / TRIES_FILE
        self._clock_s = clock_s
        self._wrong = self._load()
        self._last_s = clock_s()

    def there(self) -> bool:
        """Whether this device has a code that opens anything."""
        return self._code() is not None

    def wait_s(self) -> float:
        """How long the next try has to wait from now on."""
        over = self._wrong - FREE_TRIES
        if over < 0:
            return 0.0
        # Bounded before it is raised: a thousand times the first is far above the longest.
        wait_s = min(WAIT_FIRST_S * (1 << min(over, 10)), WAIT_MAX_S)
        return max(self._last_s + wait_s - self._clock_s(), 0.0)

    def opens(self, given: str) -> bool:
        """Whether `given` is the code; NotDone while the next try has to wait."""
        wait_s = self.wait_s()
        if wait_s > 0:
            raise NotDone("code_wait", 429, str(int(wait_s) + 1))
        code = self._code()
        if code is None:
            raise NotDone("no_code", 403)
        if secrets.compare_digest(normal(given).encode(), code.encode()):
            if self._wrong:
                self._note(0)
            return True
        self._note(self._wrong + 1)
        return False

    def _note(self, wrong: int) -> None:
        self._wrong, self._last_s = wrong, self._clock_s()
        files.replace(self._tries, msgspec.json.encode(_Tries(wrong)))

    def _load(self) -> int:
        try:
            with self._tries.open("rb") as file:
                return max(msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=_Tries).wrong, 0)
        except FileNotFoundError:
            return 0
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # A count that cannot be read costs the careful wait, not the way in.
            return FREE_TRIES

    def _code(self) -> str | None:
        try:
            private_file.check(self._path, "page code", private_file.OWNER_AND_GROUP)
            with self._path.open("rb") as file:
                code = normal(file.read(_FILE_BYTES_MAX).decode("utf-8", "replace"))
        except (OSError, private_file.KeyFileError):
            return None
        return code if CODE_CHARS_MIN <= len(code) <= CODE_CHARS_MAX else None


def normal(text: str) -> str:
    """A code as it is compared: spaces, dashes and the size of letters do not count."""
    return "".join(one for one in text.upper() if one.isalnum())


def new_code(state_dir: Path) -> str:
    """A new code in the place of the old one; OSError if it cannot be written."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(_NEW_CHARS))
    spelled = f"{code[:4]}-{code[4:]}"
    path = state_dir / FILE
    path.unlink(missing_ok=True)
    files.replace(path, spelled.encode() + b"\n")
    return spelled
