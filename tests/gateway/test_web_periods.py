"""The page of periods: what is open, due and closed, why a line is missing, what was taken back."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.config import LEDGER_FILE
from gateway.contracts import Calendar
from gateway.handoff.event import event_maker
from gateway.period_book import Carried, without_line
from gateway.reopening import Person, reopen_period
from gateway.web.periods import PeriodsView
from gateway.web.texts import Words
from tests.gateway.test_period_book import REASONS
from tests.gateway.test_web import IN_HOUSE, NASTY, get
from tests.gateway.town import HOUSE, Town, local
from tests.servers.ledgers import look


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """September closed, reopened and closed again; October due; November running."""
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.install("B1", town.point("P2"), at_ms=local(11, 2))
    town.read("A1", local(10, 1), 19_500)
    town.send()
    town.close("2026-09", now_ms=local(10, 1, 1))
    clerk = Person("Орлова", "test", NASTY)
    event_of = event_maker("urn:plomba:gateway:test")
    reopen_period(town.ledger, HOUSE, "2026-09", clerk, local(10, 2), targets=(), event_of=event_of)
    town.close("2026-09", now_ms=local(10, 2, 1))
    return town


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ru",
            [
                *("Октябрь 2026 <", "можно закрывать", "Ноябрь 2026", "идёт"),
                "Можно закрыть не раньше 1 дек 2026, 00:00",
                "Сначала нужно закрыть октябрь 2026",
                *("закрыт повторно, редакция 2", "Редакция 1 отозвана 2 окт 2026, 00:00: Орлова"),
                *("показание: 1", "Без строки: 1", "счётчик стоит с 2 ноя 2026"),
                "с 1 сен 2026, 00:00 до 1 окт 2026, 00:00",
            ],
        ),
        (
            "en",
            [
                *("October 2026 <", "can be closed", "November 2026", "open"),
                *("Can be closed from 1 Dec 2026, 00:00 on", "October 2026 is to be closed first"),
                *("closed again, revision 2", "Revision 1 was withdrawn 2 Oct 2026, 00:00: Орлова"),
                *("read: 1", "Without a line: 1", "its meter is there from 2 Nov 2026 on"),
                "1 Sep 2026, 00:00 to 1 Oct 2026, 00:00",
            ],
        ),
    ],
)
async def test_periods_are_shown_with_what_stands_in_the_way(
    town: Town, language: str, words: list[str]
) -> None:
    page = await get(town, f"/periods{IN_HOUSE}&lang={language}", now_ms=local(11, 22))
    assert [one for one in words if one not in page.text] == []
    assert NASTY not in page.text
    assert "period=2026-09" in page.text


async def test_the_commands_are_those_that_work(town: Town) -> None:
    page = (await get(town, f"/periods{IN_HOUSE}", now_ms=local(11, 22))).text.replace("&#34;", '"')
    assert f'plomba-gateway close-period 2026-10 --house "{HOUSE}"' in page
    assert page.count("plomba-gateway close-period") == 1
    assert f'plomba-gateway reopen "{HOUSE}" 2026-09' in page


async def test_a_house_that_was_never_read_has_no_period(tmp_path: Path) -> None:
    town = Town(tmp_path)
    page = (await get(town, "/periods?lang=en")).text
    assert "A period begins with the first accepted reading" in page
    assert "No period has been closed yet" in page


@pytest.mark.parametrize("rows", [rows for rows, *_ in REASONS])
def test_every_reason_of_a_missing_line_is_told_in_russian(
    tmp_path: Path, rows: list[Carried]
) -> None:
    Town(tmp_path).store.close()
    (found,) = without_line(rows, set(), Calendar(ZoneInfo("Europe/Moscow")), "2026-09")
    with look(tmp_path / LEDGER_FILE) as overview:
        said = PeriodsView(overview, None, Words("ru"), 0).finding(found.why)
    assert not any("a" <= letter <= "z" for letter in said)
