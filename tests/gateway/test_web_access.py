"""What a screen reader and a keyboard need, on every page and in both languages."""

import itertools
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser

import httpx
import pytest

from gateway.config import LEDGER_FILE, WebConfig
from gateway.web.navigation import PLACES
from tests.gateway.explain.bills import FIRST, WATER
from tests.gateway.meter_life.test_life_page import a_town
from tests.gateway.town import HOUSE, Town, local
from tests.servers.ledgers import create_app

pytestmark = pytest.mark.sqlite_only("all tests share one town, made before any has a server")
PATHS = [f"/{one.path}" for one in PLACES] + [f"/lines/{FIRST}", f"/check/{FIRST}?d=x"]


class Page(HTMLParser):
    """The elements of a page with their attributes, and the texts of its headings and links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("h1", "h2", "h3", "a", "title", "th"):
            self._open.append(tag)
            self.said.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self._open:
            tag, said = self.said[-1]
            self.said[-1] = (tag, said + data.strip())

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def texts(self, tag: str) -> list[str]:
        return [said for name, said in self.said if name == tag]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A house with a closed period, a doubt, a verification that runs out and a broken seal."""
    town = a_town(tmp_path_factory.mktemp("access"))
    town.install("W1", town.point("PW", None, "cold-water"), WATER)
    town.read("E1", local(9, 20), 9_000)
    town.read("W1", local(9, 30), 5_000, WATER)
    town.send()
    town.close("2026-09", now_ms=local(10, 1, 1))
    return town


async def page(town: Town, path: str, language: str) -> Page:
    config = WebConfig()
    app = create_app(town.folder / LEDGER_FILE, lambda: local(11, 22), config)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return Page((await http.get(path, headers={"accept-language": language})).text)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_can_be_read_aloud(town: Town, path: str, language: str) -> None:
    read = await page(town, path, language)
    assert [attrs["lang"] for attrs in read.all("html")] == [language]
    (heading,) = read.texts("h1")
    assert heading
    assert all(attrs.get("scope") for attrs in read.all("th"))
    assert all(read.texts("th"))
    assert all("alt" in attrs for attrs in read.all("img"))
    assert all(read.texts("a"))
    named = [attrs.get("id") for _, attrs in read.tags if attrs.get("id")]
    assert max(Counter(named).values(), default=1) == 1
    for nav in read.all("nav"):
        assert nav.get("aria-label")


@pytest.mark.parametrize("path", PATHS)
async def test_headings_leave_out_no_level(town: Town, path: str) -> None:
    read = await page(town, path, "ru")
    levels = [int(tag[1]) for tag, _ in read.said if tag in ("h1", "h2", "h3")]
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(levels))


async def test_every_page_has_a_title_of_its_own(town: Town) -> None:
    titles = [(await page(town, path, "ru")).texts("title")[0] for path in PATHS]
    assert len(set(titles)) == len(PATHS)
    assert all("plomba" in title for title in titles)


async def test_the_content_can_be_reached_without_the_navigation(town: Town) -> None:
    for path in PATHS[:-1]:
        read = await page(town, path, "ru")
        first = read.all("a")[0]
        assert (first["class"], first["href"]) == ("skip", "#main")
        assert any(attrs.get("id") == "main" for attrs in read.all("main"))


async def test_the_house_is_named_on_its_pages(town: Town) -> None:
    for place in PLACES:
        read = await page(town, f"/{place.path}", "ru")
        assert HOUSE in read.texts("title")[0]
