"""Contacts from a file: all of it or nothing, and whoever wants no letters stays so."""

import pytest

from gateway.csv_lines import RegistryError
from gateway.resident import contacts
from gateway.resident.contacts import COLUMNS
from gateway.resident.signin import SignIns
from gateway.resident.signin_ports import PASSKEY, LinkedBy, Passkey
from gateway.resident.signin_secrets import SignInSecrets
from gateway.sql.resident_accounts import AccountsLedger
from tests.gateway.resident.block import Block

pytestmark = pytest.mark.both_engines


def standing(block: Block) -> list[tuple[object, ...]]:
    return block.rows(
        "SELECT account_no, channel, address, language FROM contact WHERE until_ms IS NULL"
        " ORDER BY account_no, channel"
    )


def problems(block: Block, *lines: str, header: str = ",".join(COLUMNS)) -> str:
    data = "\n".join([header, *lines]).encode()
    with pytest.raises(RegistryError) as refused, block.town.store.transaction():
        contacts.import_csv(block.people, data, block.now_ms)
    return str(refused.value)


def test_contacts_are_entered_and_a_new_address_ends_the_one_before(block: Block) -> None:
    assert block.contacts(
        "4011,email,ivan@mail.example,ru",
        "4011,sms,+7 (900) 123-45-67,ru",
        "4012,SMS,+15005550006,EN",
    ) == {"new": 3, "changed": 0, "same": 0}
    first, second = block.account_no(1), block.account_no(2)
    assert standing(block) == [
        (first, "email", "ivan@mail.example", "ru"),
        (first, "sms", "+79001234567", "ru"),
        (second, "sms", "+15005550006", "en"),
    ]
    block.now_ms += 1000
    assert block.contacts(
        "4011,email,olga@mail.example,ru", "4011,sms,+79001234567,en", "4012,sms,+15005550006,en"
    ) == {"new": 0, "changed": 2, "same": 1}
    assert standing(block)[:2] == [
        (first, "email", "olga@mail.example", "ru"),
        (first, "sms", "+79001234567", "en"),
    ]
    assert len(block.rows("SELECT 1 FROM contact")) == 4, "what was stays, dated"
    assert block.contacts("4011,email,ivan@mail.example,ru") == {"new": 0, "changed": 1, "same": 0}


def phone_of(block: Block, provider: str, via: LinkedBy) -> str:
    """Somebody with a remembered phone who linked flat 1; the secret of their browser."""
    ledger = AccountsLedger(block.town.store.database)
    signins = SignIns(ledger, SignInSecrets(bytes(32)), block.clock)
    mac, at = provider.encode().ljust(32, b"."), block.now_ms
    with block.town.store.transaction():
        number = ledger.add_identity(provider, mac, at)
        ledger.add_linked(number, block.account_no(1), via, at)
        ledger.add_passkey(Passkey(0, number, mac, b"key", 0, at, None))
    (kept,) = ledger.passkeys(number)
    return signins.by_passkey(kept, 1)


def test_another_address_ends_the_phones_that_the_one_before_let_in(block: Block) -> None:
    block.contact(1)
    signins = SignIns(
        AccountsLedger(block.town.store.database), SignInSecrets(bytes(32)), block.clock
    )
    tenant = phone_of(block, PASSKEY, LinkedBy.LINK)
    by_bill = phone_of(block, "bank", LinkedBy.BILL)
    assert signins.home(tenant) is not None
    block.contacts("4012,email,somebody@mail.example,ru", "4011,email,flat1@mail.example,en")
    assert signins.home(tenant) is not None, "the same address in another language"
    block.contacts("4011,email,next@mail.example,ru")
    assert signins.home(tenant) is None
    assert signins.home(by_bill) is not None
    assert block.rows("SELECT credential_id FROM resident_passkey") == [(b"bank".ljust(32, b"."),)]
    assert block.rows("SELECT via FROM resident_linked WHERE ended_ms IS NULL") == [("bill",)]


def test_a_day_may_be_given(block: Block) -> None:
    header = ",".join([*COLUMNS, "since"])
    data = f"{header}\n4011,email,a@b.example,ru,2026-09-01\n4012,email,c@d.example,ru,\n".encode()
    with block.town.store.transaction():
        contacts.import_csv(block.people, data, block.now_ms)
    assert block.rows("SELECT since_ms FROM contact ORDER BY contact_no") == [
        (1_788_210_000_000,),
        (block.now_ms,),
    ]
    assert problems(block, "4011,email,a@b.example,ru,2026-09-21", header=header) == (
        "line 2, column since: expected a day until today, 2026-09-20, got 2026-09-21"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("4011,email,ivan,ru", "expected an e-mail address like name@mail.example, got 'ivan'"),
        ("4011,email,a@b@c.example,ru", "column address"),
        ("4011,email,a..b@c.example,ru", "column address"),
        ('4011,email,"a@b.example\rBcc: x@y.example",ru', ""),
        ("4011,email,a@почта.рф,ru", "column address"),
        ("4011,email," + "a" * 250 + "@b.example,ru", "column address"),
        ("4011,sms,89001234567,ru", "column address: expected a phone number with its country"),
        ("4011,sms,+7900,ru", "column address"),
        ("4011,fax,1,ru", "column channel: expected email or sms, got 'fax'"),
        ("4011,email,a@b.example,de", "column language: expected ru or en, got 'de'"),
        ("999,email,a@b.example,ru", "expected an account of the registry, got '999'"),
        ("4011,email,a@b.example", "expected one field per column"),
    ],
)  # fmt: skip
def test_each_bad_line_is_one_message_and_nothing_is_entered(
    block: Block, line: str, said: str
) -> None:
    told = problems(block, "4012,email,good@mail.example,ru", line)
    assert said in told
    assert told.startswith("line 3") or said == ""
    assert "\n" not in told
    assert standing(block) == []


def test_one_account_and_channel_stands_in_one_line(block: Block) -> None:
    told = problems(block, "4011,sms,+79001234567,ru", "4011,sms,+79001234568,ru")
    assert told == (
        "line 3, column channel: expected one line for an account and channel,"
        " got the one of line 2 again"
    )
