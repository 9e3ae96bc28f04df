"""A card cut in two by the real tools, on a loop device with a real file system."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.cards import CARD
from tests.deploy.debian import may_mount

TOOLS = ("losetup", "sfdisk", "partx", "mkfs.ext4", "resize2fs", "lsblk", "findmnt", "nsenter")
ROOT_MIB, STATE_MIB = 200, 100
needs_loops = pytest.mark.skipif(
    not may_mount() or any(shutil.which(tool) is None for tool in TOOLS),
    reason=f"needs root and {', '.join(TOOLS)}",
)


class Card(NamedTuple):
    """A disk, the words that enter where it is mounted, and what its state is from here."""

    disk: str
    enter: tuple[str, ...]
    state: Path


@contextmanager
def apart() -> Iterator[int]:
    """A process with mounts of its own.

    Ours are copied by every test that enters a root of its own, and a disk is in use until the
    last copy is gone.
    """
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; read end"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield holder.pid
        finally:
            holder.kill()


@contextmanager
def card(folder: Path, mib: int, root_mib: int = 100) -> Iterator[Card]:
    """A disk of `mib` with a boot and a root partition, as a freshly written card."""
    image = folder / "card.img"
    with image.open("wb") as file:
        file.truncate(mib * 1024 * 1024)
    table = f"label: dos\n2048,65536,c\n67584,{root_mib * 2048},83\n"
    subprocess.run(["sfdisk", "-q", str(image)], input=table, text=True, check=True)
    made = subprocess.run(
        ["losetup", "--show", "-f", image], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"this machine has no loop devices: {made.stderr.strip()}")
    disk = made.stdout.strip()
    try:
        subprocess.run(["partx", "--add", disk], check=True)
        subprocess.run(["mkfs.ext4", "-q", f"{disk}p2"], check=True)
        with apart() as pid:
            enter = ("nsenter", "--mount", f"--target={pid}", "--")
            yield Card(disk, enter, Path(f"/proc/{pid}/root{folder}/state"))
    finally:
        subprocess.run(["partx", "--delete", disk], check=True)
        subprocess.run(["losetup", "-d", disk], check=True)


def split(folder: Path, card: Card, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
    (folder / "state").mkdir(exist_ok=True)
    (folder / "fstab").touch()
    return subprocess.run(
        [
            *card.enter,
            *(CARD / "split-card", "--disk", card.disk, "--root", f"{card.disk}p2"),
            *("--fstab", folder / "fstab", "--state", folder / "state"),
        ],
        env=os.environ
        | ({} if tools is None else {"PATH": f"{tools}:{os.environ['PATH']}"})
        | {"PLOMBA_ROOT_MIB": str(ROOT_MIB), "PLOMBA_STATE_MIB_MIN": str(STATE_MIB)},
        capture_output=True,
        text=True,
        check=False,
    )


def sizes(disk: str) -> list[int]:
    """The partitions in MiB, by name: unasked, lsblk has them by numbers that others gave back."""
    listed = subprocess.run(
        ["lsblk", "-nbro", "SIZE", "-x", "NAME", disk], capture_output=True, text=True, check=True
    )
    return [int(size) // 1024**2 for size in listed.stdout.split()][1:]


@needs_loops
def test_the_rest_of_the_card_becomes_the_states(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/edge.toml").write_text("mine")
    with card(tmp_path, 600) as made:
        done = split(tmp_path, made)
        assert done.returncode == 0, done.stderr
        assert sizes(made.disk)[1] == ROOT_MIB
        assert sizes(made.disk)[2] == 600 - ROOT_MIB - 33
        assert (made.state / "edge.toml").read_text() == "mine"
        assert made.state.stat().st_mode & 0o777 == 0o700
        assert made.state.stat().st_dev != tmp_path.stat().st_dev
        fstab = (tmp_path / "fstab").read_text()
        assert fstab.startswith("LABEL=plomba-state ")
        checked = subprocess.run(
            ["e2fsck", "-fn", f"{made.disk}p2"], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout
        # Once more, as after a power cut: nothing changes.
        assert split(tmp_path, made).returncode == 0
        assert (tmp_path / "fstab").read_text() == fstab


@needs_loops
@pytest.mark.parametrize("cut_at", ["resize2fs", "mkfs.ext4", "cp", "e2label"])
def test_after_a_cut_it_goes_on_and_finds_no_earlier_cards_state(
    tmp_path: Path, cut_at: str
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/edge.toml").write_text("mine")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / cut_at).write_text("#!/bin/sh\nkill -9 $PPID\n")
    (tools / cut_at).chmod(0o755)
    with card(tmp_path, 600) as made:
        # The card has been another device's, and was written anew over its beginning only.
        old = f"offset={(33 + ROOT_MIB) * 1024**2}"
        words = ["mkfs.ext4", "-q", "-F", "-L", "plomba-state", "-E", old, made.disk, "100M"]
        subprocess.run(words, check=True)
        assert split(tmp_path, made, tools).returncode == -9
        found = [*made.enter, "findmnt", "-nro", "TARGET,SOURCE"]
        mounts = subprocess.run(found, capture_output=True, text=True, check=True)
        for line in mounts.stdout.splitlines():
            target, source = line.split()
            if source.startswith(made.disk):
                subprocess.run([*made.enter, "umount", target], check=True)
        done = split(tmp_path, made)
        assert done.returncode == 0, done.stderr
        assert sizes(made.disk)[1:] == [ROOT_MIB, 600 - ROOT_MIB - 33]
        assert made.state.stat().st_dev != tmp_path.stat().st_dev
        assert (made.state / "edge.toml").read_text() == "mine"


@needs_loops
def test_a_root_that_has_grown_is_left_alone(tmp_path: Path) -> None:
    with card(tmp_path, 600, root_mib=300) as made:
        before = sizes(made.disk)
        done = split(tmp_path, made)
        assert done.returncode == 1
        assert "the root has more than 200 MiB already" in done.stderr
        assert sizes(made.disk) == before


@needs_loops
def test_a_small_card_stays_in_one_piece(tmp_path: Path) -> None:
    with card(tmp_path, 300) as made:
        done = split(tmp_path, made)
        assert done.returncode == 1
        assert "expected a card of at least 1 GB" in done.stderr
        assert sizes(made.disk) == [32, 100]


def nmcli(folder: Path, fails: int) -> dict[str, str]:
    """An environment in which NetworkManager has no radio yet for the first few times."""
    (folder / "nmcli").write_text(
        f'#!/bin/sh\ncd {folder}\necho "$@" >>said\n'
        f"[ $1 = --terse ] && {{ echo plomba-setup; exit; }}\n"
        f"echo >>asked\n[ $(wc -l <asked) -gt {fails} ]\n"
    )
    (folder / "nmcli").chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PLOMBA_PAUSE_S": "0"}


@pytest.mark.parametrize(("fails", "status"), [(0, 0), (3, 0), (99, 1)])
def test_the_wifi_waits_for_its_radio_and_not_for_ever(
    tmp_path: Path, fails: int, status: int
) -> None:
    done = subprocess.run(
        [CARD / "access-point", "open"], env=nmcli(tmp_path, fails), check=False, timeout=60
    )
    assert done.returncode == status
    assert (tmp_path / "said").read_text().splitlines()[1] == "radio wifi on"


def test_a_shell_accepts_the_scripts() -> None:
    for name in ("split-card", "access-point"):
        subprocess.run(["sh", "-n", str(CARD / name)], check=True)
