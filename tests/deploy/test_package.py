"""The Debian package in a real Bookworm: installed, running, upgraded, removed, purged."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cloud_sync.brokers import needs_mosquitto
from tests.deploy.debian import Root, needs_root, package, unpacked
from tests.deploy.device import STATE, Device, hears, until
from tests.deploy.emulated import EMULATORS, emulation
from tests.e2e.place import Place
from tests.edge.installer import a_line

# Making a root fetches and unpacks a hundred packages, once; emulated, all of it takes long.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(3600), *needs_mosquitto, *needs_root]

NEWER = "9.0.0"
# `make package-trixie` and `make package-arm64` have it done elsewhere.
SUITE, PYTHON, ARCH = os.environ.get("PLOMBA_TEST_SUITE", "bookworm:3.11:amd64").split(":")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("dist"), python=PYTHON, arch=ARCH)


@pytest.fixture(scope="module")
def through() -> Iterator[list[str]]:
    """How programs of the architecture are reached."""
    with ExitStack() as stack:
        yield stack.enter_context(emulation(ARCH)) if ARCH in EMULATORS else []


@pytest.fixture
def root(tmp_path: Path, through: list[str]) -> Root:
    return unpacked(tmp_path / "root", SUITE, ARCH, through)


async def test_the_package_polls_and_delivers_outlives_an_upgrade_and_leaves_nothing(
    tmp_path: Path, built: Path, root: Root
) -> None:
    before = root.files()
    root.install(built)
    assert root.run("/usr/bin/plomba-edge", "--version").startswith("plomba-edge, version ")
    assert root.run("stat", "-c", "%U %a", f"/{STATE}", f"/{STATE}/edge.toml") == (
        "plomba 700\nplomba 600\n"
    )
    assert root.run("readlink", "/etc/plomba/edge.toml") == f"/{STATE}/edge.toml\n"
    for program in root.programs():
        root.run("test", "-x", program)

    async with a_line() as port:
        device = Device(root, Place(tmp_path, port), port)
        try:
            await device.prepare()
            async with device.running(tmp_path / "first.log") as systemd:
                await hears(systemd, "READY=1")
                await hears(systemd, "WATCHDOG=1")
                await until(lambda: device.delivered() >= 1)
            came = await device.balance()
            assert came["stored"] == came["accepted"] > 0

            configured = (device.state / "edge.toml").read_text()
            key = (device.state / "device.key").read_bytes()
            through = device.delivered()
            root.install(package(tmp_path / "newer", version=NEWER, python=PYTHON, arch=ARCH))
            assert NEWER in root.run("/usr/bin/plomba-edge", "--version")
            assert (device.state / "edge.toml").read_text() == configured
            assert (device.state / "device.key").read_bytes() == key
            assert device.delivered() == through
            versions = root.run("ls", "/opt/plomba/versions").split()
            assert len(versions) == 2, "the version before is kept for the way back"
            async with device.running(tmp_path / "second.log") as systemd:
                await hears(systemd, "READY=1")
                # One numbering, no gap: the spool is the same.
                await until(lambda: device.delivered() > through)
            came = await device.balance()
            assert came["stored"] == came["accepted"] > 1
        finally:
            await device.place.end()

    root.run("dpkg", "--remove", "plomba-edge")
    assert not (root.folder / "opt/plomba").exists()
    assert (device.state / "spool.sqlite").exists()
    assert (device.state / "edge.toml").read_text() == configured
    root.run("dpkg", "--purge", "plomba-edge")
    assert root.files() - before == set()
    assert root.run("grep", "-c", "plomba", "/etc/passwd", "/etc/group", code=1).count(":0") == 2


def test_purge_keeps_the_spool_where_that_was_asked_for(built: Path, root: Root) -> None:
    before = root.files()
    root.install(built)
    state = root.folder / STATE
    for name in ("spool.sqlite", "spool.sqlite-wal", "spool.head", "device.key"):
        (state / name).write_bytes(b"x")
    (root.folder / "etc/plomba/keep-spool").touch()
    root.run("dpkg", "--purge", "plomba-edge")
    left = {name for name in root.files() - before if name != STATE}
    assert left == {
        f"{STATE}/{name}" for name in ("spool.sqlite", "spool.sqlite-wal", "spool.head")
    }
    assert state.stat().st_uid == 0
    # A device that comes back finds its spool, and may read it.
    root.install(built)
    assert root.run("stat", "-c", "%U %a", f"/{STATE}/spool.sqlite") == "plomba 644\n"
    assert root.run("stat", "-c", "%U %a", f"/{STATE}") == "plomba 700\n"


def test_a_new_python_of_the_system_has_the_environment_built_again(
    built: Path, root: Root
) -> None:
    root.install(built)
    (version,) = root.run("ls", "/opt/plomba/versions").split()
    root.run("rm", "-r", f"/opt/plomba/versions/{version}/lib")
    root.run("/usr/bin/plomba-edge", "--version", code=1)
    root.run("dpkg-trigger", "--by-package=python3-minimal", "/usr/bin/python3")
    root.run("dpkg", "--triggers-only", "plomba-edge")
    assert version in root.run("/usr/bin/plomba-edge", "--version")


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path, built: Path) -> None:
    again = package(tmp_path / "again", python=PYTHON, arch=ARCH)
    assert _sha256(again) == _sha256(built)


def test_the_package_names_no_host_and_belongs_to_root(built: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "-c", built], capture_output=True, text=True, check=True)
    assert all(line.split()[1] == "root/root" for line in listed.stdout.splitlines())
    control = subprocess.run(["dpkg-deb", "-I", built], capture_output=True, text=True, check=True)
    assert "://" not in control.stdout


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
