"""The files of one card, as they are copied to the FAT partition of a freshly written one.

Beside cloud-init's three files everything lies in the folder `plomba`: the package, a script that
installs it without a network, and the papers that the first boot puts where they belong. FAT knows
no rights, so whoever holds the card can read them: that is why the claim expires and works once.
"""

import configparser
import io
import json
from collections.abc import Mapping
from typing import Final

from cloud_sync import invitation as paper
from cloud_sync.points import PAGE_HOST
from gateway.cards import cloud
from gateway.cards.model import Batch, Card

_PAPERS: Final = cloud.FOLDER

_START: Final = """\
#!/bin/sh
# First boot: installs the agent from this folder, without a network, and hands over to it. It may
# be run again: what is done already is left alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
log=$here/first-boot.txt
# From here on the folder tells what happened, readable on any laptop.
exec >>"$log" 2>&1
# Whoever runs this does so once, whatever becomes of it: after a power cut this unit goes on.
units=${PLOMBA_ROOT:-}/etc/systemd/system again=plomba-first-boot.service
if [ ! -e "$here/done" ]; then
    mkdir -p "$units/multi-user.target.wants"
    cat >"$units/$again" <<UNIT
[Unit]
Description=plomba first boot, which was cut short
RequiresMountsFor=$here
ConditionPathExists=$here/start
ConditionPathExists=!$here/done
ConditionPathIsReadWrite=$here

[Service]
Type=oneshot
ExecStart=/bin/sh $here/start
UNIT
    ln -sf "$units/$again" "$units/multi-user.target.wants/$again"
    sync
fi
echo "plomba: first boot, $(date -u +%Y-%m-%dT%H:%M:%SZ) by this device's clock"
package=$(ls "$here"/plomba-edge_*_"$(dpkg --print-architecture)".deb 2>/dev/null | tail -n 1)
[ -n "$package" ] || { echo "plomba: expected plomba-edge_*_$(dpkg --print-architecture).deb in\
 $here: this card was made for another architecture, make it anew"; exit 1; }
dpkg --install "$package"
exec /usr/lib/plomba-edge/first-boot "$here"
"""

# Bookworm starts this before anything else and reads no status from it but "reboot now"; whatever
# happens, the next boot has to be an ordinary one, so it is made one first; `start` makes sure that
# a cut after that is gone on from.
_FIRST_RUN: Final = """\
#!/bin/sh
# Raspberry Pi OS Bookworm, which has no cloud-init, runs this once (see cmdline.txt).
sed -i 's/ systemd\\.\\(run\\|run_success_action\\|unit\\)=[^ ]*//g' /boot/firmware/cmdline.txt
sh /boot/firmware/plomba/start
exit 0
"""

_EDGE_TOML: Final = """\
# The configuration of this device, made with its card. `plomba-edge doctor` checks every line.

[device]
name = {device}
key = "/var/lib/plomba/device.key"
gateway_key = "/var/lib/plomba/gateway.pem"
state_dir = "/var/lib/plomba"
timezone = {timezone}

# Certificates are got with the invitation, and renewed by themselves; so is the broker's name.
[broker]
ca = "/var/lib/plomba/ca.pem"
cert = "/var/lib/plomba/device.pem"
cert_key = "/var/lib/plomba/device-tls.key"

[enrolment]
invitation = "/var/lib/plomba/invitation.json"
house = {house}

[spool]
max_bytes = 1_000_000_000                   # years of batches; a warning comes at 80 %

# One line, one owner. Meters are found and added by `plomba-edge commission` or the page.
{lines}"""

# One converter of any kind in any socket. Where there are several, /dev/plomba names them by socket
# or by their own number (docs/device.md), and --lines says which is which.
LINES: Final = """\
[[lines]]
name = "rs485"
url = "serial:///dev/plomba/usb?baud=9600&parity=N"
framing = "rtu"
"""


def files(card: Card, batch: Batch) -> dict[str, bytes]:
    """Name on the partition → content; the package itself is copied beside them."""
    texts = {
        "user-data": cloud.user_data(card, batch),
        "meta-data": cloud.meta_data(card),
        "network-config": cloud.network_config(),
        f"{_PAPERS}/start": _START,
        f"{_PAPERS}/first-run": _FIRST_RUN,
        f"{_PAPERS}/card.json": _told(card, batch),
        f"{_PAPERS}/edge.toml": edge_toml(card, batch.lines),
        f"{_PAPERS}/invitation.json": paper.to_text(card.invitation),
        f"{_PAPERS}/page-code": card.page_code + "\n",
        f"{_PAPERS}/plomba-setup.nmconnection": access_point(card),
    }
    made = {name: text.encode("utf-8") for name, text in texts.items()}
    if card.points:
        made[f"{_PAPERS}/points.cbor"] = card.points
    return made


def edge_toml(card: Card, lines: str) -> str:
    """The agent's configuration; names are quoted as JSON is, which is TOML's basic string."""
    return _EDGE_TOML.format(
        device=_quoted(card.device),
        timezone=_quoted(card.timezone),
        house=_quoted(card.invitation.house),
        lines=lines,
    )


def access_point(card: Card) -> str:
    """NetworkManager's profile of the device's own Wi-Fi: WPA2, an address for who joins."""
    profile = configparser.RawConfigParser()
    profile.read_dict(
        {
            "connection": {
                "id": "plomba-setup",
                "type": "wifi",
                "interface-name": "wlan0",
                # The package opens and closes it (docs/device.md).
                "autoconnect": "false",
            },
            "wifi": {"mode": "ap", "band": "bg", "ssid": card.ssid},
            "wifi-security": {
                "key-mgmt": "wpa-psk",
                "proto": "rsn",
                "pairwise": "ccmp",
                "group": "ccmp",
                "psk": card.passphrase,
            },
            "ipv4": {"method": "shared", "address1": f"{PAGE_HOST}/24"},
            "ipv6": {"method": "disabled"},
        }
    )
    out = io.StringIO()
    profile.write(out, space_around_delimiters=False)
    return out.getvalue()


def _told(card: Card, batch: Batch) -> str:
    """What the tool on the laptop and the first boot need to know."""
    content: Mapping[str, object] = {
        "plomba_card": 1,
        "device": card.device,
        "timezone": card.timezone,
        "package": batch.package,
        "country": batch.country,
        "user": cloud.USER if batch.ssh_key else "",
        "ssh_key": batch.ssh_key,
        "state_partition": batch.state_partition,
        "clock": batch.clock,
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
