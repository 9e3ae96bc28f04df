"""The operator's pages of visits: what is listed, what one record shows, and what is refused."""

import hashlib

import httpx
import pytest

from gateway.config import WebConfig
from gateway.visits.photos import PhotoKeeper, Wanted
from gateway.visits.wired import files_of
from tests.gateway.visits.installer import NOW_MS, Site, exchange, install, m3
from tests.servers.ledgers import create_app

PICTURE = b"\xff\xd8\xff a photo made anew"
SHA256 = hashlib.sha256(PICTURE).digest()


@pytest.fixture
def visited(site: Site) -> Site:
    site.bring(
        install(photos=(SHA256,), seal="0042", remark="<b>тёмный</b> подвал"),
        install("W3", "", photos=(b"x" * 32,)),
        exchange("W1", install("W9", "", levels=(m3(7),)), m3(5_000)),
    )
    site.bring(install("W8", "A-3-W"))
    row = site.office.visits.visit("edge-1", 1)
    assert row is not None
    photos = PhotoKeeper(site.office, site.keeper, files_of(site.estate.path.parent))
    photos.keep(Wanted(row, SHA256, PICTURE), PICTURE, NOW_MS)
    return site


async def get(site: Site, path: str) -> httpx.Response:
    app = create_app(site.estate.path, lambda: NOW_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.get(path, headers={"accept-language": "ru"})


async def test_the_list_shows_what_waits_and_what_came_twice(visited: Site) -> None:
    page = (await get(visited, "/visits?house=A")).text
    assert page.count("edge-1/1</a>") == 2
    assert "внесено: 2" in page
    assert "ждут: 1" in page
    assert "под этим номером пришло другое: 1" in page


async def test_a_house_without_visits_says_so(visited: Site) -> None:
    assert "Выездов пока не было" in (await get(visited, "/visits?house=B")).text


async def test_the_record_of_a_device_of_no_house_is_on_every_list(site: Site) -> None:
    estate = site.estate
    with estate.store.transaction():
        estate.store.database.connection.execute("UPDATE device SET house_no = NULL")
    site.bring(install())
    page = (await get(site, "/visits?house=B")).text
    assert "edge-1/1</a>" in page
    assert "без дома" in page


async def test_a_record_shows_values_photos_reasons_and_the_command(visited: Site) -> None:
    page = (await get(visited, "/visits/edge-1/1")).text
    assert "1,500" in page
    assert "пломба 0042" in page
    assert "&lt;b&gt;тёмный&lt;/b&gt; подвал" in page
    assert f"/visits/edge-1/1/{SHA256.hex()}.jpg" in page
    assert "Фото ещё не пришло" in page
    assert "Точка учёта не указана" in page
    assert "visit apply edge-1/1 --event 2" in page
    assert "W1 → W9" in page


async def test_its_photo_and_its_paper_are_there(visited: Site) -> None:
    photo = await get(visited, f"/visits/edge-1/1/{SHA256.hex()}.jpg")
    assert (photo.status_code, photo.content) == (200, PICTURE)
    assert "sandbox" in photo.headers["content-security-policy"]


async def test_the_paper_is_there(site: Site) -> None:
    site.bring(install())
    paper = await get(site, "/visits/edge-1/1.pdf")
    assert paper.content.startswith(b"%PDF")
    assert paper.headers["content-type"] == "application/pdf"


@pytest.mark.parametrize(
    "path",
    [
        "/visits/edge-1/9",
        "/visits/edge-1/x",
        "/visits/edge-1/99999999999999999999",
        "/visits/edge-9/1",
        "/visits/edge-1/9.pdf",
        f"/visits/edge-1/1/{'0' * 64}.jpg",
        "/visits/edge-1/1/..%2F..%2Fledger.sqlite.jpg",
    ],
)
async def test_what_is_not_there_is_not_found(visited: Site, path: str) -> None:
    assert (await get(visited, path)).status_code == 404
