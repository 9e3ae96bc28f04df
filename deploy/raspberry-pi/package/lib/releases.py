"""Releases of the edge on a device: built beside the running one, switched to by one rename.

    /opt/plomba/versions/<version>/   one virtual environment each, never moved, never rebuilt
    /opt/plomba/current               a link to the one that runs
    /opt/plomba/previous              a link to the one that ran before, for the way back

A release is a folder with `manifest.json` and the wheels it names; nothing else is asked for, no
network above all. Building puts a copy of the manifest into the version's folder as its very last
act: a folder without it is a torn build, and is built again. Only a folder with it can become
`current`. Standard library alone: this runs with the system's Python, before there is any other.

The package's own installation and updates from the gateway both come through here, as root. A
release may lie where others than root may write: each file is copied and checked in one reading,
and only the copy is used.
"""
# ruff: noqa: S603, S607 - it lies beside its two commands, and runs the system's programs

import ctypes
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

PREFIX = Path("/opt/plomba")
MANIFEST = "manifest.json"
BUILT = "plomba-release.json"
FORMAT = 1
# A manifest names some thirty wheels a Python; ten times that is still no longer read than this.
MANIFEST_BYTES_MAX = 256 * 1024
FILES_MAX = 300
# The wheels' copy, and what they are unpacked and compiled (measured: 2.7 times their size); a
# file system that is quite full stops more than an update.
ROOM_FACTOR = 4
ROOM_SPARE_BYTES = 64 * 1024 * 1024
# Thirty wheels on a Pi Zero and a slow card take minutes; an hour is no progress any more.
STEP_S_MAX = 3600
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+]{0,63}")
_WHEEL = re.compile(r"wheels/[A-Za-z0-9][A-Za-z0-9._+-]{0,199}\.whl")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1024 * 1024


class ReleaseBad(Exception):
    """The release cannot be used, today or tomorrow; exit status 1."""


class DeviceCannot(Exception):
    """Nothing is wrong with the release; this device has no room or no right; exit status 3."""


class Manifest(NamedTuple):
    """What a release says of itself. `files` maps names to SHA-256, `pythons` to wheels."""

    version: str
    arch: str
    pip: str
    pythons: dict[str, list[str]]
    files: dict[str, str]
    raw: bytes


def read_manifest(release: Path, sha256: str | None = None) -> Manifest:
    """The manifest of a release folder, checked in every part; ReleaseBad otherwise.

    `sha256` is what somebody who signs for the release said of the manifest, if there is one.
    """
    path = release / MANIFEST
    try:
        with _opened(path) as file:
            raw = file.read(MANIFEST_BYTES_MAX + 1)
        if len(raw) > MANIFEST_BYTES_MAX:
            raise ReleaseBad(f"{path}: expected at most {MANIFEST_BYTES_MAX} bytes")
        said = json.loads(raw)
    except OSError as error:
        raise ReleaseBad(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReleaseBad(f"{path} is not JSON: {error}") from error
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise ReleaseBad(f"{path} is not the manifest that was vouched for")
    try:
        return _checked(said, raw)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReleaseBad(f"{path}: not a manifest of a release: {error}") from error


def _checked(said: dict[str, object], raw: bytes) -> Manifest:
    if said["format"] != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {said['format']!r}")
    version, arch, pip = (_text(said, key) for key in ("version", "arch", "pip"))
    if _VERSION.fullmatch(version) is None:
        raise ValueError(f"expected a version like 1.2.3, got {version!r}")
    files, pythons = said["files"], said["pythons"]
    if not isinstance(files, dict) or not isinstance(pythons, dict) or len(files) > FILES_MAX:
        raise ValueError(f"expected files (at most {FILES_MAX}) and pythons as tables")
    for name, digest in files.items():
        if _WHEEL.fullmatch(name) is None or _SHA256.fullmatch(digest) is None:
            raise ValueError(f"expected wheels/NAME.whl with its SHA-256, got {name!r}")
    for name in (pip, *(wheel for wheels in pythons.values() for wheel in wheels)):
        if name not in files:
            raise ValueError(f"{name!r} has no SHA-256")
    return Manifest(version, arch, pip, pythons, files, raw)


def _text(said: dict[str, object], key: str) -> str:
    value = said[key]
    if not isinstance(value, str):
        raise TypeError(f"expected {key} as text")
    return value


def install(
    release: Path, *, prefix: Path = PREFIX, arch: str | None = None, sha256: str | None = None
) -> str:
    """Build the release's version unless it stands already; its version.

    `arch` is this device's, as dpkg calls it; asked of dpkg if left out. `sha256`: `read_manifest`.
    """
    manifest = read_manifest(release, sha256)
    arch = arch or _own_arch()
    if manifest.arch != arch:
        raise ReleaseBad(f"release {manifest.version} is for {manifest.arch}, this is {arch}")
    wheels = manifest.pythons.get(_python())
    if wheels is None:
        has = ", ".join(sorted(manifest.pythons))
        raise ReleaseBad(f"release {manifest.version} is for Python {has}, this is {_python()}")
    folder = prefix / "versions" / manifest.version
    if _stands(folder, manifest):
        return manifest.version
    _make_room(folder, release, manifest)
    try:
        _build(folder, release, manifest, wheels)
    except OSError as error:
        raise DeviceCannot(f"cannot build {folder}: {error.strerror or error}") from error
    return manifest.version


def _stands(folder: Path, manifest: Manifest) -> bool:
    """Whether this very release is built there and its Python is still this one."""
    try:
        built = json.loads((folder / BUILT).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    if built.get("python") != _python() or not _runs(folder, manifest.version):
        return False
    if built.get("sha256") != hashlib.sha256(manifest.raw).hexdigest():
        raise ReleaseBad(
            f"{folder} was built from another release of the same version: "
            "a version is built once, give the new one a number of its own"
        )
    return True


def _take_files(release: Path, manifest: Manifest, to: Path) -> None:
    """Copy the wheels where only root writes, each checked in the reading that copies it."""
    (to / "wheels").mkdir(parents=True)
    for name, expected in manifest.files.items():
        digest = hashlib.sha256()
        try:
            file = _opened(release / name)
        except OSError as error:
            raise ReleaseBad(f"cannot read {release / name}: {error.strerror}") from error
        with file, (to / name).open("wb") as copy:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        if digest.hexdigest() != expected:
            raise ReleaseBad(
                f"{release / name} is not what the manifest names: "
                f"expected SHA-256 {expected[:16]}…, got {digest.hexdigest()[:16]}…"
            )


def _opened(path: Path) -> IO[bytes]:
    """A file of a release, itself: what a link leads to, root alone may be allowed to read.

    A pipe would keep root waiting, and what is copied stands where everybody may read it.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ReleaseBad(f"expected {path} as a file")
    return file


def _make_room(folder: Path, release: Path, manifest: Manifest) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)  # A torn build, or one of a Python that is gone.
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        packed = sum(_size(release / name) for name in manifest.files)
        free = shutil.disk_usage(folder.parent).free
    except OSError as error:
        raise DeviceCannot(f"cannot prepare {folder}: {error.strerror}") from error
    needed = packed * ROOM_FACTOR + ROOM_SPARE_BYTES
    if free < needed:
        raise DeviceCannot(
            f"expected {needed >> 20} MB free for {folder}, got {free >> 20} MB: make room"
        )


def _size(path: Path) -> int:
    """The bytes of an ordinary file; a pipe or a device would keep its reader waiting."""
    if not path.is_file():
        raise ReleaseBad(f"expected {path} as a file, the manifest names it")
    return path.stat().st_size


def _build(folder: Path, release: Path, manifest: Manifest, wheels: list[str]) -> None:
    os.umask(0o022)
    _step([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    taken = folder / "release"
    _take_files(release, manifest, taken)
    needs = taken / "requirements.txt"
    needs.write_text(
        "".join(f"{taken / name} --hash=sha256:{manifest.files[name]}\n" for name in wheels)
    )
    # Python runs pip as it lies in its wheel: pip itself need not be installed. Unpacked, since
    # from the packed file each start of it takes seconds.
    shutil.unpack_archive(taken / manifest.pip, taken / "pip", "zip")
    pip = [str(folder / "bin/python"), "-I", str(taken / "pip/pip")]
    quiet = ["--isolated", "--no-cache-dir", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--require-hashes", "--no-warn-script-location"]
    _step([*pip, "install", *quiet, "--quiet", *offline, "-r", str(needs)])
    _step([*pip, "check", *quiet])
    if not _runs(folder, manifest.version):
        raise ReleaseBad(f"{folder}/bin/plomba-edge does not say version {manifest.version}")
    shutil.rmtree(taken)
    built = {"python": _python(), "sha256": hashlib.sha256(manifest.raw).hexdigest()}
    _sync_all(folder)  # What is built is on the disk before anything calls it so.
    _write_whole(folder / BUILT, json.dumps({**built, "version": manifest.version}) + "\n")


def _runs(folder: Path, version: str) -> bool:
    try:
        said = subprocess.run(
            [folder / "bin/plomba-edge", "--version"],
            capture_output=True,
            text=True,
            timeout=STEP_S_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and said.stdout.split()[-1:] == [version]


def _step(words: list[str]) -> None:
    """A program to its end; ReleaseBad with the last line it says where it fails."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=STEP_S_MAX, check=False, cwd="/"
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceCannot(f"{words[0]} did not end within {STEP_S_MAX} s") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()
        if "No space left" in done.stderr:
            raise DeviceCannot("no space left on the device")
        raise ReleaseBad(f"{' '.join(words[:4])} …: {said[-1]}")


def switch(version: str, *, prefix: Path = PREFIX) -> None:
    """Make a built version the current one, and forget all but it and the one before."""
    folder = prefix / "versions" / version
    if _VERSION.fullmatch(version) is None or not (folder / BUILT).is_file():
        raise ReleaseBad(f"{folder} is not a built version: install-release first")
    before = standing(prefix)
    if before == version:
        return
    try:
        if before is not None:
            _link(prefix / "previous", before)
        _link(prefix / "current", version)
        _prune(prefix)
    except OSError as error:
        raise DeviceCannot(f"cannot switch {prefix}: {error.strerror}") from error


def switch_back(*, prefix: Path = PREFIX) -> str:
    """Return to the version before the current one; which that is."""
    version = _linked(prefix / "previous")
    if version is None:
        raise ReleaseBad(f"{prefix}/previous names no version: there is none to return to")
    switch(version, prefix=prefix)
    return version


def standing(prefix: Path = PREFIX) -> str | None:
    """The version that is current, None if none is."""
    return _linked(prefix / "current")


def _linked(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None  # No link, or something that is none: nothing of ours stands there.


def _link(link: Path, version: str) -> None:
    """Point a link at a version: whoever looks finds the old one or the new one."""
    fresh = link.with_name(link.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(f"versions/{version}")
    fresh.replace(link)
    _sync_folder(link.parent)


def _prune(prefix: Path) -> None:
    kept = {_linked(prefix / "current"), _linked(prefix / "previous")}
    for folder in (prefix / "versions").iterdir():
        if folder.name not in kept:
            # The mark goes first: half a version must not look like one.
            (folder / BUILT).unlink(missing_ok=True)
            shutil.rmtree(folder)


def _write_whole(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def _sync_all(folder: Path) -> None:
    """Everything written to the folder's file system is on the disk: thousands of files at once."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "the file system could not be written out")
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _own_arch() -> str:
    try:
        asked = subprocess.run(
            ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise DeviceCannot(f"cannot ask dpkg for this device's architecture: {error}") from error
    return asked.stdout.strip()


def fail(error: ReleaseBad | DeviceCannot) -> NoReturn:
    """One line and the exit status that says whose fault it is."""
    print(f"plomba: {error}", file=sys.stderr)
    sys.exit(1 if isinstance(error, ReleaseBad) else 3)
