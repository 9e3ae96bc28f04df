"""The routes of visits behind the device door, without TLS: bounds, order, and who is told what."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import httpx
import pytest
from PIL import Image

from cloud_sync import enrolment, points, visit_road
from cloud_sync.signing import SigningKey
from cloud_sync.visit_road import PhotoHead, PointsAsked, VisitAnswer
from gateway.identity import authority
from gateway.identity.enrolling import Doorkeeper
from gateway.identity.gate import BURST
from gateway.identity.wired import ledger_of
from gateway.photo.looking import Looking
from gateway.visits.wired import READER, files_of, keepers_of
from gateway.web.enrolment import Door
from gateway.web.visits_door import PHOTOS_BURST, VisitDoor
from tests.gateway.estate import DAY_MS, GATEWAY_KEY
from tests.gateway.identity.town_hall import TERMS
from tests.gateway.visits.installer import NOW_MS, Site, install

T = TypeVar("T")
# The gate lets one more in with each second: a machine that takes longer for a knock is not there.
KNOCKS_MAX = 1000


def a_jpeg(place: bytes = b"") -> bytes:
    """A photo as a phone takes it, with a place in its EXIF."""
    out = io.BytesIO()
    image = Image.new("RGB", (640, 480), (90, 120, 90))
    exif = image.getexif()
    exif[0x010E] = place.decode()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


async def directly(work: Callable[[], T]) -> T:
    return work()


@pytest.fixture(scope="module")
def looker() -> Iterator[Looking]:
    with Looking(1, READER) as looker:
        yield looker


@pytest.fixture
async def http(site: Site, looker: Looking) -> AsyncIterator[httpx.AsyncClient]:
    folder, store = site.estate.path.parent, site.estate.store
    ca = authority.create(folder / "ca", folder / "root.key", "town", NOW_MS - DAY_MS)
    door = Door(Doorkeeper(ledger_of(store), ca, TERMS), directly, lambda: NOW_MS)
    app = door.app()
    keepers = keepers_of(store, GATEWAY_KEY, folder)
    VisitDoor(door, keepers, looker, directly, lambda: NOW_MS).add_to(app)
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="https://gateway") as client:
        yield client


def told(answer: httpx.Response) -> VisitAnswer:
    assert answer.status_code == 200
    return visit_road.opened_answer(answer.content, "edge-1", GATEWAY_KEY.public)


def photo(site: Site, jpeg: bytes, key: SigningKey | None = None) -> bytes:
    head = PhotoHead(1, "edge-1", 1, hashlib.sha256(jpeg).digest())
    return visit_road.sealed_photo(head, jpeg, key or site.edge.key)


async def test_a_record_its_photo_and_the_points_take_the_same_door(
    site: Site, http: httpx.AsyncClient
) -> None:
    jpeg = a_jpeg(b"55.75 N 37.61 E")
    body = site.seal(site.record(install(photos=(hashlib.sha256(jpeg).digest(),))))
    assert told(await http.post(visit_road.VISIT_PATH, content=body)).events[0].outcome == "applied"
    kept = told(await http.post(visit_road.PHOTO_PATH, content=photo(site, jpeg)))
    assert (kept.outcome, kept.sha256) == ("kept", hashlib.sha256(jpeg).digest())
    row = site.office.visits.visit("edge-1", 1)
    assert row is not None
    (one,) = site.office.visits.photos(row.visit_no)
    assert one.file is not None
    file = files_of(site.estate.path.parent).read(one.file, one.jpeg_sha256)
    assert b"55.75" in jpeg
    assert b"55.75" not in file
    assert Image.open(io.BytesIO(file)).size == (640, 480)
    asked = visit_road.sealed_ask(PointsAsked(1, "edge-1", NOW_MS), site.edge.key)
    answer = await http.post(visit_road.POINTS_PATH, content=asked)
    found = points.opened(answer.content, GATEWAY_KEY.public)
    assert "A-3-W" in {one.point for one in found.points}


async def test_a_photo_that_is_none_is_refused_for_good(
    site: Site, http: httpx.AsyncClient
) -> None:
    jpeg = b"\xff\xd8\xff\xe0 and then nothing of a picture"
    site.bring(install(photos=(hashlib.sha256(jpeg).digest(),)))
    answer = told(await http.post(visit_road.PHOTO_PATH, content=photo(site, jpeg)))
    assert answer.outcome == "refused"
    assert "damaged" in answer.reason
    row = site.office.visits.visit("edge-1", 1)
    assert row is not None
    assert site.office.visits.photos(row.visit_no) == []


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (visit_road.VISIT_PATH, visit_road.VISIT_BODY_MAX),
        (visit_road.PHOTO_PATH, visit_road.PHOTO_BODY_MAX),
        (visit_road.POINTS_PATH, visit_road.POINTS_BODY_MAX),
    ],
)
async def test_a_body_over_its_bound_is_not_read_to_its_end(
    site: Site, http: httpx.AsyncClient, path: str, most: int
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield bytes(65_536)
            await asyncio.sleep(0)

    before = site.state()
    answer = await http.post(path, content=endless())
    assert answer.status_code == 400
    assert enrolment.decode_refused(answer.content).reason == "malformed"
    assert sent <= most + 2 * 65_536
    assert site.state() == before


async def test_whoever_is_no_device_is_refused_and_recorded(
    site: Site, http: httpx.AsyncClient
) -> None:
    stranger = SigningKey.from_seed(b"x" * 32)
    body = site.seal(site.record(install()), stranger)
    answer = await http.post(visit_road.VISIT_PATH, content=body)
    assert answer.status_code == 403
    assert enrolment.decode_refused(answer.content).reason == "unknown-key"
    forged = await http.post(visit_road.PHOTO_PATH, content=photo(site, a_jpeg(), stranger))
    assert forged.status_code == 403
    (row,) = ledger_of(site.estate.store).identities.refusals(10)
    assert (row.reason, row.times, row.source) == ("unknown-key", 2, "192.0.2.7")
    log = ledger_of(site.estate.store).audit
    assert [one.act.act for one in log.entries()] == ["visit refused"]


async def heard(http: httpx.AsyncClient, path: str) -> int:
    """How many knocks were judged until one was not: a slow machine's gate lets more of them in."""
    for number in range(KNOCKS_MAX):
        answer = await http.post(path, content=b"x")
        if answer.status_code == 429:
            return number
        assert answer.status_code == 400
    raise AssertionError("everybody is heard")


async def test_who_knocks_too_often_is_not_judged(site: Site, http: httpx.AsyncClient) -> None:
    assert await heard(http, visit_road.VISIT_PATH) >= BURST
    assert site.office.visits.visits(None, 10) == []


async def test_the_photos_of_a_whole_house_are_not_too_many(http: httpx.AsyncClient) -> None:
    assert await heard(http, visit_road.PHOTO_PATH) >= PHOTOS_BURST
    # Enrolment has a gate of its own, and hears the same address yet.
    assert (await http.post(enrolment.ENROL_PATH, content=b"x")).status_code == 400
