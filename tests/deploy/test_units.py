"""The units of both programs: systemd accepts them and finds them tight, and none is root's."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("**/*.service"))

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


@needs_systemd
@each_unit
def test_systemd_accepts_the_unit(tmp_path: Path, unit: Path) -> None:
    # The program is not installed where tests run; only the executable's path is exchanged.
    for one in UNITS:
        text = re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", one.read_text(), flags=re.MULTILINE)
        (tmp_path / one.name).write_text(text)
    # Nor is what the system brings; that it is asked for by its right name is checked all the same.
    (tmp_path / "NetworkManager.service").write_text("[Service]\nExecStart=/bin/true\n")
    here = tmp_path / unit.name
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert unit.name not in checked.stderr


@needs_systemd
@each_unit
def test_the_unit_is_hardened(unit: Path) -> None:
    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout[-300:]


@each_unit
def test_the_program_does_not_run_as_root_or_has_none_of_its_rights(unit: Path) -> None:
    text = unit.read_text()
    user = re.search(r"^User=(\S+)$", text, re.MULTILINE)
    if user is None:
        # NetworkManager takes orders from root alone, which is all that is left of root here.
        rights = re.search(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE)
        assert rights is not None
        assert rights[1] in {"", "CAP_DAC_READ_SEARCH"}
        return
    assert user[1] not in {"root", "0"}
