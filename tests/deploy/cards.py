"""A card's folder and a stock card's boot partition, as the laptop's tool meets them."""

import importlib.util
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

CARD: Final = Path(__file__).parents[2] / "deploy/raspberry-pi/card"
TOOL: Final = CARD / "plomba_card.py"
PACKAGE: Final = "plomba-edge_0.1.0_arm64.deb"
SECTOR: Final = 512
# Where Raspberry Pi OS begins its boot partition: 8 MiB.
BOOT_SECTOR: Final = 16384
BOOT_MIB: Final = 64
BOOKWORM: Final = (
    "console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 "
    "fsck.repair=yes rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n"
)
TRIXIE: Final = (
    "console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 "
    "fsck.repair=yes rootwait resize\n"
)
CONFIG: Final = "# For more options see the documentation\ndtparam=audio=on\n\n[all]\n"

needs_mtools = pytest.mark.skipif(
    shutil.which("mcopy") is None or shutil.which("mkfs.vfat") is None,
    reason="needs mtools and dosfstools: make servers",
)


def program(name: str) -> ModuleType:
    """A program of the card as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, CARD / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # NamedTuple looks its module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def a_card(folder: Path, *, lines: str = "serial:///dev/plomba/usb1", **told: object) -> Path:
    """A folder as `plomba-gateway cards` makes it; the package is of some size, but no package."""
    papers = folder / "plomba"
    papers.mkdir(parents=True)
    content = {
        "plomba_card": 1,
        "device": "lesnaya-5-01",
        "timezone": "Europe/Moscow",
        "package": PACKAGE,
        "country": "RU",
        "user": "",
        "ssh_key": "",
        "state_partition": False,
        "clock": "",
        **told,
    }
    (papers / "card.json").write_text(json.dumps(content))
    (papers / "edge.toml").write_text(f'[[lines]]\nname = "a"\nurl = "{lines}"\n')
    (papers / "invitation.json").write_text('{"secret":"s"}\n')
    (papers / "page-code").write_text("12345678\n")
    (papers / "plomba-setup.nmconnection").write_text("[wifi-security]\npsk=secret\n")
    (papers / "points.cbor").write_bytes(b"\x80")
    (papers / "start").write_text("#!/bin/sh\nexit 0\n")
    (papers / "first-run").write_text("#!/bin/sh\nexit 0\n")
    (papers / PACKAGE).write_bytes(bytes(range(256)) * 8192)
    (folder / "user-data").write_text("#cloud-config\n{}\n")
    (folder / "meta-data").write_text("{}\n")
    (folder / "network-config").write_text('{"version": 2}\n')
    return folder


def stock_boot(folder: Path, *, trixie: bool) -> Path:
    """The files of a boot partition that matter here, as the system's makers ship them."""
    folder.mkdir()
    (folder / "cmdline.txt").write_text(TRIXIE if trixie else BOOKWORM)
    (folder / "config.txt").write_text(CONFIG)
    if trixie:
        for name in ("user-data", "meta-data", "network-config"):
            (folder / name).write_text("# as shipped\n")
    return folder


def stock_image(image: Path, files: Path) -> Path:
    """An image file with a partition table and a real FAT in it, holding `files`."""
    sectors = BOOT_MIB * 1024 * 1024 // SECTOR
    entry = struct.pack("<B3sB3sII", 0, bytes(3), 0x0C, bytes(3), BOOT_SECTOR, sectors)
    root = struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), BOOT_SECTOR + sectors, 2048)
    with image.open("wb") as file:
        file.write((bytes(446) + entry + root).ljust(510, b"\0") + b"\x55\xaa")
        file.truncate((BOOT_SECTOR + sectors + 2048) * SECTOR)
    offset = BOOT_SECTOR * SECTOR
    subprocess.run(
        [
            *("mkfs.vfat", "-F", "32", "-n", "bootfs"),
            f"--offset={BOOT_SECTOR}",
            image,
            str(sectors // 2),
        ],
        check=True,
        capture_output=True,
    )
    names = sorted(str(path) for path in files.iterdir())
    subprocess.run(["mcopy", "-i", f"{image}@@{offset}", *names, "::/"], check=True)
    return image


def out_of_image(image: Path, folder: Path) -> Path:
    """Everything on an image's FAT, copied out by mtools."""
    folder.mkdir()
    drive = f"{image}@@{BOOT_SECTOR * SECTOR}"
    subprocess.run(["mcopy", "-s", "-n", "-i", drive, "::/", str(folder)], check=True)
    return folder
