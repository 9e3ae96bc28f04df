"""What goes onto a Pi: scripts a shell accepts, units that start what the package installs."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/raspberry-pi"
MAINTAINERS = ("postinst", "prerm", "postrm")


@pytest.mark.parametrize("unit", ["plomba-edge", "plomba-page"])
def test_the_unit_starts_what_the_package_installs(unit: str) -> None:
    text = (DEPLOY / f"units/{unit}.service").read_text()
    start = re.search(r"^ExecStart=(\S+) (.*)$", text, re.MULTILINE)
    assert start is not None
    assert start[1] == "/opt/plomba/current/bin/plomba-edge"
    assert start[2].endswith("--config /var/lib/plomba/edge.toml")
    links = (DEPLOY / "system/usr/lib/tmpfiles.d/plomba-edge.conf").read_text()
    assert "L /etc/plomba/edge.toml - - - - /var/lib/plomba/edge.toml" in links


def test_the_unit_names_the_watchdog_the_agent_serves() -> None:
    text = (DEPLOY / "units/plomba-edge.service").read_text()
    assert "\nType=notify\n" in text
    assert re.search(r"^WatchdogSec=\d+$", text, re.MULTILINE)


def test_a_shell_accepts_the_scripts() -> None:
    scripts = [DEPLOY / "package" / name for name in MAINTAINERS]
    for script in [*scripts, *(ROOT / "tools").glob("*.sh")]:
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_example_configuration_is_toml() -> None:
    example = tomllib.loads((DEPLOY / "edge.example.toml").read_text())
    assert {line["name"] for line in example["lines"]} == {"rs485"}
