"""Style that matters, as tests: rooms stay small, docs name every command, no path of a machine.

The limits are the outer ones (400 lines a file, 50 a function); most code is far below.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("drivers", "edge", "cloud_sync", "gateway", "simulators")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50


def _tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                ((node.end_lineno or node.lineno) - body[0].lineno + 1),
            )


def test_no_file_is_longer_than_a_room() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _tracked("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > FILE_LINES_MAX
    }
    assert not long


def test_no_function_is_longer_than_a_screen() -> None:
    functions = [found for path in _tracked("*.py") for found in _functions(path)]
    assert functions
    assert not [(name, lines) for name, lines in functions if lines > FUNCTION_LINES_MAX]


def test_every_module_opens_with_its_strategy() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in _tracked(f"{package}/*.py")
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent


@pytest.mark.parametrize(
    "trace",
    [
        r"(?<![\w.])/(?:work|root|home/\w+)/",
        r"https?://[^ ]*/simple/",
        "files\\.pythonhosted",
    ],
)
def test_nothing_names_a_machine_or_a_registry(trace: str) -> None:
    this = Path(__file__)
    named = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path != this
        and path.suffix not in {".png", ".svg"}
        and re.search(trace, path.read_text("utf-8", errors="replace"))
    ]
    assert not named


def test_requirement_files_are_hashed_and_hold_no_addresses() -> None:
    files = _tracked("requirements/*.txt")
    assert {path.name for path in files} == {
        "build.txt",
        "dev.txt",
        "edge-page.txt",
        "edge.txt",
        "gateway.txt",
        "history.txt",
        "nats.txt",
        "pip.txt",
        "postgres.txt",
        "serials.txt",
        "token.txt",
        "uv.txt",
    }
    for path in files:
        text = path.read_text("utf-8")
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)
        assert pins
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text))


def test_the_edge_installs_nothing_of_the_cloud() -> None:
    names = set(
        re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/edge.txt").read_text(), re.MULTILINE)
    )
    assert {"pymodbus", "aiomqtt", "cbor2"} <= names
    assert not names & {"fastapi", "uvicorn", "sqlalchemy", "alembic", "httpx", "rich", "iotcore"}
