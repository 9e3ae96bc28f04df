"""Links, codes and sessions of residents, in the ledger."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from gateway.audit import Act
from gateway.resident.model import Channel, Code, Contact, Dwelling, Link, Purpose, Session, Via
from gateway.resident.ports import NewLink, NewMessage
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Connection, Database
from gateway.sql.statements import named

SQL: Final = named(Path(__file__).with_suffix(".sql"))


class Dwellings:
    """What every ledger of residents has: transactions, the log of acts, dwellings by account."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = database.connection
        self._log = SqlAudit(database.connection)

    def transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction()

    def append(self, act: Act) -> int:
        return self._log.append(act)

    def dwelling(self, account_no: int) -> Dwelling:
        return Dwelling(*self._sql.execute(SQL["dwelling"], (account_no,)).fetchone())

    def by_number(self, number: str) -> Dwelling | None:
        """The dwelling of an account."""
        row = self._sql.execute(SQL["dwelling-by-number"], (number,)).fetchone()
        return None if row is None else Dwelling(*row)


class ResidentLedger(Dwellings):
    """`LinksPort` on one ledger."""

    # Contacts -------------------------------------------------------------------------------

    def contact(self, contact_no: int) -> Contact | None:
        row = self._sql.execute(SQL["contact"], (contact_no,)).fetchone()
        return None if row is None else contact_of(*row)

    def contacts(self, account_no: int) -> list[Contact]:
        """An account's contacts that stand, e-mail first."""
        return [contact_of(*row) for row in self._sql.execute(SQL["contacts"], (account_no,))]

    def unsubscribe(self, contact_no: int, now_ms: int) -> bool:
        asked = {"contact": contact_no, "now": now_ms}
        self._sql.execute(SQL["drop-of-contact"], asked)
        return self._sql.execute(SQL["unsubscribe"], asked).rowcount > 0

    # Links ----------------------------------------------------------------------------------

    def link(self, token_sha256: bytes) -> Link | None:
        return self._link("link", (token_sha256,))

    def link_by_number(self, link_no: int) -> Link | None:
        """A link by its number."""
        return self._link("link-by-number", (link_no,))

    def stop_link(self, contact: Contact, until_ms: int) -> Link | None:
        """A link by which a contact can unsubscribe until then at least."""
        asked = {
            "account": contact.account_no,
            "contact": contact.contact_no,
            "until": until_ms,
        }
        return self._link("stop-link", asked)

    def add_link(self, new: NewLink) -> int:
        return self._number("add-link", new)

    def use_link(self, link_no: int, now_ms: int) -> None:
        self._sql.execute(
            "UPDATE resident_link SET used_ms = ? WHERE link_no = ?", (now_ms, link_no)
        )

    def tried_link(self, link_no: int) -> None:
        self._sql.execute(
            "UPDATE resident_link SET tries = tries + 1 WHERE link_no = ?", (link_no,)
        )

    def end_link(self, link_no: int, why: str, now_ms: int) -> None:
        self._sql.execute(SQL["end-link"], {"link": link_no, "why": why, "now": now_ms})

    def end_paper_links(self, account_no: int, why: str, now_ms: int) -> None:
        """Those on paper that nobody has used work no more."""
        asked = {"account": account_no, "why": why, "now": now_ms}
        self._sql.execute(SQL["end-paper-links"], asked)

    def links_since(self, account_no: int, since_ms: int) -> int:
        return self._number("links-since", {"account": account_no, "since": since_ms})

    # Codes ----------------------------------------------------------------------------------

    def last_code(self, link_no: int) -> Code | None:
        row = self._sql.execute(SQL["last-code"], (link_no,)).fetchone()
        return None if row is None else Code(*row)

    def code_by_number(self, code_no: int) -> Code | None:
        """A code by its number."""
        row = self._sql.execute(SQL["code-by-number"], (code_no,)).fetchone()
        return None if row is None else Code(*row)

    def codes_since(self, account_no: int | None, since_ms: int) -> int:
        return self._number("codes-since", {"account": account_no, "since": since_ms})

    def add_code(self, link: Link, nonce: bytes, made_ms: int, expires_ms: int) -> int:
        new = (link.link_no, link.account_no, nonce, made_ms, expires_ms)
        return self._number("add-code", new)

    def tried_code(self, code_no: int) -> None:
        self._sql.execute(
            "UPDATE resident_code SET tries = tries + 1 WHERE code_no = ?", (code_no,)
        )

    def end_code(self, code_no: int, now_ms: int) -> None:
        self._sql.execute(
            "UPDATE resident_code SET ended_ms = ? WHERE code_no = ?", (now_ms, code_no)
        )

    def add_message(self, new: NewMessage) -> None:
        self._sql.execute(
            SQL["add-message"],
            {
                "account": new.contact.account_no,
                "contact": new.contact.contact_no,
                "asking": new.asking_no,
                "kind": new.kind,
                "link": new.link_no,
                "code": new.code_no,
                "made": new.made_ms,
                "next": new.next_ms,
                "until": new.until_ms,
                "mail": new.mail_id,
                "about": new.about,
            },
        )

    # Sessions -------------------------------------------------------------------------------

    def add_session(self, link: Link, secret_sha256: bytes, via: Via, span: tuple[int, int]) -> int:
        begun, ends = span
        new = (secret_sha256, link.link_no, link.account_no, via.value, begun, begun, ends)
        return self._number("add-session", new)

    def session(self, secret_sha256: bytes) -> Session | None:
        row = self._sql.execute(SQL["session"], (secret_sha256,)).fetchone()
        if row is None:
            return None
        return Session(row[0], row[1], Dwelling(*row[2:7]), row[7], Via(row[8]), *row[9:])

    def seen(self, session_no: int, now_ms: int) -> None:
        self._sql.execute(
            "UPDATE resident_session SET seen_ms = ? WHERE session_no = ?", (now_ms, session_no)
        )

    def end_session(self, session_no: int, now_ms: int) -> None:
        self._sql.execute(
            "UPDATE resident_session SET ended_ms = ? WHERE session_no = ?", (now_ms, session_no)
        )

    # By a person's order ----------------------------------------------------------------------

    def end_all(self, account_no: int, why: str, now_ms: int, *, contacts: bool) -> dict[str, int]:
        """End all that lets anybody in for an account; how much of each there was."""
        asked = {"account": account_no, "why": why, "now": now_ms}
        steps = {
            "links": "end-all-links",
            "codes": "end-codes",
            "sessions": "end-sessions",
            "messages": "drop-of-account",
            "askings": "end-askings",
        }
        if contacts:
            steps["contacts"] = "end-contacts"
        return {what: self._sql.execute(SQL[step], asked).rowcount for what, step in steps.items()}

    def _link(self, statement: str, asked: Any) -> Link | None:
        row = self._sql.execute(SQL[statement], asked).fetchone()
        return None if row is None else Link(*(*row[:3], Purpose(row[3]), *row[4:]))

    def _number(self, statement: str, asked: Any) -> int:
        return int(self._sql.execute(SQL[statement], asked).fetchone()[0])


def contact_of(*row: Any) -> Contact:
    """A contact from its columns."""
    return Contact(row[0], row[1], Channel(row[2]), *row[3:])
