"""The words of asking a resident: dwellings, what they are asked for, contacts, links, sessions.

A resident has no account to remember. A link says which dwelling and period it is about, a code
sent to the known contact (or, for a link on paper, the account's number) says that it came into
the right hands, and a session of one browser holds what both allow: that dwelling, nothing else.
"""

from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.model import Level

LINK_PATH = "/l/"
"""A link to give readings: the public address, this, the token."""
STOP_PATH = "/u/"
"""A link by which a contact wants no more letters; POST is the one click of RFC 8058."""


class ResidentError(ValueError):
    """What cannot be done about residents; the text is one line and says what to do."""


class Channel(StrEnum):
    """How a message goes."""

    EMAIL = "email"
    SMS = "sms"


class Purpose(StrEnum):
    """What a link is for; it is good for nothing else."""

    GIVE = "give"
    STOP = "stop"


class Via(StrEnum):
    """What a session was opened with, beside its link."""

    CODE = "code"
    ACCOUNT = "account"
    """The account's number, typed by whoever holds a link on paper."""


class Dwelling(NamedTuple):
    """A dwelling by its personal account. `number` is the account's, `timezone` the house's.

    `via`: how whoever looks at it came in, as the audit log says it; empty where nobody does.
    """

    account_no: int
    number: str
    house: str
    dwelling: str
    timezone: str
    via: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The clock on its wall."""
        return ZoneInfo(self.timezone)


class Asked(NamedTuple):
    """A register that a dwelling may give a reading of. Values are mantissas at `exponent`.

    `digits`: how many its dial has, None where nobody wrote it down. `closes_ms`: when the window
    of `period` ends. `last`: the last accepted value, whoever brought it.
    """

    register_no: int
    point: str
    resource: str
    serial: str
    obis: str
    unit: str
    exponent: int
    digits: int | None
    period: str
    closes_ms: int
    last: Level | None


class Contact(NamedTuple):
    """How an account's residents are reached. `unsubscribed_ms`: since when letters are unwanted.

    A code or a link that somebody asks for on the page is sent all the same: it is the answer.
    """

    contact_no: int
    account_no: int
    channel: Channel
    address: str
    language: str
    unsubscribed_ms: int | None

    @property
    def masked(self) -> str:
        """The address as it may be shown to somebody who has only the link."""
        if self.channel is Channel.SMS:
            return f"*** {self.address[-2:]}"
        name, _, host = self.address.partition("@")
        return f"{name[:1]}***@{host}"


class Link(NamedTuple):
    """A link as the ledger keeps it: without its token (see secrets.py). Times are ms UTC.

    `contact_no` None: it is on paper. `tries`: wrong account numbers typed at it.
    """

    link_no: int
    account_no: int
    period: str
    purpose: Purpose
    contact_no: int | None
    nonce: bytes
    made_ms: int
    expires_ms: int
    used_ms: int | None = None
    tries: int = 0
    ended_ms: int | None = None


class Code(NamedTuple):
    """A code as the ledger keeps it: without its digits. `tries`: wrong ones so far."""

    code_no: int
    link_no: int
    nonce: bytes
    made_ms: int
    expires_ms: int
    tries: int
    ended_ms: int | None


class Session(NamedTuple):
    """A browser that showed what it had to."""

    session_no: int
    link_no: int
    dwelling: Dwelling
    period: str
    via: Via
    opened_ms: int
    seen_ms: int
    ends_ms: int
