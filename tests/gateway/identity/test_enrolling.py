"""Who is let in, who is not and why: every refusal changes nothing and is recorded."""

import threading
from collections.abc import Callable

import pytest

from cloud_sync import signing, topics
from cloud_sync.authority import Profile
from cloud_sync.certificates import TlsKey, chain_of, parse_certificates, parse_request
from cloud_sync.invitation import Invitation, new_secret, secret_text
from cloud_sync.signing import SigningKey
from gateway import registry
from gateway.identity import invitations, revoking
from gateway.identity.enrolling import CLOCK_SLACK_MS
from gateway.identity.model import IdentityError, NotLetIn, Why
from gateway.identity.revoking import Revocation
from gateway.sql import identity as table
from tests.gateway.estate import DAY_MS, LINES, csv
from tests.gateway.identity.town_hall import (
    HOUSE,
    NOW_MS,
    OFFICE,
    SOURCE,
    Card,
    TownHall,
    a_card,
)

Attack = Callable[[TownHall, Card, Invitation], bytes]


def refused(hall: TownHall, body: bytes, now_ms: int = NOW_MS) -> NotLetIn:
    """The refusal of a body, which must leave everything as it was and its record behind."""
    before = hall.state()
    with pytest.raises(NotLetIn) as caught:
        hall.keeper.enrol(body, SOURCE, now_ms)
    assert hall.state() == before
    newest = hall.ledger.identities.refusals(1)[0]
    assert (newest.reason, newest.source) == (caught.value.why, SOURCE)
    return caught.value


class TestLettingIn:
    def test_a_device_is_in_with_key_certificate_and_house(self, hall: TownHall) -> None:
        card = a_card()
        answer = hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        leaf, issuing = parse_certificates(answer.chain)
        root = parse_certificates(answer.authorities)
        assert [one.subject for one in chain_of(leaf, [issuing, *root])] == [
            "edge-7", "town issuing 1", "town root",
        ]  # fmt: skip
        assert leaf.key_sha256 == card.tls.key_sha256
        device = hall.ledger.identities.device("edge-7")
        assert device is not None
        assert device.house == HOUSE
        assert [key.key_id for key in device.keys] == [card.key.public.key_id]
        assert (answer.broker_host, answer.broker_port) == ("broker.example", 8883)
        assert hall.acts()[-1][:2] == ("edge-7", "enrol")

    def test_its_first_batches_count_though_its_clock_is_behind(self, hall: TownHall) -> None:
        card = a_card()
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        device = hall.ledger.identities.device("edge-7")
        assert device is not None
        assert device.keys[0].valid_from_ms == NOW_MS - CLOCK_SLACK_MS

    def test_a_device_entered_by_hand_keeps_its_key_and_gets_a_certificate(
        self, hall: TownHall
    ) -> None:
        card = Card("edge-1", hall.estate.edge.key, TlsKey.generate())
        answer = hall.keeper.enrol(card.enrol(hall.invite("edge-1")), SOURCE, NOW_MS)
        assert answer.chain
        device = hall.ledger.identities.device("edge-1")
        assert device is not None
        assert [(key.key_id, key.valid_from_ms) for key in device.keys] == [
            (card.key.public.key_id, 0)
        ]

    def test_the_same_keys_within_its_time_get_the_same_answer(self, hall: TownHall) -> None:
        card, invitation = a_card(), hall.invite()
        first = hall.keeper.enrol(card.enrol(invitation), SOURCE, NOW_MS)
        before = hall.state()
        assert hall.keeper.enrol(card.enrol(invitation), SOURCE, NOW_MS + DAY_MS) == first
        assert hall.state() == before
        assert refused(hall, card.enrol(invitation), NOW_MS + 14 * DAY_MS).why is Why.EXPIRED

    def test_a_house_without_a_list_admits_any_name_one_with_a_list_its_own(
        self, hall: TownHall
    ) -> None:
        first, second = hall.invite(), hall.invite()
        hall.keeper.enrol(a_card("free").enrol(first), SOURCE, NOW_MS)
        hall.invite("edge-8")
        late = a_card("late", b"l" * 32)
        assert refused(hall, late.enrol(second)).why is Why.NOT_EXPECTED
        eighth = a_card("edge-8", b"8" * 32)
        assert hall.keeper.enrol(eighth.enrol(second), SOURCE, NOW_MS).device == "edge-8"


def _other_secret(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    return card.enrol(invitation, secret=new_secret())


def _other_house(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    return card.enrol(invitation, house="B")


def _used_by_another(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    hall.keeper.enrol(a_card("first", b"f" * 32).enrol(invitation), SOURCE, NOW_MS)
    return card.enrol(invitation)


def _used_with_other_keys(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    hall.keeper.enrol(card.enrol(invitation), SOURCE, NOW_MS)
    return Card(card.name, SigningKey.generate(), card.tls).enrol(invitation)


def _used_with_another_tls_key(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    hall.keeper.enrol(card.enrol(invitation), SOURCE, NOW_MS)
    return card._replace(tls=TlsKey.generate()).enrol(invitation)


def _name_of_a_device(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    return card._replace(name="edge-2").enrol(invitation)


def _name_of_an_enrolled_one(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    hall.keeper.enrol(a_card(card.name, b"f" * 32).enrol(hall.invite()), SOURCE, NOW_MS)
    return card.enrol(invitation)


def _name_of_a_collector(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    return card._replace(name="plomba-gateway").enrol(invitation)


def _name_of_a_certified_collector(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    request = parse_request(TlsKey.generate().request("collector-2"))
    made = hall.ca.issue(Profile.COLLECTOR, request, NOW_MS, 30, ())
    with hall.store.transaction():
        hall.ledger.identities.add_certificate(made, Profile.COLLECTOR, None, NOW_MS)
    return card._replace(name="collector-2").enrol(invitation)


def _signing_key_of_another(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    return card._replace(key=hall.estate.edge.key).enrol(invitation)


def _tls_key_of_another(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    hall.keeper.enrol(
        a_card("first", b"f" * 32)._replace(tls=card.tls).enrol(hall.invite()), SOURCE, NOW_MS
    )
    return card.enrol(invitation)


def _not_its_name(hall: TownHall, card: Card, _invitation: Invitation) -> bytes:
    return card.enrol(hall.invite("edge-8"))


def _withdrawn(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    label = hall.ledger.identities.invitations()[0].label
    with hall.store.transaction():
        invitations.withdraw(
            *(hall.ledger.identities, hall.ledger.audit, label), by=OFFICE, why="x", now_ms=NOW_MS
        )
    return card.enrol(invitation)


def _revoked_name(hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
    with hall.store.transaction():
        revoking.revoke(hall.ledger, card.name, Revocation(OFFICE, "stolen"), NOW_MS)
    return card.enrol(invitation)


def _key_it_has_not(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    """A stranger's public key, sealed with the own one."""
    stranger = SigningKey.generate().public.public_bytes
    return card.enrol(invitation, signing_key=stranger)


def _csr_for_another_name(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    return card.enrol(invitation, csr=card.tls.request("edge-1"))


def _broken_csr(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    csr = card.tls.request(card.name).splitlines()
    csr[3] = csr[3][::-1]
    return card.enrol(invitation, csr="\n".join(csr))


def _sealed_as_a_batch(_hall: TownHall, card: Card, invitation: Invitation) -> bytes:
    """The right content, bound to another purpose."""
    payload = signing.parse(card.enrol(invitation)).payload
    return card.key.seal(payload, topics.batch_topic(card.name))


def _a_renewal(_hall: TownHall, card: Card, _invitation: Invitation) -> bytes:
    return card.renew()


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (_other_secret, Why.UNKNOWN_INVITATION),
        (_other_house, Why.WRONG_HOUSE),
        (_used_by_another, Why.USED),
        (_used_with_other_keys, Why.USED),
        (_used_with_another_tls_key, Why.USED),
        (_name_of_a_device, Why.NAME_TAKEN),
        (_name_of_an_enrolled_one, Why.NAME_TAKEN),
        (_name_of_a_collector, Why.NAME_TAKEN),
        (_name_of_a_certified_collector, Why.NAME_TAKEN),
        (_signing_key_of_another, Why.KEY_TAKEN),
        (_tls_key_of_another, Why.KEY_TAKEN),
        (_not_its_name, Why.NOT_EXPECTED),
        (_withdrawn, Why.WITHDRAWN),
        (_revoked_name, Why.REVOKED),
        (_key_it_has_not, Why.MALFORMED),
        (_csr_for_another_name, Why.MALFORMED),
        (_broken_csr, Why.MALFORMED),
        (_sealed_as_a_batch, Why.MALFORMED),
        (_a_renewal, Why.MALFORMED),
    ],
)
def test_an_attack_is_refused_by_its_name_and_changes_nothing(
    hall: TownHall, attack: Attack, why: Why
) -> None:
    invitation = hall.invite()
    refusal = refused(hall, attack(hall, a_card(), invitation))
    assert refusal.why is why
    assert secret_text(invitation.secret_bytes) not in str(refusal)


def test_a_device_of_another_house_is_not_taken_over(hall: TownHall) -> None:

    far = LINES[0].replace("A,Lenina 1", "B,Mira 2").replace("101,1", "102,1")
    far = far.replace("A-1-E", "B-1-E").replace("E1", "E9").replace("edge-1", "far-1")
    registry.import_csv(hall.store, csv(far))
    assert refused(hall, a_card("far-1").enrol(hall.invite())).why is Why.WRONG_HOUSE


def test_what_a_stranger_calls_his_house_cannot_write_on_the_operators_screen(
    hall: TownHall,
) -> None:
    body = a_card().enrol(hall.invite(), house="\x1b[2J\r edge-7 is let in")
    assert refused(hall, body).why is Why.WRONG_HOUSE
    (row,) = hall.ledger.identities.refusals(9)
    assert row.detail.isprintable()


def test_of_two_that_come_at_once_with_one_invitation_one_is_let_in(hall: TownHall) -> None:
    """Two processes, a transaction each: nothing between the check and the use."""
    for turn in range(10):
        invitation = hall.invite()
        barrier = threading.Barrier(2)
        outcomes: list[str] = []

        def knock(name: str, seed: bytes) -> None:
            ledger, keeper = hall.another()
            body = a_card(name, seed).enrol(invitation)  # noqa: B023 - used within the turn
            barrier.wait()  # noqa: B023 - as above
            try:
                outcomes.append(keeper.enrol(body, SOURCE, NOW_MS).device)  # noqa: B023
            except NotLetIn as refusal:
                outcomes.append(refusal.why)  # noqa: B023
            finally:
                ledger.store.close()

        names = [f"left-{turn}", f"right-{turn}"]
        threads = [
            threading.Thread(target=knock, args=(name, name.encode().ljust(32))) for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Why.USED in outcomes
        assert len({*outcomes} & {*names}) == 1


class TestRecords:
    def test_the_audit_log_hears_of_each_kind_once_an_hour_the_table_counts(
        self, hall: TownHall
    ) -> None:
        invitation = hall.invite()
        for _ in range(50):
            refused(hall, a_card().enrol(invitation, secret=new_secret()))
        (row,) = hall.ledger.identities.refusals(10)
        assert row.times == 50
        assert row.fingerprint == a_card().key.public.fingerprint
        said = [act for act in hall.acts() if act[1] == "enrolment refused"]
        assert said == [("edge-7", "enrolment refused", "unknown-invitation")]

    def test_a_flood_of_one_kind_hides_no_other_and_is_bounded(self, hall: TownHall) -> None:

        refused(hall, a_card().enrol(hall.invite(), house="B"))
        with hall.store.transaction():
            for number in range(table.REFUSALS_KEPT + 100):
                refusal = NotLetIn(Why.UNKNOWN_INVITATION, "x", device=f"d{number}")
                hall.ledger.identities.refuse(refusal, SOURCE, NOW_MS + number)
        rows = hall.ledger.identities.refusals(10_000)
        assert len(rows) == table.REFUSALS_KEPT + 1
        assert Why.WRONG_HOUSE in {row.reason for row in rows}
        assert len([act for act in hall.acts() if act[1] == "enrolment refused"]) == 1


class TestInvitations:
    @pytest.mark.parametrize(
        ("house", "devices", "days", "said"),
        [
            ("Nowhere", [""], 14, "expected a house of the registry, got 'Nowhere'"),
            (HOUSE, [], 14, "expected 1 to 200 invitations, got 0"),
            (HOUSE, ["a"] * 2, 14, "expected every device once"),
            (HOUSE, [""], 0, "expected a time in the future"),
        ],
    )
    def test_what_cannot_be_is_one_line(
        self, hall: TownHall, house: str, devices: list[str], days: int, said: str
    ) -> None:
        terms = invitations.Terms("https://x", hall.ca.root, house, NOW_MS + days * DAY_MS, OFFICE)
        with pytest.raises(IdentityError, match=said), hall.store.transaction():
            invitations.invite(hall.ledger.identities, hall.ledger.audit, terms, devices, NOW_MS)

    def test_a_used_one_cannot_be_withdrawn(self, hall: TownHall) -> None:
        hall.keeper.enrol(a_card().enrol(hall.invite()), SOURCE, NOW_MS)
        label = hall.ledger.identities.invitations()[0].label
        with pytest.raises(IdentityError, match="is used already"):
            invitations.withdraw(
                *(hall.ledger.identities, hall.ledger.audit, label),
                by=OFFICE,
                why="x",
                now_ms=NOW_MS,
            )
