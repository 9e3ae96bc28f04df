"""Renewals and rotations: by the device itself, for itself, and not without end."""

from collections.abc import Callable

import pytest

from cloud_sync import enrolment as words
from cloud_sync.authority import Reason
from cloud_sync.certificates import TlsKey
from cloud_sync.signing import SigningKey
from gateway.identity import revoking
from gateway.identity.enrolling import CERTIFICATES_MAX, KEYS_MAX
from gateway.identity.model import NotLetIn, Why
from gateway.identity.revoking import Revocation
from gateway.registry import end_device_key
from tests.gateway.estate import DAY_MS
from tests.gateway.identity.town_hall import (
    NOW_MS,
    OFFICE,
    OVERLAP_MS,
    SOURCE,
    Card,
    TownHall,
    a_card,
)


class TestRenewing:
    def let_in(self, hall: TownHall) -> Card:
        card = a_card()
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        return card

    def test_before_the_last_third_the_standing_one_is_given_again(self, hall: TownHall) -> None:
        card = self.let_in(hall)
        first = hall.keeper.renew(card.renew(), SOURCE, NOW_MS)
        again = hall.keeper.renew(card.renew(), SOURCE, NOW_MS + DAY_MS)
        assert first.chain == again.chain

    def test_in_it_there_is_a_new_one_and_only_one(self, hall: TownHall) -> None:
        card = self.let_in(hall)
        days = 250  # of 397: the hall's authority issues for a server's time
        first = hall.keeper.renew(card.renew(), SOURCE, NOW_MS)
        late = hall.keeper.renew(card.renew(), SOURCE, NOW_MS + (days + 20) * DAY_MS)
        assert late.chain != first.chain
        again = hall.keeper.renew(card.renew(), SOURCE, NOW_MS + (days + 20) * DAY_MS)
        assert again.chain == late.chain
        renewed = [who for who, act, _ in hall.acts() if act == "certificate renew"]
        assert renewed == ["edge-7"], "the one that is new"

    def test_a_stranger_or_another_device_renews_nothing(self, hall: TownHall) -> None:
        card = self.let_in(hall)
        stranger = card._replace(key=SigningKey.generate())
        other = card._replace(key=hall.estate.edge.key)
        for body, why in (
            (stranger.renew(), Why.UNKNOWN_KEY),
            (other.renew(), Why.UNKNOWN_KEY),
            (b"", Why.MALFORMED),
        ):
            with pytest.raises(NotLetIn) as caught:
                hall.keeper.renew(body, SOURCE, NOW_MS)
            assert caught.value.why is why

    def test_another_devices_tls_key_is_not_certified(self, hall: TownHall) -> None:
        card = self.let_in(hall)
        other = a_card("edge-8", b"8" * 32)
        hall.keeper.enrol(other.enrol(hall.invite()), SOURCE, NOW_MS)
        with pytest.raises(NotLetIn) as caught:
            hall.keeper.renew(card.renew(other.tls), SOURCE, NOW_MS)
        assert caught.value.why is Why.KEY_TAKEN

    @pytest.mark.parametrize(
        ("reason", "is_given"),
        [(Reason.KEY_COMPROMISE, False), (Reason.UNSPECIFIED, False), (Reason.SUPERSEDED, True)],
    )
    def test_a_tls_key_whose_certificate_was_revoked_gets_no_other(
        self, hall: TownHall, reason: Reason, is_given: bool
    ) -> None:
        card = self.let_in(hall)
        (kept,) = hall.ledger.identities.all_certificates()
        with hall.store.transaction():
            revocation = Revocation(OFFICE, "copied")
            revoking.revoke_certificate(hall.ledger, kept.serial, revocation, reason, NOW_MS)
        if is_given:
            hall.keeper.renew(card.renew(), SOURCE, NOW_MS)
            return
        with pytest.raises(NotLetIn, match="of this TLS key of edge-7 was revoked") as caught:
            hall.keeper.renew(card.renew(), SOURCE, NOW_MS)
        assert caught.value.why is Why.KEY_NOT_VALID
        fresh = card._replace(tls=TlsKey.generate())
        assert hall.keeper.enrol(fresh.enrol(hall.invite()), SOURCE, NOW_MS).chain


class TestRotating:
    def test_a_stolen_public_key_cannot_be_registered(self, hall: TownHall) -> None:
        """The new key must prove itself: nobody registers a key he has not."""
        card = a_card()
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        foreign = SigningKey.generate()
        inner = card.key.seal(
            words.wire.encode(words.Rotate(1, card.name, foreign.public.public_bytes)),
            words.purpose(card.name, "rotate-to"),
        )
        body = card.key.seal(inner, words.purpose(card.name, "rotate"))
        with pytest.raises(NotLetIn) as caught:
            hall.keeper.rotate(body, SOURCE, NOW_MS)
        assert caught.value.why is Why.MALFORMED

    def test_an_ended_key_vouches_for_nobody_but_finishes_what_it_began(
        self, hall: TownHall
    ) -> None:
        card, new = a_card(), SigningKey.from_seed(b"n" * 32)
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        hall.keeper.rotate(card.rotate(new), SOURCE, NOW_MS)
        late_ms = NOW_MS + OVERLAP_MS
        hall.keeper.rotate(card.rotate(new), SOURCE, late_ms)
        with pytest.raises(NotLetIn) as caught:
            hall.keeper.rotate(card.rotate(SigningKey.generate()), SOURCE, late_ms)
        assert caught.value.why is Why.KEY_NOT_VALID
        assert [who for who, act, _ in hall.acts() if act == "key rotate"] == ["edge-7"]

    def test_an_exchange_gives_a_key_no_longer_life(self, hall: TownHall) -> None:
        card, new = a_card(), SigningKey.from_seed(b"n" * 32)
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        end_device_key(hall.store, card.key.public.key_id, NOW_MS + 1)
        hall.keeper.rotate(card.rotate(new), SOURCE, NOW_MS)
        known = hall.store.registry.device_keys([card.key.public.key_id])
        assert known[card.key.public.key_id].valid_to_ms == NOW_MS + 1

    def test_a_key_that_was_exchanged_vouches_for_nobody_also_while_it_still_signs(
        self, hall: TownHall
    ) -> None:
        """Who copied it would be in for good, and the exchange would not have put him out."""
        card, new = a_card(), SigningKey.from_seed(b"n" * 32)
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        hall.keeper.rotate(card.rotate(new), SOURCE, NOW_MS)
        before = hall.state()
        thief = card._replace(tls=TlsKey.generate())
        for ask in (
            lambda: hall.keeper.rotate(card.rotate(SigningKey.generate()), SOURCE, NOW_MS + 1),
            lambda: hall.keeper.renew(thief.renew(), SOURCE, NOW_MS + 1),
        ):
            with pytest.raises(NotLetIn, match="was exchanged already") as caught:
                ask()
            assert caught.value.why is Why.KEY_NOT_VALID
        with pytest.raises(NotLetIn) as caught:
            hall.keeper.enrol(thief.enrol(hall.invite()), SOURCE, NOW_MS + 1)
        assert caught.value.why is Why.NAME_TAKEN
        assert hall.state() == before
        newest = card._replace(key=new)
        hall.keeper.rotate(newest.rotate(SigningKey.generate()), SOURCE, NOW_MS + 1)


def again_and_again(ask: Callable[[], object], times: int) -> None:
    for _ in range(times):
        ask()


class TestBounds:
    def test_a_device_that_goes_on_asking_gets_no_more(self, hall: TownHall) -> None:
        """Whoever took a device over cannot fill the ledger with keys and certificates."""
        card = a_card()
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)

        def asking(ask: Callable[[], object], bound: int) -> None:
            with pytest.raises(NotLetIn) as caught:
                again_and_again(ask, bound)
            assert caught.value.why is Why.TOO_OFTEN

        asking(
            lambda: hall.keeper.renew(card.renew(TlsKey.generate()), SOURCE, NOW_MS),
            CERTIFICATES_MAX,
        )

        def rotate() -> None:
            nonlocal card
            new = SigningKey.generate()
            hall.keeper.rotate(card.rotate(new), SOURCE, NOW_MS)
            card = card._replace(key=new)

        asking(rotate, KEYS_MAX)
