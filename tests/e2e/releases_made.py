"""Releases of this tree: one built as the package builds it, others made of it with a changed line.

A changed release differs in its own wheel alone, as two releases of a month do.
"""

import base64
import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = "0.2.0"
ARCH = "amd64"
_MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from package_wheels import CannotBuild, make_release
try:
    of, python = sys.argv[3:]
    make_release(Path(sys.argv[2]), "amd64", version=of, pythons=(python,), beside=None)
except CannotBuild as error:
    sys.exit(str(error))
"""
Edit = tuple[str, str]
"""A line of a file as it is, and as it becomes."""


def base(folder: Path) -> Path:
    """A release of this tree for this Python; skips where its wheels cannot be fetched."""
    release = folder / BASE
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    words = [sys.executable, "-c", _MAKE, str(ROOT / "tools"), str(release), BASE, python]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no release can be built here: {made.stderr.strip().splitlines()[-1]}")
    return release


def changed(
    release: Path, version: str, edits: Mapping[str, Edit], spool: int | None = None
) -> Path:
    """The same release under another version, with lines of its own wheel changed."""
    to = release.with_name(version)
    shutil.copytree(release, to)
    (wheel,) = (to / "wheels").glob("plomba-*.whl")
    other = wheel.with_name(wheel.name.replace(BASE, version))
    _rewrite(wheel, other, version, edits)
    wheel.unlink()
    said = json.loads((to / "manifest.json").read_text())
    said["version"] = version
    said["spool"] = spool or said["spool"]
    said["files"].pop(f"wheels/{wheel.name}")
    said["files"][f"wheels/{other.name}"] = hashlib.sha256(other.read_bytes()).hexdigest()
    for python, wheels in said["pythons"].items():
        said["pythons"][python] = [name.replace(wheel.name, other.name) for name in wheels]
    (to / "manifest.json").write_text(json.dumps(said))
    return to


def _rewrite(wheel: Path, other: Path, version: str, edits: Mapping[str, Edit]) -> None:
    record, left = [], dict(edits)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data, path = old.read(name), name.replace(f"plomba-{BASE}", f"plomba-{version}")
            if name in left:
                before, after = left.pop(name)
                assert before in data.decode(), (name, before)
                data = data.decode().replace(before, after, 1).encode()
            if name.endswith("/METADATA"):
                data = data.replace(f"Version: {BASE}".encode(), f"Version: {version}".encode())
            if name.endswith("/RECORD"):
                continue
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append((path, f"sha256={digest}", str(len(data))))
            new.writestr(path, data)
        of_record = f"plomba-{version}.dist-info/RECORD"
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([*record, (of_record, "", "")])
        new.writestr(of_record, out.getvalue())
    assert not left, left
