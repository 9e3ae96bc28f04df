"""The page of a day, in both languages, and its chart."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.config import WebConfig
from gateway.profile import job
from gateway.sql.profile import ProfileLedger
from tests.gateway.estate import DAY_MS, HOUR_MS, MIDNIGHT_MS, Estate
from tests.gateway.profile.test_profile_job import read
from tests.servers.ledgers import create_app

NOW_MS = MIDNIGHT_MS + DAY_MS + 12 * HOUR_MS


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    estate = Estate(tmp_path / "ledger.sqlite")
    read(estate, 2, frozenset({50}), jump=300)
    with estate.store.transaction() as connection:
        job.step(ProfileLedger(connection), NOW_MS)
    estate.store.close()
    app = create_app(estate.path, lambda: NOW_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield http


@pytest.mark.parametrize(
    ("language", "title", "spike"),
    [
        ("ru", "Суточный профиль", "Один интервал намного выше остальных"),
        ("en", "Day profile", "One slot far above the others"),
    ],
)
async def test_what_was_noticed_is_listed(
    client: httpx.AsyncClient, language: str, title: str, spike: str
) -> None:
    page = (await client.get("/profile", params={"lang": language})).text
    assert title in page
    assert spike in page
    assert "/profile?house=A&amp;meter=E1&amp;day=2026-11-01" in page


async def test_a_meters_day_shows_its_sum_and_what_was_estimated(client: httpx.AsyncClient) -> None:
    asked = {"meter": "E1", "day": "2026-11-01", "lang": "en"}
    page = (await client.get("/profile", params=asked)).text
    assert "The day: 3.96 kWh" in page
    assert "94 of 96 measured" in page
    assert "on a straight line · 3.8.0" in page
    chart = await client.get("/profile/chart.svg", params=asked | {"register": "1-0:1.8.1"})
    assert chart.headers["content-type"].startswith("image/svg+xml")
    assert b"<script" not in chart.content


async def test_a_meter_of_another_house_is_not_shown(client: httpx.AsyncClient) -> None:
    asked = {"meter": "Z9", "day": "2026-11-01", "lang": "en"}
    assert "No profile of this day" in (await client.get("/profile", params=asked)).text
    chart = await client.get("/profile/chart.svg", params=asked | {"register": "1-0:1.8.1"})
    assert chart.status_code == 404


async def test_a_day_without_readings_says_so(client: httpx.AsyncClient) -> None:
    asked = {"meter": "H1", "day": "2026-11-01", "lang": "en"}
    assert "No profile of this day" in (await client.get("/profile", params=asked)).text


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-05", "9999-12-31"])
async def test_a_day_at_the_end_of_the_calendar_is_refused(
    client: httpx.AsyncClient, day: str
) -> None:
    for path in ("/profile", "/profile/chart.svg"):
        asked = {"meter": "E1", "day": day, "register": "1-0:1.8.1"}
        assert (await client.get(path, params=asked)).status_code == 422
