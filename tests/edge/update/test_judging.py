"""Whether a release is wanted: every reason why not."""

import pytest

from edge.update import judging
from edge.update.judging import Unwanted, judge
from edge.update.places import Own
from tests.edge.update.releases import KEY, OWN, Shop


def refused(shop: Shop, own: Own = OWN, **how: object) -> str:
    with pytest.raises(Unwanted) as error:
        judge(shop.wish(), own, **({"key": KEY.public} | how))  # type: ignore[arg-type]
    return error.value.reason


def test_a_newer_release_for_this_machine_is_wanted() -> None:
    shop = Shop()
    assert judge(shop.wish(), OWN, KEY.public) == shop.release


def test_what_the_release_key_has_not_sealed_is_not() -> None:
    shop = Shop()
    with pytest.raises(Unwanted, match="bad-release: not sealed by the release key"):
        judge(shop.wish(key=type(KEY).from_seed(b"x" * 32)), OWN, KEY.public)
    assert refused(shop, key=None) == "no-release-key"


def test_neither_an_older_nor_the_same_version_is_taken_however_often_it_is_offered() -> None:
    for runs in ("0.2.0", "0.2.1", "0.10.0", "1.0.0"):
        assert refused(Shop(), OWN._replace(version=runs)) == "not-newer"
    # A version that cannot be compared is never replaced by itself.
    assert refused(Shop(), OWN._replace(version="unpackaged")) == "bad-release"


def test_it_is_for_this_machine_and_leaves_a_way_back() -> None:
    assert refused(Shop(), OWN._replace(arch="arm64")) == "other-machine"
    assert refused(Shop(spool=2)) == "no-way-back"


def test_what_failed_here_is_tried_again_only_by_a_later_command() -> None:
    shop = Shop()
    assert refused(shop, failed={"0.2.0": 7}) == "failed-before"
    assert judge(shop.wish(), OWN, KEY.public, {"0.2.0": 6, "0.3.0": 9}) == shop.release


@pytest.mark.parametrize("note", [b"", b"\x83\x01\x02", b"x" * 9000])
def test_a_note_that_is_none(note: bytes) -> None:
    with pytest.raises(Unwanted, match="malformed"):
        judging.decode(note)


def test_a_note_comes_back_as_it_was() -> None:
    wish = Shop().wish()
    assert judging.decode(judging.encode(wish)) == wish
