"""Who has to be asked, and the messages on their way, in the ledger."""

import json
from collections.abc import Iterable
from typing import Any

from gateway.claims.policy import Policy
from gateway.closing_records import House
from gateway.contracts import Calendar
from gateway.model import Level
from gateway.resident.asking import Open, Standing, Window
from gateway.resident.model import Dwelling
from gateway.resident.sending import Due
from gateway.sql.claims import SqlClaims
from gateway.sql.contracts import calendar
from gateway.sql.engine import Database
from gateway.sql.resident import SQL, ResidentLedger, contact_of

# A resident's phone may be ahead of us, and so may the time of a figure given on it.
_AHEAD_MS = 60_000


class AskingLedger(ResidentLedger):
    """`AskingPort` and `OutboxPort` on one ledger."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._claims = SqlClaims(database.connection)

    # Asking ---------------------------------------------------------------------------------

    def houses(self, name: str | None) -> list[House]:
        rows = self._sql.execute(
            "SELECT house_no, name, timezone FROM house"
            " WHERE CAST(:name AS TEXT) IS NULL OR name = :name ORDER BY name",
            {"name": name},
        )
        return [House(*row) for row in rows]

    def calendar(self, house: House) -> Calendar:
        return calendar(self._sql, house)

    def policies(self, house_no: int) -> list[Policy]:
        return self._claims.policies(house_no)

    def newest_closed(self, house_no: int) -> str:
        row = self._sql.execute(
            "SELECT max(period) FROM closed_period WHERE house_no = ?", (house_no,)
        ).fetchone()
        return str(row[0] or "")

    def standing(self, house_no: int, account_no: int | None, now_ms: int) -> list[Standing]:
        asked = {
            "house": house_no,
            "account": account_no,
            "now": now_ms,
            "ahead": now_ms + _AHEAD_MS,
        }
        return [_standing(*row) for row in self._sql.execute(SQL["registers"], asked)]

    def open_askings(self, house_no: int) -> list[Open]:
        return [Open(*row) for row in self._sql.execute(SQL["open-askings"], (house_no,))]

    def asked_in(self, house_no: int, periods_: Iterable[str]) -> set[tuple[int, str]]:
        asked = {"house": house_no, "periods": json.dumps(sorted(periods_))}
        return {(number, period) for number, period in self._sql.execute(SQL["asked-in"], asked)}

    def add_asking(self, account_no: int, window_: Window, now_ms: int) -> int:
        new = (account_no, window_.period, now_ms, window_.closes_ms)
        return int(self._sql.execute(SQL["add-asking"], new).fetchone()[0])

    def end_asking(self, one: Open, outcome: str, now_ms: int) -> None:
        self._sql.execute(SQL["end-asking"], (outcome, now_ms, one.asking_no))
        asked: dict[str, object] = {"now": now_ms, "why": outcome}
        self._sql.execute(SQL["drop-of-asking"], asked | {"asking": one.asking_no})
        of_link = asked | {"account": one.account_no, "period": one.period}
        self._sql.execute(SQL["end-unused-links"], of_link)

    # Sending --------------------------------------------------------------------------------

    def due(self, now_ms: int, limit: int) -> list[Due]:
        rows = self._sql.execute(SQL["due"], {"now": now_ms, "most": limit}).fetchall()
        return [self._due(*row) for row in rows]

    def begin(self, message_no: int, link_no: int, now_ms: int, next_ms: int) -> None:
        asked = {"message": message_no, "link": link_no, "now": now_ms, "next": next_ms}
        self._sql.execute(SQL["begin"], asked)

    def postpone(self, message_no: int, now_ms: int, next_ms: int) -> None:
        asked = {"message": message_no, "now": now_ms, "next": next_ms}
        self._sql.execute(SQL["postpone"], asked)

    def sent(self, message_no: int, now_ms: int) -> None:
        self._sql.execute(SQL["note-sent"], {"message": message_no, "now": now_ms})

    def later(
        self, message_no: int, error: str, now_ms: int, next_ms: int, *, is_known: bool
    ) -> None:
        asked = {
            "message": message_no,
            "error": error,
            "now": now_ms,
            "next": next_ms,
            "known": int(is_known),
        }
        self._sql.execute(SQL["note-later"], asked)

    def over(self, message_no: int, state: str, error: str, now_ms: int) -> None:
        asked = {"message": message_no, "state": state, "error": error, "now": now_ms}
        self._sql.execute(SQL["note-over"], asked)

    def _due(self, *row: Any) -> Due:
        number, kind, tries, unsure, next_ms, until_ms, mail_id = row[:7]
        contact_no, link_no, code_no, channel, address, language, unsubscribed_ms = row[7:14]
        dwelling = Dwelling(*row[15:20])
        contact = contact_of(
            *(contact_no, dwelling.account_no, channel, address, language, unsubscribed_ms)
        )
        link = self.link_by_number(link_no)
        if link is None:
            raise LookupError(f"message {number} has no link")  # a foreign key forbids it
        return Due(
            *(number, kind, tries, unsure, next_ms, until_ms, mail_id, contact),
            is_standing=row[14] is None,
            dwelling=dwelling,
            link=link,
            code=None if code_no is None else self.code_by_number(code_no),
            stop=self.stop_link(contact, 0),
            closes_ms=row[20],
            is_wanted=row[21] is None,
            asking_no=row[22],
            about=row[23],
        )


def _standing(*row: Any) -> Standing:
    installed_ms, initial, automatic_ms, claimed_ms, last_ms, last = row[9:]
    level = None if initial is None else Level(installed_ms, initial)
    # What stood before the meter was hung here is another dwelling's.
    if last_ms is not None and last_ms >= installed_ms:
        level = Level(last_ms, last)
    # As for the closing, what it showed when it was hung there is a reading of ours.
    known_ms = installed_ms if automatic_ms is None else max(automatic_ms, installed_ms)
    return Standing(*(*row[:9], known_ms, claimed_ms, level))
