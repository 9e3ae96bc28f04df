"""Files are exchanged whole, or not at all."""

from pathlib import Path

import pytest

from edge import files


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "new"
    files.replace(path, b"content")
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o644)
    files.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_replaced_stays_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match="folder"):
        files.replace(path, b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
