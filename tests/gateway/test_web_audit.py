"""The page of the audit log: newest first, a page at a time, by person, act or subject."""

import re
from pathlib import Path

import pytest

from gateway.audit import Act
from gateway.people import retention
from gateway.sql.audit import SqlAudit
from gateway.sql.people import PeopleLedger
from gateway.web.audit import AuditView
from tests.gateway.test_web import IN_HOUSE, NASTY, get
from tests.gateway.town import DAY_MS, Town, local

NEWEST = AuditView.ENTRIES_MAX + 7


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """More acts than a page shows; every tenth is Седов's."""
    town = Town(tmp_path)
    town.house("Садовая 12")
    with town.store.transaction() as connection:
        log = SqlAudit(connection)
        first = log.head().number
        for number in range(first + 1, NEWEST + 1):
            actor = "Седов" if number % 10 == 0 else "Орлова"
            told = (f"device revoke {number % 2}", f"edge-{number}", "", NASTY, f"why-{number}.")
            log.append(Act(local(10, 1), actor, "system user", *told))
    return town


def numbers(text: str) -> list[int]:
    return [int(one) for one in re.findall(r'<tr><td class="number"[^>]*>(\d+)</td>', text)]


async def test_the_newest_come_first_and_a_link_leads_to_the_older(town: Town) -> None:
    first = await get(town, f"/audit{IN_HOUSE}&lang=en")
    assert numbers(first.text) == list(range(NEWEST, NEWEST - AuditView.ENTRIES_MAX, -1))
    assert "1 Oct 2026, 00:00" in first.text
    assert "why-57." in first.text
    (older,) = re.findall(r'<a href="([^"]+)" rel="next">Older</a>', first.text)
    second = await get(town, older.replace("&amp;", "&"))
    assert numbers(second.text) == list(range(NEWEST - AuditView.ENTRIES_MAX, 0, -1))
    assert 'rel="next"' not in second.text


@pytest.mark.parametrize("word", ["Седов", "device revoke 0", "edge-50"])
async def test_a_person_an_act_or_a_subject_is_a_link_to_all_about_it(
    town: Town, word: str
) -> None:
    whole = (await get(town, f"/audit{IN_HOUSE}&lang=ru")).text
    (link,) = set(re.findall(f'<a href="(/audit[^"]+)">{word}</a>', whole))
    page = (await get(town, link.replace("&amp;", "&"))).text
    with town.store.transaction() as connection:
        meant = [one.number for one in SqlAudit(connection).entries() if word in one.act]
    assert numbers(page) == meant[::-1]
    assert f"Только «{word}»" in page


async def test_the_head_stands_there_to_be_noted_down(town: Town) -> None:
    with town.store.transaction() as connection:
        head = str(SqlAudit(connection).head())
    assert f">{head}</code>" in (await get(town, f"/audit{IN_HOUSE}")).text


async def test_what_stands_in_the_log_is_text_and_nothing_else(town: Town) -> None:
    assert NASTY not in (await get(town, f"/audit{IN_HOUSE}")).text
    page = await get(town, "/audit", now_ms=local(10, 2))
    assert NASTY not in page.text
    found = await get(town, f"/audit{IN_HOUSE}&find=%3Cscript%3E&lang=en")
    assert "<script>" not in found.text
    assert "No entries" in found.text


async def test_of_texts_that_went_with_time_it_says_with_which_entry(town: Town) -> None:
    now_ms = local(12, 31) + 5 * 366 * DAY_MS
    ledger = PeopleLedger(town.store.database)
    while retention.apply(ledger, now_ms):
        pass
    page = (await get(town, f"/audit{IN_HOUSE}&lang=en&below={NEWEST}", now_ms=now_ms)).text
    assert numbers(page)[0] == NEWEST - 1
    assert f"texts removed by entry {NEWEST + 1}" in page
    assert "edge-" not in page
    assert retention.EXPIRED not in page


@pytest.mark.parametrize("query", ["below=0", "below=-1", "below=x", f"below={2**63}"])
async def test_a_number_that_is_none_is_told_so(town: Town, query: str) -> None:
    assert (await get(town, f"/audit{IN_HOUSE}&{query}")).status_code == 422
