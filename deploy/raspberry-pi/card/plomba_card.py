#!/usr/bin/env python3
"""Puts a card's folder onto a freshly written Raspberry Pi OS card, or into an image file.

For the laptop of whoever writes cards: Python 3.9 or newer and nothing else; writing into an image
asks for mtools and for no rights of root. Three ways:

  plomba_card.py put CARD BOOT          onto the mounted boot partition of a card just written
  plomba_card.py image CARD IMAGE OUT   a copy of an image (.img or .img.xz) with the card in it
  plomba_card.py list --url URL IMAGE…  those images as a list for rpi-imager --repo

CARD is a folder made by `plomba-gateway cards`. Both ways write the same files, read them back and
compare. Bookworm, which has no cloud-init, is told by its kernel command line to run the same
script once; Trixie by cloud-init.
"""

import argparse
import hashlib
import json
import lzma
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

FOLDER = "plomba"
CLOUD_INIT = ("user-data", "meta-data", "network-config")
FIRST_RUN = f"/boot/firmware/{FOLDER}/first-run"
# What makes Bookworm run it, and go on with an ordinary boot.
RUN_ONCE = (
    f"systemd.run={FIRST_RUN}",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)
# Raspberry Pi OS lets the root partition take the whole card by one of these words.
GROWING = ("resize", "init=/usr/lib/raspberrypi-sys-mods/firstboot")
# Lines on the Pi's own pins: there the kernel must not talk, and Bluetooth must not sit.
UARTS = ("/dev/ttyAMA", "/dev/serial0", "/dev/plomba/uart")
MARK = "# plomba: made with the card; the lines below are its own"
# A card's papers are some kilobytes, its package some tens of megabytes.
CARD_BYTES_MAX = 256 * 1024 * 1024
SECTOR = 512
FAT_TYPES = {0x06, 0x0B, 0x0C, 0x0E}
CHUNK = 1024 * 1024


class CardToolError(Exception):
    """One line: what was expected, what came, what to do."""


class Boot(Protocol):
    """A boot partition: a mounted folder, or one inside an image."""

    def read(self, name: str) -> bytes | None:
        """A file's content, None if there is none."""

    def write(self, name: str, source: Path) -> None:
        """Copy a file there; the folder above it is made."""

    def write_text(self, name: str, text: str) -> None:
        """Write a small text."""


class MountedBoot:
    """A boot partition that this machine has mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """A file's content."""
        path = self._folder / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, source: Path) -> None:
        """Copy a file."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, path)

    def write_text(self, name: str, text: str) -> None:
        """Write a small text."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode("utf-8"))


class ImageBoot:
    """The first FAT partition of an image file, by mtools."""

    def __init__(self, image: Path) -> None:
        self._drive = f"{image}@@{fat_offset(image)}"

    def read(self, name: str) -> bytes | None:
        """A file's content."""
        if self._run("mdir", "-b", f"::/{name}", fails=True) is None:
            return None
        return self._run("mtype", f"::/{name}")

    def write(self, name: str, source: Path) -> None:
        """Copy a file."""
        self._folder_of(name)
        self._run("mcopy", "-o", "-Q", str(source), f"::/{name}")

    def write_text(self, name: str, text: str) -> None:
        """Write a small text."""
        self._folder_of(name)
        self._run("mcopy", "-o", "-Q", "-", f"::/{name}", given=text.encode("utf-8"))

    def _folder_of(self, name: str) -> None:
        folder = name.rpartition("/")[0]
        if folder and self._run("mdir", "-b", f"::/{folder}", fails=True) is None:
            self._run("mmd", f"::/{folder}")

    def _run(self, *words: str, given: bytes = b"", fails: bool = False) -> bytes | None:
        tool, *rest = words
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, arguments as a list
                [tool, "-i", self._drive, *rest], input=given, capture_output=True, check=False
            )
        except FileNotFoundError as error:
            raise CardToolError(
                f"{tool} is not installed: install mtools (apt, brew), or use `put` on the card"
            ) from error
        if done.returncode == 0:
            return done.stdout
        if fails:
            return None
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
        raise CardToolError(f"{tool} {' '.join(rest)}: {said[-1]}")


class Card(NamedTuple):
    """A card's folder, checked."""

    folder: Path
    told: dict[str, object]
    files: tuple[str, ...]


def fat_offset(image: Path) -> int:
    """Where the first FAT partition of an image begins, in bytes; by its MBR."""
    with image.open("rb") as file:
        sector = file.read(SECTOR)
    if len(sector) < SECTOR or sector[510:] != b"\x55\xaa":
        raise CardToolError(f"expected an image with a partition table, got {image}")
    for at in range(446, 510, 16):
        if sector[at + 4] in FAT_TYPES:
            return int(struct.unpack_from("<I", sector, at + 8)[0]) * SECTOR
    raise CardToolError(f"expected a FAT partition in {image}: is it Raspberry Pi OS, unpacked?")


def card_of(folder: Path) -> Card:
    """A folder of `plomba-gateway cards`; CardToolError if something is missing or too large."""
    try:
        told = json.loads((folder / FOLDER / "card.json").read_bytes()[:CHUNK])
    except (OSError, ValueError) as error:
        raise CardToolError(
            f"expected a folder made by `plomba-gateway cards`, got {folder}: {error}"
        ) from error
    if not isinstance(told, dict) or told.get("plomba_card") != 1:
        raise CardToolError(f"expected a card of kind 1 in {folder}: is this tool too old for it?")
    files = tuple(sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()))
    missing = {*CLOUD_INIT, f"{FOLDER}/start", f"{FOLDER}/{told.get('package')}"} - set(files)
    if missing:
        raise CardToolError(f"{folder} lacks {', '.join(sorted(missing))}: make the card anew")
    size = sum((folder / name).stat().st_size for name in files)
    if size > CARD_BYTES_MAX:
        raise CardToolError(f"expected a card of at most {CARD_BYTES_MAX} bytes, got {size}")
    return Card(folder, told, files)


def put(card: Card, boot: Boot) -> None:
    """All of a card onto a boot partition, and read back."""
    cmdline, config = boot.read("cmdline.txt"), boot.read("config.txt")
    if cmdline is None or config is None:
        raise CardToolError(
            "expected the boot partition of Raspberry Pi OS (bootfs), with cmdline.txt and "
            "config.txt: write the card first, then take it out and put it in again"
        )
    knows_cloud_init = boot.read("user-data") is not None
    for name in card.files:
        if knows_cloud_init or name not in CLOUD_INIT:
            boot.write(name, card.folder / name)
    edge = (card.folder / FOLDER / "edge.toml").read_text("utf-8")
    on_uart = any(place in edge for place in UARTS)
    line = kernel_line(
        _text("cmdline.txt", cmdline), card.told, on_uart=on_uart, cloud_init=knows_cloud_init
    )
    boot.write_text("cmdline.txt", line)
    boot.write_text("config.txt", firmware_config(_text("config.txt", config), card.told, on_uart))
    _compare(card, boot, knows_cloud_init=knows_cloud_init)


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CardToolError(f"expected {name} to be text: write the card anew") from error


def kernel_line(old: str, told: dict[str, object], *, on_uart: bool, cloud_init: bool) -> str:
    """The kernel's command line with what a card needs; the same again changes nothing."""
    words = old.split()
    if told["state_partition"]:
        words = [word for word in words if word not in GROWING]
    if on_uart:
        words = [word for word in words if not word.startswith("console=serial")]
    words = [word for word in words if word not in RUN_ONCE]
    if not any(word.startswith("cfg80211.ieee80211_regdom=") for word in words):
        words.append(f"cfg80211.ieee80211_regdom={told['country']}")
    if not cloud_init:
        words += RUN_ONCE
    return " ".join(words) + "\n"


def firmware_config(old: str, told: dict[str, object], on_uart: bool) -> str:
    """config.txt with our lines at its end; what stood there from an earlier card is replaced."""
    kept = old.partition(MARK)[0].rstrip("\n")
    ours = ["[all]", "dtparam=watchdog=on"]
    if told["clock"]:
        ours += ["dtparam=i2c_arm=on", f"dtoverlay=i2c-rtc,{told['clock']}"]
    if on_uart:
        # On a Pi 5 these pins are a port of their own, and Bluetooth is not on it.
        ours += ["enable_uart=1", "dtoverlay=disable-bt", "[pi5]", "dtoverlay=uart0-pi5", "[all]"]
    return "\n".join([kept, MARK, *ours]) + "\n"


def _compare(card: Card, boot: Boot, *, knows_cloud_init: bool) -> None:
    for name in card.files:
        if not knows_cloud_init and name in CLOUD_INIT:
            continue
        if boot.read(name) != (card.folder / name).read_bytes():
            raise CardToolError(f"{name} reads back differently: is the card full, or failing?")


def into_image(card: Card, image: Path, out: Path) -> None:
    """A copy of `image` with the card in it; nothing is left at `out` if that fails."""
    if out.exists():
        raise CardToolError(f"{out} exists: name a new file")
    raw = out.with_suffix(".part") if out.suffix == ".xz" else out
    try:
        _unpacked(image, raw)
        put(card, ImageBoot(raw))
        if raw != out:
            _packed(raw, out)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    finally:
        if raw != out:
            raw.unlink(missing_ok=True)


def _unpacked(image: Path, raw: Path) -> None:
    with opened(image) as source, raw.open("wb") as target:
        try:
            shutil.copyfileobj(source, target, CHUNK)
        except (lzma.LZMAError, EOFError) as error:
            raise CardToolError(f"{image} cannot be unpacked: {error}") from error


def opened(image: Path) -> BinaryIO:
    """An image's own bytes, whether it is packed or not."""
    if image.suffix == ".xz":
        return cast("BinaryIO", lzma.open(image))
    return image.open("rb")


def _packed(raw: Path, out: Path) -> None:
    # A preset of 1 is several times as fast as the default, and a card's image mostly zeros.
    with raw.open("rb") as source, lzma.open(out, "wb", preset=1) as target:
        shutil.copyfileobj(source, target, CHUNK)


def image_list(images: Sequence[Path], url: str, day: date) -> dict[str, object]:
    """The images as rpi-imager's list of systems (its os-list-schema.json)."""
    return {"os_list": [_entry(image, url, day) for image in images]}


def _entry(image: Path, url: str, day: date) -> dict[str, object]:
    size, digest = 0, hashlib.sha256()
    with opened(image) as file:
        for block in _blocks(file):
            size += len(block)
            digest.update(block)
    packed = hashlib.sha256()
    with image.open("rb") as file:
        for block in _blocks(file):
            packed.update(block)
    name = image.name.removesuffix(".xz").removesuffix(".img")
    return {
        "name": f"plomba {name}",
        "description": "Raspberry Pi OS Lite with this device's card in it; write it once",
        "icon": "icons/cat_raspberry_pi_os.png",
        "url": f"{url.rstrip('/')}/{image.name}",
        "extract_size": size,
        "extract_sha256": digest.hexdigest(),
        "image_download_size": image.stat().st_size,
        "image_download_sha256": packed.hexdigest(),
        "release_date": day.isoformat(),
        # What the imager itself could set is set already.
        "init_format": "none",
        "devices": ["pi5-64bit", "pi4-64bit", "pi3-64bit"],
    }


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(CHUNK):
        yield block


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Put a plomba card onto Raspberry Pi OS.")
    ways = parser.add_subparsers(dest="way", required=True)
    putting = ways.add_parser("put", help="onto a mounted boot partition")
    putting.add_argument("card", type=Path)
    putting.add_argument("boot", type=Path)
    imaging = ways.add_parser("image", help="into a copy of an image file")
    imaging.add_argument("card", type=Path)
    imaging.add_argument("image", type=Path)
    imaging.add_argument("out", type=Path)
    listing = ways.add_parser("list", help="a list for rpi-imager --repo")
    listing.add_argument("--url", required=True, help="where the images will lie")
    listing.add_argument("images", type=Path, nargs="+")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run as a program; the exit status."""
    given = _arguments().parse_args(words)
    try:
        if given.way == "put":
            put(card_of(given.card), MountedBoot(given.boot))
            print(f"{given.boot}: ready; eject it, and put it into the device")
        elif given.way == "image":
            into_image(card_of(given.card), given.image, given.out)
            print(f"{given.out}: ready to be written to a card")
        else:
            told = image_list(given.images, given.url, datetime.now(timezone.utc).date())  # noqa: UP017 - a laptop may have 3.9
            print(json.dumps(told, ensure_ascii=False, indent=2))
    except CardToolError as error:
        print(f"plomba: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"plomba: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
