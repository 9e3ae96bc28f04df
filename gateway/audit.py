"""The audit log: what people and keys did, in a chain that shows when something was changed later.

An entry is only ever added. Each holds the SHA-256 of the one before it, so changing, removing or
inserting an entry breaks the chain from there on. What a chain alone cannot show is that its end
was cut off or written anew; for that the *head*, the last entry's number and hash, is noted
somewhere else (in every export and closing event) and given to `check` later.

A person may have to be forgotten while the chain stays whole. So the texts that may name one stand
in the chain only as a *seal*: their SHA-256 with a salt of their own. Once the salt is gone nobody
can try names against the seal, and the chain holds as before. Texts may be gone only where a later
entry says so and counts them (see `covering`): nobody can blank an entry quietly.

The hashes are over plain JSON (see `digest`), so that any program can check the log.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple, Protocol

GENESIS = bytes(32)
"""What the first entry holds in place of a hash."""

# The shortest name two people of a house's office are told apart by, and the longest a column
# of the log shows in full.
ACTOR_CHARS_MAX = 64
# A few sentences; what needs more is a document, and the entry names it.
TEXT_CHARS_MAX = 1000
# Too many to be tried, and no longer than it takes.
SALT_BYTES = 16

FORGET, RETENTION = "person forget", "retention"
"""The acts with which texts of earlier entries may go."""


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


class By(NamedTuple):
    """Who does something, and how the program knows them."""

    actor: str
    via: str


GATEWAY = By("gateway", "running by itself")
"""The program that nobody told to do it just now."""


class Entry(NamedTuple):
    """An act with its place in the chain.

    `seal` stands for the act's subject, before, after and why, which `salt` was mixed with. An
    entry without either is of the first form, in which the chain held the texts themselves.
    `forgotten_by`: the later entry with which they went; the texts here are then what is left.
    """

    number: int
    act: Act
    previous: bytes
    salt: bytes = b""
    seal: bytes = b""
    is_sealed: bool = False
    forgotten_by: int = 0


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

    def head(self) -> Head:
        """The last entry's number and hash."""


def digest(entry: Entry) -> bytes:
    """SHA-256 over the UTF-8 JSON array of number, time, actor, via, act, seal, `previous`.

    Bytes in hex, no spaces, non-ASCII characters as themselves. In the first form subject, before,
    after and why stand in place of the seal; of such an entry that was forgotten, this hash is its
    `seal`.
    """
    if entry.is_sealed:
        fields = [*entry.act[:4], entry.seal.hex()]
    elif entry.forgotten_by:
        return entry.seal
    else:
        fields = [*entry.act]
    return _hash([entry.number, *fields, entry.previous.hex()])


def sealed(salt: bytes, act: Act) -> bytes:
    """The seal: SHA-256 over a JSON array like `digest`'s of salt, subject, before, after, why."""
    return _hash([salt.hex(), *act[4:]])


def following(head: Head, act: Act, salt: bytes = b"") -> Entry:
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
    entry = Entry(head.number + 1, act, head.hash)
    return entry._replace(salt=salt, seal=sealed(salt, act), is_sealed=True) if salt else entry


def covering(numbers: Collection[int]) -> str:
    """How an entry says of which earlier ones the texts went with it."""
    return f"texts of {len(numbers)} entries, {_hash(sorted(numbers)).hex()}"


def check(entries: Iterable[Entry], *noted: Head | None) -> Head:
    """Walk the whole chain and give its head.

    Raises AuditError at the first entry that does not follow from the one before or whose texts
    are not those that were written, and if the log does not contain the heads `noted` earlier.
    """
    head = Head(0, GENESIS)
    missing = {one for one in noted if one is not None and one != head}
    gone: dict[int, list[int]] = {}
    for entry in entries:
        _follows(head, entry)
        if entry.forgotten_by:
            gone.setdefault(entry.forgotten_by, []).append(entry.number)
        elif entry.is_sealed and sealed(entry.salt, entry.act) != entry.seal:
            raise AuditError(f"entry {entry.number}: its texts are not those that were written")
        takes = entry.act.act in {FORGET, RETENTION}
        if takes and covering(gone.pop(entry.number, [])) not in entry.act.after:
            raise AuditError(f"entry {entry.number}: other texts went than it counts")
        head = Head(entry.number, digest(entry))
        missing.discard(head)
    if gone:
        numbers = ", ".join(map(str, sorted(number for few in gone.values() for number in few)))
        raise AuditError(f"the texts of entries {numbers} are gone, and no entry says why")
    if missing:
        cut = ", ".join(str(one) for one in sorted(missing))
        raise AuditError(
            f"the log of {head.number} entries does not contain the noted head {cut}: it was "
            "cut or written anew"
        )
    return head


def _follows(head: Head, entry: Entry) -> None:
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


def _hash(fields: Collection[object]) -> bytes:
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


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
