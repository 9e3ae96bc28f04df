"""A release on a device: built whole or not at all, switched to by one rename, refused by its line.

The releases here hold a wheel of a few bytes, made by hand, and the package's own pip; what is
real is Python's venv, pip without a network, and the two commands as root would call them.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LIB = Path(__file__).parents[2] / "deploy/raspberry-pi/package/lib"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# A test has three versions at most, and several tests run at once.
ROOM_BYTES = 1024**3
SAYS = "import sys\n\ndef main():\n    print('plomba-edge, version {version}')\n"
Change = Callable[[dict[str, object]], object]


def wheel(folder: Path, version: str, program: str = SAYS) -> str:
    """A wheel called plomba that says its version; its name."""
    info = f"plomba-{version}.dist-info"
    files = {
        "plomba_says.py": program.format(version=version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: plomba\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nplomba-edge = plomba_says:main\n",
    }
    name = f"plomba-{version}-py3-none-any.whl"
    record = [f"{path},{_record(text)}" for path, text in files.items()]
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return name


def _record(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
    return f"sha256={digest.decode()},{len(text.encode())}"


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of pip that ensurepip carries: none has to be fetched."""
    import ensurepip  # noqa: PLC0415 - Debian may have none

    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        pytest.skip("this Python has no pip in ensurepip")
    copy = tmp_path_factory.mktemp("pip") / bundled[0].name
    shutil.copy(bundled[0], copy)
    return copy


class Shelf:
    """A folder for releases, and a prefix they are installed into."""

    def __init__(self, folder: Path, pip: Path) -> None:
        self.folder = folder
        self.prefix = folder / "opt"
        (folder / "shelf").mkdir()
        self._pip = pip

    def release(self, version: str, program: str = SAYS, change: Change | None = None) -> Path:
        """A release of a version; `change` spoils what its manifest says."""
        shelf = self.folder / "shelf"
        release = shelf / str(len(list(shelf.iterdir())))
        wheels = release / "wheels"
        wheels.mkdir(parents=True)
        name = wheel(wheels, version, program)
        shutil.copy(self._pip, wheels)
        said: dict[str, object] = {
            "format": 1,
            "version": version,
            "arch": "amd64",
            "pip": f"wheels/{self._pip.name}",
            "pythons": {PYTHON: [f"wheels/{name}"]},
            "files": {
                f"wheels/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
                for path in wheels.iterdir()
            },
        }
        if change is not None:
            change(said)
        (release / "manifest.json").write_text(json.dumps(said))
        return release

    def run(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """One of the two commands, with this Python."""
        arch = ["--arch", "amd64"] if command == "install-release" else []
        return subprocess.run(
            [sys.executable, "-IB", LIB / command, *words, "--prefix", self.prefix, *arch],
            capture_output=True,
            text=True,
            check=False,
        )

    def ok(self, command: str, *words: str) -> str:
        ran = self.run(command, *words)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def refused(self, command: str, *words: str, code: int = 1) -> str:
        ran = self.run(command, *words)
        assert ran.returncode == code, (ran.stdout, ran.stderr)
        (line,) = ran.stderr.strip().splitlines()
        return line

    @property
    def current(self) -> str:
        """What runs, by its own word."""
        program = self.prefix / "current/bin/plomba-edge"
        said = subprocess.run([program], capture_output=True, text=True, check=True)
        return said.stdout.split()[-1]


@pytest.fixture
def shelf(tmp_path: Path, pip: Path) -> Iterator[Shelf]:
    # In memory where that is: a build waits until its disk has everything, also what others write.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
    if not memory.is_dir() or shutil.disk_usage(memory).free < ROOM_BYTES:
        yield Shelf(tmp_path, pip)
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="plomba-shelf-") as folder:
        yield Shelf(Path(folder), pip)


def test_a_release_is_built_becomes_current_and_the_way_back_is_kept(shelf: Shelf) -> None:
    assert shelf.ok("install-release", str(shelf.release("1.0.0"))) == "1.0.0"
    assert shelf.current == "1.0.0"
    second = shelf.release("1.1.0")
    assert shelf.ok("install-release", str(second), "--no-switch") == "1.1.0"
    assert shelf.current == "1.0.0"
    assert shelf.ok("switch-release", "1.1.0") == "1.1.0"
    assert shelf.current == "1.1.0"
    assert shelf.ok("switch-release", "--back") == "1.0.0"
    assert shelf.current == "1.0.0"
    assert shelf.ok("switch-release", "--which") == "1.0.0"
    # Two stand at most: what is neither current nor previous goes.
    shelf.ok("install-release", str(shelf.release("1.2.0")))
    assert {path.name for path in (shelf.prefix / "versions").iterdir()} == {"1.0.0", "1.2.0"}


def test_the_same_release_again_changes_nothing(shelf: Shelf) -> None:
    release = shelf.release("1.0.0")
    shelf.ok("install-release", str(release))
    mark = shelf.prefix / "versions/1.0.0/plomba-release.json"
    before = mark.stat().st_mtime_ns
    shelf.ok("install-release", str(release))
    assert mark.stat().st_mtime_ns == before


def test_a_version_is_not_built_twice_from_different_releases(shelf: Shelf) -> None:
    shelf.ok("install-release", str(shelf.release("1.0.0")))
    other = shelf.release("1.0.0", SAYS + "# other\n")
    assert "a version is built once" in shelf.refused("install-release", str(other))
    assert shelf.current == "1.0.0"


def test_a_torn_build_is_built_again_and_never_becomes_current(shelf: Shelf) -> None:
    release = shelf.release("1.0.0")
    torn = shelf.prefix / "versions/1.0.0/bin"
    torn.mkdir(parents=True)
    (torn / "plomba-edge").write_text("half of it")
    assert "not a built version" in shelf.refused("switch-release", "1.0.0")
    shelf.ok("install-release", str(release))
    assert shelf.current == "1.0.0"


def test_a_version_whose_python_is_gone_is_built_again(shelf: Shelf) -> None:
    release = shelf.release("1.0.0")
    shelf.ok("install-release", str(release))
    for python in (shelf.prefix / "versions/1.0.0/bin").glob("python*"):
        python.unlink()
    shelf.ok("install-release", str(release))
    assert shelf.current == "1.0.0"


def test_a_program_that_does_not_start_leaves_the_old_one_current(shelf: Shelf) -> None:
    shelf.ok("install-release", str(shelf.release("1.0.0")))
    broken = shelf.release("1.1.0", "raise SystemExit('broken')\n")
    assert "does not say version 1.1.0" in shelf.refused("install-release", str(broken))
    assert shelf.current == "1.0.0"
    assert "not a built version" in shelf.refused("switch-release", "1.1.0")


def _without_files(said: dict[str, object]) -> None:
    said["files"] = {}


def _elsewhere(said: dict[str, object]) -> None:
    said["files"] = {"wheels/../../etc/shadow": "0" * 64}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda said: said.update(arch="arm64"), "is for arm64, this is amd64"),
        (lambda said: said.update(pythons={"2.7": []}), "is for Python 2.7, this is"),
        (lambda said: said.update(version="../../x"), "expected a version like 1.2.3"),
        (lambda said: said.update(version=7), "expected version as text"),
        (lambda said: said.update(format=2), "expected format 1, got 2"),
        (lambda said: said.pop("pip"), "'pip'"),
        (_without_files, "has no SHA-256"),
        (_elsewhere, "expected wheels/NAME.whl"),
        (lambda said: said.update(files=dict.fromkeys(map(str, range(400)))), "at most 300"),
    ],
)
def test_a_manifest_that_is_not_right_is_refused_in_one_line(
    shelf: Shelf, change: Change, words: str
) -> None:
    assert words in shelf.refused("install-release", str(shelf.release("1.0.0", change=change)))
    assert not (shelf.prefix / "current").exists()


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "7", "null", "{}", "x" * 300_000])
def test_a_manifest_that_is_none_is_refused_in_one_line(shelf: Shelf, text: str) -> None:
    release = shelf.release("1.0.0")
    (release / "manifest.json").write_text(text)
    assert "manifest.json" in shelf.refused("install-release", str(release))


def test_a_wheel_that_was_changed_is_refused_and_nothing_of_it_runs(shelf: Shelf) -> None:
    release = shelf.release("1.0.0")
    with (release / "wheels/plomba-1.0.0-py3-none-any.whl").open("ab") as file:
        file.write(b"x")
    assert "is not what the manifest names" in shelf.refused("install-release", str(release))
    assert not (shelf.prefix / "versions/1.0.0/bin/plomba-edge").exists()


def test_a_pipe_in_place_of_a_wheel_keeps_nobody_waiting(shelf: Shelf) -> None:
    release = shelf.release("1.0.0")
    path = release / "wheels/plomba-1.0.0-py3-none-any.whl"
    path.unlink()
    os.mkfifo(path)
    assert "as a file" in shelf.refused("install-release", str(release))


def test_only_the_manifest_that_was_vouched_for_is_taken(shelf: Shelf) -> None:
    release = shelf.release("1.0.0")
    digest = hashlib.sha256((release / "manifest.json").read_bytes()).hexdigest()
    other = "0" * 64
    line = shelf.refused("install-release", str(release), "--manifest-sha256", other)
    assert "not the manifest that was vouched for" in line
    assert shelf.ok("install-release", str(release), "--manifest-sha256", digest) == "1.0.0"


def test_there_is_no_way_back_before_there_was_a_way_on(shelf: Shelf) -> None:
    assert "none to return to" in shelf.refused("switch-release", "--back")
    shelf.refused("switch-release", "../../etc")


def test_a_device_that_cannot_be_written_to_is_not_the_releases_fault(shelf: Shelf) -> None:
    shelf.prefix.write_text("a file where a folder should be")
    release = str(shelf.release("1.0.0"))
    assert "cannot prepare" in shelf.refused("install-release", release, code=3)
