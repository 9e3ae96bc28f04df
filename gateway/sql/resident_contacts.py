"""Contacts of accounts, and how asking stands, in the ledger."""

import json
from collections.abc import Collection
from typing import NamedTuple

from gateway.resident.contacts import ContactLine
from gateway.resident.model import Dwelling
from gateway.sql.resident import SQL, ResidentLedger

# What a screen shows; older periods are told by the audit log.
_PERIODS_MAX = 24
_FAILED_MAX = 20
_END_CONTACT = (
    "end-contact",
    "forget-phones-of-contact",
    "end-signins-of-contact",
    "unlink-contact",
)


class Asking(NamedTuple):
    """A house's period: how many dwellings were asked, and what became of that.

    `on_paper`: of those that are open, how many can only be asked by a notice.
    """

    house: str
    period: str
    asked: int
    open: int
    given: int
    silent: int
    over: int
    on_paper: int


class Trouble(NamedTuple):
    """A message that did not go (yet), and why."""

    account: str
    kind: str
    at_ms: int
    error: str


class Status(NamedTuple):
    """How asking stands. `messages` by kind and state, `contacts` by channel: written to, not."""

    askings: tuple[Asking, ...]
    messages: tuple[tuple[str, str, int], ...]
    contacts: tuple[tuple[str, int, int], ...]
    troubles: tuple[Trouble, ...]


class ContactsLedger(ResidentLedger):
    """`ContactsPort` on one ledger, and what people look at."""

    def by_numbers(self, numbers: Collection[str]) -> dict[str, Dwelling]:
        rows = self._sql.execute(
            "SELECT account_no, number, house.name, dwelling, timezone"
            " FROM account JOIN house USING (house_no)"
            " WHERE number IN (SELECT w.atom FROM json_each(?) w)",
            (json.dumps(sorted(numbers)),),
        )
        return {row[1]: Dwelling(*row) for row in rows}

    def add_contact(self, account_no: int, line: ContactLine, since_ms: int) -> None:
        new = (account_no, line.channel.value, line.address, line.language, since_ms)
        self._sql.execute(SQL["add-contact"], new)

    def end_contact(self, contact_no: int, now_ms: int) -> None:
        for step in _END_CONTACT:
            self._sql.execute(SQL[step], {"contact": contact_no, "now": now_ms})

    def set_language(self, contact_no: int, language: str) -> None:
        self._sql.execute(SQL["set-language"], (language, contact_no))

    def status(self, house: str | None) -> Status:
        """How asking stands in a house or in all."""
        asked = {"house": house}
        askings = self._sql.execute(SQL["status-askings"], asked | {"most": _PERIODS_MAX})
        failed = self._sql.execute(SQL["status-failed"], asked | {"most": _FAILED_MAX})
        return Status(
            tuple(Asking(*row) for row in askings.fetchall()),
            tuple(self._sql.execute(SQL["status-messages"], asked).fetchall()),
            tuple(self._sql.execute(SQL["status-contacts"], asked).fetchall()),
            tuple(Trouble(*row) for row in failed.fetchall()),
        )

    def without_contact(self, house_no: int, period: str) -> list[int]:
        """The accounts that are asked for a period and cannot be written to."""
        asked = {"house": house_no, "period": period}
        return [number for (number,) in self._sql.execute(SQL["without-contact"], asked)]

    def closes_ms(self, account_no: int, period: str) -> int | None:
        """When the window closes for which an account was asked."""
        (found,) = self._sql.execute(SQL["closes"], (account_no, period)).fetchone()
        return None if found is None else int(found)
