"""The audit log: what people did, in a chain that shows when something was changed afterwards.

An entry is only ever added. Each holds the SHA-256 of the one before it, so changing, removing or
inserting an entry breaks the chain from there on. What a chain alone cannot show is that its end
was cut off or written anew; for that the *head*, the last entry's number and hash, is noted
somewhere else and given to `check` later.

The hash is over plain JSON (see `digest`), so that any program can check the log.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

GENESIS = bytes(32)
"""What the first entry holds in place of a hash."""

# The shortest name two people of a house's office are told apart by, and the longest a column
# of the log shows in full.
ACTOR_CHARS_MAX = 64
# A few sentences; what needs more is a document, and the entry names it.
TEXT_CHARS_MAX = 1000


class AuditError(ValueError):
    """The log does not hold, or an entry cannot be made; the text says where and why."""


class Act(NamedTuple):
    """What a person did. `via` is how the program knew them, `subject` what it was done to."""

    at_ms: int
    actor: str
    via: str
    act: str
    subject: str
    before: str
    after: str
    why: str


class Entry(NamedTuple):
    """An act with its place in the chain."""

    number: int
    act: Act
    previous: bytes


class Head(NamedTuple):
    """The last entry's number and hash; number 0 with GENESIS of an empty log."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        """The form a person notes down."""
        return f"{self.number}:{self.hash.hex()}"


class AuditPort(Protocol):
    """Where the log is kept; both act in the transaction that is open around them."""

    def append(self, act: Act) -> int:
        """Add an act; its number."""

    def entries(self) -> Iterator[Entry]:
        """All entries, the oldest first."""


def digest(entry: Entry) -> bytes:
    """SHA-256 over the UTF-8 JSON array of number, the act's fields and `previous` in hex.

    Without spaces, non-ASCII characters as themselves, the fields in the order of `Act`.
    """
    fields = [entry.number, *entry.act, entry.previous.hex()]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def following(head: Head, act: Act) -> Entry:
    """The entry of `act` after `head`; AuditError for an act that says too much or too little."""
    if not act.actor.strip() or len(act.actor) > ACTOR_CHARS_MAX or not act.actor.isprintable():
        raise AuditError(
            f"expected a name of 1 to {ACTOR_CHARS_MAX} characters in one line, got {act.actor!r}"
        )
    for name, text in zip(act._fields[1:], act[1:], strict=True):
        if len(text) > TEXT_CHARS_MAX:
            raise AuditError(
                f"{name}: expected at most {TEXT_CHARS_MAX} characters, got {len(text)}"
            )
    return Entry(head.number + 1, act, head.hash)


def check(entries: Iterable[Entry], noted: Head | None = None) -> Head:
    """Walk the whole chain and give its head.

    Raises AuditError at the first entry that does not follow from the one before, and if the
    log does not contain the head `noted` earlier.
    """
    head = Head(0, GENESIS)
    met = noted is None or noted == head
    for entry in entries:
        if entry.number != head.number + 1:
            raise AuditError(
                f"after entry {head.number} expected {head.number + 1}, got {entry.number}: "
                "entries were removed or inserted"
            )
        if entry.previous != head.hash:
            raise AuditError(
                f"entry {entry.number} follows {entry.previous.hex()}, entry {head.number} is "
                f"{head.hash.hex()}: one of them was changed"
            )
        head = Head(entry.number, digest(entry))
        met = met or head == noted
    if not met:
        raise AuditError(
            f"the log of {head.number} entries does not contain the noted head {noted}: it was "
            "cut or written anew"
        )
    return head


def parse_head(text: str) -> Head:
    """A head as `str` wrote it; AuditError for anything else."""
    number, _, digits = text.partition(":")
    try:
        head = Head(int(number), bytes.fromhex(digits))
    except ValueError:
        head = Head(-1, b"")
    if head.number < 0 or len(head.hash) != len(GENESIS):
        raise AuditError(f"expected a head like 12:<64 hex digits>, got {text!r}")
    return head
