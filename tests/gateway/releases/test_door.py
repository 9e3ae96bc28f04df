"""The route of releases behind the device door, without TLS: its bounds, and who is recorded."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import httpx
import pytest

from cloud_sync import enrolment, release_road
from cloud_sync.release_road import ASK_BYTES_MAX, RELEASE_PATH, Asked
from cloud_sync.signing import SigningKey
from gateway.identity import authority
from gateway.identity.enrolling import Doorkeeper
from gateway.identity.wired import ledger_of
from gateway.web.enrolment import Door
from gateway.web.releases_door import ReleaseDoor
from tests.gateway.estate import DAY_MS, GATEWAY_KEY
from tests.gateway.identity.town_hall import TERMS
from tests.gateway.releases.shop import NOW_MS, Shop

T = TypeVar("T")


async def directly(work: Callable[[], T]) -> T:
    return work()


@pytest.fixture
async def http(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    ca = authority.create(shop.folder / "ca", shop.folder / "root.key", "town", NOW_MS - DAY_MS)
    keeper = Doorkeeper(ledger_of(shop.estate.store), ca, TERMS)
    door = Door(keeper, directly, lambda: NOW_MS)
    app = door.app()
    ReleaseDoor(door, shop.server, directly, lambda: NOW_MS).add_to(app)
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="https://gateway") as client:
        yield client


async def test_a_part_is_given_and_whoever_may_not_have_it_is_told_why_and_noted(
    shop: Shop, http: httpx.AsyncClient
) -> None:
    kept = shop.keep()
    asked = Asked(1, "edge-1", NOW_MS, kept.manifest, "manifest.json", 0)
    body = release_road.sealed_ask(asked, shop.estate.edge.key)
    refused = await http.post(RELEASE_PATH, content=body)
    assert refused.status_code == 403
    assert enrolment.decode_refused(refused.content).reason == "release-not-offered"
    shop.offer(kept)
    given = await http.post(RELEASE_PATH, content=body)
    data, total = release_road.opened_part(given.content, asked, GATEWAY_KEY.public)
    assert (given.status_code, len(data)) == (200, total)
    stranger = release_road.sealed_ask(asked, SigningKey.from_seed(b"s" * 32))
    for wrong in (stranger, b"x" * (ASK_BYTES_MAX + 1), b""):
        answer = await http.post(RELEASE_PATH, content=wrong)
        assert answer.status_code in {400, 403}
    rows = shop.estate.store.database.connection.execute(
        "SELECT reason, sum(count) FROM enrolment_refusal GROUP BY reason ORDER BY reason"
    ).fetchall()
    assert dict(rows) == {"malformed": 2, "release-not-offered": 1, "unknown-key": 1}
