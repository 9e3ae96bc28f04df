"""Photos as files: whole, the gateway's alone, and gone when they are to go."""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.photo.keeping import STRAY_MS_MIN, PhotoFiles, PhotoGoneError, name_of

JPEG = b"\xff\xd8\xff and so on"
SHA = hashlib.sha256(JPEG).digest()
NAME = name_of(1, 2, SHA)


class Rows:
    """What the ledger knows of files."""

    def __init__(self, kept: Collection[str] = (), going: Collection[str] = ()) -> None:
        self.kept, self.going = {*kept}, [*going]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def drop_drafts(self, before_ms: int, now_ms: int) -> None:
        self.drafts = (before_ms, now_ms)

    def to_delete(self, limit: int) -> list[str]:
        return self.going[:limit]

    def deleted(self, names: Collection[str]) -> None:
        self.going = [one for one in self.going if one not in names]

    def known(self, names: Collection[str]) -> set[str]:
        return {*names} & {*self.kept, *self.going}


def files_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_a_file_and_its_folders_are_the_gateway_s_alone(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path / "photos")
    files.keep(NAME, JPEG)
    files.keep(NAME, JPEG)
    assert files_in(tmp_path / "photos") == [NAME]
    for path, rights in ((NAME, 0o600), (NAME[:2], 0o700), ("", 0o700)):
        assert (tmp_path / "photos" / path).stat().st_mode & 0o777 == rights
    assert files.read(NAME, SHA) == JPEG


def test_a_file_that_was_changed_or_lost_is_not_shown(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path)
    with pytest.raises(PhotoGoneError, match="is not there"):
        files.read(NAME, SHA)
    files.keep(NAME, JPEG)
    (tmp_path / NAME).write_bytes(JPEG[:-1])
    with pytest.raises(PhotoGoneError, match="not the one that was kept"):
        files.read(NAME, SHA)


@pytest.mark.parametrize(
    "name", ["../ledger.sqlite", "/etc/passwd", "ab/../../x.jpg", "", "ab/" + "0" * 64 + ".jpg\n"]
)
def test_a_name_that_is_no_hash_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(PhotoGoneError, match="expected the name"):
        PhotoFiles(tmp_path).read(name, SHA)


def test_names_differ_by_dwelling_register_and_photo() -> None:
    names = {name_of(1, 2, SHA), name_of(2, 2, SHA), name_of(1, 3, SHA), name_of(1, 2, bytes(32))}
    assert len(names) == 4


def test_a_sweep_takes_what_is_to_go_and_what_nobody_knows(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path)
    kept, going, stray = (name_of(1, one, SHA) for one in (1, 2, 3))
    for name in (kept, going, stray):
        files.keep(name, JPEG)
    half_written = tmp_path / kept[:2] / f".{kept[3:]}.x7f"
    half_written.write_bytes(b"\xff")
    rows = Rows([kept], [going])
    just_now = int((tmp_path / stray).stat().st_mtime * 1000)
    assert files.sweep(rows, just_now + 1000) == 1
    assert files_in(tmp_path) == sorted([kept, stray, str(half_written.relative_to(tmp_path))])
    assert rows.going == []
    assert files.sweep(rows, just_now + STRAY_MS_MIN + 60_000) == 2
    assert files_in(tmp_path) == [kept]
    assert files.sweep(rows, just_now + 2 * STRAY_MS_MIN) == 0


def test_a_file_that_is_gone_already_does_not_hold_the_sweep_up(tmp_path: Path) -> None:
    rows = Rows(going=[NAME])
    assert PhotoFiles(tmp_path / "never made").sweep(rows, 0) == 1
    assert rows.going == []


def test_a_disk_that_takes_nothing_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "photos").write_bytes(b"a file in the way")
    with pytest.raises(OSError, match="photos"):
        PhotoFiles(tmp_path / "photos").keep(NAME, JPEG)
    assert [one.name for one in tmp_path.iterdir()] == ["photos"]
