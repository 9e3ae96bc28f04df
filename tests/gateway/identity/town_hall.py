"""A door without a network: the judgement itself, against a ledger and an authority of its own."""

from pathlib import Path
from typing import NamedTuple

from cloud_sync import enrolment as words
from cloud_sync.certificates import TlsKey
from cloud_sync.enrolment import Enrol, Renew, Rotate
from cloud_sync.invitation import Invitation
from cloud_sync.signing import SigningKey
from gateway.audit import By
from gateway.identity import authority, invitations
from gateway.identity.enrolling import Doorkeeper, Ledger, Terms
from gateway.identity.wired import ledger_of
from gateway.sql.store import SqlStore
from tests.gateway.estate import DAY_MS, GATEWAY_KEY, MIDNIGHT_MS, Estate
from tests.servers.ledgers import open_store

HOUSE = "A"
SOURCE = "192.0.2.7"
OFFICE = By("Orlova", "test")
NOW_MS = MIDNIGHT_MS
OVERLAP_MS = DAY_MS
COLLECTORS = frozenset({"plomba-gateway"})

TERMS = Terms(GATEWAY_KEY.public.public_bytes, "broker.example", 8883, OVERLAP_MS, COLLECTORS)


class Card(NamedTuple):
    """A device before its birth."""

    name: str
    key: SigningKey
    tls: TlsKey

    def enrol(self, invitation: Invitation, **changes: object) -> bytes:
        fields: dict[str, object] = {
            "version": 1,
            "device": self.name,
            "house": invitation.house,
            "signing_key": self.key.public.public_bytes,
            "csr": self.tls.request(self.name),
            "secret": invitation.secret_bytes,
        }
        return words.seal_enrol(Enrol(**(fields | changes)), self.key)  # type: ignore[arg-type]

    def renew(self, tls: TlsKey | None = None) -> bytes:
        csr = (tls or self.tls).request(self.name)
        return words.seal_renew(Renew(1, self.name, csr), self.key)

    def rotate(self, new: SigningKey) -> bytes:
        return words.seal_rotate(Rotate(1, self.name, new.public.public_bytes), self.key, new)


def a_card(name: str = "edge-7", seed: bytes = b"7" * 32) -> Card:
    return Card(name, SigningKey.from_seed(seed), TlsKey.generate())


class TownHall:
    """The gateway's side: `keeper` judges."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.estate = Estate(self.path)
        self.ca = authority.create(folder / "ca", folder / "root.key", "town", NOW_MS - DAY_MS)
        self.ledger, self.keeper = self.another(self.estate.store)

    @property
    def store(self) -> SqlStore:
        return self.estate.store

    def another(self, store: SqlStore | None = None) -> tuple[Ledger, Doorkeeper]:
        """A second process on the same ledger."""
        ledger = ledger_of(store or open_store(self.path, "off"))
        return ledger, Doorkeeper(ledger, self.ca, TERMS)

    def invite(self, *devices: str, house: str = HOUSE, days: int = 14) -> Invitation:
        """One invitation, the last one made."""
        root = self.ca.root
        terms = invitations.Terms(
            "https://gateway.example:8443", root, house, NOW_MS + days * DAY_MS, OFFICE
        )
        with self.store.transaction():
            made = invitations.invite(
                self.ledger.identities, self.ledger.audit, terms, devices or [""], NOW_MS
            )
        return made[-1]

    def state(self) -> list[tuple[object, ...]]:
        """Everything an enrolment may change."""
        tables = ("device", "device_key", "certificate", "enrolment", "certificate_request")
        sql = self.store.database.connection
        return [row for table in tables for row in sql.execute(f"SELECT * FROM {table}")]  # noqa: S608

    def acts(self) -> list[tuple[str, str, str]]:
        """What the audit log says: who did what, with which outcome."""
        return [
            (entry.act.actor, entry.act.act, entry.act.after)
            for entry in self.ledger.audit.entries()
        ]
