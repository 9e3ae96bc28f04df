"""What is held about people, and how it is forgotten.

Texts are looked through here, not by the engine, whose rules of words differ: page by page, so
that no column of a large ledger is ever held whole. What is overwritten may lie on in the engine's
files until `cleaned` has passed over them.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from drivers.reading import from_ms
from gateway.audit import Act, Entry
from gateway.people.forgetting import Account, Asked, Left, Reached
from gateway.people.retention import EXPIRED, Kept
from gateway.people.words import Names, PeopleError
from gateway.resident.model import Channel, Contact
from gateway.sql import people_sealed
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Connection, Cursor, Database
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))
_OWN = _SQL.pop("own")
"""Stands before every statement that asks which registers were an account's."""

# Texts or events to a page: some MiB, and a few passes over the largest tables.
PAGE = 10_000

# Where people's words may stand, beside the audit log and the events.
_TEXTS: Final = (
    ("account", "number"),
    ("point", "name"),
    ("written_line", "account"),
    ("written_line", "reason"),
    ("written_line", "behind"),
    ("written_correction", "reason"),
    ("withdrawal", "why"),
    ("claim", "reference"),
    ("claim_finding", "detail"),
    ("claim_decision", "reason"),
    ("verdict", "detail"),
    ("decision", "why"),
    ("decision", "document"),
    ("delivery", "last_error"),
    ("visit_step", "said"),
    ("point_plan", "place"),
    ("act", "number"),
    ("act", "made_by"),
    ("interference_charge", "reason"),
    ("day_finding", "detail"),
    ("gis_message", "last_error"),
    ("gis_value", "words"),
    ("forgetting", "why"),
    ("forgetting", "words"),
    ("quarantine", "detail"),
    ("dispute", "said"),
    ("dispute_step", "told"),
)
_WITHOUT_TEXTS: Final = {
    *("audit", "event", "contact", "resident_act", "photo", "submission"),
    *("resident_message", "resident_code", "resident_session", "resident_link", "linking_try"),
    *("resident_identity", "resident_passkey", "resident_signin", "resident_linked", "bill_code"),
}
# A meter's number is the meter's, also where an account was numbered after it.
_NO_PERSONS: Final = {("meter", "serial"), ("gis_value", "meter"), ("meter_notice", "meter")}
# How residents were asked goes whole: messages, codes and sessions before the links they name.
_RESIDENT: Final = (
    *("forget-messages", "forget-codes", "forget-sessions", "forget-links", "forget-contacts"),
    *("forget-tries", "forget-passkeys", "forget-signins", "forget-bill-codes", "forget-linked"),
    "forget-identities",
)
_SHOWN = (
    *("account", "points", "meters", "readings", "lines", "corrections", "norms", "areas"),
    *("acts", "charges", "claims", "decisions", "contacts", "askings", "messages", "sessions"),
    *("links", "identities", "passkeys", "signins", "bill_codes", "tries"),
    *("disputes", "answers", "receipts", "photos", "submissions"),
)


class PeopleLedger:
    """`PeoplePort` and `RetentionPort` on one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = database.connection
        self._log = SqlAudit(database.connection)

    def account(self, number: str) -> Account | None:
        row = self._sql.execute(
            "SELECT account_no, number, house.name, dwelling FROM account JOIN house"
            " USING (house_no) WHERE number = ?",
            (number,),
        ).fetchone()
        return None if row is None else Account(*row)

    def held(self, account: Account) -> dict[str, object]:
        """All that is held about an account, by kind; its entries in the audit log last."""
        found: dict[str, object] = {name: self._rows(name, account) for name in _SHOWN}
        names, linked = Names((account.number,), ""), self.linked(account)
        made = people_sealed.visits_of(self._sql, account, names)
        found["visits"] = [one._asdict() for one in made]
        found["audit"] = [
            {"number": entry.number, **entry.act._asdict()}
            for entry in self._log.entries()
            if entry.number in linked or any(names.within(text) for text in entry.act[4:])
        ]
        found["handed_over"] = [one._asdict() for one in self.beyond(account, names)]
        return found

    def ask(self, asked: Asked) -> int:
        (number,) = self._sql.execute(
            "INSERT INTO forgetting (account_no, words, takes_dwelling, asked_by, why,"
            " asked_at_ms) VALUES (?, ?, ?, ?, ?, ?) RETURNING forgetting_no",
            (
                *(asked.account.account_no, json.dumps(asked.words, ensure_ascii=False)),
                *(int(asked.takes_dwelling), asked.asked_by, asked.why, asked.asked_at_ms),
            ),
        ).fetchone()
        return int(number)

    def asked(self, number: int) -> Asked | None:
        return next(self._asked(number), None)

    def waiting(self) -> list[Asked]:
        return list(self._asked(None))

    def undelivered(self, names: Names) -> int:
        asked = {"events": self._events_of(names)}
        return int(self._sql.execute(_SQL["undelivered"], asked).fetchone()[0])

    def beyond(self, account: Account, names: Names) -> list[Left]:
        asked = {"events": self._events_of(names)}
        handed = [
            Left(target, f"{count} events, {_day(first)} to {_day(last)}")
            for target, count, first, last in self._sql.execute(_SQL["handed"], asked)
        ]
        exported = self._sql.execute(_SQL["exported"], {"account": account.account_no})
        return [
            *handed,
            *(
                Left("export", f"{_day(at_ms)}, {subject}: {after}")
                for at_ms, subject, after in exported
            ),
            *people_sealed.beyond(self._sql, account, names),
        ]

    def documents(self, account: Account) -> set[str]:
        return {text for (text,) in self._of(account, "documents")}

    def reached(self, account: Account) -> Reached:
        contacts = [
            Contact(number, account.account_no, Channel(channel), address, language, None)
            for number, channel, address, language in self._of(account, "reached")
        ]
        masks = {one.masked for one in contacts}
        return Reached(tuple(one.address for one in contacts), tuple(sorted(masks)))

    def linked(self, account: Account) -> set[int]:
        return {number for (number,) in self._of(account, "linked")}

    def entries(self) -> Collection[Entry]:
        return list(self._log.entries())

    def append(self, act: Act) -> int:
        return self._log.append(act)

    def forget_entries(self, entries: Collection[tuple[Entry, Act]], number: int) -> None:
        with self._letting_go():
            self._log.forget(entries, number)

    def replace(self, account: Account, names: Names, *, dwelling: bool) -> int:
        asked: dict[str, object] = {"account": account.account_no, "name": names.pseudonym}
        asked["nothing"] = b""
        with self._letting_go():
            changed = self._events(account, names, dwelling=dwelling)
            steps = ["forget-claims", "forget-decisions", "forget-verdicts", *_RESIDENT]
            steps += ["forget-disputes", "forget-answers", "forget-receipts"]
            steps += ["forget-photos", "forget-submissions"]
            steps += ["forget-dwelling", "forget-line-dwellings"] if dwelling else []
            changed += sum(self._sql.execute(_statement(step), asked).rowcount for step in steps)
            changed += sum(self._unname(*column, names) for column in _TEXTS)
            self._sql.execute("UPDATE registry_revision SET revision = revision + 1")
        return changed

    def still(self, names: Names) -> list[str]:
        found = [
            f"{table}.{column}"
            for table, column in self._database.text_columns()
            if (table, column) not in _NO_PERSONS
            and any(names.within(text) for page in self._texts(table, column) for text in page)
        ]
        return found + ["event.payload"] * any(True for _ in self._naming(names))

    def done(self, number: int, by: str, now_ms: int, names: Names) -> None:
        asked = {"number": number, "by": by, "now": now_ms, "name": names.pseudonym}
        self._sql.execute(_SQL["done"], asked)

    def expire(self, kept: Kept, before_ms: int, limit: int) -> int:
        asked: dict[str, object] = {"before": before_ms, "most": limit, "nothing": b""}
        if kept is Kept.RESIDENTS:
            asked["links"] = self._expiring_links(before_ms, limit)
        with self._letting_go():
            return sum(self._sql.execute(_SQL[one], asked).rowcount for one in _EXPIRING[kept])

    def expiring_entries(self, before_ms: int, limit: int) -> list[int]:
        asked = {"before": before_ms, "most": limit}
        return [number for (number,) in self._sql.execute(_SQL["expiring-entries"], asked)]

    def expire_entries(self, numbers: list[int], by_entry: int) -> None:
        gone = set(numbers)
        entries = [
            (one, Act(*one.act[:4], *(EXPIRED if text else "" for text in one.act[4:])))
            for one in self._log.entries()
            if one.number in gone
        ]
        self.forget_entries(entries, by_entry)

    def _expiring_links(self, before_ms: int, limit: int) -> str:
        asked = {"before": before_ms, "most": limit}
        rows = self._sql.execute(_SQL["expiring-links"], asked)
        return json.dumps([number for (number,) in rows])

    def _events(self, account: Account, names: Names, *, dwelling: bool) -> int:
        """Take the names out of the events that are kept; each was acknowledged by everyone."""
        count = 0
        for number, payload in self._naming(names):
            document = json.loads(payload)
            if dwelling and document["data"].get("account") == account.number:
                document["data"]["dwelling"] = names.pseudonym
            text = json.dumps(_unnamed(document, names), ensure_ascii=False, separators=(",", ":"))
            self._sql.execute(
                "UPDATE event SET payload = ? WHERE event_no = ?", (text.encode(), number)
            )
            count += 1
        return count

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Inside it texts of what is only added to may go."""
        self._sql.execute("INSERT INTO forgetting_now VALUES (1)")
        yield
        self._sql.execute("DELETE FROM forgetting_now")

    def _naming(self, names: Names) -> Iterator[tuple[int, str]]:
        """The events that name the person."""
        last = 0
        while rows := self._sql.execute(_SQL["events"], (last, PAGE)).fetchall():
            last = rows[-1][0]
            texts = ((number, payload.decode()) for number, payload in rows)
            yield from ((number, text) for number, text in texts if names.within(text))

    def _events_of(self, names: Names) -> str:
        return json.dumps([[number] for number, _ in self._naming(names)])

    def _texts(self, table: str, column: str) -> Iterator[list[str]]:
        """The different texts of a column, in order, by pages."""
        query = (
            f'SELECT DISTINCT "{column}" FROM {table} WHERE "{column}" > ?'  # noqa: S608 - the schema's
            f' ORDER BY "{column}" LIMIT ?'
        )
        last = ""
        while page := [text for (text,) in self._sql.execute(query, (last, PAGE)).fetchall()]:
            last = page[-1]
            yield page

    def _unname(self, table: str, column: str, names: Names) -> int:
        """Replace the names in a column's texts; how many rows had one."""
        changed = 0
        for page in self._texts(table, column):
            pairs = [(text, names.replaced(text)) for text in page if names.within(text)]
            if not pairs:
                continue
            changed += self._sql.execute(
                f"UPDATE {table} SET {column} = w.value ->> 1 FROM json_each(?) w"  # noqa: S608 - ours
                f" WHERE {column} = w.value ->> 0",
                (json.dumps(pairs),),
            ).rowcount
        return changed

    def _asked(self, number: int | None) -> Iterator[Asked]:
        for row in self._sql.execute(_SQL["waiting"], {"number": number}):
            words = tuple(json.loads(row[5]))
            yield Asked(row[0], Account(*row[1:5]), words, bool(row[6]), *row[7:])

    def _of(self, account: Account, name: str) -> Cursor:
        return self._sql.execute(_statement(name), {"account": account.account_no})

    def _rows(self, name: str, account: Account) -> list[dict[str, object]]:
        cursor = self._of(account, f"show-{name}")
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor]


_EXPIRING: Final[dict[Kept, tuple[str, ...]]] = {
    Kept.QUARANTINE: ("expire-quarantine",),
    Kept.CLAIMS: ("expire-claims",),
    Kept.REVIEWS: ("expire-review-verdicts", "expire-reviews"),
    Kept.REQUESTS: ("expire-requests",),
    Kept.RESIDENTS: (
        *("expire-messages", "expire-codes", "expire-sessions", "expire-tries", "expire-signins"),
        *("expire-bill-codes", "expire-linked", "expire-passkeys", "forget-identities"),
        *("expire-contacts", "expire-links"),
    ),
    Kept.DISPUTES: ("expire-answers", "expire-disputes"),
    Kept.RECEIPTS: ("expire-receipts",),
    Kept.PHOTOS: ("expire-photos",),
}


def overwriting(database: Database) -> AbstractContextManager[Connection]:
    """A transaction in which what is replaced is overwritten as far as the engine can."""
    return database.overwriting()


def cleaned(database: Database) -> None:
    """Let no old copies lie in the ledger's tables.

    PeopleError where somebody else holds the ledger: it is to be done again then.
    """
    if not database.clean({table for table, _ in _TEXTS} | _WITHOUT_TEXTS):
        raise PeopleError(
            "what was forgotten is out of the ledger, but old copies of pages may still lie in its"
            " file: another program holds it; say person confirm once more when it does not"
        )


def _statement(name: str) -> str:
    """A statement, with the registers of accounts before it where it asks for them."""
    text = _SQL[name]
    return _OWN + "\n" + text if "own_register" in text else text


def _unnamed(value: object, names: Names) -> object:
    if isinstance(value, dict):
        return {key: _unnamed(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_unnamed(one, names) for one in value]
    return names.replaced(value) if isinstance(value, str) else value


def _day(at_ms: int) -> str:
    return from_ms(at_ms).date().isoformat()
