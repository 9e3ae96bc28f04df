"""Who may bring a record, and what comes of one that is forged, repeated, moved or too much."""

import hashlib
from collections.abc import Callable

import cbor2
import pytest

from cloud_sync import points, topics, visit, visit_road
from cloud_sync.signing import SigningKey
from cloud_sync.visit_road import PhotoHead, PointsAsked
from drivers.reading import ClockState
from gateway import registry
from gateway.audit import By, check
from gateway.identity import revoking
from gateway.identity.model import NotLetIn, Why
from gateway.identity.revoking import Revocation
from gateway.identity.wired import ledger_of
from gateway.sql.audit import SqlAudit
from gateway.sql.visits import VisitPhotos
from gateway.visits.keeping import A_DAY_MAX, RIVALS_MAX
from gateway.visits.photos import KEPT_MS as PHOTO_MS
from gateway.visits.photos import PhotoKeeper, Wanted, sweep
from gateway.visits.pointing import Pointer
from gateway.visits.wired import files_of
from tests.gateway.estate import DAY_MS, GATEWAY_KEY, HOUR_MS, a_day
from tests.gateway.identity.town_hall import SOURCE
from tests.gateway.visits.installer import NOON_MS, NOW_MS, Site, install, m3, when

OFFICE = By("Орлова", "test")
PICTURE = b"\xff\xd8\xff what a phone took"


def sealed(key: SigningKey, payload: bytes, device: str = "edge-1") -> bytes:
    return key.seal(payload, topics.visit_topic(device))


def refusal(site: Site, body: bytes) -> Why:
    """Why a body is not let in; nothing of the registry changes."""
    before, kept = site.state(), site.office.visits.visits(None, 100)
    with pytest.raises(NotLetIn) as caught:
        site.keeper.take(body, SOURCE, NOW_MS)
    assert site.state() == before
    assert site.office.visits.visits(None, 100) == kept
    return caught.value.why


def _spoilt(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


ATTACKS: dict[str, tuple[Callable[[Site], bytes], Why]] = {
    "nothing": (lambda _: b"", Why.MALFORMED),
    "oversized": (lambda _: bytes(300_000), Why.MALFORMED),
    "spoilt seal": (lambda s: _spoilt(s.seal(s.record(install()))), Why.MALFORMED),
    "unknown key": (
        lambda s: s.seal(s.record(install()), SigningKey.from_seed(b"x" * 32)), Why.UNKNOWN_KEY,
    ),
    "another device's record": (
        lambda s: s.seal(s.record(install()), s.estate.other.key), Why.MALFORMED,
    ),
    "another device's name inside": (
        lambda s: sealed(s.edge.key, visit.encode(s.record(install(), device="edge-2"))),
        Why.MALFORMED,
    ),
    "a batch's seal": (
        lambda s: s.edge.key.seal(visit.encode(s.record(install())), topics.batch_topic("edge-1")),
        Why.MALFORMED,
    ),
    "a nest of arrays": (lambda s: sealed(s.edge.key, b"\x81" * 50_000), Why.MALFORMED),
    "a length that is not there": (
        lambda s: sealed(s.edge.key, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), Why.MALFORMED,
    ),
    "a map": (lambda s: sealed(s.edge.key, cbor2.dumps({"version": 1})), Why.MALFORMED),
    "a tag": (lambda s: sealed(s.edge.key, b"\xd8\x1e\x82\x01\x00"), Why.MALFORMED),
    "behind its end": (
        lambda s: sealed(s.edge.key, visit.encode(s.record(install())) + b"\x00"), Why.MALFORMED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_no_device_sealed_so_is_refused_and_changes_nothing(site: Site, name: str) -> None:
    body, why = ATTACKS[name]
    assert refusal(site, body(site)) is why


class TestKeys:
    def test_a_revoked_device_has_no_say(self, site: Site) -> None:
        body = site.seal(site.record(install()))
        with site.store.transaction():
            revoking.revoke(
                ledger_of(site.estate.store), "edge-1", Revocation(OFFICE, "украдено"), NOW_MS
            )
        assert refusal(site, body) is Why.REVOKED

    def test_one_taken_down_in_good_order_may_still_say_what_was_before(self, site: Site) -> None:
        revocation = Revocation(OFFICE, "замена", takes_backlog=True)
        with site.store.transaction():
            revoking.revoke(ledger_of(site.estate.store), "edge-1", revocation, NOON_MS + HOUR_MS)
        assert site.bring(install()).outcome == "kept"
        late = site.seal(site.record(install(), number=2, ended=when(NOON_MS + 2 * HOUR_MS)))
        assert refusal(site, late) is Why.KEY_NOT_VALID

    def test_a_key_counts_when_the_visit_ended_even_if_it_has_ended_since(self, site: Site) -> None:
        registry.end_device_key(site.store, site.edge.key.public.key_id, NOON_MS + HOUR_MS)
        assert site.bring(install()).outcome == "kept"

    def test_without_a_clock_it_must_count_when_the_record_comes(self, site: Site) -> None:
        registry.end_device_key(site.store, site.edge.key.public.key_id, NOON_MS + HOUR_MS)
        ended = when(60_000, ClockState.RELATIVE)
        assert refusal(site, site.seal(site.record(ended=ended))) is Why.KEY_NOT_VALID


class TestRepeating:
    def test_the_same_bytes_get_the_same_answer_and_do_nothing_more(self, site: Site) -> None:
        body = site.seal(site.record(install()))
        first = site.keeper.take(body, SOURCE, NOW_MS)
        before = site.state()
        assert site.keeper.take(body, SOURCE, NOW_MS + DAY_MS) == first
        assert site.state() == before
        assert len(site.office.visits.visits(None, 100)) == 1

    def test_other_bytes_under_its_number_are_refused_kept_and_told(self, site: Site) -> None:
        site.bring(install())
        before = site.state()
        other = site.bring(install("W3", "A-3-W"))
        assert other.outcome == "refused"
        assert "other bytes" in other.reason
        assert site.state() == before
        for number in range(10):
            site.bring(install("W3", "A-3-W", seal=str(number)))
        row = site.office.visits.visit("edge-1", 1)
        assert row is not None
        assert row.rivals == RIVALS_MAX
        log = SqlAudit(site.estate.store.database.connection)
        refused = [one.act for one in log.entries() if one.act.act == "visit refused"]
        assert len(refused) == RIVALS_MAX
        check(log.entries())

    def test_a_flood_of_records_ends_at_a_days_worth(self, site: Site) -> None:
        for number in range(1, A_DAY_MAX + 1):
            site.bring(number=number)
        body = site.seal(site.record(number=A_DAY_MAX + 1))
        assert refusal(site, body) is Why.TOO_OFTEN
        other = site.record(number=1, device="edge-2")
        sealed_by_other = site.seal(other, site.estate.other.key)
        assert site.take(sealed_by_other, device="edge-2").outcome == "kept"
        assert site.take(body, NOW_MS + DAY_MS).outcome == "kept"

    def test_everything_that_was_done_is_in_the_log_with_the_record(self, site: Site) -> None:
        site.bring(install(), install(point="Z", serial="W8"))
        log = SqlAudit(site.estate.store.database.connection)
        acts = [(one.act.actor, one.act.act, one.act.subject) for one in log.entries()]
        assert acts[-3:] == [
            ("edge-1", "visit keep", "edge-1/1"),
            ("gateway", "visit install", "W2 A-2-W"),
            ("gateway", "visit waits", "W8 Z"),
        ]
        check(log.entries())


class TestPoints:
    def asked(self, site: Site, device: str = "edge-1", key: SigningKey | None = None) -> bytes:
        ask = visit_road.sealed_ask(PointsAsked(1, device, NOW_MS), key or site.edge.key)
        return Pointer(site.office.visits, site.keeper, GATEWAY_KEY).points(ask, NOW_MS)

    def test_a_device_is_told_the_waiting_points_of_its_own_house(self, site: Site) -> None:
        found = points.opened(self.asked(site), GATEWAY_KEY.public)
        assert (found.house, found.device) == ("A", "edge-1")
        names = {one.point for one in found.points}
        assert {"A-2-W", "A-3-W"} <= names
        assert "B-1-W" not in names
        (third,) = [one for one in found.points if one.point == "A-3-W"]
        assert (third.serial, third.model, third.dwelling) == ("W3", "Pulse", "3")

    def test_a_point_that_is_read_does_not_wait(self, site: Site) -> None:
        for message in a_day(site.edge, batches=2):
            site.estate.take(message)
        names = {one.point for one in points.opened(self.asked(site), GATEWAY_KEY.public).points}
        assert "A-1-E" not in names
        assert "A-1-W" not in names
        assert "A-H" in names

    def test_nobody_asks_for_another(self, site: Site) -> None:
        with pytest.raises(NotLetIn) as caught:
            self.asked(site, "edge-1", site.estate.other.key)
        assert caught.value.why is Why.MALFORMED


class TestPhotos:
    def keeper(self, site: Site) -> PhotoKeeper:
        return PhotoKeeper(site.office, site.keeper, files_of(site.estate.path.parent))

    def body(
        self, site: Site, jpeg: bytes = PICTURE, number: int = 1, sha256: bytes | None = None
    ) -> bytes:
        named = sha256 or hashlib.sha256(jpeg).digest()
        return visit_road.sealed_photo(PhotoHead(1, "edge-1", number, named), jpeg, site.edge.key)

    def refused(self, answer: Wanted | bytes) -> str:
        assert isinstance(answer, bytes)
        told = visit_road.opened_answer(answer, "edge-1", GATEWAY_KEY.public)
        assert told.outcome == "refused"
        return told.reason

    def test_a_photo_of_the_record_is_kept_once_and_answered_alike(self, site: Site) -> None:
        site.bring(install(photos=(hashlib.sha256(PICTURE).digest(),)))
        keeper = self.keeper(site)
        wanted = keeper.ask(self.body(site), SOURCE, NOW_MS)
        assert isinstance(wanted, Wanted)
        first = keeper.keep(wanted, b"made anew", NOW_MS)
        assert visit_road.opened_answer(first, "edge-1", GATEWAY_KEY.public).outcome == "kept"
        assert keeper.ask(self.body(site), SOURCE, NOW_MS + DAY_MS) == first
        assert keeper.keep(wanted, b"made anew", NOW_MS + DAY_MS) == first
        (row,) = site.office.visits.photos(wanted.row.visit_no)
        assert row.file is not None
        files = files_of(site.estate.path.parent)
        assert files.read(row.file, row.jpeg_sha256) == b"made anew"

    def test_a_photo_nobody_named_an_altered_one_and_an_early_one_are_refused(
        self, site: Site
    ) -> None:
        keeper = self.keeper(site)
        assert "not come yet" in self.refused(keeper.ask(self.body(site), SOURCE, NOW_MS))
        site.bring(install(photos=(hashlib.sha256(PICTURE).digest(),)))
        assert "no such photo" in self.refused(
            keeper.ask(self.body(site, b"another"), SOURCE, NOW_MS)
        )
        altered = self.body(site, b"altered", sha256=hashlib.sha256(PICTURE).digest())
        assert "not the one" in self.refused(keeper.ask(altered, SOURCE, NOW_MS))
        (row,) = ledger_of(site.estate.store).identities.refusals(10)
        assert (row.reason, row.device, row.times) == ("malformed", "edge-1", 2)

    def test_a_photo_of_nobody_is_not_let_in(self, site: Site) -> None:
        for body in (b"", b"\x82" * 9, self.body(site)[:-1], bytes(3_000_000)):
            with pytest.raises(NotLetIn):
                self.keeper(site).ask(body, SOURCE, NOW_MS)

    def test_a_file_goes_when_its_time_is_over(self, site: Site) -> None:
        site.bring(install(photos=(hashlib.sha256(PICTURE).digest(),)))
        wanted = self.keeper(site).ask(self.body(site), SOURCE, NOW_MS)
        assert isinstance(wanted, Wanted)
        self.keeper(site).keep(wanted, b"made anew", NOW_MS)
        files, kept = files_of(site.estate.path.parent), VisitPhotos(site.estate.store.database)
        assert sweep(files, kept, NOW_MS + PHOTO_MS - 1) == 0
        assert sweep(files, kept, NOW_MS + PHOTO_MS + 1) == 1
        told = site.office.audit.newest(1)[0].act
        assert (told.actor, told.act) == ("gateway", "retention")
        assert told.after.startswith("1 photos of visits; ")
        (row,) = site.office.visits.photos(wanted.row.visit_no)
        assert row.file is None


def test_two_meters_under_one_serial_are_no_record(site: Site) -> None:
    with pytest.raises(ValueError, match="twice"):
        site.seal(site.record(install(), install(point="A-3-W", levels=(m3(1),))))
