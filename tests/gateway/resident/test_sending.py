"""The outbox: each message at least once, seldom twice, and never when it is not wanted."""

import asyncio
import itertools

import pytest

from gateway.resident.links import CODE_LIFE_MS
from gateway.resident.sending import TRIES_MAX, Fate, SendError
from gateway.resident.sending_texts import Letter
from tests.gateway.resident.block import CLOSES_MS, Block, token_in
from tests.gateway.town import HOUR_MS, local

pytestmark = pytest.mark.both_engines
HALF_MINUTE_MS = 30_000


class KilledError(BaseException):
    """The process is gone."""


class Mortal:
    """A `Sender` whose process dies just after the server has taken the letter."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def send(self, letter: Letter) -> None:
        self.block.box.send(letter)
        raise KilledError


@pytest.fixture
def asked(block: Block) -> Block:
    block.contact(1)
    block.sweep()
    return block


def die_after_sending(block: Block) -> None:
    with pytest.raises(KilledError):
        asyncio.run(block.a_postman(Mortal(block)).once())


def states(block: Block) -> object:
    return block.states()[0]


def test_a_letter_goes_once(asked: Block) -> None:
    (letter,) = asked.send()
    assert letter.subject == "Передайте показания: Лесная 5, кв. 1"
    assert "до 25.09.2026 включительно" in letter.text
    assert letter.stop_url in letter.text
    assert "УК Лесная" in letter.text
    asked.now_ms += HOUR_MS
    assert asked.send() == []
    assert asked.links.enter(token_in(letter)).needs_code


def test_killed_between_sending_and_noting_it_goes_twice_under_one_id(asked: Block) -> None:
    die_after_sending(asked)
    assert states(asked) == ("ask", "waiting")
    assert asked.send() == [], "not before its time"
    asked.now_ms += HALF_MINUTE_MS
    (again,) = asked.send()
    first = asked.box.letters[0]
    assert (again.mail_id, again.text) == (first.mail_id, first.text)
    assert states(asked) == ("ask", "sent")


def test_killed_again_and_again_it_goes_no_third_time(asked: Block) -> None:
    for _ in range(2):
        die_after_sending(asked)
        asked.now_ms += 2 * HALF_MINUTE_MS
    asked.now_ms += HOUR_MS
    assert asked.send() == []
    assert len(asked.box.letters) == 2
    assert states(asked) == ("ask", "failed")
    ((said,),) = asked.rows("SELECT last_error FROM resident_message WHERE state = 'failed'")
    assert said == "sent 2 times without an answer: it may have arrived"


def test_a_server_that_is_away_is_asked_again_ever_more_seldom(asked: Block) -> None:
    asked.box.fails = [SendError(Fate.LATER, "451 try later") for _ in range(3)]
    tried = []
    for _ in range(40):
        left = len(asked.box.fails)
        if asked.send() or len(asked.box.fails) < left:
            tried.append(asked.now_ms)
        asked.now_ms += HALF_MINUTE_MS // 2
    waits = [later - before for before, later in itertools.pairwise(tried)]
    assert len(tried) == 4
    assert waits == sorted(waits)
    assert waits[-1] >= 2 * waits[0]
    assert states(asked) == ("ask", "sent")


def test_it_is_given_up_after_eight_tries(asked: Block) -> None:
    asked.box.fails = [SendError(Fate.LATER, "451 try later") for _ in range(TRIES_MAX + 5)]
    for _ in range(24):
        asked.send()
        asked.now_ms += 2 * HOUR_MS
    assert states(asked) == ("ask", "failed")
    assert asked.rows("SELECT tries FROM resident_message WHERE kind = 'ask'") == [(TRIES_MAX,)]


def test_a_refusal_for_good_is_not_repeated(asked: Block) -> None:
    asked.box.fails = [SendError(Fate.NEVER, "550 no such mailbox")]
    asked.send()
    asked.now_ms += HOUR_MS
    assert asked.send() == []
    assert states(asked) == ("ask", "failed")
    (trouble,) = asked.people.status(None).troubles
    assert (trouble.kind, trouble.error) == ("ask", "550 no such mailbox")


def test_nobody_knows_twice_and_it_is_given_up(asked: Block) -> None:
    asked.box.fails = [SendError(Fate.UNSURE, "timed out") for _ in range(9)]
    for _ in range(4):
        asked.send()
        asked.now_ms += HOUR_MS
    assert len(asked.box.fails) == 7
    assert states(asked) == ("ask", "failed")


def test_a_code_goes_at_night_and_not_after_its_time(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    block.now_ms = local(9, 20, 3)
    assert len(block.code(token)) == 6
    block.links.send_code(token)
    block.now_ms += CODE_LIFE_MS
    assert block.send() == []
    assert block.states() == [("code", "sent"), ("code", "dropped")]


def test_a_letter_whose_window_closed_meanwhile_is_not_sent(asked: Block) -> None:
    asked.now_ms = CLOSES_MS + 12 * HOUR_MS
    assert asked.send() == []
    assert {state for _, state in asked.states()} == {"dropped"}


def test_a_contact_that_was_replaced_gets_nothing(asked: Block) -> None:
    asked.contacts("4011,email,other@mail.example,en")
    assert asked.send() == []
    assert states(asked) == ("ask", "dropped")
