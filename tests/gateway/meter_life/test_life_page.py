"""The page of verifications, in both languages, with hostile names."""

from datetime import date
from pathlib import Path

import pytest

from gateway.meter_life.files import Author, Verified, import_seals
from gateway.meter_life.verification import Finding, Verification
from gateway.sql.meter_life import LifeLedger
from tests.gateway.test_web import IN_HOUSE, get
from tests.gateway.town import Town, local


def a_town(folder: Path) -> Town:
    town = Town(folder)
    for number in (1, 2, 3):
        town.install(f"E{number}", town.point(f"P{number}", str(number)))
        town.read(f"E{number}", local(9, 2), 10_000)
    town.send()
    with town.store.transaction() as connection:
        life = LifeLedger(connection)
        for meter, last in (("E1", date(2026, 9, 20)), ("E2", date(2026, 10, 20))):
            known = Verification(meter, date(2020, 9, 20), 72, last, "<b>7</b>", "ЦСМ", Finding.FIT)
            life.set_verified([Verified(known, {})])
        seals = (
            "meter,number,place,set_on,by,checked_on,broken_on,removed_on\n"
            "E3,77,клеммная крышка,2026-01-01,Петров,,2026-09-01,"
        )
        import_seals(life, seals.encode(), Author("x", "test", 0, ""))
    return town


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ru", ["просрочена", "с 21 сен 2026", "30 дней", "Действует по", "Нарушенные пломбы"]),
        ("en", ["expired", "since 21 Sep 2026", "30 days", "Valid through", "Broken seals"]),
    ],
)
async def test_what_is_due_stands_there_once(
    tmp_path: Path, language: str, words: list[str]
) -> None:
    town = a_town(tmp_path)
    answer = await get(town, f"/verification{IN_HOUSE}&lang={language}", now_ms=local(9, 25))
    assert answer.status_code == 200
    for word in (*words, "E1", "E2", "E3: 77", "&lt;b&gt;7&lt;/b&gt;"):
        assert word in answer.text
    assert answer.text.count(">E1</a></td>") == 1
    assert ">E3</a></td>" not in answer.text


async def test_a_house_that_is_not_there(tmp_path: Path) -> None:
    assert (await get(a_town(tmp_path), "/verification?house=x")).status_code == 404
