"""Codes are not guessed, not sent without end, and known to nobody who reads the ledger."""

import pytest

from gateway.resident.links import (
    ALL_CODES_AN_HOUR_MAX,
    CODE_LIFE_MS,
    CODE_TRIES_MAX,
    CODES_A_DAY_MAX,
    CODES_AN_HOUR_MAX,
    DAY_MS,
    HOUR_MS,
    CodeError,
    Not,
)
from tests.gateway.resident.block import Block

pytestmark = pytest.mark.both_engines


def kind(block: Block, token: str, code: str) -> Not:
    with pytest.raises(CodeError) as refused:
        block.links.try_code(token, code)
    return refused.value.kind


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


@pytest.fixture
def token(block: Block) -> str:
    block.contact(1)
    return block.mail_link()


def test_five_wrong_tries_end_a_code_and_the_right_one_with_it(block: Block, token: str) -> None:
    code = block.code(token)
    for _ in range(CODE_TRIES_MAX - 1):
        assert kind(block, token, wrong(code)) is Not.WRONG
    assert kind(block, token, wrong(code)) is Not.OVER
    assert kind(block, token, code) is Not.OVER
    assert block.acts()[-1] == "resident code ended"


def test_a_code_is_over_after_ten_minutes(block: Block, token: str) -> None:
    code = block.code(token)
    block.now_ms += CODE_LIFE_MS
    assert kind(block, token, code) is Not.OVER


def test_a_code_works_once_and_for_its_own_link_only(block: Block, token: str) -> None:
    other = block.mail_link()
    code = block.code(token)
    assert kind(block, other, code) is Not.OVER, "no code was sent for that link"
    assert block.links.try_code(token, f" {code[:3]} {code[3:]} ")
    assert block.links.enter(other).needs_code


def test_a_new_code_ends_the_one_before(block: Block, token: str) -> None:
    first = block.code(token)
    second = block.code(token)
    assert first != second
    assert kind(block, token, first) is Not.WRONG
    assert block.links.try_code(token, second)


def is_sent(block: Block, token: str) -> bool:
    try:
        block.links.send_code(token)
    except CodeError as error:
        return (error.kind, error.wait_ms) not in {
            (Not.TOO_OFTEN, HOUR_MS),
            (Not.TOO_OFTEN, DAY_MS),
        }
    return True


def test_three_codes_an_hour_and_ten_a_day_are_sent(block: Block, token: str) -> None:
    other, sent, begun = block.mail_link(), 0, block.now_ms
    for hour in range(24):
        block.now_ms = begun + hour * HOUR_MS
        if block.now_ms >= begun + DAY_MS:
            break
        for attempt in range(CODES_AN_HOUR_MAX + 1):
            sent += is_sent(block, (token, other)[attempt % 2])
        assert sent <= (hour + 1) * CODES_AN_HOUR_MAX
    assert sent == CODES_A_DAY_MAX


def test_all_dwellings_together_are_sent_a_thousand_codes_an_hour(block: Block, token: str) -> None:
    block.contact(2)
    block.mail_link(2)
    other = block.account_no(2)
    made = (other, other, bytes(12), block.now_ms, block.now_ms + 1)
    with block.town.store.transaction() as connection:
        connection.executemany(
            "INSERT INTO resident_code (link_no, account_no, nonce, made_ms, expires_ms)"
            " VALUES (?, ?, ?, ?, ?)",
            [made] * (ALL_CODES_AN_HOUR_MAX - 1),
        )
    block.links.send_code(token)
    with pytest.raises(CodeError, match="too often"):
        block.links.send_code(token)
    block.now_ms += HOUR_MS
    block.links.send_code(token)


@pytest.mark.parametrize("typed", ["", "1", "ю" * 6, "9" * 10_000, "٣" * 6, "-1", "\x00" * 6])
def test_nothing_odd_is_a_code(block: Block, token: str, typed: str) -> None:
    block.code(token)
    assert kind(block, token, typed) is Not.WRONG


def test_the_ledger_does_not_know_the_code(block: Block, token: str) -> None:
    code = block.code(token)
    for table in ("resident_code", "resident_message", "resident_link", "audit"):
        for row in block.rows(f"SELECT * FROM {table}"):  # noqa: S608 - ours
            assert not any(code in str(cell) for cell in row if not isinstance(cell, int))
