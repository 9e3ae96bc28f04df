"""A revoked device is out with the next group; a rotated key judges what it signed, when it did."""

import pytest

from cloud_sync.authority import Reason
from cloud_sync.signing import SigningKey
from gateway import registry
from gateway.audit import check
from gateway.identity import revoking
from gateway.identity.model import IdentityError
from gateway.identity.revoking import Revocation
from gateway.identity.standing import Standing, fingerprint_of, standing_of
from gateway.ingest import Incoming, Ingest
from tests.gateway.estate import GATEWAY_KEY, QUARTER_MS, Device, a_readout, kwh
from tests.gateway.identity.town_hall import (
    NOW_MS,
    OFFICE,
    OVERLAP_MS,
    SOURCE,
    Card,
    TownHall,
    a_card,
)

MINUTE_MS = 60_000


def revoke(hall: TownHall, name: str, now_ms: int, *, takes_backlog: bool = False) -> int:
    """As the command does: in a process of its own."""
    ledger, _ = hall.another()
    try:
        with ledger.transaction():
            asked = Revocation(OFFICE, "stolen", takes_backlog)
            return revoking.revoke(ledger, name, asked, now_ms)
    finally:
        ledger.store.close()


def batches(device: Device, count: int, start_ms: int = NOW_MS) -> list[Incoming]:
    first = len(device.sent)
    return [
        device.sign(a_readout(start_ms + turn * QUARTER_MS, kwh(1001 + 30 * (first + turn))))
        for turn in range(count)
    ]


class TestRevoking:
    def test_a_running_ingest_knows_with_its_next_group(self, hall: TownHall) -> None:
        """Keys are cached; the revision that another process raised drops them at once."""
        running = Ingest(hall.store, GATEWAY_KEY)
        first, second, third = batches(hall.estate.edge, 3)
        assert running.process([first], NOW_MS).counts["batches"] == 1
        revoke(hall, "edge-1", NOW_MS + MINUTE_MS)
        # Signed before, signed after: whoever holds the key writes what he likes.
        outcome = running.process([second, third], NOW_MS + 2 * MINUTE_MS)
        assert outcome.counts == {"refused": 2}
        assert outcome.receipts == []
        assert hall.estate.refused() == {"key-not-valid": 2}
        assert "was revoked" in next(hall.store.quarantine.kept()).detail

    def test_other_devices_are_not_touched(self, hall: TownHall) -> None:
        revoke(hall, "edge-2", NOW_MS)
        assert hall.estate.take(*batches(hall.estate.edge, 2)).counts["batches"] == 2

    def test_taken_down_in_good_order_what_it_signed_before_counts(self, hall: TownHall) -> None:
        before = batches(hall.estate.edge, 2)
        at_ms = NOW_MS + 2 * QUARTER_MS
        revoke(hall, "edge-1", at_ms, takes_backlog=True)
        after = batches(hall.estate.edge, 1, at_ms)
        outcome = hall.estate.take(*before, *after)
        assert (outcome.counts["batches"], outcome.counts["refused"]) == (2, 1)
        assert hall.estate.refused() == {"key-not-valid": 1}

    def test_a_key_entered_for_it_afterwards_signs_nothing(self, hall: TownHall) -> None:
        """A revocation is for good, also of a device that was taken down in good order."""
        edge, new = hall.estate.edge, SigningKey.from_seed(b"n" * 32)
        revoke(hall, "edge-1", NOW_MS, takes_backlog=True)
        for since_ms in (NOW_MS - QUARTER_MS, NOW_MS + 1):
            registry.add_device_key(hall.store, "edge-1", new.public, since_ms)
            edge.key = new
            outcome = hall.estate.take(*batches(edge, 1, NOW_MS + 2))
            assert outcome.counts == {"refused": 1}
            new = SigningKey.from_seed(b"m" * 32)
        assert hall.estate.refused() == {"key-not-valid": 2}

    def test_its_certificates_are_on_the_list_and_its_invitations_are_worthless(
        self, hall: TownHall
    ) -> None:
        card = a_card()
        hall.keeper.enrol(card.enrol(hall.invite()), SOURCE, NOW_MS)
        left_over = hall.invite("edge-7")
        assert revoke(hall, "edge-7", NOW_MS + 1) == 1
        identities = hall.ledger.identities
        (line,) = identities.revoked(hall.ca.issuing.name, NOW_MS + 1)
        assert (line.reason, line.at_ms) == (Reason.KEY_COMPROMISE, NOW_MS + 1)
        states = {one.device: one.revoked_why for one in identities.invitations()}
        assert states["edge-7"] == "edge-7 was revoked"
        (row,) = [one for one in identities.identities() if one.device == "edge-7"]
        assert standing_of(row, NOW_MS + 2) is Standing.REVOKED
        assert fingerprint_of(row, NOW_MS + 2) == card.key.public.fingerprint
        assert left_over.secret not in str(hall.acts())

    def test_it_is_in_the_audit_log_which_holds(self, hall: TownHall) -> None:
        revoke(hall, "edge-1", NOW_MS)
        entries = list(hall.ledger.audit.entries())
        check(entries)
        act = entries[-1].act
        assert (act.actor, act.act, act.subject, act.why) == (
            "Orlova", "identity revoke", "edge-1", "stolen",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "said"), [("edge-9", "no device 'edge-9'"), ("edge-1", "was revoked already")]
    )
    def test_what_cannot_be_is_one_line(self, hall: TownHall, name: str, said: str) -> None:
        revoke(hall, "edge-1", NOW_MS)
        with pytest.raises(IdentityError, match=said):
            revoke(hall, name, NOW_MS)

    def test_the_brokers_rules_leave_it_out(self, hall: TownHall) -> None:
        def speaking() -> list[str]:
            rows = hall.store.database.connection.execute(
                "SELECT device FROM speaking_device ORDER BY device"
            )
            return [device for (device,) in rows]

        assert speaking() == ["edge-1", "edge-2"]
        revoke(hall, "edge-1", NOW_MS)
        assert speaking() == ["edge-2"]


class TestRotationInABacklog:
    def rotated(self, hall: TownHall, at_ms: int) -> tuple[Device, SigningKey]:
        """A device with a backlog of four batches of the old key, then three of the new one."""
        edge = hall.estate.edge
        new = SigningKey.from_seed(b"n" * 32)
        card = Card(edge.name, edge.key, a_card().tls)
        batches(edge, 4)
        hall.keeper.rotate(card.rotate(new), SOURCE, at_ms)
        old, edge.key = edge.key, new
        batches(edge, 3, NOW_MS + 4 * QUARTER_MS)
        return edge, old

    def test_each_batch_is_judged_by_the_key_valid_when_it_was_signed(self, hall: TownHall) -> None:
        edge, _ = self.rotated(hall, NOW_MS + 4 * QUARTER_MS)
        outcome = hall.estate.take(*edge.sent, now_ms=NOW_MS + 2 * OVERLAP_MS)
        assert outcome.counts["batches"] == 7
        assert hall.estate.refused() == {}

    def test_within_the_overlap_the_old_key_still_signs_after_it_no_more(
        self, hall: TownHall
    ) -> None:
        at_ms = NOW_MS + 4 * QUARTER_MS
        edge, old = self.rotated(hall, at_ms)
        edge.key = old
        batches(edge, 1, at_ms + 3 * QUARTER_MS)
        batches(edge, 1, at_ms + OVERLAP_MS)
        outcome = hall.estate.take(*edge.sent, now_ms=at_ms + 2 * OVERLAP_MS)
        assert outcome.counts["batches"] == 8
        assert hall.estate.refused() == {"key-not-valid": 1}


def test_a_single_certificate_goes_onto_the_list_by_its_serial(hall: TownHall) -> None:
    hall.keeper.enrol(a_card().enrol(hall.invite()), SOURCE, NOW_MS)
    (kept,) = hall.ledger.identities.all_certificates()
    asked = Revocation(OFFICE, "lost")
    with hall.store.transaction():
        revoking.revoke_certificate(hall.ledger, kept.serial, asked, Reason.SUPERSEDED, NOW_MS)
    (line,) = hall.ledger.identities.revoked(hall.ca.issuing.name, NOW_MS)
    assert (line.serial, line.reason) == (kept.serial, Reason.SUPERSEDED)
    for serial, said in ((kept.serial, "revoked already"), ("abc", "expected the serial")):
        with pytest.raises(IdentityError, match=said):
            revoking.revoke_certificate(hall.ledger, serial, asked, Reason.SUPERSEDED, NOW_MS)


def test_lists_are_numbered_upwards(hall: TownHall) -> None:
    numbers = [hall.ledger.identities.next_crl_number() for _ in range(3)]
    assert numbers == [1, 2, 3]
