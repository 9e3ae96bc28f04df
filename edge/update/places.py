"""Where updates lie on a device, and what this program is: its version and its machine.

    <state_dir>/updates/wanted        what the gateway offered last, the agent's note to itself
    <state_dir>/updates/<manifest>/   the release of that manifest, as far as it has come
    <state_dir>/updates/ready         the same note again, once the release is whole: root's to see
    <state_dir>/updates/health.json   how the agent is, for root's trial of a new version
    <prefix>/trial.json               root's note of a trial under way
    <prefix>/update.json              root's note of how the last one ended

Nothing in the state folder is ever run, and root writes nothing there.
"""

import platform
import struct
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from edge.spool_file import FORMAT

UPDATES = "updates"
KEY = "release-key.pem"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "armv6l": "armhf"}
_POINTER_32 = 4


class Own(NamedTuple):
    """What runs here; `spool` is the format it reads."""

    version: str
    arch: str
    spool: int = FORMAT


class Places(NamedTuple):
    """The folder of the state, of root's programs, and of the package."""

    state_dir: Path
    prefix: Path | None
    """None where this program was not installed by its package: then nothing updates it."""
    package: Path

    @property
    def updates(self) -> Path:
        """The staged releases."""
        return self.state_dir / UPDATES


@cache
def own() -> Own:
    """What this program is; found out once, for the files may be exchanged while it runs."""
    try:
        runs = version("plomba")
    except PackageNotFoundError:
        runs = "unpackaged"
    machine = platform.machine()
    # A kernel of 64 bits may carry programs of 32.
    if machine == "aarch64" and struct.calcsize("P") == _POINTER_32:
        machine = "armv7l"
    return Own(runs, _MACHINES.get(machine, machine))


def installed_in(program: Path | None = None) -> Path | None:
    """The prefix of the package (/opt/plomba) that holds `program`, this one's if left out."""
    home = Path(sys.prefix if program is None else program).resolve()
    return home.parent.parent if home.parent.name == "versions" else None
