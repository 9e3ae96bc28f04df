"""The release inside of the package: locked wheels for each Python of a device, and a manifest.

What comes from outside is what the lock names, checked against its hashes by pip as it comes; what
is ours is built from this tree, with nothing of the cloud in it. Where a package has no wheel for
an architecture, and none was put beside it by hand, the build ends in a line that names it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements/edge-page.txt"
PIP_LOCK = ROOT / "requirements/pip.txt"
PYTHONS = ("3.11", "3.13")  # Debian and Raspberry Pi OS: Bookworm, Trixie.
# As dpkg and as wheels call them.
ARCHS = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l"}
PACKAGES = ("cloud_sync", "drivers", "edge")
FORMAT = 1
# The oldest C library of a wheel, and that of Bookworm.
_GLIBCS = range(5, 37)
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)


class CannotBuild(Exception):
    """The package cannot be built; one line says why."""


def platforms(arch: str) -> list[str]:
    """The tags of wheels that run on the architecture with Bookworm's C library or a newer one."""
    machine = ARCHS[arch]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in reversed(_GLIBCS)]
    old = ("2014",) if machine != "x86_64" else ("2014", "2010", "1")
    return [*tags, *(f"manylinux{year}_{machine}" for year in old), f"linux_{machine}"]


def fetch(arch: str, python: str, to: Path, work: Path, beside: Path | None) -> list[str]:
    """Bring the locked wheels of one Python into the folder `to`; their file names.

    `beside`: a folder of wheels made by hand for packages that publish none.
    """
    by_hand = _by_hand(arch, python, beside)
    lock = work / f"lock-{python}.txt"
    lock.write_text(_without(LOCK.read_text("utf-8"), set(by_hand)))
    fetched = work / f"fetched-{python}"
    fetched.mkdir()
    tag = "cp" + python.replace(".", "")
    words = ["--implementation", "cp", "--python-version", python]
    words += [part for abi in (tag, "abi3", "none") for part in ("--abi", abi)]
    words += [part for name in platforms(arch) for part in ("--platform", name)]
    words += ["--only-binary=:all:", "--no-deps", "--require-hashes"]
    _pip("download", *words, "-r", str(lock), "-d", str(fetched), for_whom=f"{arch}, {python}")
    for wheel in by_hand.values():
        shutil.copy(wheel, fetched)
    for wheel in fetched.iterdir():
        shutil.copy(wheel, to)
    return sorted(wheel.name for wheel in fetched.iterdir())


def _by_hand(arch: str, python: str, beside: Path | None) -> dict[str, Path]:
    """The wheels of the folder that fit, by the name of the package as the lock has it."""
    if beside is None:
        return {}
    tag = f"cp{python.replace('.', '')}"
    fits = [*beside.glob(f"*-{tag}-*{ARCHS[arch]}.whl"), *beside.glob(f"*-abi3-*{ARCHS[arch]}.whl")]
    locked = dict(_PINNED.findall(LOCK.read_text("utf-8")))
    found = {}
    for wheel in fits:
        name, version = wheel.name.split("-")[:2]
        name = name.replace("_", "-").lower()
        if locked.get(name) != version:
            raise CannotBuild(f"{wheel}: the lock names {name} {locked.get(name, 'not at all')}")
        found[name] = wheel
    return found


def _without(lock: str, names: set[str]) -> str:
    entries = re.split(r"\n(?=\S)", lock)
    return "\n".join(entry for entry in entries if entry.split("==")[0].lower() not in names) + "\n"


def fetch_pip(to: Path) -> str:
    """Bring pip's own wheel; its file name. It builds the environment, and stays outside of it."""
    before = set(to.iterdir())
    words = ["--only-binary=:all:", "--no-deps", "--require-hashes"]
    _pip("download", *words, "-r", str(PIP_LOCK), "-d", str(to), for_whom="pip")
    (wheel,) = set(to.iterdir()) - before
    return wheel.name


def build_own(to: Path, work: Path, version: str) -> str:
    """Build our wheel from the packages of the edge alone; its file name."""
    tree = work / "tree"
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = tree / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
                copy.chmod(0o644)
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, tree)
    (tree / "pyproject.toml").write_text(_project(version), "utf-8")
    before = set(to.iterdir())
    _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(to), str(tree), for_whom="plomba")
    (wheel,) = set(to.iterdir()) - before
    return wheel.name


def version_of() -> str:
    """The version of this tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def _project(version: str) -> str:
    """The project as a device needs it: no extra, no command and no file of the cloud."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, extras = whole["project"], whole["project"]["optional-dependencies"]
    kept = {
        **{key: project[key] for key in ("name", "description", "license", "requires-python")},
        "version": version,
        "dependencies": [*project["dependencies"], *extras["edge"], *extras.get("page", [])],
    }
    data = whole["tool"]["setuptools"]["package-data"]["*"]
    lines = ["[build-system]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in whole["build-system"].items()]
    lines += ["[project]", 'readme = "README.md"', 'license-files = ["LICENSE"]']
    lines += [f"{key} = {json.dumps(value)}" for key, value in kept.items()]
    lines += ["[project.scripts]", f"plomba-edge = {json.dumps(project['scripts']['plomba-edge'])}"]
    lines += ["[tool.setuptools.packages.find]"]
    lines += [f"include = {json.dumps([f'{name}*' for name in PACKAGES])}"]
    lines += ["[tool.setuptools.package-data]", f'"*" = {json.dumps(data)}']
    return "\n".join(lines) + "\n"


def manifest(
    release: Path, version: str, arch: str, pip: str, pythons: dict[str, list[str]]
) -> str:
    """What the release says of itself, as deploy/raspberry-pi/package/lib/releases.py reads it."""
    files = sorted(path for path in release.rglob("*") if path.is_file())
    said = {
        "format": FORMAT,
        "name": "plomba-edge",
        "version": version,
        "arch": arch,
        "pip": f"wheels/{pip}",
        "spool": _spool(),
        "pythons": {of: [f"wheels/{name}" for name in names] for of, names in pythons.items()},
        "files": {
            str(path.relative_to(release)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }
    return json.dumps(said, indent=1, sort_keys=True) + "\n"


def _spool() -> int:
    """The format of the spool that this version leaves (edge/spool_file.py)."""
    said = re.search(r"^FORMAT = (\d+)$", (ROOT / "edge/spool_file.py").read_text(), re.MULTILINE)
    if said is None:
        raise CannotBuild("edge/spool_file.py names no FORMAT")
    return int(said[1])


def make_release(
    release: Path, arch: str, *, version: str, pythons: tuple[str, ...], beside: Path | None
) -> None:
    """A whole release in an empty folder."""
    wheels, work = release / "wheels", release.parent / "work"
    wheels.mkdir(parents=True)
    work.mkdir()
    own = build_own(wheels, work, version)
    ours = {python: sorted([*fetch(arch, python, wheels, work, beside), own]) for python in pythons}
    pip = fetch_pip(wheels)
    (release / "manifest.json").write_text(manifest(release, version, arch, pip, ours), "utf-8")
    shutil.rmtree(work)


def _pip(command: str, *words: str, for_whom: str) -> None:
    done = subprocess.run(  # noqa: S603 - this Python's own pip
        [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *words],
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    lacking = re.findall(r"No matching distribution found for (\S+)", done.stderr)
    if lacking:
        raise CannotBuild(
            f"{lacking[0]} has no wheel for {for_whom}: "
            "make one of its source on such a machine and give its folder with --wheels"
        )
    errors = [line for line in done.stderr.splitlines() if line.strip()]
    raise CannotBuild(f"pip {command} for {for_whom}: {errors[-1] if errors else 'failed'}")
