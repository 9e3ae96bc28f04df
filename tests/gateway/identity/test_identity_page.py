"""The operator's page shows a device's fingerprint, and who was not let in or not heard."""

import re

import httpx
import pytest

from cloud_sync.invitation import new_secret
from cloud_sync.signing import SigningKey
from gateway import registry
from gateway.config import WebConfig
from gateway.identity import revoking
from gateway.identity.model import NotLetIn, Why
from gateway.identity.revoking import Revocation
from gateway.identity.standing import Standing
from gateway.ingest import Incoming
from gateway.quarantine import Reason
from gateway.web.identity_texts import TEXTS
from tests.gateway.estate import DAY_MS, a_day
from tests.gateway.identity.town_hall import HOUSE, NOW_MS, OFFICE, SOURCE, TownHall, a_card
from tests.servers.ledgers import create_app


async def shown(hall: TownHall, lang: str = "en", path: str = "/identity") -> str:
    app = create_app(hall.path, lambda: NOW_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        response = await http.get(path, params={"house": HOUSE, "lang": lang})
    assert response.status_code == 200
    return response.text


async def test_a_device_with_its_fingerprint_and_end(hall: TownHall) -> None:
    card = a_card()
    hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
    page = await shown(hall)
    assert card.key.public.fingerprint in page
    assert "edge-7" in page
    assert "entered by hand" in page  # the estate's own devices


async def test_open_invitations_and_refusals(hall: TownHall) -> None:
    invitation = hall.invite("edge-8")
    with pytest.raises(NotLetIn):
        hall.keeper.enrol(b"", SOURCE, NOW_MS)
    with pytest.raises(NotLetIn):
        hall.keeper.enrol(a_card().enrol(invitation, secret=new_secret()), SOURCE, NOW_MS)
    page = await shown(hall, "ru")
    assert "нет такого приглашения" in page
    assert "запрос не разобран" in page
    assert SOURCE in page
    assert invitation.secret not in page
    assert "edge-8" in page


async def test_a_revoked_device_says_why(hall: TownHall) -> None:
    with hall.store.transaction():
        revoking.revoke(hall.ledger, "edge-1", Revocation(OFFICE, "<script>"), NOW_MS - DAY_MS)
    page = await shown(hall)
    assert "revoked" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page.replace('<script src="', "")


async def test_what_was_refused_is_told_with_its_sender_and_its_reason(hall: TownHall) -> None:
    (good,) = a_day(hall.estate.edge, batches=1)
    spoilt = good.payload[:-1] + bytes([good.payload[-1] ^ 1])
    hall.estate.take(Incoming(good.topic, spoilt), Incoming("<b>/nobody", b"x"), now_ms=NOW_MS)
    hall.store.quarantine.add_unkept(Reason.FLOOD, 7)
    page = await shown(hall, "ru")
    rows = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in page.split("<tr>")]
    assert any("подпись неверна edge-1 1" in row for row in rows)
    assert any("не наша тема &lt;b&gt;/nobody 1" in row for row in rows)
    assert "отказано: 7, записей: 0" in page
    assert "plomba-gateway quarantine --reason bad-signature" in page


async def test_a_device_of_no_house_is_on_every_page(hall: TownHall) -> None:
    registry.add_device_key(hall.store, "edge-lost", SigningKey.from_seed(b"9" * 32).public, 0)
    page = await shown(hall)
    assert page.index("edge-lost") < page.index("no house") < page.index("edge-1")


async def test_the_overview_says_who_is_revoked(hall: TownHall) -> None:
    with hall.store.transaction():
        revoking.revoke(hall.ledger, "edge-1", Revocation(OFFICE, "stolen"), NOW_MS - DAY_MS)
    page = await shown(hall, path="/")
    assert page.count('<span class="pill s2">revoked</span>') == 1
    assert 'href="/identity?house=A#quarantine"' in page


def test_every_word_has_its_text() -> None:
    assert {f"refused_{one}" for one in Reason} <= TEXTS.keys()
    assert {f"identity_{one}" for one in Standing} <= TEXTS.keys()
    assert {f"not_in_{one}" for one in Why} <= TEXTS.keys()
