#!/usr/bin/env python3
"""The first boot of a card: its papers to their places, the claim off the card, the agent on.

Installed by the package as /usr/lib/plomba-edge/first-boot and started by the card's `start`, as
root, with the folder of papers. Every step may be repeated and is done in an order in which a power
cut loses nothing: papers are copied and on disk before `placed` says so and they are erased, and
`done`, written last, ends it for good. Until then plomba-first-boot.service, which `start` has
made, runs it again at each boot. What the system does (users, services, partitions) is told to
programs of the system, so that this file holds decisions only. Standard library, as it runs outside
of the agent's environment.
"""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

Run = Callable[[Sequence[str]], int]
"""Runs a program of the system and gives its exit status; tests give one that writes down."""

OWNER = "plomba"
# Papers into the agent's state, with the rights of secrets.
PAPERS = ("invitation.json", "points.cbor", "page-code", "edge.toml")
PROFILE = "plomba-setup.nmconnection"
# What must not stay on a partition without rights once it is in its place; points name dwellings.
SECRETS = ("invitation.json", "page-code", "points.cbor", PROFILE)
SERVICES = ("plomba-edge.service", "plomba-page.service", "plomba-access-point.timer")
# On the card: papers are in their places, and what is left of them there is only to be erased.
PLACED, DONE = "placed", "done"
# Made by `start`: after a power cut it goes on from there.
AGAIN = "plomba-first-boot.service"
CARD_BYTES_MAX = 64 * 1024
_COUNTRY = re.compile(r"[A-Z]{2}")


class FirstBootError(Exception):
    """One line on what is wrong with the card."""


class Places(NamedTuple):
    """Where things go, below a root; ``/`` outside of tests."""

    papers: Path
    root: Path
    owner: str = ""
    """Whose the papers become; of whoever runs this if empty."""

    @property
    def state(self) -> Path:
        """The agent's state."""
        return self.root / "var/lib/plomba"

    @property
    def connections(self) -> Path:
        """NetworkManager's own profiles."""
        return self.root / "etc/NetworkManager/system-connections"


def first_boot(places: Places, run: Run) -> None:
    """All of it; FirstBootError if the card's papers cannot be used."""
    if (places.papers / DONE).exists():
        print("plomba: this card has had its first boot already")
        return
    told = _told(places.papers)
    is_cut = bool(told["state_partition"]) and _split(run)
    if not (places.papers / PLACED).exists():
        _papers(places)
        _access_point(places)
        _said(places.papers / PLACED)
    _named(run, str(told["device"]), str(told["timezone"]))
    _radio(run, str(told["country"]))
    if told["user"]:
        _user(run, str(told["user"]), str(told["ssh_key"]), places.root)
    _erased(places.papers)
    _wanted(run, "systemctl", "enable", *SERVICES)
    if is_cut:
        _wanted(run, "/usr/lib/plomba-edge/plomba-edge-readonly", "on")
    _said(places.papers / DONE)
    for unit in ("", "multi-user.target.wants"):
        (places.root / "etc/systemd/system" / unit / AGAIN).unlink(missing_ok=True)
    # From here on the card needs no more of this; the services start now, or with the next boot.
    run(["systemctl", "start", "--no-block", *SERVICES])
    print("plomba: first boot done")


def _told(papers: Path) -> dict[str, object]:
    try:
        with (papers / "card.json").open("rb") as file:
            told = json.loads(file.read(CARD_BYTES_MAX))
    except (OSError, ValueError) as error:
        raise FirstBootError(f"expected a card's papers in {papers}: {error}") from error
    if not isinstance(told, dict) or told.get("plomba_card") != 1:
        raise FirstBootError("expected a card of kind 1: make it anew with this version")
    if _COUNTRY.fullmatch(str(told.get("country"))) is None:
        raise FirstBootError("expected a country of two letters in card.json")
    return told


def _split(run: Run) -> bool:
    """A partition for the state; without it the device works all the same, and says so."""
    is_cut = run(["/usr/lib/plomba-edge/split-card"]) == 0
    if not is_cut:
        print("plomba: the card stays in one piece, and writable: see the lines above")
    return is_cut


def _papers(places: Places) -> None:
    """Into the state, owned by the agent; what the agent has changed since is left alone."""
    places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    enrolled = (places.state / "enrolled.json").exists()
    for name in PAPERS:
        source, target = places.papers / name, places.state / name
        if not source.exists() or (enrolled and name == "invitation.json"):
            continue
        if name == "edge.toml" and target.exists() and not _is_example(target):
            continue
        _copied(source, target, 0o600, _owner(places.owner))


def _is_example(path: Path) -> bool:
    """The configuration that comes with the package, which a card's own replaces."""
    return "<as registered at the gateway" in path.read_text("utf-8", "replace")


def _access_point(places: Places) -> None:
    if (places.papers / PROFILE).exists():
        places.connections.mkdir(mode=0o755, parents=True, exist_ok=True)
        _copied(places.papers / PROFILE, places.connections / PROFILE, 0o600, None)


def _named(run: Run, device: str, timezone: str) -> None:
    """The machine's name and zone, which Bookworm has nobody else to set."""
    for act, value in (("do_hostname", device), ("do_change_timezone", timezone)):
        if run(["raspi-config", "nonint", act, value]) != 0:
            print(f"plomba: {act} {value} failed: the agent goes by its own configuration")


def _radio(run: Run, country: str) -> None:
    # Raspberry Pi OS keeps the radio off until it knows whose rules hold.
    if run(["raspi-config", "nonint", "do_wifi_country", country]) != 0:
        print("plomba: the radio's country could not be set: is there a radio?")
    run(["nmcli", "connection", "reload"])


def _user(run: Run, name: str, ssh_key: str, root: Path) -> None:
    """Who may log in, where cloud-init has not made them; by the tool of Raspberry Pi OS."""
    if run(["id", "--user", name]) != 0:
        _wanted(run, "useradd", "--create-home", "--groups", "sudo,dialout", name)
    home = root / "home" / name
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.write_text(f"{ssh_key}\n", "utf-8")
    _wanted(run, "chown", "--recursive", f"{name}:", str(keys.parent))
    sudo = root / "etc/sudoers.d/010_plomba-installer"
    sudo.parent.mkdir(parents=True, exist_ok=True)
    sudo.write_text(f"{name} ALL=(ALL) NOPASSWD: ALL\n", "utf-8")
    sudo.chmod(0o440)
    _wanted(run, "systemctl", "enable", "ssh.service")
    # On Bookworm its keys may be made with the next boot only; until then it does not start.
    run(["systemctl", "start", "--no-block", "ssh.service"])
    # It would ask a screen that is not there for a user.
    run(["systemctl", "disable", "userconfig.service"])


def _erased(papers: Path) -> None:
    """Overwritten and removed: the claim is in its place now, and FAT has no rights."""
    for name in SECRETS:
        path = papers / name
        if not path.exists():
            continue
        with path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()


def _said(marker: Path) -> None:
    """A marker, on disk with all that was done before it."""
    marker.write_text("first boot\n", "utf-8")
    os.sync()


def _copied(source: Path, target: Path, mode: int, owner: tuple[int, int] | None) -> None:
    """A copy that is whole and on disk before it has its name; the name by the next `_said`."""
    new = target.with_name(target.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file, source.open("rb") as given:
        shutil.copyfileobj(given, file)
        file.flush()
        os.fsync(file.fileno())
    if owner is not None:
        os.chown(new, *owner)
    new.replace(target)


def _owner(name: str) -> tuple[int, int] | None:
    """The agent's user, which the package has made."""
    if not name:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise FirstBootError(f"expected the user {name}: is plomba-edge installed?") from error
    return found.pw_uid, found.pw_gid


def _wanted(run: Run, *words: str) -> None:
    status = run(words)
    if status != 0:
        raise FirstBootError(f"{' '.join(words)} ended with {status}")


def _system(words: Sequence[str]) -> int:
    try:
        return subprocess.run(list(words), check=False).returncode  # noqa: S603 - fixed programs
    except FileNotFoundError:
        print(f"plomba: {words[0]} is not installed here", file=sys.stderr)
        return 127


def main() -> int:
    """Run as a program with the folder of papers; the exit status."""
    match sys.argv[1:]:
        case [folder]:
            places = Places(Path(folder), Path("/"), OWNER)
        case _:
            print("usage: first-boot FOLDER", file=sys.stderr)
            return 2
    try:
        first_boot(places, _system)
    except (FirstBootError, OSError) as error:
        print(f"plomba: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
