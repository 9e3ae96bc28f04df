"""The page through its ASGI application, over a small town."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import pytest

from gateway.config import LEDGER_FILE, WebConfig
from gateway.web.navigation import PLACES, Place
from gateway.web.texts import Words
from tests.gateway.town import DAY_MS, HOUSE, Dial, Town, local
from tests.servers.ledgers import create_app

NASTY = "<script>alert(1)</script>"
IN_HOUSE = f"?house={quote(HOUSE)}"
WATER = Dial("8-0:1.0.0", "m3", -3)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.house(NASTY)
    town.install("A1", town.point("P1"), Dial(initial=10_500))
    town.install("W1", town.point("P2", resource="cold-water"), WATER._replace(initial=10_250))
    town.install("B1", town.point("P3", None))
    for day in range(1, 20):
        town.read("A1", local(9, day), 10_000 + 500 * day)
        town.read("W1", local(9, day), 10_000 + 250 * day, WATER)
    town.read("B1", local(9, 19), 1)
    town.send()
    return town


def client(town: Town, *, host: str = "127.0.0.1", now_ms: int | None = None) -> httpx.AsyncClient:
    app = create_app(
        town.folder / LEDGER_FILE,
        lambda: town.now_ms if now_ms is None else now_ms,
        WebConfig(),
    )
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


async def get(
    town: Town, path: str, *, now_ms: int | None = None, **headers: str
) -> httpx.Response:
    async with client(town, now_ms=now_ms) as http:
        return await http.get(path, headers=headers)


async def test_the_page_shows_meters_values_states_and_doubts(town: Town) -> None:
    page = (await get(town, f"/{IN_HOUSE}", **{"accept-language": "en"})).text
    assert "195.00" in page
    assert "14.750" in page
    assert "V-NEG" in page
    assert page.count('class="pill s0"') == 2
    assert page.count('class="pill s1"') == 1
    assert "19 Sep 00:00" in page


@pytest.mark.parametrize(
    ("accept", "word"),
    [("ru-RU,ru;q=0.9", "Счётчики"), ("en-GB", "Meters"), ("de,en;q=0.5", "Meters"), ("", "Счётч")],
)
async def test_the_page_speaks_the_browsers_language(town: Town, accept: str, word: str) -> None:
    page = await get(town, "/", **{"accept-language": accept})
    assert f"<h2>{word}" in page.text


@pytest.mark.parametrize("place", PLACES)
async def test_every_page_of_the_navigation_is_there_and_names_itself(
    town: Town, place: Place
) -> None:
    for language in ("ru", "en"):
        page = await get(town, f"/{place.path}{IN_HOUSE}", **{"accept-language": language})
        assert page.status_code == 200
        here = re.search(r'<a [^>]*aria-current="page">([^<]+)</a>', page.text)
        assert here is not None
        assert here[1] == Words("ru" if language == "ru" else "en")(place.key)


async def test_a_chosen_language_is_kept(town: Town) -> None:
    meters = f"/fragment/meters{IN_HOUSE}"
    async with client(town) as http:
        chosen = await http.get("/?lang=en", headers={"accept-language": "ru"})
        assert "httponly" in chosen.headers["set-cookie"].lower()
        assert "Meters" in (await http.get("/", headers={"accept-language": "ru"})).text
        assert "kWh" in (await http.get(meters, headers={"accept-language": "ru"})).text


async def test_numbers_are_written_as_the_language_writes_them(town: Town) -> None:
    town.read("W1", local(9, 20), 1_234_567, WATER)
    town.read("A1", local(9, 20), 20_000)
    town.send()
    assert "1\u202f234,567" in (await get(town, f"/{IN_HOUSE}", **{"accept-language": "ru"})).text
    assert "1\u202f234.567" in (await get(town, f"/{IN_HOUSE}", **{"accept-language": "en"})).text


async def test_what_is_stored_cannot_become_markup(town: Town) -> None:
    for path in ("/", f"/?house={quote(NASTY)}"):
        page = await get(town, path)
        assert page.status_code == 200
        assert NASTY not in page.text
        assert "&lt;script&gt;" in page.text


async def test_every_answer_is_hardened(town: Town) -> None:
    for path in ("/", "/fragment/meters", "/api/status", "/healthz", "/nothing-here"):
        headers = (await get(town, path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


async def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline(town: Town) -> None:
    page = (await get(town, "/")).text
    links = re.findall(r'(?:src|href|data-fragment)="([^"]*)"', page)
    assert links
    assert all(re.match(r"#|/(?!/)", link) for link in links)
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    for asset in ("/static/page.css", "/static/page.js", "/static/seal.svg"):
        assert (await get(town, asset)).status_code == 200


async def test_a_foreign_name_for_this_machine_is_refused(town: Town) -> None:
    async with client(town, host="evil.example.org") as http:
        assert (await http.get("/")).status_code == 400


def elements(chart: httpx.Response) -> Iterator[ET.Element]:
    return ET.fromstring(chart.text).iter()  # noqa: S314 - our own picture


async def test_charts_are_plain_pictures(town: Town) -> None:
    chart = await get(town, f"/chart/electricity.svg{IN_HOUSE}")
    assert chart.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in chart.headers["content-security-policy"]
    tags = {element.tag.rpartition("}")[2] for element in elements(chart)}
    assert "rect" in tags
    assert "script" not in tags
    assert "http://" not in chart.text.replace("http://www.w3.org/", "").split("<defs>")[1]


async def test_charts_show_what_dwellings_used_each_day(town: Town) -> None:
    chart = await get(town, f"/chart/cold-water.svg{IN_HOUSE}", now_ms=local(9, 19, 12))
    values = [element.text for element in elements(chart) if element.get("class") == "value"]
    assert values.count("0,25") == 18


async def test_with_little_history_charts_go_by_the_hour(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.read("A1", town.now_ms + 1, 10_001)
    town.send()
    assert "by hour" in (await get(town, "/", **{"accept-language": "en"})).text
    later = town.now_ms + 5 * DAY_MS
    page = await get(town, "/", now_ms=later, **{"accept-language": "en"})
    assert "by day" in page.text
    assert "silent" in page.text


async def test_closed_periods_show_how_far_billing_has_them(town: Town) -> None:
    town.close("2026-09", now_ms=local(10, 1, 1))
    page = (await get(town, f"/fragment/billing{IN_HOUSE}", **{"accept-language": "en"})).text
    assert "2026-09" in page
    assert "0 of 3 handed over" in page


async def test_the_status_is_json_for_machines(town: Town) -> None:
    status = (await get(town, "/api/status")).json()
    assert (status["stored"], status["accepted"], status["suspect"]) == (39, 38, 1)
    assert status["devices"][0]["last_sequence"] == 1
    assert (await get(town, "/healthz")).json() == {"status": "ok"}


@pytest.mark.sqlite_only("a file that is no ledger")
async def test_an_unreadable_ledger_is_unhealthy_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / LEDGER_FILE).write_bytes(b"not a ledger" * 1000)
    app = create_app(tmp_path / LEDGER_FILE, lambda: 0, WebConfig())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for path in ("/healthz", "/"):
            answer = await http.get(path)
            assert answer.status_code == 503
            assert "cannot read the ledger" in answer.json()["error"]
        page = await http.get("/", headers={"accept": "text/html", "accept-language": "ru"})
    assert page.status_code == 503
    assert "<h1>Журнал сейчас не читается</h1>" in page.text
    assert "cannot read the ledger" in page.text


async def test_an_empty_gateway_says_what_to_do(tmp_path: Path) -> None:
    town = Town(tmp_path)
    with town.store.transaction() as connection:
        connection.execute("UPDATE device SET house_no = NULL")
        connection.execute("DELETE FROM house")
    page = await get(town, "/", **{"accept-language": "en"})
    assert page.status_code == 200
    assert "plomba-gateway registry import" in page.text


@pytest.mark.parametrize(
    "path",
    ["/?house=nowhere", "/fragment/secrets", "/chart/gold.svg?house=x", "/docs", "/openapi.json"],
)
async def test_what_is_not_there_is_not_found(town: Town, path: str) -> None:
    assert (await get(town, path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "said"),
    [("/?house=%3Cb%3E", "Такого дома нет"), ("/nowhere", "Такой страницы нет")],
)
async def test_a_person_is_told_so_in_their_language_and_led_back(
    town: Town, path: str, said: str
) -> None:
    page = await get(town, path, accept="text/html,*/*", **{"accept-language": "ru"})
    assert page.status_code == 404
    assert f"<h1>{said}</h1>" in page.text
    assert '<a href="/">' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await get(town, path, accept="*/*")).headers["content-type"] == "application/json"
