"""The parts of building the package that need no network: what is ours, what is put beside it."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _wheels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheels", ROOT / "tools/package_wheels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WHEELS = _wheels()


def test_a_device_gets_nothing_of_the_cloud() -> None:
    project = tomllib.loads(WHEELS._project("1.2.3"))
    assert project["project"]["version"] == "1.2.3"
    assert set(project["project"]["scripts"]) == {"plomba-edge"}
    kept = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert kept == ["cloud_sync*", "drivers*", "edge*"]
    needed = {re.split(r"[<>=\[]", one)[0] for one in project["project"]["dependencies"]}
    assert {"pymodbus", "typst", "uvicorn"} <= needed
    assert not needed & {"alembic", "fastapi", "onnxruntime", "numpy"}


def test_the_lock_names_all_that_a_device_needs() -> None:
    project = tomllib.loads(WHEELS._project("1.2.3"))["project"]
    needed = {re.split(r"[<>=\[]", one)[0].lower() for one in project["dependencies"]}
    locked = set(re.findall(r"^([\w.-]+)==", WHEELS.LOCK.read_text("utf-8"), re.MULTILINE))
    assert needed <= locked


def test_no_line_of_the_lock_depends_on_the_version_of_python() -> None:
    # pip judges such lines by the Python that builds, not by the one that is built for.
    assert "python_version" not in WHEELS.LOCK.read_text("utf-8")
    assert "python_full_version" not in WHEELS.LOCK.read_text("utf-8")


def test_wheels_run_with_the_c_library_of_bookworm_and_no_newer_one() -> None:
    tags = WHEELS.platforms("arm64")
    assert tags[0] == "manylinux_2_36_aarch64"
    assert "manylinux2014_aarch64" in tags
    assert "manylinux_2_37_aarch64" not in tags


def test_a_wheel_made_by_hand_takes_the_place_of_a_locked_one(tmp_path: Path) -> None:
    locked = re.search(r"^cffi==(\S+)", WHEELS.LOCK.read_text("utf-8"), re.MULTILINE)
    assert locked is not None
    name = f"cffi-{locked[1]}-cp311-cp311-linux_armv7l.whl"
    (tmp_path / name).touch()
    (tmp_path / f"cffi-{locked[1]}-cp313-cp313-linux_armv7l.whl").touch()
    (tmp_path / f"cffi-{locked[1]}-cp311-cp311-linux_aarch64.whl").touch()
    found = WHEELS._by_hand("armhf", "3.11", tmp_path)
    assert found == {"cffi": tmp_path / name}
    lock = WHEELS._without(
        "cbor2==1 \\\n    --hash=x\ncffi==2 \\\n    --hash=y\nclick==3\n", {"cffi"}
    )
    assert lock == "cbor2==1 \\\n    --hash=x\nclick==3\n\n"


@pytest.mark.parametrize("name", ["evil-1.0", "cffi-0.1"])
def test_a_wheel_that_the_lock_does_not_name_so_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}-cp311-cp311-linux_armv7l.whl").touch()
    with pytest.raises(WHEELS.CannotBuild, match="the lock names"):
        WHEELS._by_hand("armhf", "3.11", tmp_path)


def test_a_device_is_told_what_it_is_made_of(tmp_path: Path) -> None:
    """The bill of materials lies beside the licence."""
    lay_out = (
        "import build_package, pathlib, sys; build_package._lay_out(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", lay_out, str(tmp_path / "root")], cwd=ROOT / "tools", check=True
    )
    papers = tmp_path / "root/usr/share/doc/plomba-edge"
    listed = json.loads((papers / "sbom.cdx.json").read_text("utf-8"))["components"]
    assert {"pip", "pymodbus", "starlette"} <= {one["name"] for one in listed}
    assert (papers / "copyright").read_text("utf-8").strip().startswith("Apache License")
