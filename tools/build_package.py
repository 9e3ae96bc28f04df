"""The Debian package of the edge: `build_package.py --arch arm64 --out DIR`.

Its parts lie as they are installed: `deploy/raspberry-pi/system/` is an image of the root, units
and udev rules go to their places, the release to /usr/lib/plomba-edge/release. dpkg-deb puts them
together; the same tree, lock and SOURCE_DATE_EPOCH (or last commit) give the same bytes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import sbom
from package_wheels import ARCHS, PYTHONS, ROOT, CannotBuild, make_release, version_of

NAME = "plomba-edge"
HERE = ROOT / "deploy/raspberry-pi"
LIB = Path("usr/lib/plomba-edge")
UNITS = Path("usr/lib/systemd/system")
SCRIPTS = ("postinst", "prerm", "postrm")
# What a card's first boot and the installer's Wi-Fi need on the device, and how it is called there.
OF_CARDS = {
    "access-point": "access-point",
    "first_boot.py": "first-boot",
    "split-card": "split-card",
}


def build(
    arch: str,
    out: Path,
    *,
    version: str,
    pythons: tuple[str, ...],
    beside: Path | None,
    release_key: Path | None = None,
) -> Path:
    """Make the package; its file. `release_key`: the public half of the key that signs updates."""
    if shutil.which("dpkg-deb") is None:
        raise CannotBuild("expected dpkg-deb on PATH: build on Debian, or install dpkg")
    epoch = _epoch()
    os.environ["SOURCE_DATE_EPOCH"] = epoch
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="plomba-package-") as scratch:
        root = Path(scratch) / "root"
        _lay_out(root)
        if release_key is not None:
            _take_key(release_key, root / LIB / "release-key.pem")
        release = root / LIB / "release"
        release.parent.mkdir(parents=True, exist_ok=True)
        make_release(release, arch, version=version, pythons=pythons, beside=beside)
        _control(root, arch, version)
        _settle(root)
        file = out / f"{NAME}_{version}_{arch}.deb"
        # Wheels are packed already: a second packing costs a minute and wins a hundredth.
        words = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(root), str(file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise CannotBuild(f"dpkg-deb: {done.stderr.strip().splitlines()[-1]}")
    return file


def _lay_out(root: Path) -> None:
    """Everything but the release and the control files."""
    shutil.copytree(HERE / "system", root)
    for folder, place in (("units", UNITS), ("udev", Path("usr/lib/udev/rules.d"))):
        (root / place).mkdir(parents=True, exist_ok=True)
        for path in sorted((HERE / folder).iterdir()):
            shutil.copy(path, root / place)
    (root / LIB).mkdir(parents=True, exist_ok=True)
    for path in sorted((HERE / "package/lib").iterdir()):
        if path.is_file():
            shutil.copy(path, root / LIB)
    for source, name in OF_CARDS.items():
        shutil.copy(HERE / "card" / source, root / LIB / name)
    shutil.copy(HERE / "edge.example.toml", root / LIB)
    papers = root / "usr/share/doc" / NAME
    papers.mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", papers / "copyright")
    shutil.copy(ROOT / "docs/device.md", papers)
    (papers / "sbom.cdx.json").write_bytes(sbom.bill("edge-page"))
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/bin/plomba-edge").symlink_to("/opt/plomba/current/bin/plomba-edge")
    (root / "usr/sbin").mkdir(parents=True, exist_ok=True)
    readonly = Path("/") / LIB / "plomba-edge-readonly"
    (root / "usr/sbin/plomba-edge-readonly").symlink_to(readonly)


def _take_key(key: Path, to: Path) -> None:
    """The public half alone: whoever has a device must not have the key that signs."""
    try:
        pem = key.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotBuild(f"cannot read {key}: {error}") from error
    if "PRIVATE" in pem or "BEGIN PUBLIC KEY" not in pem:
        raise CannotBuild(f"{key}: expected the public half (plomba-gateway release key: ….pub)")
    to.write_text(pem, "ascii")


def _control(root: Path, arch: str, version: str) -> None:
    """The files dpkg reads: control, conffiles, triggers and the maintainer's scripts."""
    debian = root / "DEBIAN"
    debian.mkdir()
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    said = {"VERSION": version, "ARCH": arch, "SIZE_KB": str(-(-size // 1024))}
    said["UNITS"] = " ".join(_enabled(root))
    for name in ("control", "triggers", *SCRIPTS):
        text = (HERE / "package" / name).read_text("utf-8")
        for key, value in said.items():
            text = text.replace(f"@{key}@", value)
        (debian / name).write_text(text, "utf-8")
    etc = sorted(path for path in (root / "etc").rglob("*") if path.is_file())
    (debian / "conffiles").write_text("".join(f"/{path.relative_to(root)}\n" for path in etc))


def _enabled(root: Path) -> list[str]:
    """The units that are started at boot: those with an [Install] section."""
    units = sorted((root / UNITS).glob("plomba-*.*"))
    return [
        unit.name for unit in units if unit.is_file() and "\n[Install]\n" in unit.read_text("utf-8")
    ]


def _settle(root: Path) -> None:
    """Rights that do not depend on whose umask copied the files; dpkg-deb sets owners and times."""
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        path.chmod(0o755 if path.is_dir() or _is_program(path) else 0o644)
    root.chmod(0o755)


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _epoch() -> str:
    """The time all files bear: SOURCE_DATE_EPOCH, or that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is not None:
        return given
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    asked = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if asked.returncode != 0 or not asked.stdout.strip():
        raise CannotBuild("expected a git tree or SOURCE_DATE_EPOCH: files need a fixed time")
    return asked.stdout.strip()


def main() -> None:
    """Build as asked, and print the file's name; one line on stderr where it cannot be built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=sorted(ARCHS), required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--version", default=version_of(), help="this tree's if left out")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="all if left out")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels made by hand")
    parser.add_argument("--release-key", type=Path, help="the public half; without, no updates")
    asked = parser.parse_args()
    pythons = tuple(asked.python or PYTHONS)
    try:
        file = build(
            asked.arch,
            asked.out,
            version=asked.version,
            pythons=pythons,
            beside=asked.wheels,
            release_key=asked.release_key,
        )
    except CannotBuild as error:
        sys.exit(f"plomba: {error}")
    print(file)  # noqa: T201 - a tool's answer


if __name__ == "__main__":
    main()
