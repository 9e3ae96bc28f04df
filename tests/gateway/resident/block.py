"""A block of flats whose residents are asked: a town, a clock turned by hand, real links."""

import asyncio
from pathlib import Path
from random import Random

from gateway.audit import check
from gateway.contract_csv import ContractRow
from gateway.contracts import Contract, Cutoff
from gateway.handoff.pump import directly
from gateway.resident import contacts
from gateway.resident.asking import Asker, Rules, Swept
from gateway.resident.links import Links
from gateway.resident.model import Channel
from gateway.resident.secrets import Secrets
from gateway.resident.sending import Place, Postman, Sender, SendError
from gateway.resident.sending_texts import Letter
from gateway.resident.sessions import Sessions
from gateway.sql.audit import SqlAudit
from gateway.sql.contracts import ContractLedger
from gateway.sql.resident_asking import AskingLedger
from gateway.sql.resident_contacts import ContactsLedger
from tests.gateway.town import GATEWAY_KEY, HOUSE, Town, local

PUBLIC = "https://meters.example"
# The window of every test: 20 to 25 September, opened at midnight of the house.
OPENS_MS, CLOSES_MS = local(9, 20), local(9, 26)
NOON_MS = local(9, 20, 12)
PERIOD = "2026-09"


class Box:
    """A `Sender` that keeps what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.fails: list[SendError] = []

    def send(self, letter: Letter) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.letters.append(letter)


class Block:
    """Flats 1 to `flats`, each with an electricity meter, and one contact for each odd one."""

    def __init__(self, folder: Path, flats: int = 2, rules: Rules | None = None) -> None:
        self.town = Town(folder)
        self.now_ms = NOON_MS
        self.box = Box()
        for flat in range(1, flats + 1):
            self.town.install(f"A{flat}", self.town.point(f"P{flat}", str(flat)))
        database = self.town.store.database
        with database.transaction() as connection:
            window = Contract("2026-01", 20, 25, next_month=False, cutoff=Cutoff.READING)
            ContractLedger(connection).set_contracts([ContractRow(HOUSE, "", window)])
        self.ledger = AskingLedger(database)
        self.people = ContactsLedger(database)
        self.key = Secrets.of(GATEWAY_KEY)
        self.rules = rules or Rules()
        self.links = Links(self.ledger, self.key, self.clock)
        self.sessions = Sessions(self.ledger)
        self.asker = Asker(self.ledger, self.links, self.rules, self.clock)
        self.postman = self.a_postman()

    def a_postman(self, sender: Sender | None = None) -> Postman:
        """One that knows nothing of what another one began, as after a restart."""
        return Postman(
            self.ledger,
            self.links,
            self.key,
            dict.fromkeys(Channel, sender or self.box),
            place=Place(PUBLIC, "УК Лесная"),
            quiet=self.rules.quiet,
            clock=self.clock,
            random=Random(7),
            call=directly,
        )

    def clock(self) -> int:
        return self.now_ms

    def contact(self, flat: int, channel: str = "email", language: str = "ru") -> None:
        address = f"flat{flat}@mail.example" if channel == "email" else f"+7900123450{flat}"
        self.contacts(f"{account(flat)},{channel},{address},{language}")

    def contacts(self, *lines: str) -> dict[str, int]:
        data = "\n".join(["account,channel,address,language", *lines]).encode()
        with self.town.store.transaction():
            return contacts.import_csv(self.people, data, self.now_ms)

    def read(self, flat: int, at_ms: int, mantissa: int = 12_000) -> None:
        """The automatic reading of a flat arrives."""
        self.town.read(f"A{flat}", at_ms, mantissa)
        self.town.now_ms = max(self.town.now_ms, at_ms)
        self.town.send()

    def sweep(self) -> Swept:
        return self.asker.sweep()

    def send(self) -> list[Letter]:
        """Send what is due; the letters that went."""
        before = len(self.box.letters)
        asyncio.run(self.postman.once())
        return self.box.letters[before:]

    def rows(self, query: str, *asked: object) -> list[tuple[object, ...]]:
        return list(self.town.store.database.connection.execute(query, asked).fetchall())

    def states(self) -> list[tuple[object, ...]]:
        query = "SELECT kind, state FROM resident_message ORDER BY message_no"
        return self.rows(query)

    def acts(self) -> list[str]:
        """The acts in the audit log, whose chain holds."""
        entries = list(SqlAudit(self.town.store.database.connection).entries())
        check(entries)
        return [entry.act.act for entry in entries]

    def paper_link(self, flat: int = 1) -> str:
        with self.town.store.transaction():
            return self.links.make(self.account_no(flat), PERIOD, CLOSES_MS, None).token

    def mail_link(self, flat: int = 1) -> str:
        (contact,) = self.ledger.contacts(self.account_no(flat))
        with self.town.store.transaction():
            return self.links.make(
                self.account_no(flat), PERIOD, CLOSES_MS, contact.contact_no
            ).token

    def account_no(self, flat: int) -> int:
        found = self.ledger.by_number(account(flat))
        assert found is not None
        return found.account_no

    def code(self, token: str) -> str:
        """Have a code sent, and read it in the letter."""
        self.links.send_code(token)
        (letter,) = self.send()
        return next(word for word in letter.text.split() if word.isdigit())


def account(flat: int) -> str:
    return f"401{flat}"


def token_in(letter: Letter) -> str:
    """The token of the link in a letter."""
    marked = letter.text.partition(f"{PUBLIC}/l/")[2]
    return marked.split()[0]
