"""Real Debian roots to install the package into: made once by debootstrap, kept, unpacked by tests.

A root lies in the user's cache as one tar file, named by what is in it; a test unpacks it into a
folder of its own. Programs run inside by chroot in a mount namespace that ends with them, so that
nothing is left mounted; there is no systemd as process 1, and what a unit says is started as it
says. The network is this machine's.
"""

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy import emulated

ROOT = Path(__file__).parents[2]
MIRROR = os.environ.get("PLOMBA_DEBIAN_MIRROR", "")
# What the package depends on beyond debootstrap's least: Python, and systemd's two small programs
# without all of systemd, which halves the time.
INCLUDE = "python3,systemd-standalone-sysusers,systemd-standalone-tmpfiles"
ENTER = 'mount -t proc proc "$1/proc" && cd / && exec chroot "$@"'
AGENT = "usr/lib/systemd/system/plomba-edge.service"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "plomba/roots"


def tool(name: str) -> str | None:
    """A program, also where only root's PATH has it."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def may_mount() -> bool:
    """Whether this is root, and not one of a container without root's rights."""
    if os.geteuid() != 0 or tool("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


needs_mounts = pytest.mark.skipif(
    not may_mount(), reason="mounting is root's: run as root, with its rights"
)
needs_root = [
    needs_mounts,
    pytest.mark.skipif(tool("debootstrap") is None, reason="needs debootstrap: apt-get install it"),
    pytest.mark.skipif(tool("dpkg-deb") is None, reason="needs dpkg-deb: build on Debian"),
]


class Root:
    """An unpacked system; `through` leads to where its programs can run."""

    def __init__(self, folder: Path, through: Sequence[str] = ()) -> None:
        self.folder = folder
        self._through = through

    def words(self, *words: str) -> list[str]:
        """A command line that runs words inside."""
        mount = emulated.ENTER if self._through else ENTER
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"]
        return [*self._through, *enter, str(self.folder), *words]

    def run(self, *words: str, code: int = 0, env: dict[str, str] | None = None) -> str:
        """What a command inside prints; both streams."""
        ran = subprocess.run(
            self.words(*words),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ran.returncode == code, (words, ran.stdout[-3000:])
        return ran.stdout

    def install(self, package: Path) -> float:
        """Have dpkg install a package; how many seconds that took."""
        copy = self.folder / "srv" / package.name
        shutil.copy(package, copy)
        began_s = time.monotonic()
        self.run("dpkg", "--install", f"/srv/{package.name}")
        copy.unlink()
        return time.monotonic() - began_s

    def starting(self, unit: str = AGENT) -> list[str]:
        """What a unit says is started, as its user with no new privileges."""
        text = (self.folder / unit).read_text("utf-8")
        said = re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)
        assert said is not None
        user = ["setpriv", "--reuid=plomba", "--regid=plomba", "--init-groups", "--no-new-privs"]
        return self.words(*user, *shlex.split(said[1]))

    def programs(self) -> set[str]:
        """The programs that our units start."""
        units = (self.folder / "usr/lib/systemd/system").glob("plomba-*.service")
        starts = (
            re.findall(r"^Exec\w+=[+!-]*(\S+)", one.read_text(), re.MULTILINE) for one in units
        )
        return {program for found in starts for program in found}

    def files(self) -> set[str]:
        """All there is, but what dpkg and the lists of users write for themselves."""
        own = ("var/lib/dpkg", "var/log", "var/cache", "var/lib/systemd", "tmp", "proc", "dev")
        found = set()
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if not name.startswith(own) and not re.fullmatch(r"etc/(g?shadow|passwd|group)-", name):
                found.add(name)
        return found


def unpacked(to: Path, suite: str, arch: str = "amd64", through: Sequence[str] = ()) -> Root:
    """A fresh system of a suite; skips, saying so, where none can be had."""
    kept = _kept(suite, arch, through)
    to.mkdir()
    subprocess.run(["tar", "-x", "-p", "-C", to, "-f", kept], check=True)
    return Root(to, through)


def _kept(suite: str, arch: str, through: Sequence[str]) -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(INCLUDE.encode()).hexdigest()[:8]
    kept = CACHE / f"{suite}-{arch}-{name}.tar"
    with alone(CACHE / f"{suite}-{arch}.lock"):
        if not kept.exists():
            _make(kept, suite, arch, through)
    return kept


def _make(kept: Path, suite: str, arch: str, through: Sequence[str]) -> None:
    made = Path(tempfile.mkdtemp(prefix="plomba-root-"))
    root = made / "root"
    try:
        words = [str(tool("debootstrap")), "--variant=minbase", f"--include={INCLUDE}"]
        words += [f"--arch={arch}", *(["--foreign"] if through else []), suite, str(root)]
        _debootstrap([*words, *([MIRROR] if MIRROR else [])], suite)
        if through:
            second = ["chroot", str(root), "/debootstrap/debootstrap", "--second-stage"]
            _debootstrap([*through, *second], suite)
        fresh = kept.with_suffix(".new")
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        subprocess.run(["tar", "-c", "-C", root, "-f", fresh, "."], check=True)
        fresh.rename(kept)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _debootstrap(words: list[str], suite: str) -> None:
    # It may make no devices in a namespace of users, and then takes those that are there.
    env = {**os.environ, "container": "lxc", "LC_ALL": "C"}
    ran = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        last = (ran.stdout + ran.stderr).strip().splitlines()[-1]
        pytest.skip(f"debootstrap made no {suite} (no mirror?): {last}")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One test process at a time makes what all of them keep; the others find it made."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def package(out: Path, *, arch: str = "amd64", version: str = "", python: str = "3.11") -> Path:
    """The package of this tree."""
    words = [sys.executable, str(ROOT / "tools/build_package.py"), "--arch", arch]
    words += ["--out", str(out), "--python", python, *(["--version", version] if version else [])]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return Path(ran.stdout.strip())
