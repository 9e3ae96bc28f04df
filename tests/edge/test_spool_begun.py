"""A power cut in a spool's very first moment leaves a device that begins, not one that gives up."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge import spool_file
from edge.spool import FILE, Spool, SpoolError, glance
from tests.edge.spool_writer import MAX_BYTES, content

ROOT = Path(__file__).parents[2]
# Each child opens a spool in a folder of its own, and is gone before its n-th step in there.
_CUT = """
import os, sys
from pathlib import Path
from edge.spool import Spool

def cut_at(folder, steps):
    def watch(event, given):
        nonlocal steps
        if any(str(folder) in str(one) for one in given):
            steps -= 1
            if steps < 0:
                os._exit(9)
    return watch

for steps in range(1000):
    folder = Path(sys.argv[1]) / str(steps)
    child = os.fork()
    if child == 0:
        sys.addaudithook(cut_at(folder, steps))
        Spool(folder, max_bytes=10**6)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        break
    assert code == 9, code
"""


def begins(folder: Path) -> None:
    """The next start: nothing was there, or a spool that has given no number."""
    seen = glance(folder)
    assert seen is None or seen.state.head == 0
    spool = Spool(folder, max_bytes=MAX_BYTES, durability="off")
    assert spool.append(content, readings=1) == 1
    assert not spool.set_aside
    spool.close()
    assert not list(folder.glob("*.begun*"))


def test_cut_at_any_step_the_next_start_begins(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _CUT, str(tmp_path)]
    subprocess.run(words, check=True, cwd=ROOT, timeout=240)
    folders = sorted(tmp_path.iterdir())
    assert len(folders) > len(("lock", "head", "begun", "rename", "sync"))
    for folder in folders:
        begins(folder)


@pytest.mark.parametrize("size", [0, 100, 4096])
def test_a_file_that_was_only_begun_is_begun_anew(tmp_path: Path, size: int) -> None:
    begun = tmp_path / f"{FILE}.begun"
    spool_file.connect(begun, "off").close()
    begun.write_bytes(begun.read_bytes()[:size])
    begins(tmp_path)


def test_a_file_that_lost_its_tables_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """Its numbers were given: with the head file lost too, nobody can say which."""
    spool_file.connect(tmp_path / FILE, "off").close()
    with pytest.raises(SpoolError, match="no number can be given safely"):
        Spool(tmp_path, max_bytes=MAX_BYTES)
