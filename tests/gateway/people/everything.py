"""A resident of whom a ledger has everything there is, made by the programs that make it."""

import hashlib
import re
from pathlib import Path

from cloud_sync import topics, visit
from cloud_sync.visit import Install, Level, Visit, When
from drivers.reading import ClockState, Resource, Unit
from gateway.audit import By
from gateway.resident import dispute
from gateway.resident.linking import BillCodes, Linking
from gateway.resident.sending import Fate, SendError
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import Passkey
from gateway.resident.signin_secrets import SignInSecrets, printed
from gateway.sql.disputes import SqlDisputeStore
from gateway.sql.resident_accounts import AccountsLedger
from gateway.sql.visits import SqlOffice
from gateway.visits.keeping import Keeper
from gateway.visits.model import PhotoRow
from gateway.visits.wired import files_of
from tests.gateway.resident.block import PERIOD, Block
from tests.gateway.resident.giver import COLD, NOON, Giver
from tests.gateway.town import DEVICE, DEVICE_KEY, GATEWAY_KEY, HOUSE

# Longer than what chance puts into the hashes and times of a ledger.
ACCOUNT, OTHER = "4011277885566", "40113"
NAME, OLD_MAIL, MAIL, PHONE = (
    "Петрова",
    "anna.p@mail.example",
    "petrova@post.example",
    "+79161234567",
)
SUBJECT, CREDENTIAL = "subject-of-anna-77", b"credential-of-anna-77"
NAMES = (ACCOUNT, NAME, OLD_MAIL, MAIL, PHONE, "p***@post.example", "*** 67", SUBJECT)
"""What names the person, as it was brought; of the subject there was never more than a hash."""
WAYS_IN = (CREDENTIAL, b"public half of anna")
PICTURE = b"a meter in somebody's kitchen"
CLERK = By("Орлова", "test")


class Everything:
    """Two flats; the first one's resident did all that a resident can do."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.block = Block(folder, flats=0)
        self.block.town.targets = ()
        self.giver = Giver(self.block.town)
        self.block.town._write("UPDATE account SET number = ? WHERE number = '40112'", ACCOUNT)
        self.giver.home = self.giver.dwelling(ACCOUNT)
        self.block.now_ms = NOON
        self.database = self.block.town.store.database
        self.reach()
        self.sign_in()
        self.photo_no = self.giver.photo()
        self.given = self.giver.confirm("101.000", self.photo_no)
        self.dispute()
        self.visit()
        self.block.town.close("2026-09", now_ms=NOON + 5 * 86_400_000)

    def reach(self) -> None:
        """A contact, another in its place, a link with code and session, and letters that fail."""
        block = self.block
        block.contacts(f"{ACCOUNT},email,{OLD_MAIL},ru", f"{OTHER},email,next@door.example,ru")
        block.now_ms += 1000
        block.contacts(f"{ACCOUNT},email,{MAIL},ru", f"{ACCOUNT},sms,{PHONE},ru")
        home = self.giver.home
        for contact in block.ledger.contacts(home.account_no):
            with block.town.store.transaction():
                token = block.links.make(
                    home.account_no, PERIOD, NOON + 86_400_000, contact.contact_no
                ).token
            block.box.fails = [SendError(Fate.LATER, f"550 <{contact.address}> is not known here")]
            block.links.send_code(token)
            block.send()
            block.now_ms += 120_000
            (letter,) = block.send()
            code = re.search(r"\b\d{6}\b", letter.text)
            assert code is not None
            block.links.try_code(token, code[0])

    def sign_in(self) -> None:
        """An account elsewhere, linked by the code on a bill, and a phone."""
        ledger, key = AccountsLedger(self.database), SignInSecrets.of(GATEWAY_KEY)
        signins = SignIns(ledger, key, self.block.clock)
        with self.block.town.store.transaction():
            codes = BillCodes(ledger, key)
            code = codes.code_of(self.giver.home, PERIOD, self.block.now_ms).code
        secret = signins.by_account("bank", "https://bank.example", SUBJECT)
        Linking(ledger, key, signins, self.block.clock).link(secret, ACCOUNT, printed(code))
        identity_no = signins.required(secret).identity_no
        with self.block.town.store.transaction():
            ledger.add_passkey(Passkey(0, identity_no, *WAYS_IN, 0, NOON, None))

    def dispute(self) -> None:
        """Opened with a name, answered with an address."""
        store, now_ms = SqlDisputeStore(self.database), NOON + 1000
        said = f"Это {NAME}, позвоните {PHONE}"
        new = dispute.New(self.giver.home.account_no, dispute.Kind.NO_METER, "", said)
        found = dispute.open_dispute(store, new, now_ms, lambda size: bytes(range(size)))
        dispute.answer(store, found.number, CLERK, f"ответили на {MAIL}", now_ms + 1)

    def visit(self) -> None:
        """A record that waits, which an installer wrote a name into, with its photo."""
        at = When(NOON, ClockState.SYNCHRONISED, b"bootboot")
        sha256 = hashlib.sha256(PICTURE).digest()
        level = Level("8-0:1.0.0", 1_500, -3, Unit.M3, 8)
        event = Install(
            serial="W1000009", profile="pulse", model="Pulse", resource=Resource.COLD_WATER,
            line="mbus", address="17", point="P-C", place=f"кухня, {NAME}", levels=(level,),
            dial=(), at=at, seal="", photos=(sha256,), asked=1, answered=1, slowest_ms=80,
            remark="",
        )  # fmt: skip
        record = Visit(
            version=1, device=DEVICE, number=1, kind="commissioning", house=HOUSE,
            installer="Сидоренко", started=at, ended=at, software="test", checks=(),
            events=(event,), remarks="",
        )  # fmt: skip
        office = SqlOffice(self.block.town.store)
        body = DEVICE_KEY.seal(visit.encode(record), topics.visit_topic(DEVICE))
        Keeper(office, GATEWAY_KEY).take(body, "127.0.0.1", NOON + 1000)
        row = office.visits.visit(DEVICE, 1)
        assert row is not None
        name = f"aa/{sha256.hex()}.jpg"
        files_of(self.block.town.folder).keep(name, PICTURE)
        with self.block.town.store.transaction():
            office.visits.add_photo(row.visit_no, PhotoRow(sha256, sha256, name, NOON, b""))

    @property
    def serial(self) -> str:
        """The meter of the reading that was given."""
        return COLD
