"""Certificates of an external authority: only what answers a request, and only as it should."""

from pathlib import Path

import pytest

from cloud_sync.authority import Authority, Profile
from cloud_sync.certificates import CertificateError, Request, TlsKey, parse_request
from gateway.identity import external
from gateway.identity.authority import ExternalAuthority
from gateway.identity.enrolling import Doorkeeper, Terms
from gateway.identity.model import IdentityError
from tests.gateway.estate import DAY_MS, GATEWAY_KEY
from tests.gateway.identity.town_hall import NOW_MS, OFFICE, SOURCE, Card, TownHall, a_card


class Elsewhere:
    """An authority of somebody else, and the gateway's view of it."""

    def __init__(self, folder: Path, hall: TownHall) -> None:
        self.root = Authority.root("elsewhere", NOW_MS - DAY_MS, 3650)
        self.issuing = self.root.subordinate("elsewhere devices", NOW_MS - DAY_MS, 1000)
        bundle = folder / "bundle.pem"
        bundle.write_text(self.root.certificate.pem + self.issuing.certificate.pem)
        self.seen = ExternalAuthority(bundle)
        terms = Terms(GATEWAY_KEY.public.public_bytes, "", 8883, DAY_MS)
        self.keeper = Doorkeeper(hall.ledger, self.seen, terms)
        self.card = a_card()
        self.body = self.card.enrol(hall.invite())
        assert self.keeper.enrol(self.body, SOURCE, NOW_MS).chain == ""

    def request(self, card: Card) -> Request:
        return parse_request(card.tls.request(card.name))


@pytest.fixture
def elsewhere(tmp_path: Path, hall: TownHall) -> Elsewhere:
    return Elsewhere(tmp_path, hall)


def take(hall: TownHall, elsewhere: Elsewhere, pem: str, now_ms: int = NOW_MS) -> external.Taken:
    with hall.store.transaction():
        return external.take(hall.ledger, elsewhere.seen, pem, OFFICE, now_ms)


def test_the_waiting_device_gets_what_was_made(hall: TownHall, elsewhere: Elsewhere) -> None:
    made = elsewhere.issuing.issue(Profile.DEVICE, elsewhere.request(elsewhere.card), NOW_MS, 30)
    assert take(hall, elsewhere, made.pem).device == "edge-7"
    answer = elsewhere.keeper.enrol(elsewhere.body, SOURCE, NOW_MS)
    assert answer.chain == made.pem + elsewhere.issuing.certificate.pem
    assert answer.authorities == elsewhere.root.certificate.pem
    assert hall.ledger.identities.asked() == []


def test_asking_again_does_not_ask_twice(hall: TownHall, elsewhere: Elsewhere) -> None:
    for _ in range(3):
        elsewhere.keeper.enrol(elsewhere.body, SOURCE, NOW_MS)
    assert len(hall.ledger.identities.asked()) == 1


def test_what_does_not_answer_is_refused_with_its_reason(
    hall: TownHall, elsewhere: Elsewhere
) -> None:
    request = elsewhere.request(elsewhere.card)
    renamed = parse_request(elsewhere.card.tls.request("edge-1"))
    stranger = elsewhere.request(elsewhere.card._replace(tls=TlsKey.generate()))
    issue = elsewhere.issuing.issue
    for pem, said in (
        (issue(Profile.DEVICE, renamed, NOW_MS, 30).pem, "its name is 'edge-1'"),
        (issue(Profile.SERVER, request, NOW_MS, 30).pem, "it is not for clients"),
        (issue(Profile.DEVICE, stranger, NOW_MS, 30).pem, "a key that waits here"),
        (issue(Profile.DEVICE, request, NOW_MS, 0.01).pem, "it is not valid now"),
        (hall.ca.issue(Profile.DEVICE, request, NOW_MS, 30, ()).pem, "no authority"),
        (elsewhere.root.certificate.pem, "a key that waits here"),
        ("", "expected certificates in PEM form"),
    ):
        with pytest.raises((IdentityError, CertificateError), match=said):
            take(hall, elsewhere, pem, NOW_MS + DAY_MS)
    assert len(hall.ledger.identities.asked()) == 1


def test_what_was_made_elsewhere_is_logged(hall: TownHall, elsewhere: Elsewhere) -> None:
    made = elsewhere.issuing.issue(Profile.DEVICE, elsewhere.request(elsewhere.card), NOW_MS, 30)
    before = len(list(hall.ledger.audit.entries()))
    take(hall, elsewhere, made.pem)
    entry = list(hall.ledger.audit.entries())[-1]
    assert entry.number > before
    assert entry.act[1:3] == OFFICE
