"""What goes onto a Pi: a unit systemd accepts and finds tight, a script a shell accepts."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy/raspberry-pi"
UNIT = DEPLOY / "plomba-edge.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # The agent is not installed where tests run; only the executable's path is exchanged.
    unit = tmp_path / UNIT.name
    unit.write_text(
        re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    )
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert UNIT.name not in checked.stderr


@needs_systemd
def test_the_unit_is_hardened() -> None:
    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout[-300:]


def test_the_unit_starts_what_the_script_installs() -> None:
    start = re.search(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert start is not None
    script = (DEPLOY / "install.sh").read_text()
    prefix = re.search(r"^prefix=(\S+)$", script, re.MULTILINE)
    assert prefix is not None
    assert start[1] == f"{prefix[1]}/bin/plomba-edge run --config /etc/plomba/edge.toml"
    assert "/etc/plomba/edge.toml" in script


def test_a_shell_accepts_the_scripts() -> None:
    for script in [DEPLOY / "install.sh", *(DEPLOY.parents[1] / "tools").glob("*.sh")]:
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_example_configuration_is_toml() -> None:
    example = tomllib.loads((DEPLOY / "edge.example.toml").read_text())
    assert {line["name"] for line in example["lines"]} == {"rs485"}
