"""The electronic act: what a resident gave, signed by the gateway when it was given.

The document holds what was said and how it was taken, and nothing of what became of it: whether it
counts is asked of the ledger each time the act is shown. It is one array of integers, texts, bytes
and arrays, so its CBOR has exactly one encoding (cloud_sync/wire.py), and it is sealed as every
other thing the gateway signs: COSE_Sign1 with Ed25519, bound to a topic of its own. Any COSE
library and the gateway's public key tell years later whether a byte was changed.

A paper carries the act's number and a *code*, the beginning of a SHA-256 over the sealed bytes,
signature and all. Who does not have the paper can compute no code, not even from knowing what it
says; a number without its code gets the answer of a number that never was.
"""

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from cloud_sync import signing, wire
from cloud_sync.signing import Sealer, SealError, VerifyKey
from drivers.reading import TIME_MS_MAX
from gateway.explain.code import is_same, letters_of

VERSION = "plomba-act-1"
TOPIC = "plomba/resident-act"
"""What the seal is bound to, so that it is good for nothing else the key signs."""

# Every question there is, asked once.
CHECKS_MAX = 32
# A question is a sentence or two; names, numbers and addresses are shorter.
TEXT_CHARS_MAX = 1000
# A long list of long questions in both languages; a sealed message has twice the room.
PAYLOAD_BYTES_MAX = 128 * 1024
_DIGEST_BYTES = 32
# The digits of a register, with its sign and point; a digit that nobody read is a question mark.
_VALUE = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")

Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
TimeMs = Annotated[int, Meta(ge=0, le=TIME_MS_MAX)]


class ActError(ValueError):
    """An act that cannot be made or does not hold; the text says what was expected."""


class How(StrEnum):
    """How a value was taken."""

    PHOTO = "photo"
    TYPED = "typed"


class Check(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A question that was asked before the value was taken, and what was answered."""

    code: Name
    asked_ru: Text
    asked_en: Text
    answer: Text


class Act(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, kw_only=True):
    """What was given. `value` and `recognised` have the digits of the register, in `unit`.

    `recognised` is what was read from the photo (a question mark for each digit left open), empty
    where nothing was. `photo` is the SHA-256 of the file that was sent and `photo_kept` that of
    the one that is kept, both empty without one; `taken_at_ms` when the phone says that it was
    taken, 0 where it does not. `period` is the one that the value is for; `claim_no` the claim's
    number in the ledger.
    """

    version: Literal["plomba-act-1"] = "plomba-act-1"
    number: Name
    given_at_ms: TimeMs
    timezone: Name
    house: Name
    address: Text
    dwelling: Name
    account: Name
    meter: Name
    register: Name
    resource: Name
    unit: Name
    value: Name
    recognised: Text
    how: How
    photo: Annotated[bytes, Meta(max_length=_DIGEST_BYTES)]
    photo_kept: Annotated[bytes, Meta(max_length=_DIGEST_BYTES)]
    taken_at_ms: TimeMs
    period: Annotated[str, Meta(max_length=7)]
    claim_no: Annotated[int, Meta(ge=0)]
    checks: Annotated[tuple[Check, ...], Meta(max_length=CHECKS_MAX)]


class Kept(NamedTuple):
    """An act as it was issued: the sealed message (empty: forgotten) and its SHA-256."""

    number: str
    account_no: int
    sealed: bytes
    digest: bytes
    made_at_ms: int

    @property
    def code(self) -> str:
        """What the paper carries beside the number."""
        return letters_of(self.digest)


class Outlook(NamedTuple):
    """What has become of a value: its claim's state (gateway/claims/list.py) with the reason.

    `in_review`: it was confirmed against advice. `period` is the one it is for, and `is_closed`
    whether that is closed.
    """

    state: str
    reason: str
    in_review: bool
    period: str
    is_closed: bool


class ActPort(Protocol):
    """Where acts are kept, in the transaction that is open around it."""

    def given(self, number: str) -> tuple[int, Act] | None:
        """The account's number in the ledger, and what was given under a number."""

    def kept(self, number: str) -> Kept | None:
        """The act of a number, if it was issued."""

    def keep(self, kept: Kept) -> None:
        """Keep an act."""


def canonical(act: Act) -> bytes:
    """The bytes that are signed; ActError for what is no act."""
    payload = wire.encode(act)
    parse(payload)
    return payload


def parse(payload: bytes) -> Act:
    """The act of signed bytes; ActError for any others, whatever they are."""
    try:
        act = wire.decode(payload, Act, limit=PAYLOAD_BYTES_MAX)
    except wire.WireError as error:
        raise ActError(f"expected the bytes of an act: {error}") from error
    if not _VALUE.fullmatch(act.value):
        raise ActError(f"expected a value like 123.456, got {act.value[:40]!r}")
    length = _DIGEST_BYTES if act.how is How.PHOTO else 0
    if (len(act.photo), len(act.photo_kept)) != (length, length):
        raise ActError("expected the SHA-256 of a photo where one was taken, and only there")
    return act


def issue(port: ActPort, sealer: Sealer, number: str, now_ms: int) -> Kept | None:
    """The act of a number, signed and kept if it was not yet; None for no such one.

    What is given now is signed in its own transaction (giving.py); what was given before acts were
    made there gets its act when somebody first asks for it.
    """
    kept = port.kept(number)
    if kept is not None:
        return kept
    given = port.given(number)
    if given is None:
        return None
    account_no, act = given
    sealed = sealer.seal(canonical(act), TOPIC)
    port.keep(Kept(number, account_no, sealed, hashlib.sha256(sealed).digest(), now_ms))
    return port.kept(number)


def opened(kept: Kept, key: VerifyKey) -> Act:
    """What was signed; ActError where the seal, the digest or the number does not hold."""
    if hashlib.sha256(kept.sealed).digest() != kept.digest:
        raise ActError(f"act {kept.number} is not the one that was issued")
    act = verified(kept.sealed, key)
    if act.number != kept.number:
        raise ActError(f"expected act {kept.number}, got {act.number[:40]!r}")
    return act


def verified(sealed: bytes, key: VerifyKey) -> Act:
    """What a sealed message says; ActError unless `key` signed exactly these bytes as an act."""
    try:
        parsed = signing.parse(sealed)
        key.verify(parsed, TOPIC)
    except SealError as error:
        raise ActError(f"not an act that the key {key.fingerprint} signed: {error}") from error
    return parse(parsed.payload)


def is_code_of(kept: Kept | None, said: str) -> bool:
    """Whether `said` is the code of an act, in a time that tells nothing of how much of it is."""
    return is_same("" if kept is None else kept.code, said)
