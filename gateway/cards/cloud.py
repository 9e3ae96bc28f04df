"""What cloud-init is told at the first boot: as little as it takes to hand over to the package.

The three files are YAML, which JSON is too, so that they are written by a library that escapes for
us. Everything that is more than naming the machine is done by the package's own first boot
(deploy/raspberry-pi/card/first_boot.py): it also serves Raspberry Pi OS Bookworm, which has no
cloud-init.
"""

import json
from collections.abc import Mapping
from typing import Final

from gateway.cards.model import Batch, Card

# Where Raspberry Pi OS mounts the card's FAT partition.
BOOT: Final = "/boot/firmware"
FOLDER: Final = "plomba"
USER: Final = "installer"
# What may be opened on a Pi by who is called to it; root by sudo, since a device without network
# has no other way to be mended.
_GROUPS: Final = ("adm", "dialout", "sudo", "plugdev", "netdev", "gpio", "i2c", "spi")


def user_data(card: Card, batch: Batch) -> str:
    """The cloud-config of a card."""
    content: dict[str, object] = {
        "hostname": card.device,
        "manage_etc_hosts": True,
        "timezone": card.timezone,
        "ssh_pwauth": False,
        "users": [_user(batch.ssh_key)] if batch.ssh_key else [],
        "runcmd": [["sh", f"{BOOT}/{FOLDER}/start"]],
    }
    if batch.state_partition:
        # The first boot cuts the card itself: a file system that is in use cannot be made smaller.
        content |= {"growpart": {"mode": "off"}, "resize_rootfs": False}
    return "#cloud-config\n" + _yaml(content)


def meta_data(card: Card) -> str:
    """Who the machine is to cloud-init: another card is another machine, and runs all of it."""
    return _yaml({"instance-id": f"plomba-{card.device}-{card.invitation.expires_at_ms}"})


def network_config() -> str:
    """Addresses from whatever cable or modem is there, and no waiting for any of them.

    The access point is not netplan's: it comes and goes, and is NetworkManager's own profile.
    """
    asked = {"dhcp4": True, "optional": True}
    return _yaml(
        {
            "version": 2,
            "ethernets": {
                "wired": {"match": {"name": "e*"}, **asked},
                "modem": {"match": {"name": "usb*"}, **asked},
            },
        }
    )


def _user(ssh_key: str) -> dict[str, object]:
    return {
        "name": USER,
        "gecos": "plomba installer",
        "groups": list(_GROUPS),
        "lock_passwd": True,
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": [ssh_key],
    }


def _yaml(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
