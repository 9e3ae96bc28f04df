"""The agent on a device without the extra `page`: nothing of it is loaded, nothing of it missed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.edge.installer import a_device

ROOT = Path(__file__).parents[2]
# The packages of the extra by the names they are imported by, and what they bring.
EXTRA = (
    "anyio",
    "jinja2",
    "python_multipart",
    "multipart",
    "segno",
    "starlette",
    "typst",
    "uvicorn",
)
WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRA!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from edge.__main__ import main
main()
"""
LOADED = f"""
import sys
import edge.__main__, edge.app, edge.waiting
print([name for name in {EXTRA!r} if name in sys.modules], "edge.page" in sys.modules)
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_package_of_the_extra_is_kept_away() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = project["optional-dependencies"]["page"]
    assert {one.partition(">")[0].replace("-", "_") for one in named} <= set(EXTRA)


def test_the_agents_process_holds_none_of_it() -> None:
    assert run(LOADED).stdout == "[] False\n"


@pytest.mark.parametrize("command", ["run", "scan", "read", "doctor", "commission", "page"])
def test_commands_explain_themselves_without_it(command: str) -> None:
    done = run(WITHOUT, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout


def test_the_page_says_what_it_needs(tmp_path: Path) -> None:
    device = a_device(tmp_path)
    done = run(WITHOUT, "page", "--config", str(device.config))
    assert done.returncode == 1
    assert done.stderr.endswith("pip install --require-hashes -r requirements/edge-page.txt\n")
    assert "starlette" in done.stderr
