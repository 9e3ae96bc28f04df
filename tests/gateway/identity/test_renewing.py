"""Renewals and rotations: by the device itself, for itself, and not without end."""

from collections.abc import Callable

import pytest

from cloud_sync import enrolment as words
from cloud_sync.certificates import TlsKey
from cloud_sync.signing import SigningKey
from gateway.identity.enrolling import CERTIFICATES_MAX, KEYS_MAX
from gateway.identity.model import NotLetIn, Why
from tests.gateway.estate import DAY_MS
from tests.gateway.identity.town_hall import NOW_MS, OVERLAP_MS, SOURCE, Card, TownHall, a_card


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
        asking(
            lambda: hall.keeper.rotate(card.rotate(SigningKey.generate()), SOURCE, NOW_MS),
            KEYS_MAX,
        )
