"""Links: making them, entering by them, and the codes that make a session of them.

What protects a dwelling, in order: a token that nobody finds by trying; an end; a code to the
contact the operator knows, or, for a link on paper, which nobody can be asked about, the account's
whole number as it stands on the bill and not on the slip; few tries; and a link that works, once a
session came of it, for the browser of that session only. What does not carry our MAC is answered
alike, whether it never was a link, or was one and is forgotten, and the ledger is not asked.

Every wrong try is written down before it is answered, so asking many at once gains nothing.
"""

import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from gateway.audit import Act, By
from gateway.resident.model import (
    LINK_PATH,
    STOP_PATH,
    Contact,
    Dwelling,
    Link,
    Purpose,
    ResidentError,
    Via,
)
from gateway.resident.ports import LinksPort, NewLink, NewMessage
from gateway.resident.secrets import NONCE_BYTES, Secrets, hashed, same
from gateway.resident.sessions import SECRET_BYTES, WHOLE_MS, Sessions

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# A message takes seconds; who looks for the spectacles first still has it.
CODE_LIFE_MS = 10 * MINUTE_MS
# Fifty tries a day at a million codes: a dwelling is guessed in thirty years.
CODE_TRIES_MAX = 5
CODES_AN_HOUR_MAX, CODES_A_DAY_MAX = 3, 10
# Messages cost money; a thousand an hour is a city on the last evening of its window.
ALL_CODES_AN_HOUR_MAX = 1000
# Account numbers run on from flat to flat: a link on paper bears few wrong ones in its whole life.
ACCOUNT_TRIES_MAX = 5
ACCOUNT_CHARS_MAX = 64
# "Send me another link": as rarely as codes.
AGAIN_A_DAY_MAX = 3
# A month after its end a link is waste paper; whoever finds it then troubles nobody with it.
AGAIN_WITHIN_MS = 31 * DAY_MS


class Why(StrEnum):
    """Why a link does not open anything."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    ENDED = "ended"
    USED = "used"


class LinkError(ResidentError):
    """A link that opens nothing here and now."""

    def __init__(self, kind: Why) -> None:
        super().__init__(f"the link is {kind}")
        self.kind = kind


class Not(StrEnum):
    """Why a code was not sent, or opens nothing."""

    WRONG = "wrong"
    OVER = "over"
    """No code, or no try, is left of it: a new code is needed, or (paper) a new link."""
    TOO_OFTEN = "too often"
    PAPER = "paper"
    """Nothing is sent for a link on paper: it takes the account's number."""


class CodeError(ResidentError):
    """What was typed opens nothing; `left`: how many tries are left, `wait_ms`: until a new one."""

    def __init__(self, kind: Not, *, left: int = 0, wait_ms: int = 0) -> None:
        super().__init__(f"the code is {kind}")
        self.kind, self.left, self.wait_ms = kind, left, wait_ms


class Entry(NamedTuple):
    """What a link shows. Without a session the dwelling's `number` is empty: it is a secret then.

    `needs_code`: a code has to be sent and typed. `needs_account`: the account's number has to be
    typed (a link on paper). Neither: the browser's session stands. `masked`: where codes go.
    `stop`: the token by which that contact wants no more messages, for whom a text has no room;
    empty where there is none, or it wants none already.
    """

    link_no: int
    dwelling: Dwelling
    period: str
    purpose: Purpose
    expires_ms: int
    needs_code: bool
    needs_account: bool
    masked: str
    language: str
    stop: str = ""


class Made(NamedTuple):
    """A link that was made, with the token that nobody can read in the ledger."""

    link_no: int
    token: str


class Sent(NamedTuple):
    """A code that is on its way."""

    masked: str
    until_ms: int


class Links:
    """The links of one ledger; `clock` says now, in ms UTC."""

    def __init__(self, port: LinksPort, key: Secrets, clock: Callable[[], int]) -> None:
        self._port = port
        self._key = key
        self._clock = clock
        self._sessions = Sessions(port)

    def make(
        self,
        account_no: int,
        period: str,
        expires_ms: int,
        contact_no: int | None,
        purpose: Purpose = Purpose.GIVE,
    ) -> Made:
        """A link, in the transaction that is open; whoever calls writes why to the audit log."""
        now_ms = self._clock()
        nonce = secrets.token_bytes(NONCE_BYTES)
        # Counted in seconds in the token, so it is in the ledger.
        end_ms = max(expires_ms, now_ms + 1000) // 1000 * 1000
        token = self._key.token(purpose, end_ms, nonce)
        new = NewLink(
            *(account_no, period, purpose, contact_no, nonce, hashed(token), now_ms, end_ms)
        )
        return Made(self._port.add_link(new), token)

    def token_of(self, link: Link) -> str:
        """The token of a link that was made before."""
        return self._key.token(link.purpose, link.expires_ms, link.nonce)

    def enter(self, token: str, secret: str = "") -> Entry:
        """What a link shows to the browser with that session; LinkError where it opens nothing."""
        link = self._link(token, Purpose.GIVE)
        dwelling = self._port.dwelling(link.account_no)
        contact = self._contact(link)
        if link.used_ms is not None:
            session = self._sessions.open(secret, self._clock())
            if session is None or session.link_no != link.link_no:
                raise LinkError(Why.USED)
            return _entry(link, dwelling, contact, is_open=True)
        entry = _entry(link, dwelling._replace(number=""), contact, is_open=False)
        return entry._replace(stop=self._stop_of(contact))

    def send_code(self, token: str) -> Sent:
        """Have a code sent to the link's contact; CodeError where it was asked for too often."""
        now_ms = self._clock()
        with self._port.transaction():
            link = self._unused(token)
            contact = self._contact(link)
            if contact is None:
                raise CodeError(Not.PAPER)
            self._bounded(link.account_no, now_ms)
            if (before := self._port.last_code(link.link_no)) and before.ended_ms is None:
                self._port.end_code(before.code_no, now_ms)
            until_ms = now_ms + CODE_LIFE_MS
            nonce = secrets.token_bytes(NONCE_BYTES)
            code_no = self._port.add_code(link, nonce, now_ms, until_ms)
            new = NewMessage(contact, "code", link.link_no, now_ms, now_ms, until_ms, mail_id())
            self._port.add_message(new._replace(code_no=code_no))
            self._note(link, "resident code", f"sent to {contact.masked}")
        return Sent(contact.masked, until_ms)

    def try_code(self, token: str, code: str) -> str:
        """The secret of a session, for a link's code or (paper) account number; else CodeError."""
        if self._unused(token).contact_no is None:
            return self._try_account(token, code)
        now_ms = self._clock()
        with self._port.transaction():
            link = self._unused(token)
            sent = self._port.last_code(link.link_no)
            if sent is None or sent.ended_ms is not None or now_ms >= sent.expires_ms:
                raise CodeError(Not.OVER)
            if self._key.is_code(link.link_no, sent.nonce, code):
                self._port.end_code(sent.code_no, now_ms)
                return self._opened(link, Via.CODE, now_ms)
            self._port.tried_code(sent.code_no)
            if (left := CODE_TRIES_MAX - sent.tries - 1) <= 0:
                self._port.end_code(sent.code_no, now_ms)
                self._note(link, "resident code ended", f"{CODE_TRIES_MAX} wrong tries")
        raise CodeError(Not.WRONG if left > 0 else Not.OVER, left=max(0, left))

    def again(self, token: str) -> Sent:
        """Have a new link sent to the contact of one that was used or is over, and end that one.

        LinkError where it was no link of ours, is on paper, was over long ago, or was ended: by a
        person, by wrong tries, because nothing is needed, or since another one was sent.
        """
        now_ms = self._clock()
        with self._port.transaction():
            link = self._known(token, Purpose.GIVE)
            contact = self._contact(link)
            if contact is None or link.ended_ms is not None:
                raise LinkError(Why.ENDED)
            if now_ms >= link.expires_ms + AGAIN_WITHIN_MS:
                raise LinkError(Why.EXPIRED)
            if self._port.links_since(link.account_no, now_ms - DAY_MS) >= AGAIN_A_DAY_MAX:
                raise CodeError(Not.TOO_OFTEN, wait_ms=DAY_MS)
            self._port.end_link(link.link_no, "another one was sent", now_ms)
            until_ms = now_ms + DAY_MS
            made = self.make(link.account_no, link.period, until_ms, contact.contact_no)
            self._port.add_message(
                NewMessage(contact, "link", made.link_no, now_ms, now_ms, until_ms, mail_id())
            )
            self._note(link, "resident link again", f"link {made.link_no} to {contact.masked}")
        return Sent(contact.masked, until_ms)

    def stop(self, token: str) -> Contact:
        """No more letters to a contact, by the link of one; again does nothing."""
        link, now_ms = self._link(token, Purpose.STOP), self._clock()
        contact = self._contact(link)
        if contact is None:
            raise LinkError(Why.ENDED)
        with self._port.transaction():
            if self._port.unsubscribe(contact.contact_no, now_ms):
                self._note(link, "resident unsubscribed", contact.masked)
        return contact

    def _try_account(self, token: str, given: str) -> str:
        now_ms = self._clock()
        with self._port.transaction():
            link = self._unused(token)
            number = self._port.dwelling(link.account_no).number
            if same(_plain(number), _plain(given[:ACCOUNT_CHARS_MAX])):
                return self._opened(link, Via.ACCOUNT, now_ms)
            self._port.tried_link(link.link_no)
            if (left := ACCOUNT_TRIES_MAX - link.tries - 1) <= 0:
                self._port.end_link(link.link_no, f"{ACCOUNT_TRIES_MAX} wrong numbers", now_ms)
                self._note(link, "resident link ended", f"{ACCOUNT_TRIES_MAX} wrong numbers")
        raise CodeError(Not.WRONG if left > 0 else Not.OVER, left=max(0, left))

    def _opened(self, link: Link, via: Via, now_ms: int) -> str:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        span = (now_ms, now_ms + WHOLE_MS)
        number = self._port.add_session(link, hashed(secret), via, span)
        self._port.use_link(link.link_no, now_ms)
        self._note(link, "resident session", f"session {number} by link and {via}")
        return secret

    def _bounded(self, account_no: int, now_ms: int) -> None:
        """CodeError where one more code would be one too many."""
        for whose, span_ms, most in (
            (account_no, HOUR_MS, CODES_AN_HOUR_MAX),
            (account_no, DAY_MS, CODES_A_DAY_MAX),
            (None, HOUR_MS, ALL_CODES_AN_HOUR_MAX),
        ):
            if self._port.codes_since(whose, now_ms - span_ms) >= most:
                raise CodeError(Not.TOO_OFTEN, wait_ms=span_ms)

    def _stop_of(self, contact: Contact | None) -> str:
        if contact is None or contact.unsubscribed_ms is not None:
            return ""
        link = self._port.stop_link(contact, self._clock())
        return "" if link is None else self.token_of(link)

    def _contact(self, link: Link) -> Contact | None:
        return None if link.contact_no is None else self._port.contact(link.contact_no)

    def _unused(self, token: str) -> Link:
        link = self._link(token, Purpose.GIVE)
        if link.used_ms is not None:
            raise LinkError(Why.USED)
        return link

    def _link(self, token: str, purpose: Purpose) -> Link:
        """A link that has not ended; one whose contact was taken out has."""
        link = self._known(token, purpose)
        if link.ended_ms is not None:
            raise LinkError(Why.ENDED)
        if self._clock() >= link.expires_ms:
            raise LinkError(Why.EXPIRED)
        if link.contact_no is not None and self._contact(link) is None:
            raise LinkError(Why.ENDED)
        return link

    def _known(self, token: str, purpose: Purpose) -> Link:
        claimed = self._key.claimed(token)
        if claimed is None or claimed.purpose is not purpose:
            raise LinkError(Why.UNKNOWN)
        link = self._port.link(hashed(token))
        if link is None or not hmac.compare_digest(link.nonce, claimed.nonce):
            raise LinkError(Why.UNKNOWN)
        return link

    def _note(self, link: Link, act: str, after: str) -> None:
        dwelling = self._port.dwelling(link.account_no)
        by = By("resident", f"link {link.link_no}")
        subject = f"account {dwelling.number} {link.period}"
        self._port.append(Act(self._clock(), *by, act, subject, "", after, ""))


def url(public_url: str, token: str, purpose: Purpose = Purpose.GIVE) -> str:
    """A link as it is sent and printed."""
    path = LINK_PATH if purpose is Purpose.GIVE else STOP_PATH
    return f"{public_url.rstrip('/')}{path}{token}"


def mail_id() -> str:
    """The left part of a message's id: the same each time that it is sent, and nobody else's."""
    return secrets.token_hex(16)


def _entry(link: Link, dwelling: Dwelling, contact: Contact | None, *, is_open: bool) -> Entry:
    paper = link.contact_no is None
    return Entry(
        link.link_no,
        dwelling,
        link.period,
        link.purpose,
        link.expires_ms,
        needs_code=not (is_open or paper),
        needs_account=paper and not is_open,
        masked=contact.masked if contact else "",
        language=contact.language if contact else "",
    )


def _plain(number: str) -> str:
    """An account's number as people may type it: without blanks, dashes and case."""
    return "".join(letter for letter in number.casefold() if letter.isalnum())
