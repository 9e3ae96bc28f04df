"""An update from the command to its end, with a gateway in memory and root's notes by hand."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_sync import release_road
from cloud_sync.release_road import Asked, Told
from cloud_sync.signing import SigningKey
from edge.config import EdgeConfig
from edge.https import Away, Response
from edge.line_owner import wanting_lines
from edge.update import standing
from edge.update.judging import Unwanted
from edge.update.keeping import Updates
from edge.update.places import Places, installed_in
from tests.edge.update.releases import KEY, OWN, WHEELS, Shop, a_file
from tests.edge.visit.site import GATEWAY
from tests.edge.visit.test_delivering import an_enrolled_device


class Site:
    """A device with a package, and a gateway at its door; `told` is what the device said."""

    def __init__(self, folder: Path, shop: Shop) -> None:
        self.conf: EdgeConfig = an_enrolled_device(folder)
        self.shop = shop
        self.told: list[Told] = []
        self.is_away = False
        self.change: Callable[[bytes], bytes] = bytes
        self.prefix = folder / "opt"
        self.prefix.mkdir()
        a_file(folder / "lib/release-key.pem", KEY.public.to_pem())
        self.places = Places(self.conf.device.state_dir, self.prefix, folder / "lib")
        self.updates = self.started()

    def started(self, version: str = OWN.version) -> Updates:
        """The agent anew."""
        return Updates(self.places, self._post, OWN._replace(version=version))

    def _post(self, _url: str, path: str, body: bytes, _roots: str, _limit: int) -> Response:
        assert path == release_road.RELEASE_PATH
        if self.is_away:
            raise Away("the gateway does not answer")
        asked = release_road.peek_ask(body)
        if isinstance(asked, Asked):
            part = release_road.sealed_part(
                asked, *self.shop.ask(asked.file, asked.offset), GATEWAY
            )
            return Response(200, self.change(part))
        self.told.append(asked)
        return Response(200, release_road.sealed_heard(asked, GATEWAY))

    def offer(self, number: int = 7, key: SigningKey = KEY) -> str:
        return self.updates.offer(number, self.shop.wish(number, key).statement)

    def fetched(self) -> None:
        """Turn until the release lies ready."""
        for _ in range(60):
            self.updates.turn(self.conf)
            if self.ready.exists():
                return
        raise AssertionError(self.updates.status)

    @property
    def ready(self) -> Path:
        return self.places.updates / "ready"

    def end(self, outcome: str, reason: str = "", failed: dict[str, int] | None = None) -> None:
        """What root writes."""
        said = {
            "ready": hashlib.sha256(self.ready.read_bytes()).hexdigest(),
            "version": "0.2.0",
            "outcome": outcome,
            "reason": reason,
            "failed": failed or {},
        }
        (self.prefix / standing.OUTCOME).write_text(json.dumps(said))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, Shop())


def test_a_release_is_fetched_tried_by_root_and_told_by_the_new_version(site: Site) -> None:
    assert site.offer() == "0.2.0 will be fetched"
    assert site.updates.status == "0.2.0 wanted"
    site.fetched()
    staged = site.places.updates / site.shop.release.manifest.hex()
    for name, data in WHEELS.items():
        assert (staged / name).read_bytes() == data
    assert not site.updates.turn(site.conf).busy
    # On trial it runs already, and is not told that it is no newer than itself.
    (site.prefix / standing.TRIAL).write_text('{"version": "0.2.0", "nonce": "n"}')
    new = site.updates = site.started("0.2.0")
    before = site.ready.stat().st_mtime_ns
    new.turn(site.conf)
    assert (site.told, site.ready.stat().st_mtime_ns) == ([], before)
    site.end("running")
    new.turn(site.conf)
    (told,) = site.told
    assert (told.step, told.runs, told.number) == ("running", "0.2.0", 7)
    assert not site.ready.exists()
    assert new.status == "0.2.0 running"
    assert staged.is_dir()
    new.turn(site.conf)
    assert len(site.told) == 1


def test_what_was_rolled_back_is_told_with_the_reason_and_not_tried_again(site: Site) -> None:
    site.offer()
    site.fetched()
    site.end("rolled-back", "it hangs", {"0.2.0": 7})
    site.is_away = True
    assert site.updates.turn(site.conf).problem
    site.is_away = False
    site.updates.turn(site.conf)
    assert [(told.step, told.reason, told.runs) for told in site.told] == [
        ("rolled-back", "it hangs", "0.1.0")
    ]
    assert not list(site.places.updates.glob("*" * 1 + "[0-9a-f]" * 10 + "*"))
    with pytest.raises(Unwanted, match="failed-before"):
        site.offer(7)
    assert site.offer(8) == "0.2.0 will be fetched"


def test_a_note_that_root_may_have_missed_is_written_again_after_a_start(site: Site) -> None:
    site.offer()
    site.fetched()
    os.utime(site.ready, (0, 0))  # long ago: two writes may fall into one tick of the disk's clock
    before = site.ready.stat().st_mtime_ns
    site.updates.turn(site.conf)
    assert site.ready.stat().st_mtime_ns == before
    site.updates = site.started()
    site.updates.turn(site.conf)
    assert site.ready.stat().st_mtime_ns > before


def test_while_a_visit_has_the_lines_nothing_is_restarted(site: Site) -> None:
    site.offer()
    with wanting_lines(site.conf.device.state_dir):
        for _ in range(40):
            site.updates.turn(site.conf)
        assert not site.ready.exists()
    site.fetched()


def test_a_foreign_key_and_a_device_without_one_refuse_at_once(site: Site) -> None:
    with pytest.raises(Unwanted, match="bad-release"):
        site.offer(key=GATEWAY)
    (site.places.package / "release-key.pem").write_text("nonsense")
    with pytest.raises(Unwanted, match="no-release-key"):
        site.offer()
    (site.places.package / "release-key.pem").unlink()
    with pytest.raises(Unwanted, match="no-release-key"):
        site.offer()
    loose = Updates(site.places._replace(prefix=None))
    with pytest.raises(Unwanted, match="not-packaged"):
        loose.offer(7, site.shop.wish().statement)


def test_what_is_wanted_no_more_is_told_and_forgotten(site: Site) -> None:
    site.offer()
    # Somebody installed a newer package by hand meanwhile.
    site.updates = site.started("0.3.0")
    site.updates.turn(site.conf)
    (told,) = site.told
    assert (told.step, told.reason) == ("refused", "not-newer: 0.2.0 is offered, 0.3.0 runs")
    assert not site.updates.turn(site.conf).busy


def test_a_gateway_that_lies_or_is_away_costs_nothing_but_time(site: Site) -> None:
    site.offer()
    site.is_away = True
    assert "does not answer" in site.updates.turn(site.conf).problem
    site.is_away = False
    site.change = lambda body: body[:-1] + bytes([body[-1] ^ 1])
    for _ in range(4):
        assert not site.ready.exists()
        site.updates.turn(site.conf)
    site.change = bytes
    site.fetched()


def test_a_later_offer_takes_the_place_of_an_earlier_one(site: Site) -> None:
    site.offer()
    site.fetched()
    first = site.shop.release.manifest.hex()
    site.shop = Shop(manifest={"version": "0.3.0"}, software="0.3.0")
    site.offer(9)
    assert not site.ready.exists()
    site.fetched()
    # The wheels of the release before were taken from where they lay.
    assert {name for name, _ in site.shop.asked} == {"manifest.json"}
    assert (site.places.updates / first).is_dir()


def test_the_prefix_is_that_of_a_packaged_version(tmp_path: Path) -> None:
    assert installed_in(tmp_path / "opt/versions/0.2.0") == (tmp_path / "opt").resolve()
    assert installed_in(tmp_path / "venv") is None
