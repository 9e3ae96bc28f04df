"""The running gateway asks and sends by itself; what is kept for a time only goes then."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from gateway.config import load
from gateway.handoff.pump import directly
from gateway.people.retention import TERMS, Kept, apply
from gateway.resident.links import DAY_MS
from gateway.resident.wired import tasks_of
from gateway.sql.people import PeopleLedger, overwriting
from tests.gateway.resident.block import CLOSES_MS, Block
from tests.gateway.resident.test_mail import Post, serving
from tests.gateway.town import GATEWAY_KEY

PATIENCE_S = 60.0


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110 - the ledger tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.both_engines
async def test_a_letter_is_made_and_sent_while_it_runs(block: Block, tmp_path: Path) -> None:
    block.contact(1)
    post = Post()
    with serving(post) as port:
        file = tmp_path / "gateway.toml"
        file.write_text(
            'data = "data"\n[resident]\npublic_url = "https://meters.example"\n[resident.smtp]\n'
            f'host = "localhost"\nport = {port}\nsecurity = "none"\nsender = "m@house.example"\n',
            encoding="utf-8",
        )
        section = load(file).resident
        random = Random(7)
        tasks = tasks_of(
            *(block.town.store.database, GATEWAY_KEY, section, block.clock),
            random=random,
            call=directly,
        )
        running = [asyncio.create_task(task()) for task in tasks]
        try:
            await until(lambda: block.states()[:1] == [("ask", "sent")])
        finally:
            for one in running:
                one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*running)
    (letter,) = post.taken
    assert letter["To"] == "flat1@mail.example"
    assert "https://meters.example/l/" in letter.get_content()


def test_nothing_runs_where_nobody_is_asked(block: Block) -> None:
    parts = (block.town.store.database, GATEWAY_KEY, None, block.clock)
    assert [*tasks_of(*parts, random=Random(7), call=directly)] == []


@pytest.mark.both_engines
def test_links_and_messages_go_when_their_time_is_over(block: Block) -> None:
    block.contact(1)
    block.sweep()
    block.send()
    token = block.mail_link()
    block.links.try_code(token, block.code(token))
    term = next(one for one in TERMS if one.kept is Kept.RESIDENTS)

    def after(days: int) -> int:
        with overwriting(block.town.store.database):
            ledger = PeopleLedger(block.town.store.database)
            return apply(ledger, CLOSES_MS + days * DAY_MS).get(Kept.RESIDENTS, 0)

    assert after(term.days) == 0
    assert after(term.days + 1) == 8, "links with their messages, code and session"
    left = block.rows("SELECT purpose FROM resident_link")
    assert left == [("stop",)], "a letter's way out works longer than the letter"
    for table in ("resident_code", "resident_session", "resident_message"):
        assert block.rows(f"SELECT 1 FROM {table}") == [], table  # noqa: S608 - ours
