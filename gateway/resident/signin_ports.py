"""The words of signing in, and what it asks of the ledger; all act in the transaction around."""

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import NamedTuple, Protocol

from gateway.audit import Act
from gateway.resident.model import Dwelling

PASSKEY = "passkey"
"""The provider of those whom no provider knows: they came by link and code, and have a phone."""


class SignedBy(StrEnum):
    """What a browser signed in with."""

    ACCOUNT = "account"
    """An account elsewhere, through OpenID Connect."""
    PASSKEY = "passkey"


class LinkedBy(StrEnum):
    """What a dwelling was linked with."""

    BILL = "bill"
    LINK = "link"


class Linked(NamedTuple):
    """A dwelling that an identity linked; times are ms UTC."""

    linked_no: int
    dwelling: Dwelling
    via: LinkedBy
    linked_ms: int


class SignIn(NamedTuple):
    """A browser that signed in; `account_no` is the dwelling it looks at, None until it chose.

    `mac` is how the ledger knows the identity.
    """

    signin_no: int
    identity_no: int
    mac: bytes
    provider: str
    via: SignedBy
    account_no: int | None
    opened_ms: int
    seen_ms: int
    ends_ms: int


class Passkey(NamedTuple):
    """A phone's key: its public half, and how often it had signed when it signed last."""

    passkey_no: int
    identity_no: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    made_ms: int
    used_ms: int | None


class BillCode(NamedTuple):
    """The code on a bill, as the ledger keeps it: without its signs."""

    bill_code_no: int
    account_no: int
    period: str
    nonce: bytes
    expires_ms: int


class AccountsPort(Protocol):
    """Identities, their dwellings, browsers, passkeys, and the codes on bills."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, and nobody else's act beside it."""

    def append(self, act: Act) -> int:
        """Add to the audit log."""

    def dwelling(self, account_no: int) -> Dwelling:
        """An account's dwelling."""

    def by_number(self, number: str) -> Dwelling | None:
        """The dwelling of an account's number."""

    def identity(self, subject_mac: bytes) -> int | None:
        """The identity with that hash."""

    def add_identity(self, provider: str, subject_mac: bytes, now_ms: int) -> int:
        """Keep one; its number."""

    def linked(self, identity_no: int) -> list[Linked]:
        """The dwellings that an identity linked, in order of their addresses."""

    def linked_to(self, account_no: int) -> int:
        """How many identities linked an account."""

    def add_linked(self, identity_no: int, account_no: int, via: LinkedBy, now_ms: int) -> None:
        """Link a dwelling that is not linked."""

    def end_linked(self, identity_no: int, account_no: int, now_ms: int) -> None:
        """Unlink it, and end what this identity's browsers see of it."""

    def add_signin(
        self, secret_sha256: bytes, identity_no: int, via: SignedBy, span: tuple[int, int]
    ) -> int:
        """Keep a browser from `span[0]` to at most `span[1]`; its number."""

    def signin(self, secret_sha256: bytes) -> SignIn | None:
        """One that was not ended, whatever its age."""

    def seen_signin(self, signin_no: int, now_ms: int) -> None:
        """Note that it was used."""

    def choose(self, signin_no: int, account_no: int | None) -> None:
        """Which dwelling it looks at."""

    def end_signin(self, signin_no: int, now_ms: int) -> None:
        """It works no more."""

    def passkeys(self, identity_no: int) -> list[Passkey]:
        """An identity's, the oldest first."""

    def passkey(self, credential_id: bytes) -> Passkey | None:
        """One by what a phone calls it."""

    def add_passkey(self, new: Passkey) -> None:
        """Keep one; its number is given."""

    def used_passkey(self, passkey_no: int, sign_count: int, now_ms: int) -> None:
        """Note that it signed."""

    def drop_passkey(self, passkey_no: int) -> None:
        """Delete one, and end the browsers of its identity that signed in by a passkey."""

    def bill_codes(self, account_no: int) -> list[BillCode]:
        """An account's that were not ended, over or not."""

    def bill_code(self, account_no: int, period: str) -> BillCode | None:
        """The one of a period, over or not."""

    def add_bill_code(
        self, account_no: int, period: str, nonce: bytes, span: tuple[int, int]
    ) -> None:
        """Keep one that is good from `span[0]` to `span[1]`."""

    def add_try(self, identity_no: int, account_no: int | None, now_ms: int) -> None:
        """Count a number and a code that did not belong together."""

    def tries_of(self, identity_no: int, since_ms: int) -> int:
        """How many wrong ones an identity had."""

    def tries_at(self, account_no: int, since_ms: int) -> int:
        """How many wrong ones were tried at an account."""
