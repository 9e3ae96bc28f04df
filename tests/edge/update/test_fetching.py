"""A release comes in parts: cut anywhere, resumed, copied where it can be, and never believed."""

from pathlib import Path

import pytest

from cloud_sync.release import MANIFEST
from edge.update.fetching import Fetch, FetchError
from tests.edge.update.releases import WHEELS, Shop, a_file

OURS, THEIRS = WHEELS


def a_fetch(shop: Shop, folder: Path, *known: Path) -> Fetch:
    return Fetch(shop.release, folder / "staged", known, shop.ask)


def whole(fetch: Fetch, steps: int = 100) -> None:
    for _ in range(steps):
        if fetch.step():
            return
    raise AssertionError("it does not come to its end")


def test_it_comes_whole_and_only_what_is_missing_is_asked(tmp_path: Path) -> None:
    shop = Shop()
    known = a_file(tmp_path / "known/other-1.0.whl", WHEELS[THEIRS]).parent
    fetch = a_fetch(shop, tmp_path, known)
    whole(fetch)
    assert fetch.percent == 100
    for name, data in shop.files.items():
        assert (tmp_path / "staged" / name).read_bytes() == data
    assert not [asked for asked in shop.asked if asked[0] == THEIRS]
    assert [at for name, at in shop.asked if name == OURS] == [0, 100, 200, 300]


def test_it_goes_on_after_a_cut_where_it_was(tmp_path: Path) -> None:
    shop = Shop()
    fetch = a_fetch(shop, tmp_path)
    while (OURS, 100) not in shop.asked:
        fetch.step()
    shop.asked.clear()
    whole(a_fetch(shop, tmp_path))
    assert [at for name, at in shop.asked if name == OURS] == [200, 300]


def test_a_wheel_of_the_same_name_that_is_another_is_not_copied(tmp_path: Path) -> None:
    shop = Shop()
    known = a_file(tmp_path / "known/other-1.0.whl", b"another").parent
    whole(a_fetch(shop, tmp_path, known))
    assert (tmp_path / "staged" / THEIRS).read_bytes() == WHEELS[THEIRS]
    assert [at for name, at in shop.asked if name == THEIRS] == [0, 100, 200]


def test_an_altered_wheel_is_thrown_away(tmp_path: Path) -> None:
    shop = Shop({**WHEELS, OURS: b"evil" * 100})
    fetch = a_fetch(shop, tmp_path)
    with pytest.raises(FetchError, match="not the file the manifest names"):
        whole(fetch)
    assert not list((tmp_path / "staged/wheels").glob("plomba*"))


def test_an_altered_manifest_is_thrown_away(tmp_path: Path) -> None:
    shop = Shop()
    shop.files[MANIFEST] = shop.files[MANIFEST].replace(b"0.2.0", b"0.2.1")
    with pytest.raises(FetchError, match="not the file the manifest names"):
        whole(a_fetch(shop, tmp_path))
    assert not (tmp_path / "staged" / MANIFEST).exists()


@pytest.mark.parametrize(
    "said",
    [
        {"version": "0.3.0"},
        {"arch": "arm64"},
        {"files": {"../../ready": "0" * 64, OURS: "0" * 64}},
        {"files": {OURS: "0" * 64}},
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    tmp_path: Path, said: dict[str, object]
) -> None:
    with pytest.raises(FetchError):
        whole(a_fetch(Shop(manifest=said), tmp_path))
    assert not (tmp_path / "ready").exists()


def test_more_than_was_vouched_for_is_not_taken(tmp_path: Path) -> None:
    shop = Shop({**WHEELS, OURS: b"ours" * 1000})
    with pytest.raises(FetchError, match="more than the statement allows"):
        whole(a_fetch(shop, tmp_path))
    staged = sum(path.stat().st_size for path in (tmp_path / "staged").rglob("*") if path.is_file())
    assert staged <= shop.release.bytes


def test_less_than_was_vouched_for_is_no_release(tmp_path: Path) -> None:
    honest = Shop()
    shop = Shop(bytes=honest.release.bytes + 1)
    with pytest.raises(FetchError, match="the statement says"):
        whole(a_fetch(shop, tmp_path))
