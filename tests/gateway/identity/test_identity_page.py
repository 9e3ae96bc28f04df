"""The operator's page shows the fingerprint that the device shows, and who was not let in."""

import httpx
import pytest

from cloud_sync.invitation import new_secret
from gateway.config import WebConfig
from gateway.identity import revoking
from gateway.identity.model import NotLetIn, Why
from gateway.identity.revoking import Revocation
from gateway.identity.standing import Standing
from gateway.web.identity_texts import TEXTS
from tests.gateway.estate import DAY_MS
from tests.gateway.identity.town_hall import HOUSE, NOW_MS, OFFICE, SOURCE, TownHall, a_card
from tests.servers.ledgers import create_app


async def shown(hall: TownHall, lang: str = "en") -> str:
    app = create_app(hall.path, lambda: NOW_MS, WebConfig())
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        response = await http.get("/identity", params={"house": HOUSE, "lang": lang})
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


def test_every_word_has_its_text() -> None:
    assert {f"identity_{one}" for one in Standing} <= TEXTS.keys()
    assert {f"not_in_{one}" for one in Why} <= TEXTS.keys()
