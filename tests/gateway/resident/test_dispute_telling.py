"""A resident is told of a dispute: by their contact, by day, and only if they want to be."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from gateway.audit import By
from gateway.resident.asking import Rules
from gateway.resident.dispute import Dispute, DisputeError, Kind, New, answer, open_dispute, take
from gateway.resident.dispute_telling import LINK_LIFE_MS, Teller
from gateway.resident.links import HOUR_MS
from gateway.resident.model import Channel
from gateway.resident.sending import Fate, SendError
from gateway.sql.disputes import SqlDisputeStore
from tests.gateway.resident.block import CLOSES_MS, PUBLIC, Block, account, token_in
from tests.gateway.town import GATEWAY_KEY, local
from tests.servers import ledgers

CLERK = By("Орлова", "test")
_numbers = count(1)


@pytest.fixture
def block(tmp_path: Path) -> Iterator[Block]:
    block = Block(tmp_path)
    yield block
    block.town.store.close()


def store(block: Block) -> SqlDisputeStore:
    return SqlDisputeStore(block.town.store.database)


def opened(block: Block, flat: int = 1) -> Dispute:
    new = New(block.account_no(flat), Kind.WRONG_METER, f"A{flat}", "Не мой счётчик")
    draw = (next(_numbers) * 0x123456789).to_bytes(7, "big")
    return open_dispute(store(block), new, block.now_ms, lambda _: draw)


def teller(block: Block, rules: Rules | None = None) -> Teller:
    return Teller(block.ledger, block.links, rules or block.rules, block.clock)


def taken(block: Block, made: Dispute) -> Dispute:
    return take(store(block), made.number, CLERK, block.now_ms, tell=teller(block).tell)


def answered(block: Block, made: Dispute) -> Dispute:
    said = (store(block), made.number, CLERK, "Счётчик переписан", block.now_ms)
    return answer(*said, tell=teller(block).tell)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("channel", "language", "said"),
    [
        ("email", "ru", ("взято в работу", "дан ответ")),
        ("email", "en", ("looking into your dispute", "is answered")),
        ("sms", "ru", ("в работе", "Ответ на обращение")),
        ("sms", "en", ("looked into", "is answered")),
    ],
)
def test_it_is_told_that_somebody_has_it_and_that_it_is_answered(
    block: Block, channel: str, language: str, said: tuple[str, str]
) -> None:
    block.contact(1, channel, language)
    made = opened(block)
    taken(block, made)
    answered(block, made)
    letters = block.send()
    for letter, words in zip(letters, said, strict=True):
        assert words in letter.text
        assert made.number in letter.text
        assert "Счётчик переписан" not in letter.text
        assert "Счётчик переписан" not in letter.subject
        if channel == "email":
            assert letter.stop_url in letter.text
        entry = block.links.enter(token_in(letter))
        assert entry.needs_code
    assert block.states() == [("taken", "sent"), ("answered", "sent")]


def test_at_night_it_waits_for_the_morning(block: Block) -> None:
    block.contact(1)
    block.now_ms = local(9, 20, 23)
    answered(block, opened(block))
    assert block.send() == []
    block.now_ms = local(9, 21, 9)
    assert len(block.send()) == 1


def test_who_wants_no_letters_gets_none_also_of_those_that_wait(block: Block) -> None:
    block.contact(1)
    block.now_ms = local(9, 20, 23)
    made = opened(block)
    taken(block, made)
    (contact,) = block.ledger.contacts(block.account_no(1))
    with block.town.store.transaction():
        block.ledger.unsubscribe(contact.contact_no, block.now_ms)
    block.now_ms = local(9, 21, 12)
    answered(block, made)
    assert block.send() == []
    assert block.states() == [("taken", "dropped")]


def test_who_has_no_contact_or_no_way_is_not_written_to(block: Block) -> None:
    made = opened(block, 2)
    taken(block, made)
    block.contact(1)
    nothing = Rules(channels=frozenset({Channel.SMS}))
    take(store(block), opened(block).number, CLERK, 1, tell=teller(block, nothing).tell)
    assert block.states() == []


def test_what_was_refused_is_not_told(block: Block) -> None:
    block.contact(1)
    made = opened(block)
    answered(block, made)
    with pytest.raises(DisputeError, match="answered already"):
        answered(block, made)
    assert len(block.states()) == 1


def test_killed_while_telling_nothing_was_answered(block: Block) -> None:
    block.contact(1)
    made = opened(block)

    def dies(dispute: Dispute) -> None:
        teller(block).tell(dispute)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(store(block), made.number, CLERK, "Да", block.now_ms, tell=dies)
    found = store(block).disputes.by_number(made.number)
    assert found is not None
    assert found.is_open
    assert block.states() == []


def test_the_link_outlives_the_window_and_its_asking(block: Block) -> None:
    block.contact(1)
    block.sweep()
    answered(block, opened(block))
    tokens = [token_in(letter) for letter in block.send()]
    block.now_ms = CLOSES_MS + HOUR_MS
    block.sweep()
    assert block.links.enter(tokens[-1]).needs_code
    assert CLOSES_MS - local(9, 20) < LINK_LIFE_MS


def refused(of_address: bool) -> SendError:
    return SendError(
        Fate.NEVER, "the address refused with 550: no such user", of_address=of_address
    )


@pytest.mark.both_engines
def test_what_no_mail_server_takes_goes_to_the_phone(block: Block) -> None:
    block.contact(1)
    block.contact(1, "sms")
    block.sweep()
    block.box.fails = [refused(of_address=True)]
    assert block.send() == []
    (letter,) = block.send()
    assert letter.address == "+79001234501"
    token = token_in(letter)
    assert block.links.enter(token).masked == "*** 01"
    block.links.send_code(token)
    (code,) = block.send()
    assert code.address == "+79001234501", "and so does the code"
    (trouble,) = block.people.status(None).troubles
    assert (trouble.account, trouble.kind) == (account(1), "ask")
    assert "550" in trouble.error
    block.read(1, block.now_ms, 12_000)
    block.sweep()
    assert ("reminder", "waiting") not in block.states()


def test_a_code_for_a_dead_mailbox_comes_by_text(block: Block) -> None:
    block.contact(1)
    block.contact(1, "sms")
    token = mail_link(block)
    block.links.send_code(token)
    block.box.fails = [refused(of_address=True)]
    assert block.send() == []
    (letter,) = block.send()
    code = next(word.strip(".") for word in letter.text.split() if word.strip(".").isdecimal())
    assert block.links.try_code(token, code)


def mail_link(block: Block) -> str:
    contact = block.ledger.contacts(block.account_no(1))[0]
    with block.town.store.transaction():
        return block.links.make(contact.account_no, "2026-09", CLOSES_MS, contact.contact_no).token


def test_what_is_ours_to_mend_or_will_pass_goes_to_no_phone(block: Block) -> None:
    block.contact(1)
    block.contact(1, "sms")
    answered(block, opened(block))
    block.box.fails = [SendError(Fate.LATER, "421: later", of_address=True)]
    assert block.send() == []
    assert block.states() == [("answered", "waiting")]
    block.now_ms += HOUR_MS
    block.box.fails = [refused(of_address=False)]
    assert block.send() == []
    assert block.send() == []
    assert block.states() == [("answered", "failed")]


def test_who_wants_no_texts_gets_none_instead(block: Block) -> None:
    block.contact(1)
    block.contact(1, "sms")
    phone = block.ledger.contacts(block.account_no(1))[1]
    with block.town.store.transaction():
        block.ledger.unsubscribe(phone.contact_no, block.now_ms)
    answered(block, opened(block))
    block.box.fails = [refused(of_address=True)]
    assert block.send() == []
    assert block.send() == []


def test_a_refused_text_goes_nowhere_else(block: Block) -> None:
    block.contact(1, "sms")
    answered(block, opened(block))
    block.box.fails = [refused(of_address=True)]
    assert block.send() == []
    assert block.send() == []


def test_the_command_has_it_told(block: Block, tmp_path: Path) -> None:
    block.contact(1)
    made = opened(block)
    GATEWAY_KEY.save(tmp_path / "gateway.key")
    toml = tmp_path / "gateway.toml"
    toml.write_text(
        f"""\
data = "."
[resident]
public_url = "{PUBLIC}"
[resident.smtp]
host = "127.0.0.1"
security = "none"
sender = "meters@house.example"
""",
        "utf-8",
    )
    for command in (["take"], ["answer", "--text", "Да"]):
        asked = ["dispute", command[0], made.number, *command[1:], "--by", "Орлова"]
        done = CliRunner().invoke(
            main, [*asked, "--config", str(toml)], env=ledgers.of_data(tmp_path)
        )
        assert done.exit_code == 0, done.output
    assert block.states() == [("taken", "waiting"), ("answered", "waiting")]
