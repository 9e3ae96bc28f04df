"""The history's page over a real ledger: what is shown, taken home, disputed, and kept closed."""

import csv
import io
import re
from html import unescape

import httpx
import pypdf
import pytest
from fastapi import FastAPI

from gateway.audit import By
from gateway.resident.dispute import take
from gateway.sql.disputes import SqlDisputes, SqlDisputeStore
from tests.gateway.history.test_rollups import follow
from tests.gateway.resident.block import Block, account
from tests.gateway.resident.flat import give
from tests.gateway.resident_web.browser import client, come_in, fields_on, proof_on, shown
from tests.gateway.resident_web.test_over_ledger import in_by_letter
from tests.gateway.town import local

NASTY = '<script>alert("1")</script>'


@pytest.fixture
def lived_in(block: Block) -> Block:
    """Flat 1 was read in August's end and in September, and its resident gave a figure."""
    block.read(1, local(9, 1), 10_000)
    block.read(1, local(9, 5), 13_000)
    give(block.town, "A1", "135.00", local(9, 20, 10), dwelling="1")
    follow(block.town.store)
    return block


async def test_readings_are_shown_with_who_says_so_and_taken_home(
    street: FastAPI, lived_in: Block
) -> None:
    async with client(street) as http:
        meters = await in_by_letter(http, lived_in)
        assert 'href="/history"' in meters.text
        page = await http.get("/history")
        for said in (
            "135,00 кВт·ч",
            "житель · ждёт закрытия периода",
            "100,00 кВт·ч",
            "автоматически",
        ):
            assert said in page.text, said
        assert f"лицевой счёт {account(1)}" in page.text
        table = await http.get("/history.csv")
        rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
        assert rows[0]["Показание"] == "135.00"
        paper = await http.get("/history.pdf")
        text = "".join(
            one.extract_text() for one in pypdf.PdfReader(io.BytesIO(paper.content)).pages
        )
        assert "135,00" in text
        for got in (table, paper):
            assert got.headers["content-disposition"].startswith("attachment")
        assert (await http.get("/history/0.svg")).headers["content-type"] == "image/svg+xml"
        for wrong in ("/history/1.svg", "/history/-1.svg", "/history/999999999999.svg"):
            assert (await http.get(wrong)).status_code == 404


async def test_any_reading_can_be_disputed_from_there(street: FastAPI, lived_in: Block) -> None:
    async with client(street) as http:
        await in_by_letter(http, lived_in)
        page = await http.get("/history")
        links = re.findall(r'href="(/dispute\?about=[^"]*)"', page.text)
        assert len(links) == 3
        form = await http.get(unescape(links[-1]))
        sent = fields_on(form, "/dispute") | {"text": f"Неверно {NASTY}"}
        made = await http.post("/dispute", data=sent, follow_redirects=True)
        assert made.status_code == 200
        (found,) = SqlDisputes(lived_in.town.store.database.connection).waiting(None, 9)
        assert (found.kind, found.subject) == ("reading", "A1/1-0:1.8.0@2026-08-31T21:00:00Z")
        assert found.number in made.text
        foreign = sent | {"subject": "A2/1-0:1.8.0@2026-08-31T21:00:00Z"}
        assert (await http.post("/dispute", data=foreign)).status_code == 422


async def test_a_dispute_is_followed_and_taken_back(street: FastAPI, lived_in: Block) -> None:
    async with client(street) as http:
        await in_by_letter(http, lived_in)
        form = await http.get("/dispute?about=A1&kind=reading")
        sent = fields_on(form, "/dispute") | {"text": "Неверно"}
        made = await http.post("/dispute", data=sent, follow_redirects=True)
        where = str(made.url.path)
        store = SqlDisputeStore(lived_in.town.store.database)
        take(store, where.rpartition("/")[2], By(NASTY, "test"), lived_in.now_ms)
        page = await http.get(where)
        assert page.text.index("получено") < page.text.rindex("в работе")
        assert "<h1>Обращение в работе</h1>" in page.text
        assert "Ответим" in page.text
        assert NASTY not in page.text
        assert where in (await http.get("/history")).text
        back = await http.post(
            f"{where}/withdraw", data={"proof": proof_on(page)}, follow_redirects=True
        )
        assert "отозвано" in back.text
        assert "withdraw" not in back.text
        assert "<h1>Обращение отозвано</h1>" in back.text
        assert "Ответим" not in back.text, "nobody will"
        again = await http.post(f"{where}/withdraw", data={"proof": proof_on(page)})
        assert again.status_code == 404
        assert (await http.post(f"{where}/withdraw", data={})).status_code == 403


async def test_a_subject_from_outside_is_only_text(street: FastAPI, lived_in: Block) -> None:
    async with client(street) as http:
        await in_by_letter(http, lived_in)
        form = await http.get("/dispute", params={"about": NASTY, "kind": "line"})
        assert NASTY not in form.text
        assert unescape(form.text).count(NASTY) == 2


async def test_a_code_from_a_paper_opens_no_history(street: FastAPI, lived_in: Block) -> None:
    token = lived_in.paper_link()
    async with client(street) as http:
        sent = {"proof": proof_on(await http.get(f"/l/{token}"))}
        await http.post(f"/l/{token}/enter", data=sent | {"code": account(1)})
        for path in ("/history", "/history/0.svg", "/history.csv", "/history.pdf"):
            page = await http.get(path)
            assert page.status_code == 403
            assert "135" not in shown(page)


async def test_without_a_session_there_is_none(street: FastAPI, lived_in: Block) -> None:
    assert lived_in.town.store
    async with client(street) as http:
        for path in ("/history", "/history/0.svg", "/history.csv", "/history.pdf"):
            assert (await http.get(path)).status_code == 401


async def test_papers_are_set_only_so_often(app: FastAPI) -> None:
    async with client(app) as http:
        await come_in(http)
        pages: list[httpx.Response] = [await http.get("/history.pdf") for _ in range(12)]
    assert [page.status_code for page in pages] == [404] * 10 + [429] * 2
