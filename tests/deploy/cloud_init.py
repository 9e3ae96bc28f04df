"""The schemas that cloud-init itself checks by, out of the package of Raspberry Pi OS's Debian.

Nothing is installed: cloud-init on a developer's machine would set that machine up at its next
boot. apt fetches the package of Trixie into a folder of its own, dpkg unpacks it, and it stays in
the user's cache.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.debian import alone

SUITE: Final = "trixie"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "plomba/cloud-init"
SCHEMAS: Final = "usr/lib/python3/dist-packages/cloudinit/config/schemas"


def schema(name: str) -> Any:
    """One of cloud-init's schemas, by its file's name; skips where it cannot be had."""
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with alone(CACHE.with_suffix(".lock")):
        if not (CACHE / SCHEMAS).is_dir():
            _fetch()
    return json.loads((CACHE / SCHEMAS / name).read_bytes())


def _fetch() -> None:
    if shutil.which("apt-get") is None or not KEYRING.exists():
        pytest.skip("cloud-init's schemas come by apt: this machine is no Debian")
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
        folder = Path(name)
        apt = _apt(folder)
        for words in (["update"], ["download", "cloud-init"]):
            ran = subprocess.run(
                [*apt, *words], cwd=folder, capture_output=True, text=True, check=False
            )
            if ran.returncode != 0:
                last = (ran.stderr.strip() or "no reason").splitlines()[-1]
                pytest.skip(f"apt-get {words[0]} brought no cloud-init (no mirror?): {last}")
        (package,) = folder.glob("cloud-init_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder / "x")], check=True)
        (folder / "x").rename(CACHE)


def _apt(folder: Path) -> list[str]:
    """apt-get with a state, a cache and a source of its own."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
    }
    return ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in settings.items())]


def _mirror() -> str:
    """Where this machine's own packages come from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    mirrors = [line for line in listed.stdout.split() if line.rstrip("/").endswith("/debian")]
    if not mirrors:
        pytest.skip("this machine's apt names no mirror of Debian")
    return mirrors[0]
