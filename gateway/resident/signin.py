"""Browsers that signed in: whose they are, which of their dwellings they look at, until when.

An identity opens nothing by itself. It has the dwellings that were linked to it, none at first, and
a browser looks at one of them at a time, as a session by link does. What a browser may see is asked
anew of the links with each question: a dwelling that was unlinked on one phone is gone from all.
"""

import secrets
from collections.abc import Callable

from gateway.audit import Act
from gateway.resident.model import Dwelling, ResidentError
from gateway.resident.secrets import hashed
from gateway.resident.sessions import IDLE_MS, SEEN_EVERY_MS, WHOLE_MS
from gateway.resident.signin_ports import AccountsPort, Linked, Passkey, SignedBy, SignIn
from gateway.resident.signin_secrets import SignInSecrets

SECRET_BYTES = 32
_SECRET_CHARS_MAX = 64


class SignedOutError(ResidentError):
    """A browser whose sign-in is over."""


class SignIns:
    """The sign-ins of one ledger; `clock` says now, in ms UTC."""

    def __init__(self, port: AccountsPort, key: SignInSecrets, clock: Callable[[], int]) -> None:
        self._port, self._key, self._clock = port, key, clock

    def by_account(self, provider: str, issuer: str, subject: str) -> str:
        """The secret of a new browser of whoever a provider vouched for."""
        now_ms, mac = self._clock(), self._key.subject(issuer, subject)
        with self._port.transaction():
            identity_no = self._port.identity(mac)
            if identity_no is None:
                identity_no = self._port.add_identity(provider, mac, now_ms)
            return self._opened(identity_no, SignedBy.ACCOUNT, f"by {provider}")

    def by_passkey(self, passkey: Passkey, sign_count: int) -> str:
        """The same of whoever showed a passkey that signed `sign_count` times."""
        with self._port.transaction():
            self._port.used_passkey(passkey.passkey_no, sign_count, self._clock())
            said = f"by passkey {passkey.passkey_no}"
            return self._opened(passkey.identity_no, SignedBy.PASSKEY, said)

    def look(self, secret: str) -> SignIn | None:
        """The browser of a secret, None for one that opens nothing (any more)."""
        if not 0 < len(secret) <= _SECRET_CHARS_MAX:
            return None
        now_ms, found = self._clock(), self._port.signin(hashed(secret))
        if found is None or now_ms >= found.ends_ms or now_ms - found.seen_ms >= IDLE_MS:
            return None
        return found

    def open(self, secret: str) -> SignIn | None:
        """The same, noted as used."""
        found, now_ms = self.look(secret), self._clock()
        if found is not None and now_ms - found.seen_ms >= SEEN_EVERY_MS:
            with self._port.transaction():
                self._port.seen_signin(found.signin_no, now_ms)
        return found

    def home(self, secret: str) -> Dwelling | None:
        """The dwelling a browser looks at, as long as it is linked."""
        found = self.open(secret)
        if found is None or found.account_no is None:
            return None
        for one in self._port.linked(found.identity_no):
            if one.dwelling.account_no == found.account_no:
                return one.dwelling._replace(via=_who(found))
        return None

    def dwellings(self, signin: SignIn) -> list[Linked]:
        """What its identity linked."""
        return self._port.linked(signin.identity_no)

    def choose(self, secret: str, linked_no: int) -> None:
        """Look at one of them; ResidentError for one that is not linked."""
        with self._port.transaction():
            signin, linked = self._owned(secret, linked_no)
            self._port.choose(signin.signin_no, linked.dwelling.account_no)

    def unlink(self, secret: str, linked_no: int) -> None:
        """Let go of one; all browsers of this identity lose it at once."""
        now_ms = self._clock()
        with self._port.transaction():
            signin, linked = self._owned(secret, linked_no)
            self._port.end_linked(signin.identity_no, linked.dwelling.account_no, now_ms)
            note(self._port, now_ms, signin, "resident unlinked", linked.dwelling)

    def end(self, secret: str) -> None:
        """The resident leaves; nothing for a secret that opens nothing."""
        if (found := self.look(secret)) is not None:
            with self._port.transaction():
                self._port.end_signin(found.signin_no, self._clock())
                note(self._port, self._clock(), found, "resident leave", None)

    def required(self, secret: str) -> SignIn:
        """The browser of a secret; SignedOutError where there is none."""
        found = self.look(secret)
        if found is None:
            raise SignedOutError("the sign-in is over: sign in again")
        return found

    def _owned(self, secret: str, linked_no: int) -> tuple[SignIn, Linked]:
        signin = self.required(secret)
        for one in self._port.linked(signin.identity_no):
            if one.linked_no == linked_no:
                return signin, one
        raise ResidentError("this dwelling is not linked: open the list of dwellings again")

    def _opened(self, identity_no: int, via: SignedBy, said: str) -> str:
        """A new browser; who has one dwelling looks at it at once."""
        secret, now_ms = secrets.token_urlsafe(SECRET_BYTES), self._clock()
        span = (now_ms, now_ms + WHOLE_MS)
        number = self._port.add_signin(hashed(secret), identity_no, via, span)
        linked = self._port.linked(identity_no)
        if len(linked) == 1:
            self._port.choose(number, linked[0].dwelling.account_no)
        actor, subject = f"sign-in {number}", f"identity {identity_no}"
        self._port.append(Act(now_ms, "resident", actor, "resident sign-in", subject, "", said, ""))
        return secret


def note(
    port: AccountsPort,
    now_ms: int,
    signin: SignIn,
    act: str,
    dwelling: Dwelling | None,
    *,
    after: str = "",
) -> None:
    """Write what a signed-in resident did to the audit log."""
    identity = f"identity {signin.identity_no}"
    subject = f"account {dwelling.number}" if dwelling else identity
    said = f"{identity} {after}".strip() if dwelling else after
    port.append(Act(now_ms, "resident", _who(signin), act, subject, "", said, ""))


def _who(signin: SignIn) -> str:
    return f"sign-in {signin.signin_no}"
