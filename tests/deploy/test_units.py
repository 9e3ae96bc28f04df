"""The units of both programs: systemd accepts them and finds them tight, and none is root's."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("*/*.service"))

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


@needs_systemd
@each_unit
def test_systemd_accepts_the_unit(tmp_path: Path, unit: Path) -> None:
    # The program is not installed where tests run; only the executable's path is exchanged.
    here = tmp_path / unit.name
    here.write_text(
        re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", unit.read_text(), flags=re.MULTILINE)
    )
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
def test_the_program_does_not_run_as_root(unit: Path) -> None:
    user = re.search(r"^User=(\S+)$", unit.read_text(), re.MULTILINE)
    assert user is not None
    assert user[1] not in {"root", "0"}
