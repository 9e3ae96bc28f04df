"""What goes onto a Pi: a script a shell accepts, and a unit that starts what it installs."""

import re
import subprocess
import tomllib
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy/raspberry-pi"
UNIT = DEPLOY / "plomba-edge.service"


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
