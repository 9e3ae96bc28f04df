"""Files are exchanged whole, or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import files

# A key is born under the eyes of an audit hook, which lasts as long as its process.
_WATCHED = """
import json, sys
from pathlib import Path
from edge import identity

seen = []
sys.addaudithook(lambda event, given: seen.append((event, str(given[0])))
    if event in ("open", "os.link") else None)
identity.enroll(Path(sys.argv[1]))
print(json.dumps(seen))
"""


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


def test_ones_own_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    files.replace(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay a link for another user")
def test_another_users_link_leads_root_nowhere(tmp_path: Path) -> None:
    real, link, made = tmp_path / "real", tmp_path / "link", tmp_path / "made"
    real.write_bytes(b"old")
    for one in (link, made):
        one.symlink_to(real)
        os.chown(one, 65534, 65534, follow_symlinks=False)
    with pytest.raises(OSError, match="another user's link"):
        files.replace(link, b"new")
    os.chown(tmp_path, 65534, 65534)
    files.hand_over(made)
    assert real.read_bytes() == b"old"
    assert real.stat().st_uid == 0


def test_a_new_keys_name_is_on_the_disk_before_anybody_hears_of_it(tmp_path: Path) -> None:
    """The gateway lets one key in for an invitation: after a power cut there is no second one."""
    words = [sys.executable, "-c", _WATCHED, str(tmp_path / "device.key")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seen = [(event, path) for event, path in json.loads(done.stdout)]
    linked = seen.index(("os.link", str(tmp_path / "device.key.part")))
    # Opened only to be forced to the disk: first for the file, then for its name.
    opened = [at for at, one in enumerate(seen) if one == ("open", str(tmp_path))]
    assert len(opened) == 2
    assert opened[0] < linked < opened[1]
