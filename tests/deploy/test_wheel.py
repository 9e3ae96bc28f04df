"""The wheel holds all the packages need: every profile, template, statement and static file."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("drivers", "edge", "cloud_sync", "gateway", "simulators")


def test_the_wheel_holds_every_file_of_every_package(tmp_path: Path) -> None:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {name for name in listing.stdout.splitlines() if (ROOT / name).is_file()}
    # Built from a copy, so that two test runs at once do not share a build directory.
    for name in (*expected, "pyproject.toml", "README.md", "LICENSE"):
        copy = tmp_path / "tree" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=tmp_path / "tree",
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert expected
    assert expected <= packed
