"""What is held about people, and how it is forgotten, on SQLite.

What is overwritten is zeroed in the file at once (`secure_delete`); older copies of a page may
still lie in the write-ahead log and in free pages until `cleaned` has rewritten the file.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from drivers.reading import from_ms
from gateway.audit import Act, Entry
from gateway.people.forgetting import Account, Asked, Left
from gateway.people.retention import EXPIRED, Kept
from gateway.people.words import Names, PeopleError
from gateway.sql.audit import SqlAudit
from gateway.sql.engine import Connection, Cursor, Database
from gateway.sql.statements import named

_SQL = named(Path(__file__).with_suffix(".sql"))

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
    ("act", "number"),
    ("act", "made_by"),
    ("interference_charge", "reason"),
    ("day_finding", "detail"),
    ("gis_message", "last_error"),
    ("gis_value", "words"),
    ("forgetting", "why"),
    ("forgetting", "words"),
    ("quarantine", "detail"),
)
# A meter's number is the meter's, also where an account was numbered after it.
_NO_PERSONS: Final = {("meter", "serial"), ("gis_value", "meter"), ("meter_notice", "meter")}
_SHOWN = (
    *("account", "points", "meters", "readings", "lines", "corrections", "norms", "areas"),
    *("acts", "charges", "claims", "decisions"),
)


class PeopleLedger:
    """`PeoplePort` and `RetentionPort` on one SQLite connection."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection
        self._log = SqlAudit(connection)
        connection.execute(_SQL["own"])

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
        found["audit"] = [
            {"number": entry.number, **entry.act._asdict()}
            for entry in self._log.entries()
            if entry.number in linked or any(names.within(text) for text in entry.act[4:])
        ]
        found["handed_over"] = [one._asdict() for one in self.beyond(account, names)]
        return found

    def ask(self, asked: Asked) -> int:
        cursor = self._sql.execute(
            "INSERT INTO forgetting (account_no, words, takes_dwelling, asked_by, why,"
            " asked_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(asked.account.account_no, json.dumps(asked.words, ensure_ascii=False)),
                *(asked.takes_dwelling, asked.asked_by, asked.why, asked.asked_at_ms),
            ),
        )
        return cursor.lastrowid or 0

    def asked(self, number: int) -> Asked | None:
        return next(self._asked(number), None)

    def waiting(self) -> list[Asked]:
        return list(self._asked(None))

    def undelivered(self, names: Names) -> int:
        self._naming(names)
        return int(self._sql.execute(_SQL["undelivered"]).fetchone()[0])

    def beyond(self, account: Account, names: Names) -> list[Left]:
        self._naming(names)
        handed = [
            Left(target, f"{count} events, {_day(first)} to {_day(last)}")
            for target, count, first, last in self._sql.execute(_SQL["handed"])
        ]
        exported = self._sql.execute(_SQL["exported"], {"account": account.account_no})
        return handed + [
            Left("export", f"{_day(at_ms)}, {subject}: {after}")
            for at_ms, subject, after in exported
        ]

    def documents(self, account: Account) -> set[str]:
        return {text for (text,) in self._of(account, "documents")}

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
        self._naming(names)
        asked = {"account": account.account_no, "name": names.pseudonym}
        with self._letting_go():
            changed = self._events(account, names, dwelling=dwelling)
            steps = ["forget-claims", "forget-decisions", "forget-verdicts"]
            steps += ["forget-dwelling", "forget-line-dwellings"] if dwelling else []
            changed += sum(self._sql.execute(_SQL[step], asked).rowcount for step in steps)
            for table, column in _TEXTS:
                changed += self._sql.execute(
                    f"UPDATE {table} SET {column} = unnamed({column}) WHERE names({column})"  # noqa: S608 - ours
                ).rowcount
            self._sql.execute("UPDATE registry_revision SET revision = revision + 1")
        return changed

    def still(self, names: Names) -> list[str]:
        self._naming(names)
        tables = self._sql.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        found = [
            f"{table}.{column}"
            for (table,) in tables
            for _, column, kind, *_ in self._sql.execute(f"PRAGMA table_info({table})").fetchall()
            if kind == "TEXT" and (table, column) not in _NO_PERSONS and self._holds(table, column)
        ]
        return found + ["event.payload"] * bool(self._sql.execute(_SQL["events"]).fetchone())

    def done(self, number: int, by: str, now_ms: int, names: Names) -> None:
        asked = {"number": number, "by": by, "now": now_ms, "name": names.pseudonym}
        self._sql.execute(_SQL["done"], asked)

    def expire(self, kept: Kept, before_ms: int, limit: int) -> list[int]:
        asked = {"before": before_ms, "most": limit}
        with self._letting_go():
            if kept is Kept.REVIEWS:
                self._sql.execute(_SQL["expire-review-verdicts"], {"before": before_ms})
            return [row[0] for row in self._sql.execute(_SQL[_EXPIRING[kept]], asked).fetchall()]

    def expire_entries(self, numbers: list[int], by_entry: int) -> None:
        gone = set(numbers)
        entries = [
            (one, Act(*one.act[:4], *(EXPIRED if text else "" for text in one.act[4:])))
            for one in self._log.entries()
            if one.number in gone
        ]
        self.forget_entries(entries, by_entry)

    def _events(self, account: Account, names: Names, *, dwelling: bool) -> int:
        """Take the names out of the events that are kept; each was acknowledged by everyone."""
        rows = self._sql.execute(_SQL["events"]).fetchall()
        for number, payload in rows:
            document = json.loads(payload)
            if dwelling and document["data"].get("account") == account.number:
                document["data"]["dwelling"] = names.pseudonym
            text = json.dumps(_unnamed(document, names), ensure_ascii=False, separators=(",", ":"))
            self._sql.execute(
                "UPDATE event SET payload = ? WHERE event_no = ?", (text.encode(), number)
            )
        return len(rows)

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Inside it texts of what is only added to may go."""
        self._sql.execute("INSERT INTO forgetting_now VALUES (1)")
        yield
        self._sql.execute("DELETE FROM forgetting_now")

    def _naming(self, names: Names) -> None:
        """Let statements ask whether a text names the person, and what it is without."""
        self._sql.create_function("names", 1, lambda text: text is not None and names.within(text))
        self._sql.create_function("unnamed", 1, names.replaced)

    def _holds(self, table: str, column: str) -> bool:
        query = f'SELECT 1 FROM {table} WHERE names("{column}") LIMIT 1'  # noqa: S608 - the schema's
        return self._sql.execute(query).fetchone() is not None

    def _asked(self, number: int | None) -> Iterator[Asked]:
        for row in self._sql.execute(_SQL["waiting"], {"number": number}):
            words = tuple(json.loads(row[5]))
            yield Asked(row[0], Account(*row[1:5]), words, bool(row[6]), *row[7:])

    def _of(self, account: Account, name: str) -> Cursor:
        return self._sql.execute(_SQL[name], {"account": account.account_no})

    def _rows(self, name: str, account: Account) -> list[dict[str, object]]:
        cursor = self._of(account, f"show-{name}")
        columns = [column for column, *_ in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor]


_EXPIRING: Final = {
    Kept.QUARANTINE: "expire-quarantine",
    Kept.CLAIMS: "expire-claims",
    Kept.REVIEWS: "expire-reviews",
    Kept.REQUESTS: "expire-requests",
    Kept.AUDIT: "expiring-entries",
}


@contextmanager
def overwriting(database: Database) -> Iterator[Connection]:
    """A transaction in which what is replaced is zeroed on the disk."""
    database.connection.execute("PRAGMA secure_delete = ON")
    try:
        with database.transaction() as connection:
            yield connection
    finally:
        database.connection.execute("PRAGMA secure_delete = OFF")


def cleaned(database: Database) -> None:
    """Rewrite the file without free pages, and empty the log of writes.

    PeopleError where somebody else holds the ledger: it is to be done again then.
    """
    try:
        database.connection.execute("VACUUM")
        busy = database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise PeopleError(_NOT_CLEANED) from error
    if busy:
        raise PeopleError(_NOT_CLEANED)


_NOT_CLEANED = (
    "what was forgotten is out of the ledger, but old copies of pages may still lie in its file:"
    " another program holds it; say person confirm once more when it does not"
)


def _unnamed(value: object, names: Names) -> object:
    if isinstance(value, dict):
        return {key: _unnamed(one, names) for key, one in value.items()}
    return names.replaced(value) if isinstance(value, str) else value


def _day(at_ms: int) -> str:
    return from_ms(at_ms).date().isoformat()
