"""Whatever goes by itself when its time is over leaves an entry that counts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit import GATEWAY, RETENTION, Act, check
from gateway.people.retention import DAY_MS, TERMS, Kept, apply
from gateway.resident.linking import Linking, LinkingError
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import Passkey
from gateway.resident.signin_secrets import SignInSecrets
from gateway.sql.audit import SqlAudit
from gateway.sql.people import PeopleLedger, overwriting
from gateway.sql.resident_accounts import AccountsLedger
from gateway.sql.store import SqlStore
from tests.gateway.resident.block import Block
from tests.gateway.resident.signing import bill_code
from tests.gateway.town import GATEWAY_KEY


@pytest.fixture
def block(tmp_path: Path) -> Iterator[Block]:
    block = Block(tmp_path)
    yield block
    block.town.store.close()


def newest(store: SqlStore) -> Act:
    log = SqlAudit(store.database.connection)
    check(log.entries())
    return log.newest(1)[0].act


def test_browsers_that_signed_in_and_their_tries_go_with_an_entry(block: Block) -> None:
    """Nothing else of a resident's is old enough, and no link goes with them."""
    ledger, key = AccountsLedger(block.town.store.database), SignInSecrets.of(GATEWAY_KEY)
    signins = SignIns(ledger, key, block.clock)
    secret = signins.by_account("bank", "https://bank.example", "ivan")
    with pytest.raises(LinkingError):
        Linking(ledger, key, signins, block.clock).link(secret, "4011", bill_code(block, 2))
    days = next(one.days for one in TERMS if one.kept is Kept.RESIDENTS)
    with block.town.store.transaction():
        ledger.add_passkey(Passkey(0, 1, b"id", b"key", 0, block.now_ms, None))
    with overwriting(block.town.store.database):
        now_ms = block.now_ms + (days + 2) * DAY_MS
        counts = apply(PeopleLedger(block.town.store.database), now_ms)
    assert block.rows("SELECT 1 FROM resident_signin") == []
    # A browser, a try, a phone that opens nothing, and the identity nothing belongs to.
    assert counts[Kept.RESIDENTS] == 4
    told = newest(block.town.store)
    assert told[1:4] == (*GATEWAY, RETENTION)
    assert "4 links and messages to residents" in told.after


def test_an_address_that_another_took_the_place_of_goes_and_the_one_that_stands_stays(
    block: Block,
) -> None:
    block.contacts("4011,email,old@mail.example,ru")
    block.now_ms += 1000
    block.contacts("4011,email,new@mail.example,ru")
    days = next(one.days for one in TERMS if one.kept is Kept.RESIDENTS)
    with overwriting(block.town.store.database):
        apply(PeopleLedger(block.town.store.database), block.now_ms + (days + 1) * DAY_MS)
    addresses = [row[0] for row in block.rows("SELECT address FROM contact ORDER BY contact_no")]
    assert addresses == ["expired", "new@mail.example"]
    assert "1 links and messages to residents" in newest(block.town.store).after
