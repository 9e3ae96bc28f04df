"""Who is asked: dwellings whose meters are silent in the window, once, until they speak again."""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drivers.reading import Resource
from gateway.claims.model import Claim, ClaimSource, enter
from gateway.contracts import Calendar
from gateway.model import Level
from gateway.resident.asking import Rules, offers, window_of
from gateway.resident.links import DAY_MS, LinkError
from gateway.resident.model import Channel, ResidentError
from gateway.sql.claims import SqlClaimStore
from tests.gateway.resident.block import (
    CLOSES_MS,
    NOON_MS,
    OPENS_MS,
    PERIOD,
    Block,
    account,
    token_in,
)
from tests.gateway.town import HOUR_MS, SINCE_MS, local

pytestmark = pytest.mark.both_engines


def outcomes(block: Block) -> list[tuple[object, ...]]:
    return block.rows("SELECT account_no, outcome FROM asking ORDER BY account_no")


def give(block: Block, flat: int, value: str) -> None:
    claim = Claim(
        ClaimSource.RESIDENT, f"A{flat}", "1-0:1.8.0", block.now_ms, Decimal(value),
        f"r{block.now_ms}", "resident", block.now_ms,
    )  # fmt: skip
    entered = enter(SqlClaimStore(block.town.store.database), [claim], block.now_ms)
    assert not entered.refused


def test_nobody_is_asked_before_the_window_opens(block: Block) -> None:
    block.now_ms = OPENS_MS - 1
    assert block.sweep().asked == 0
    block.now_ms = OPENS_MS
    assert block.sweep().asked == 2


def test_only_dwellings_without_a_fresh_automatic_reading_are_asked(block: Block) -> None:
    block.read(2, NOON_MS - 2 * DAY_MS)
    swept = block.sweep()
    assert swept.asked == 1
    assert outcomes(block) == [(block.account_no(1), None)]
    assert block.acts() == ["residents asked"]


def test_a_dwelling_is_asked_once_for_a_period(block: Block) -> None:
    block.contact(1)
    first = block.sweep()
    assert (first.asked, first.messages) == (2, 3), "a letter and two reminders"
    for _ in range(3):
        block.now_ms += HOUR_MS
        assert block.sweep() == (0, 0, 0, False)


def test_an_automatic_reading_brings_silence_and_ends_the_link(block: Block) -> None:
    block.contact(1)
    block.sweep()
    (letter,) = block.send()
    block.read(1, NOON_MS + HOUR_MS)
    block.now_ms += 2 * HOUR_MS
    assert block.sweep().ended == 1
    assert outcomes(block)[0][1] == "silent"
    assert block.states() == [("ask", "sent"), ("reminder", "dropped"), ("reminder", "dropped")]
    with pytest.raises(LinkError, match="ended"):
        block.links.enter(token_in(letter))
    block.now_ms = CLOSES_MS - HOUR_MS
    assert block.sweep().asked == 0, "what came lies in the window and closes the period"


def test_a_reading_given_by_the_resident_brings_silence(block: Block) -> None:
    block.contact(1)
    block.sweep()
    (letter,) = block.send()
    token = token_in(letter)
    secret = block.links.try_code(token, block.code(token))
    give(block, 1, "123.45")
    block.now_ms += HOUR_MS // 12
    assert block.sweep().ended == 1
    assert outcomes(block)[0][1] == "given"
    assert ("reminder", "waiting") not in block.states()
    assert block.links.enter(token, secret), "the page stays open for the receipt"


def test_a_figure_for_the_month_before_does_not_answer_for_this_one(block: Block) -> None:
    block.now_ms = OPENS_MS - DAY_MS
    give(block, 1, "111")
    block.now_ms = NOON_MS
    assert block.sweep().asked == 2


def test_asking_ends_with_the_window(block: Block) -> None:
    block.sweep()
    block.now_ms = CLOSES_MS
    assert block.sweep().ended == 2
    assert [one for _, one in outcomes(block)] == ["over", "over"]


def test_a_contact_that_comes_later_is_written_to_then(block: Block) -> None:
    assert block.sweep().messages == 0
    block.contact(2, "sms", "en")
    block.now_ms += DAY_MS
    assert block.sweep().messages == 3
    (letter,) = block.send()
    assert letter.address == "+79001234502"
    assert letter.text.startswith("Please send your meter reading by 2026-09-25: https://")


def test_an_address_put_right_is_written_to_within_the_window(block: Block) -> None:
    block.contact(1)
    block.sweep()
    assert len(block.send()) == 1
    block.contacts(f"{account(1)},email,right@mail.example,ru")
    for expected in (["right@mail.example"], []):
        block.now_ms += HOUR_MS
        block.sweep()
        assert [letter.address for letter in block.send()] == expected


def test_where_no_letter_arrives_the_phone_is_written_to(block: Block) -> None:
    block.contact(1)
    block.contact(1, "sms")
    block.sweep()
    (letter,) = block.send()
    (mail, _) = block.people.contacts(block.account_no(1))
    with block.town.store.transaction():
        block.people.end_contact(mail.contact_no, block.now_ms)
    block.sweep()
    (text,) = block.send()
    assert (letter.address, text.address) == ("flat1@mail.example", "+79001234501")
    block.sweep()
    assert block.send() == []


def test_a_channel_that_is_not_configured_is_not_written_to(tmp_path: Path) -> None:
    block = Block(tmp_path, 1, Rules(channels=frozenset({Channel.SMS})))
    block.contact(1)
    assert block.sweep().messages == 0
    block.contact(1, "sms")
    assert block.sweep().messages > 0
    block.town.store.close()


def test_reminders_go_three_days_and_one_day_before_the_end(block: Block) -> None:
    block.contact(1)
    block.sweep()
    block.send()
    went = []
    while block.now_ms < CLOSES_MS:
        block.now_ms += HOUR_MS
        block.sweep()
        went += [(block.now_ms, letter.subject) for letter in block.send()]
    assert [at for at, _ in went] == [local(9, 23, 9), local(9, 25, 9)], "after the quiet hours"
    assert {subject for _, subject in went} == {"Напоминание о показаниях: Лесная 5, кв. 1"}


def test_letters_wait_for_the_morning_of_the_house(block: Block) -> None:
    block.contact(1)
    block.now_ms = local(9, 20, 21)
    block.sweep()
    assert block.send() == []
    block.now_ms = local(9, 21, 9) - 1
    assert block.send() == []
    block.now_ms += 1
    assert len(block.send()) == 1


def test_without_a_contract_the_month_ends_with_a_week_of_asking() -> None:
    found = window_of(Calendar(ZoneInfo("Europe/Moscow")), Resource.HEAT, local(9, 10), Rules())
    assert found == (PERIOD, local(9, 24), local(10, 1))


def test_a_closed_period_is_not_asked_for(block: Block) -> None:
    for flat in (1, 2):
        block.read(flat, local(10, 1))
    block.town.close(PERIOD)
    block.now_ms = local(9, 25)
    assert block.sweep().asked == 0


def test_every_register_is_offered_and_those_that_are_wanted_are_marked(block: Block) -> None:
    block.town.install("B1", block.town.point("Q1", "1", "cold-water"))
    block.read(1, NOON_MS - DAY_MS, 12_345)
    dwelling = block.ledger.dwelling(block.account_no(1))
    found = offers(block.ledger, dwelling, block.now_ms, block.rules)
    assert [(one.asked.serial, one.is_wanted) for one in found] == [("A1", False), ("B1", True)]
    power, water = (one.asked for one in found)
    assert power.last == Level(NOON_MS - DAY_MS, 12_345)
    assert water.last == Level(SINCE_MS, 10_000)
    assert (water.resource, water.digits, water.period) == ("cold-water", 8, PERIOD)
    assert water.closes_ms == CLOSES_MS


def test_a_house_that_is_not_there_is_said(block: Block) -> None:
    with pytest.raises(ResidentError, match="no house is called 'Нет'"):
        block.asker.sweep("Нет")


def test_a_link_that_was_used_gives_way_to_a_new_one_in_the_reminder(block: Block) -> None:
    block.contact(1)
    block.sweep()
    (letter,) = block.send()
    block.links.try_code(token_in(letter), block.code(token_in(letter)))
    block.now_ms = local(9, 23, 9)
    (reminder,) = block.send()
    assert token_in(reminder) != token_in(letter)
    assert block.links.enter(token_in(reminder)).needs_code


def test_whoever_unsubscribed_is_not_written_to(block: Block) -> None:
    block.contact(1)
    block.sweep()
    (letter,) = block.send()
    token = letter.stop_url.rpartition("/u/")[2]
    for _ in range(2):
        assert block.links.stop(token).masked == "f***@mail.example"
    assert ("reminder", "waiting") not in block.states()
    assert block.acts().count("resident unsubscribed") == 1
    assert block.contacts(f"{account(1)},email,flat1@mail.example,ru")["same"] == 1
    block.now_ms = local(10, 20, 12)
    block.sweep()
    assert block.send() == []
    with pytest.raises(LinkError, match="unknown"):
        block.links.enter(token)
