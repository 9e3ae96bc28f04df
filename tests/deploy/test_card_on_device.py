"""A card from the office to an enrolled device: its first boot in a real Debian, offline, then in.

There is no systemd as process 1, so `systemctl` writes down what it was told; what
is installed, by whom it is owned and what stays on the card is real.
"""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.deploy.debian import Root, needs_root, package, unpacked
from tests.deploy.device import STATE
from tests.e2e.enrolment_house import HOUSE, Office, listed, office

__all__ = ["office"]

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1200), *needs_root]

DEVICE = "house-a-01"
SYSTEMCTL = '#!/bin/sh\necho "$@" >>/tmp/systemctl\n'
AS_AGENT = ("setpriv", "--reuid=plomba", "--regid=plomba", "--init-groups")


def flashed(office: Office, folder: Path) -> Root:
    """A root whose boot partition holds a card of the office's."""
    built = package(folder / "dist")
    office.ok(
        *("cards", "--house", HOUSE, "--device", DEVICE, "--package", str(built)),
        *("--out", str(office.folder / "batch")),
    )
    root = unpacked(folder / "root", "bookworm")
    shutil.copytree(office.folder / "batch" / DEVICE, root.folder / "boot/firmware")
    (root.folder / "usr/bin/systemctl").write_text(SYSTEMCTL)
    (root.folder / "usr/bin/systemctl").chmod(0o755)
    return root


async def test_a_card_makes_a_device_that_enrols_by_itself(office: Office, tmp_path: Path) -> None:
    root = flashed(office, tmp_path)
    papers = root.folder / "boot/firmware/plomba"
    root.run("sh", "/boot/firmware/plomba/start")
    log = (papers / "first-boot.txt").read_text()
    assert log.endswith("plomba: first boot done\n"), log
    owned = root.run(
        *("stat", "-c", "%U %a"),
        *(f"/{STATE}/{name}" for name in ("invitation.json", "page-code", "points.cbor")),
    )
    assert owned == "plomba 600\n" * 3
    assert not {"invitation.json", "page-code"} & {path.name for path in papers.iterdir()}
    told = (root.folder / "tmp/systemctl").read_text().splitlines()
    assert any(line.startswith("enable plomba-edge.service") for line in told)

    # A boot that finds its work done leaves it alone.
    before = (root.folder / STATE / "edge.toml").read_bytes()
    root.run("sh", "/boot/firmware/plomba/start")
    assert (root.folder / STATE / "edge.toml").read_bytes() == before

    async with office.door():
        await asyncio.to_thread(
            root.run, *AS_AGENT, "/usr/bin/plomba-edge", "enroll", "--config", f"/{STATE}/edge.toml"
        )
    assert not (root.folder / STATE / "invitation.json").exists()
    (known,) = [one for one in listed(office, "identity", "list") if one["device"] == DEVICE]
    assert known["house"] == HOUSE
