"""The page of years: months from roll-ups, by point, in two languages."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from gateway.config import LEDGER_FILE, WebConfig
from tests.gateway.history.test_rollups import follow
from tests.gateway.town import DAY_MS, HOUSE, Town, local
from tests.servers.ledgers import create_app


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.install("B1", town.point("P2", "13", "cold-water"))
    for turn in range(80):
        if not 20 <= turn < 50:
            town.read("A1", local(9, 1) + turn * DAY_MS, 10_000 + turn * 100)
    town.send()
    yield town
    town.store.close()


@pytest.fixture
async def client(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(town.folder / LEDGER_FILE, lambda: town.now_ms, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield http


async def test_months_stand_in_the_table_and_the_chart(
    town: Town, client: httpx.AsyncClient
) -> None:
    follow(town.store)
    page = (await client.get("/years", params={"house": HOUSE, "point": "P1", "lang": "en"})).text
    assert "Years" in page
    # 30 days of September, of which ten were not read
    assert '<td class="number">30.00*</td>' in page
    assert "shared by time: not read" in page
    chart = await client.get("/years/chart.svg", params={"point": "P1", "register": "1-0:1.8.0"})
    assert chart.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in chart.content
    assert b"<script" not in chart.content
    assert (await client.get("/years", params={"house": HOUSE})).text.count("/years?") >= 2


async def test_without_roll_ups_it_says_so(client: httpx.AsyncClient) -> None:
    page = (await client.get("/years", params={"point": "P2", "lang": "ru"})).text
    assert "Сводок пока нет" in page


async def test_another_point_or_register_is_none(client: httpx.AsyncClient) -> None:
    assert (
        "Сводок пока нет" in (await client.get("/years", params={"point": "P9", "lang": "ru"})).text
    )
    answer = await client.get("/years/chart.svg", params={"point": "P1", "register": "8-0:1.0.0"})
    assert answer.status_code == 404
