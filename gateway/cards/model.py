"""A card: what one device of one house is given before it has ever run.

It carries a claim that expires and works once (the invitation), the metering points that wait in
the house, and two short secrets that are also printed on the card's label: the passphrase of the
device's own access point and the code of its page. It carries no key: keys are born on the device.
"""

import re
import secrets
from typing import Final, NamedTuple

from cloud_sync.invitation import Invitation

# What fifty cards of a batch are told apart by, and no more than an installer takes along.
COUNT_MAX: Final = 200
# IEEE 802.11, 9.4.2.2: an SSID has at most 32 bytes.
SSID_BYTES_MAX: Final = 32
# Twelve of 31 letters are 59 bits: beyond what can be tried against a recorded handshake.
PASSPHRASE_CHARS: Final = 12
# Without what is taken for another on a label in bad light: 0 o, 1 i l.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
# Tried on the page only, which waits longer after each miss; eight digits are typed at once.
CODE_DIGITS: Final = 8
# Debian's name of an archive: name_version_architecture.deb.
_PACKAGE: Final = re.compile(r"plomba-edge_[0-9][A-Za-z0-9.+~-]{0,63}_(arm64|armhf|amd64)\.deb")
_ARCHIVE: Final = b"!<arch>\ndebian-binary"
# The wheels of two Pythons come to some 40 MB; the boot partition of a stock card has 512.
PACKAGE_BYTES_MAX: Final = 200 * 1024 * 1024
_SSH_KEY: Final = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh\.com)"
    r" [A-Za-z0-9+/=]{40,1400}( [^\x00-\x1f\x7f]{0,100})?"
)


class CardError(ValueError):
    """Cards that cannot be made; the text is one line and says what to do."""


class Card(NamedTuple):
    """What differs from card to card."""

    device: str
    timezone: str
    invitation: Invitation
    ssid: str
    passphrase: str
    page_code: str
    points: bytes
    """The house's waiting metering points as the gateway has sealed them."""


class Batch(NamedTuple):
    """What the cards of one batch have in common."""

    package: str
    """The name of the Debian package that lies on each card."""
    country: str
    """ISO 3166: whose radio rules the access point keeps."""
    lines: str
    """The `[[lines]]` of edge.toml."""
    ssh_key: str = ""
    """Who may log in over SSH; nobody if empty."""
    state_partition: bool = False
    """The state on a partition of its own, and the root read-only."""
    clock: str = ""
    """The overlay of a clock chip on the I2C pins, like ds3231; empty: none, or the Pi 5's own."""


def drawn(device: str, timezone: str, invitation: Invitation, points: bytes) -> Card:
    """A card with secrets of its own."""
    passphrase = "".join(secrets.choice(_LETTERS) for _ in range(PASSPHRASE_CHARS))
    code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
    return Card(device, timezone, invitation, ssid_of(device), passphrase, code, points)


def ssid_of(device: str) -> str:
    """The name of a device's access point; of a long device name its end, which tells it apart."""
    room = SSID_BYTES_MAX - len("plomba-")
    return f"plomba-{device[-room:].lstrip('-')}"


def names(prefix: str, count: int, taken: frozenset[str]) -> list[str]:
    """`count` device names after a prefix, numbered on from what is taken already."""
    if not 0 < count <= COUNT_MAX:
        raise CardError(f"expected 1 to {COUNT_MAX} cards, got {count}")
    found: list[str] = []
    number = 1
    while len(found) < count:
        name = f"{prefix}-{number:02d}"
        if name not in taken:
            found.append(name)
        number += 1
    return found


def check_package(name: str, head: bytes, size: int) -> None:
    """CardError for what is not the device's Debian package; `head` are its first bytes."""
    if _PACKAGE.fullmatch(name) is None or not head.startswith(_ARCHIVE):
        raise CardError(
            f"expected the device's package, plomba-edge_VERSION_ARCH.deb (make package), "
            f"got {name!r}"
        )
    if size > PACKAGE_BYTES_MAX:
        raise CardError(f"expected a package of at most {PACKAGE_BYTES_MAX} bytes, got {size}")


def check_ssh_key(line: str) -> str:
    """A public key as it stands in authorized_keys; CardError for anything else, options too."""
    if _SSH_KEY.fullmatch(line.strip()) is None:
        raise CardError(
            "expected one public key as in id_ed25519.pub, `ssh-ed25519 AAAA… name`; "
            "a private key never belongs on a card"
        )
    return line.strip()
