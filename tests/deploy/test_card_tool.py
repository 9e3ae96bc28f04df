"""The laptop's tool: a card onto a boot partition, mounted or inside an image, and read back."""

import hashlib
import json
import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.cards import (
    BOOT_MIB,
    PACKAGE,
    TOOL,
    a_card,
    needs_mtools,
    out_of_image,
    stock_boot,
    stock_image,
)


def run(*words: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """The tool, as a person runs it."""
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ if path is None else os.environ | {"PATH": path},
    )


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_trixie_gets_cloud_inits_files_and_keeps_its_kernel_line(tmp_path: Path) -> None:
    card, boot = a_card(tmp_path / "card"), stock_boot(tmp_path / "boot", trixie=True)
    done = run("put", card, boot)
    assert done.returncode == 0, done.stderr
    there = content(boot)
    assert {name: there[name] for name in content(card)} == content(card)
    line = (boot / "cmdline.txt").read_text()
    assert line.startswith("console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 ")
    assert line.endswith(" resize cfg80211.ieee80211_regdom=RU\n")


def test_bookworm_is_told_to_run_the_script_once(tmp_path: Path) -> None:
    card, boot = a_card(tmp_path / "card"), stock_boot(tmp_path / "boot", trixie=False)
    assert run("put", card, boot).returncode == 0
    assert not (boot / "user-data").exists()
    words = (boot / "cmdline.txt").read_text().split()
    assert words[-3:] == [
        "systemd.run=/boot/firmware/plomba/first-run",
        "systemd.run_success_action=reboot",
        "systemd.unit=kernel-command-line.target",
    ]
    # The system's own first boot, which makes the root as large as the card, comes before.
    assert "init=/usr/lib/raspberrypi-sys-mods/firstboot" in words


@pytest.mark.parametrize("trixie", [True, False])
def test_what_somebody_else_told_systemd_stays(tmp_path: Path, *, trixie: bool) -> None:
    card, boot = a_card(tmp_path / "card"), stock_boot(tmp_path / "boot", trixie=trixie)
    line = (boot / "cmdline.txt").read_text().rstrip("\n")
    (boot / "cmdline.txt").write_text(f"{line} systemd.show_status=1\n")
    assert run("put", card, boot).returncode == 0
    assert "systemd.show_status=1" in (boot / "cmdline.txt").read_text().split()


@pytest.mark.parametrize("trixie", [True, False])
def test_the_same_card_twice_changes_nothing(tmp_path: Path, *, trixie: bool) -> None:
    card = a_card(tmp_path / "card", clock="ds3231", lines="serial:///dev/ttyAMA0")
    boot = stock_boot(tmp_path / "boot", trixie=trixie)
    assert run("put", card, boot).returncode == 0
    once = content(boot)
    assert run("put", card, boot).returncode == 0
    assert content(boot) == once


def test_a_clock_and_a_line_on_the_pins_are_told_to_the_firmware(tmp_path: Path) -> None:
    card = a_card(tmp_path / "card", clock="ds3231", lines="serial:///dev/ttyAMA0")
    boot = stock_boot(tmp_path / "boot", trixie=True)
    assert run("put", card, boot).returncode == 0
    config = (boot / "config.txt").read_text()
    assert config.startswith("# For more options see the documentation\ndtparam=audio=on\n")
    assert "\ndtoverlay=i2c-rtc,ds3231\n" in config
    assert "\ndtoverlay=disable-bt\n" in config
    # The pins of a Pi 5 have a port of their own, which nothing else turns on.
    assert config.endswith("\n[pi5]\ndtoverlay=uart0-pi5\n[all]\n")
    # Two talkers on one line: the kernel's messages would go to the meters.
    assert "console=serial0" not in (boot / "cmdline.txt").read_text()


@pytest.mark.parametrize("trixie", [True, False])
def test_a_state_partition_keeps_the_root_small(tmp_path: Path, *, trixie: bool) -> None:
    card = a_card(tmp_path / "card", state_partition=True)
    boot = stock_boot(tmp_path / "boot", trixie=trixie)
    assert run("put", card, boot).returncode == 0
    words = (boot / "cmdline.txt").read_text().split()
    assert "resize" not in words
    assert not any(word.startswith("init=") for word in words)
    assert "root=PARTUUID=4e639091-02" in words


@pytest.mark.parametrize("missing", ["plomba/card.json", f"plomba/{PACKAGE}", "user-data"])
def test_half_a_card_is_refused_before_anything_is_written(tmp_path: Path, missing: str) -> None:
    card, boot = a_card(tmp_path / "card"), stock_boot(tmp_path / "boot", trixie=True)
    before = content(boot)
    (card / missing).unlink()
    done = run("put", card, boot)
    assert done.returncode == 1
    assert done.stderr.startswith("plomba: ")
    assert len(done.stderr.splitlines()) == 1
    assert content(boot) == before


def test_another_folder_is_no_boot_partition(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    done = run("put", a_card(tmp_path / "card"), tmp_path / "photos")
    assert done.returncode == 1
    assert "expected the boot partition of Raspberry Pi OS" in done.stderr
    assert content(tmp_path / "photos") == {}


@pytest.mark.parametrize("name", ["cmdline.txt", "config.txt"])
def test_a_damaged_card_is_told_in_a_line(tmp_path: Path, name: str) -> None:
    card, boot = a_card(tmp_path / "card"), stock_boot(tmp_path / "boot", trixie=True)
    (boot / name).write_bytes(b"\xff\xfe")
    done = run("put", card, boot)
    assert done.returncode == 1
    assert done.stderr == f"plomba: expected {name} to be text: write the card anew\n"


@needs_mtools
@pytest.mark.parametrize("trixie", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_an_image_gets_what_a_card_gets(tmp_path: Path, *, trixie: bool, packed: bool) -> None:
    card, boot = a_card(tmp_path / "card"), stock_boot(tmp_path / "boot", trixie=trixie)
    image = stock_image(tmp_path / "stock.img", boot)
    if packed:
        packed_image = tmp_path / "stock.img.xz"
        packed_image.write_bytes(lzma.compress(image.read_bytes(), preset=0))
        image = packed_image
    before = image.read_bytes()
    done = run("image", card, image, tmp_path / "ready.img")
    assert done.returncode == 0, done.stderr
    assert image.read_bytes() == before
    assert run("put", card, boot).returncode == 0
    found = out_of_image(tmp_path / "ready.img", tmp_path / "found")
    assert content(found) == content(boot)


@needs_mtools
def test_images_become_a_list_the_imager_takes(tmp_path: Path) -> None:
    image = stock_image(tmp_path / "stock.img", stock_boot(tmp_path / "boot", trixie=True))
    done = run("image", a_card(tmp_path / "card"), image, tmp_path / "lesnaya-5-01.img.xz")
    assert done.returncode == 0, done.stderr
    listed = run("list", "--url", "https://cards.example/", tmp_path / "lesnaya-5-01.img.xz")
    (entry,) = json.loads(listed.stdout)["os_list"]
    unpacked = lzma.decompress((tmp_path / "lesnaya-5-01.img.xz").read_bytes())
    assert entry["extract_size"] == len(unpacked) > BOOT_MIB * 1024 * 1024
    assert entry["extract_sha256"] == hashlib.sha256(unpacked).hexdigest()
    assert entry["url"] == "https://cards.example/lesnaya-5-01.img.xz"
    # What the imager's os-list-schema.json requires of an entry.
    assert entry.keys() >= {
        *("name", "description", "icon", "url", "extract_size", "extract_sha256"),
        *("image_download_size", "release_date"),
    }


@needs_mtools
def test_a_full_partition_leaves_no_image(tmp_path: Path) -> None:
    card = a_card(tmp_path / "card")
    (card / "plomba" / PACKAGE).write_bytes(bytes((BOOT_MIB + 1) * 1024 * 1024))
    image = stock_image(tmp_path / "stock.img", stock_boot(tmp_path / "boot", trixie=True))
    done = run("image", card, image, tmp_path / "ready.img")
    assert done.returncode == 1
    assert done.stderr.startswith("plomba: mcopy")
    assert not (tmp_path / "ready.img").exists()


def test_without_mtools_the_way_out_is_named(tmp_path: Path) -> None:
    image = tmp_path / "stock.img"
    image.write_bytes(bytes(446 + 4) + b"\x0c" + bytes(59) + b"\x55\xaa")
    done = run("image", a_card(tmp_path / "card"), image, tmp_path / "out.img", path="/nowhere")
    assert done.returncode == 1
    assert "install mtools" in done.stderr


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "holiday.jpg"
    image.write_bytes(b"\xff\xd8" * 600)
    done = run("image", a_card(tmp_path / "card"), image, tmp_path / "out.img")
    assert done.returncode == 1
    assert "expected an image with a partition table" in done.stderr
