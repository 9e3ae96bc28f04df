"""Releases at the door: to whom they were offered, part by part, and what came of it."""

from pathlib import Path

import pytest

from cloud_sync import release_road, wire
from cloud_sync.release_road import PART_BYTES_MAX, RELEASE_PATH, Asked, Told
from gateway.identity.model import NotLetIn, Why
from gateway.releases.model import ReleasesError
from gateway.sql.audit import SqlAudit
from tests.gateway.estate import GATEWAY_KEY
from tests.gateway.releases.shop import (
    NOW_MS,
    RELEASE_KEY,
    SOURCE,
    Shop,
    a_folder,
    a_statement,
)

WHEEL = "wheels/plomba-0.2.0.whl"


def refused(shop: Shop, body: bytes) -> Why:
    with pytest.raises(NotLetIn) as error:
        shop.server.answer(body, SOURCE, NOW_MS)
    return error.value.why


def test_a_release_comes_in_parts_and_its_end_is_noted(shop: Shop) -> None:
    kept = shop.keep()
    shop.offer(kept)
    assert shop.standing == ["silent"]
    manifest, total = shop.ask(kept, "manifest.json")
    assert len(manifest) == total
    first, total = shop.ask(kept, WHEEL)
    second, _ = shop.ask(kept, WHEEL, PART_BYTES_MAX)
    assert first + second == b"plomba" * 40_000
    assert total == 240_000
    assert shop.standing == ["fetching"]
    shop.tell(kept, "running")
    shop.tell(kept, "running")
    (told,) = shop.port.offers("0.2.0")
    assert (told.standing, told.runs) == ("running", "0.2.0")
    acts = [one.act.act for one in SqlAudit(shop.estate.store.database.connection).entries()]
    assert acts.count("update running") == 1


def test_nothing_is_given_that_was_not_offered_to_that_device(shop: Shop) -> None:
    kept, other = shop.keep(), shop.keep("0.3.0")
    shop.offer(other)
    shop.offer(kept, device="edge-2")
    with pytest.raises(NotLetIn) as error:
        shop.ask(kept, WHEEL)
    assert error.value.why is Why.NOT_OFFERED
    with pytest.raises(NotLetIn):
        shop.tell(kept, "running")
    shop.ask(other, "manifest.json")
    with pytest.raises(NotLetIn) as error:
        shop.tell(other, "running", number=6)
    assert error.value.why is Why.NOT_OFFERED


def test_only_the_files_of_the_release_are_given(shop: Shop) -> None:
    kept = shop.keep()
    shop.offer(kept)
    key = shop.estate.edge.key
    for name in ("../../ledger.sqlite", "wheels/../../../ledger.sqlite", "/etc/passwd"):
        asked = Asked(1, "edge-1", NOW_MS, kept.manifest, name, 0)
        body = key.seal(wire.encode(asked), release_road.purpose("edge-1", "ask"))
        assert refused(shop, body) is Why.MALFORMED
    for name, offset in (("wheels/none-1.whl", 0), (WHEEL, 10**6)):
        asked = Asked(1, "edge-1", NOW_MS, kept.manifest, name, offset)
        assert refused(shop, release_road.sealed_ask(asked, key)) is Why.MALFORMED


def test_nobody_asks_or_tells_for_another(shop: Shop) -> None:
    kept = shop.keep()
    shop.offer(kept)
    told = Told(1, "edge-1", NOW_MS, 5, kept.manifest, "0.2.0", "0.2.0", "running", "")
    other = shop.estate.other.key
    assert refused(shop, release_road.sealed_ask(told, other)) is Why.MALFORMED
    assert refused(shop, release_road.sealed_ask(told, RELEASE_KEY)) is Why.UNKNOWN_KEY
    moved = shop.estate.edge.key.seal(wire.encode(told), "plomba/v1/edge-1/state")
    assert refused(shop, moved) is Why.MALFORMED
    assert refused(shop, b"x" * 4000) is Why.MALFORMED
    assert shop.standing == ["silent"]


def test_what_ended_stays_ended_until_it_is_offered_anew(shop: Shop) -> None:
    kept = shop.keep()
    shop.offer(kept)
    shop.tell(kept, "rolled-back", reason="it hangs")
    shop.tell(kept, "running")
    assert shop.standing == ["rolled-back"]
    shop.offer(kept, 6)
    shop.tell(kept, "rolled-back", 5)
    assert shop.standing == ["silent"]
    shop.tell(kept, "running", 6)
    assert shop.standing == ["running"]


def test_a_release_is_kept_only_as_it_was_vouched_for(shop: Shop, tmp_path: Path) -> None:
    made = a_folder(tmp_path / "here")
    good = a_statement(made)
    key = RELEASE_KEY.public
    with pytest.raises(ReleasesError, match="not sealed by the release key"):
        shop.files.add(made, a_statement(made, GATEWAY_KEY), key)
    for changes in ({"manifest": bytes(32)}, {"bytes": 5}, {"bytes": 10**6}, {"files": 2}):
        with pytest.raises(ReleasesError):
            shop.files.add(made, a_statement(made, **changes), key)
    wheel = made / WHEEL
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:-1] + b"!")
    with pytest.raises(ReleasesError, match="not what the manifest names"):
        shop.files.add(made, good, key)
    wheel.unlink()
    wheel.symlink_to("/etc/passwd")
    with pytest.raises(ReleasesError):
        shop.files.add(made, good, key)
    wheel.unlink()
    wheel.write_bytes(whole)
    shop.files.add(made, good, key)
    shop.files.add(made, good, key)
    assert RELEASE_PATH == "/v1/release"
