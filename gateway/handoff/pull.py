"""Billing that asks by itself: events in order behind a cursor, and a word on how far they are.

A cursor names the last event a client has seen, by its number and by what it says: one of another
ledger, or of what a restored backup does not have any more, is refused instead of taken for a
place among other events. It is opaque: its form may change, a cursor once given stays valid.

Events are only ever added behind it, so reading on from any cursor gives everything after it, in
the order in which periods were closed. What a client has read without acknowledging it is given
again when it asks with the older cursor: at least once, as everywhere in hand-off; the id of an
event tells a repetition.
"""

import base64
import hashlib
import hmac
import re
import secrets
import threading
from collections import Counter
from pathlib import Path
from typing import NamedTuple, Protocol

from cloud_sync import private_file
from cloud_sync.private_file import KeyFileError

# A page of a thousand lines is some 700 KiB of JSON.
EVENTS_MAX = 1000
EVENTS_DEFAULT = 200
CURSOR_CHARS_MAX = 64
# Two a second: a client that has drawn everything asks once a minute, one that draws a year's
# lines of a large house is through in that time.
REQUESTS_PER_MINUTE_MAX = 120
START = ""
"""The cursor before the first event."""

TOKEN_PREFIX = "plomba_"  # noqa: S105 - the public beginning of every token
SECRET_BYTES = 32
FOLDER = "api-clients"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_CURSOR = re.compile(r"event:([0-9]{1,18}):([0-9a-f]{12})")
# Compared with where there is no such client, so that names cannot be guessed by the time it takes.
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


class PullError(ValueError):
    """A cursor or a client's name that cannot be used; the text says why."""


class TokenFileError(ValueError):
    """A token's file that others may read: the person who runs the gateway must know, no client."""


class Served(NamedTuple):
    """An event with its place."""

    event_no: int
    payload: bytes


class Client(NamedTuple):
    """A billing system that draws lines, and how far it says it is."""

    name: str
    made_at_ms: int
    revoked_at_ms: int | None
    through_no: int
    acknowledged_at_ms: int | None


class PullPort(Protocol):
    """What drawing lines asks of storage."""

    def events(self, after_no: int, limit: int) -> list[Served]:
        """The events after one, in order."""

    def event(self, number: int) -> Served | None:
        """The event of that number."""

    def last_no(self) -> int:
        """The newest event's number, 0 where there is none."""

    def client(self, name: str) -> Client | None:
        """A client that was made and not revoked."""

    def clients(self) -> list[Client]:
        """All clients ever made, by name."""

    def add(self, name: str, now_ms: int) -> None:
        """Make a client, or make a revoked one anew; how far it was stays."""

    def revoke(self, name: str, now_ms: int) -> bool:
        """End a client; False if there is none."""

    def acknowledge(self, name: str, through_no: int, now_ms: int) -> int:
        """The client has everything up to there; how far it is now (it never goes back)."""


def cursor(served: Served) -> str:
    """The cursor behind an event."""
    text = f"event:{served.event_no}:{_digest(served)}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(text: str, ledger: PullPort) -> int:
    """The number of the event a cursor stands behind; PullError for what is no cursor of ours."""
    if text == START:
        return 0
    number, digest = _read(text)
    found = ledger.event(number)
    if found is None or _digest(found) != digest:
        raise PullError(
            "cursor: it was given by another ledger, or by this one before a backup was put back:"
            " draw again from the beginning, the ids of events tell what is known"
        )
    return number


def _digest(served: Served) -> str:
    return hashlib.sha256(served.payload).hexdigest()[:12]


def _read(text: str) -> tuple[int, str]:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        match = _CURSOR.fullmatch(base64.b64decode(padded, b"-_", validate=True).decode())
    except ValueError:
        match = None
    if len(text) > CURSOR_CHARS_MAX or match is None:
        raise PullError("cursor: expected one that this gateway gave, got something else")
    return int(match[1]), match[2]


class Pace:
    """Counts each client's requests by the minute, so that one in a loop does not starve others."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def allows(self, name: str, now_ms: int) -> bool:
        """Whether a client may ask once more in this minute."""
        with self._lock:
            if now_ms // 60_000 != self._minute:
                self._minute = now_ms // 60_000
                self._counts.clear()
            self._counts[name] += 1
            return self._counts[name] <= REQUESTS_PER_MINUTE_MAX


class Tokens:
    """The clients' secrets, kept as SHA-256 in one private file each in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str) -> str:
        """A new token for `name`; the one before ends. Told once, kept only as its hash."""
        check_name(name)
        token = f"{TOKEN_PREFIX}{name}.{secrets.token_urlsafe(SECRET_BYTES)}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / name
        beside = file.with_suffix(".part")
        beside.unlink(missing_ok=True)
        beside.touch(mode=0o600)
        beside.write_text(_hash(token), encoding="ascii")
        beside.replace(file)
        return token

    def end(self, name: str) -> None:
        """Forget the token of `name`."""
        check_name(name)
        (self._folder / name).unlink(missing_ok=True)

    def client_of(self, token: str) -> str | None:
        """Whose token it is, None if nobody's; TokenFileError where others may read its file."""
        name = token.removeprefix(TOKEN_PREFIX).partition(".")[0]
        is_name = token.startswith(TOKEN_PREFIX) and _NAME.fullmatch(name) is not None
        expected = self._kept(name) if is_name else None
        same = hmac.compare_digest(_hash(token), expected or _NOBODY)
        return name if same and expected is not None else None

    def _kept(self, name: str) -> str | None:
        file = self._folder / name
        try:
            private_file.check(file, "token")
            return file.read_text(encoding="ascii").strip()
        except KeyFileError as error:
            raise TokenFileError(str(error)) from error
        except (OSError, UnicodeDecodeError):
            return None


def check_name(name: str) -> None:
    """PullError for a name that is none."""
    if _NAME.fullmatch(name) is None:
        raise PullError(f"expected a name of 1 to 32 of a-z, 0-9 and -, got {name!r}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
