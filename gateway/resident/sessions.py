"""Sessions: what a browser that showed link and code may do, and for how long.

The browser keeps a secret in a cookie, the ledger its hash. A session ends half an hour after it
was used last, and twelve hours after it began at the latest, or when a person ends it.
"""

from gateway.audit import Act
from gateway.resident.model import Dwelling, Session, Via
from gateway.resident.ports import LinksPort
from gateway.resident.secrets import hashed

# A resident who goes to the bathroom for the water meters and is called away is back within it.
IDLE_MS = 30 * 60_000
# A day's work: a phone left lying open in the evening shows nothing the next morning.
WHOLE_MS = 12 * 3_600_000
# Not every picture of a page is worth a write.
SEEN_EVERY_MS = 60_000
# token_urlsafe(32) is 43 characters; what is longer was never ours and is not hashed.
SECRET_BYTES = 32
_SECRET_CHARS_MAX = 64


class Sessions:
    """The sessions of one ledger."""

    def __init__(self, port: LinksPort) -> None:
        self._port = port

    def dwelling(self, secret: str, now_ms: int) -> Dwelling | None:
        """The dwelling a secret opens, None for one that opens nothing (any more)."""
        found = self.open(secret, now_ms)
        return None if found is None else found.dwelling._replace(via=via_of(found))

    def open(self, secret: str, now_ms: int) -> Session | None:
        """The session of a secret; noted as used."""
        found = self.look(secret, now_ms)
        if found is not None and now_ms - found.seen_ms >= SEEN_EVERY_MS:
            with self._port.transaction():
                self._port.seen(found.session_no, now_ms)
        return found

    def look(self, secret: str, now_ms: int) -> Session | None:
        """The same, without noting it."""
        if not 0 < len(secret) <= _SECRET_CHARS_MAX:
            return None
        found = self._port.session(hashed(secret))
        if found is None or now_ms >= found.ends_ms or now_ms - found.seen_ms >= IDLE_MS:
            return None
        return found

    def end(self, secret: str, now_ms: int) -> None:
        """The resident leaves; nothing for a secret that opens nothing."""
        if (found := self.look(secret, now_ms)) is not None:
            subject = f"account {found.dwelling.number}"
            left = Act(now_ms, "resident", via_of(found), "resident leave", subject, "", "", "")
            with self._port.transaction():
                self._port.end_session(found.session_no, now_ms)
                self._port.append(left)


def via_of(session: Session) -> str:
    """How the audit log says the program knew whoever acts in a session."""
    what = "code" if session.via is Via.CODE else "account number"
    return f"link {session.link_no} and {what}, session {session.session_no}"
