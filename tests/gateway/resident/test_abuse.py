"""Ten thousand tries get nowhere, whoever makes them and however."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.resident.links import CODES_AN_HOUR_MAX, CodeError, LinkError
from gateway.resident.model import Purpose
from gateway.resident.secrets import Secrets
from tests.gateway.resident.block import CLOSES_MS, Block

TRIES = 10_000


def test_ten_thousand_tries_at_a_code_in_an_hour_are_fifteen(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    codes = [block.code(token)]
    for number in range(TRIES):
        guess = f"{number:06d}"
        if guess in codes:
            continue
        with pytest.raises(CodeError):
            block.links.try_code(token, guess)
        if number % 100 == 99 and len(codes) < CODES_AN_HOUR_MAX:
            codes.append(block.code(token))
    ((tries,),) = block.rows("SELECT sum(tries) FROM resident_code")
    assert tries == 5 * CODES_AN_HOUR_MAX
    assert block.rows("SELECT 1 FROM resident_session") == []


@pytest.mark.sqlite_only("counts SQLite's statements")
def test_ten_thousand_made_up_links_never_reach_the_ledger(block: Block) -> None:
    block.paper_link()
    asked: list[str] = []
    block.town.store.database.connection.set_trace_callback(asked.append)  # type: ignore[attr-defined]
    guesser = Secrets(b"x" * 32)
    for number in range(TRIES):
        token = guesser.token(Purpose.GIVE, CLOSES_MS, number.to_bytes(12, "big"))
        with pytest.raises(LinkError, match="unknown"):
            block.links.enter(token)
    assert asked == []


def test_many_wrong_tries_at_once_are_counted_one_by_one(block: Block) -> None:
    block.contact(1)
    token = block.mail_link()
    block.code(token)

    def attempt(number: int) -> bool:
        try:
            block.links.try_code(token, f"{number:06d}x")
        except CodeError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(attempt, range(200)))
    assert block.rows("SELECT tries FROM resident_code") == [(5,)]


def test_a_link_of_another_house_opens_that_dwelling_alone(tmp_path: Path, block: Block) -> None:
    (tmp_path / "other").mkdir()
    other = Block(tmp_path / "other")
    try:
        token = other.paper_link()
        with pytest.raises(LinkError, match="unknown"):
            block.links.enter(token)
    finally:
        other.town.store.close()
