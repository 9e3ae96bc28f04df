"""What links, codes and sessions ask of the ledger; all act in the transaction around them."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.audit import Act
from gateway.resident.model import Code, Contact, Dwelling, Link, Purpose, Session, Via


class NewLink(NamedTuple):
    """A link to keep."""

    account_no: int
    period: str
    purpose: Purpose
    contact_no: int | None
    nonce: bytes
    token_sha256: bytes
    made_ms: int
    expires_ms: int


class NewMessage(NamedTuple):
    """A message to be sent between `next_ms` and `until_ms`; `mail_id` names it for good.

    `about`: the number of the dispute that it tells of.
    """

    contact: Contact
    kind: str
    link_no: int
    made_ms: int
    next_ms: int
    until_ms: int
    mail_id: str
    asking_no: int | None = None
    code_no: int | None = None
    about: str = ""


class LinksPort(Protocol):
    """Links, codes and sessions."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, and nobody else's act beside it."""

    def dwelling(self, account_no: int) -> Dwelling:
        """An account's dwelling."""

    def contact(self, contact_no: int) -> Contact | None:
        """A contact that stands."""

    def unsubscribe(self, contact_no: int, now_ms: int) -> bool:
        """Note that a contact wants no letters; False if it was noted before."""

    def link(self, token_sha256: bytes) -> Link | None:
        """A link by its token."""

    def stop_link(self, contact: Contact, until_ms: int) -> Link | None:
        """A link by which a contact can unsubscribe until then at least."""

    def add_link(self, new: NewLink) -> int:
        """Keep a link; its number."""

    def use_link(self, link_no: int, now_ms: int) -> None:
        """Note that a session came of it."""

    def tried_link(self, link_no: int) -> None:
        """Count a wrong account number."""

    def end_link(self, link_no: int, why: str, now_ms: int) -> None:
        """It works no more."""

    def last_code(self, link_no: int) -> Code | None:
        """The code that was sent for a link last."""

    def codes_since(self, account_no: int | None, since_ms: int) -> int:
        """How many codes were made for an account, or (None) for all of them."""

    def add_code(self, link: Link, nonce: bytes, made_ms: int, expires_ms: int) -> int:
        """Keep a code; its number."""

    def tried_code(self, code_no: int) -> None:
        """Count a wrong one."""

    def end_code(self, code_no: int, now_ms: int) -> None:
        """It works no more."""

    def links_since(self, account_no: int, since_ms: int) -> int:
        """How many links somebody had sent again for an account."""

    def add_message(self, new: NewMessage) -> None:
        """Have a message sent."""

    def add_session(self, link: Link, secret_sha256: bytes, via: Via, span: tuple[int, int]) -> int:
        """Keep a session from `span[0]` to at most `span[1]`; its number."""

    def session(self, secret_sha256: bytes) -> Session | None:
        """A session that was not ended, whatever its age."""

    def seen(self, session_no: int, now_ms: int) -> None:
        """Note that it was used."""

    def end_session(self, session_no: int, now_ms: int) -> None:
        """It works no more."""

    def append(self, act: Act) -> int:
        """Add to the audit log."""
