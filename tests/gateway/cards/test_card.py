"""What a card carries: read back as the programs that get it read it."""

import configparser
import io
import itertools
import json
import os
import re
import signal
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pypdf
import pytest
import yaml

from cloud_sync import invitation as paper
from cloud_sync.authority import Authority
from cloud_sync.invitation import Invitation
from edge import config as edge_config
from gateway.cards import bundle, cloud, labels, writing
from gateway.cards.model import (
    SSID_BYTES_MAX,
    Batch,
    Card,
    CardError,
    check_package,
    check_ssh_key,
    drawn,
    names,
    ssid_of,
)

ARCHIVE = b"!<arch>\ndebian-binary   1"
PACKAGE = "plomba-edge_0.1.0_arm64.deb"
SSH_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHmN8mJtT3dC1Rrr0vWb0sVv6b2k1hY9GqkKkqv8R9xE anna@desk"
)
BATCH = Batch(package=PACKAGE, country="RU", lines=bundle.LINES)


@pytest.fixture(scope="module")
def invitation() -> Invitation:
    root = Authority.root("town root", 1_790_000_000_000, 3650).certificate
    return Invitation(
        gateway="https://gateway.example:8444",
        house='Лесная ул., д. 5 "А"',
        device="lesnaya-5-01",
        expires_at_ms=1_800_000_000_000,
        ca_sha256=root.fingerprint,
        ca=root.pem,
        secret=paper.secret_text(bytes(range(16))),
    )


@pytest.fixture
def card(invitation: Invitation) -> Card:
    return drawn("lesnaya-5-01", "Europe/Moscow", invitation, b"points")


def test_the_agent_takes_its_configuration(card: Card, tmp_path: Path) -> None:
    text = bundle.files(card, BATCH)["plomba/edge.toml"].decode()
    config = edge_config.parse(text, tmp_path / "edge.toml")
    assert config.device.name == "lesnaya-5-01"
    assert config.enrolment is not None
    assert config.enrolment.house == 'Лесная ул., д. 5 "А"'
    assert config.enrolment.invitation == Path("/var/lib/plomba/invitation.json")
    assert not config.meters


def test_the_claim_is_the_invitation_and_no_key_lies_on_the_card(card: Card) -> None:
    files = bundle.files(card, BATCH)
    assert paper.parse(files["plomba/invitation.json"]) == card.invitation
    everything = b"".join(files.values())
    assert b"PRIVATE KEY" not in everything


def test_cloud_init_is_told_of_the_machine_and_hands_over(card: Card) -> None:
    files = bundle.files(card, BATCH._replace(ssh_key=SSH_KEY))
    assert files["user-data"].startswith(b"#cloud-config\n")
    told = yaml.safe_load(files["user-data"])
    assert told["hostname"] == "lesnaya-5-01"
    assert told["timezone"] == "Europe/Moscow"
    assert told["users"][0]["ssh_authorized_keys"] == [SSH_KEY]
    assert told["users"][0]["lock_passwd"] is True
    assert told["runcmd"] == [["sh", "/boot/firmware/plomba/start"]]
    assert "growpart" not in told
    assert yaml.safe_load(files["network-config"])["version"] == 2
    assert yaml.safe_load(files["meta-data"])["instance-id"].startswith("plomba-lesnaya-5-01-")


def test_a_first_boot_that_is_cut_short_goes_on_with_the_next(card: Card, tmp_path: Path) -> None:
    """cloud-init and Bookworm's kernel line start it once, and note that before it is done."""
    papers, tools = tmp_path / "plomba", tmp_path / "bin"
    for folder in (papers, tools):
        folder.mkdir()
    (papers / "start").write_bytes(bundle.files(card, BATCH)["plomba/start"])
    (papers / PACKAGE).write_bytes(ARCHIVE)
    (tools / "dpkg").write_text(
        '#!/bin/sh\n[ "$1" = --install ] || { echo arm64; exit; }\nkill -9 $PPID\n'
    )
    (tools / "dpkg").chmod(0o755)
    told = {"PATH": f"{tools}:{os.environ['PATH']}", "PLOMBA_ROOT": str(tmp_path / "root")}
    cut = subprocess.run(["sh", papers / "start"], env=told, check=False)
    assert cut.returncode == -signal.SIGKILL
    units = tmp_path / "root/etc/systemd/system"
    unit = (units / "plomba-first-boot.service").read_text()
    assert f"ExecStart=/bin/sh {papers}/start\n" in unit
    assert f"ConditionPathExists=!{papers}/done\n" in unit
    assert (units / "multi-user.target.wants/plomba-first-boot.service").read_text() == unit


def test_a_state_partition_keeps_cloud_init_from_growing_the_root(card: Card) -> None:
    told = yaml.safe_load(cloud.user_data(card, BATCH._replace(state_partition=True)))
    assert told["growpart"] == {"mode": "off"}
    assert told["resize_rootfs"] is False


def test_nobody_may_log_in_where_no_key_was_given(card: Card) -> None:
    assert yaml.safe_load(cloud.user_data(card, BATCH))["users"] == []


def test_the_wifi_is_closed_by_a_passphrase_of_the_card(card: Card) -> None:
    profile = configparser.RawConfigParser()
    profile.read_string(bundle.files(card, BATCH)["plomba/plomba-setup.nmconnection"].decode())
    assert profile["wifi"]["ssid"] == "plomba-lesnaya-5-01"
    assert profile["wifi-security"]["psk"] == card.passphrase
    assert profile["wifi-security"]["key-mgmt"] == "wpa-psk"
    assert profile["connection"]["autoconnect"] == "false"
    assert re.fullmatch(r"[a-z2-9]{12}", card.passphrase)
    assert re.fullmatch(r"[0-9]{8}", card.page_code)


def test_two_cards_share_no_secret(invitation: Invitation) -> None:
    first, second = (drawn("lesnaya-5-01", "UTC", invitation, b"") for _ in range(2))
    assert first.passphrase != second.passphrase
    assert first.page_code != second.page_code
    assert "plomba/points.cbor" not in bundle.files(first, BATCH)


def test_a_long_name_keeps_the_end_that_tells_it_apart() -> None:
    name = "ulitsa-akademika-koroleva-dom-dvenadtsat-korpus-1-07"
    assert len(ssid_of(name).encode()) <= SSID_BYTES_MAX
    assert ssid_of(name).endswith("korpus-1-07")


def test_names_go_on_behind_those_taken() -> None:
    assert names("lesnaya-5", 3, frozenset({"lesnaya-5-02"})) == [
        "lesnaya-5-01",
        "lesnaya-5-03",
        "lesnaya-5-04",
    ]
    with pytest.raises(CardError, match="expected 1 to 200 cards, got 0"):
        names("lesnaya-5", 0, frozenset())


@pytest.mark.parametrize(
    ("name", "head"),
    [("plomba-edge_0.1.0_arm64.deb", b"PK\x03\x04"), ("other_1_arm64.deb", ARCHIVE)],
)
def test_what_is_no_package_is_refused(name: str, head: bytes) -> None:
    with pytest.raises(CardError, match=r"expected the device's package.*make package"):
        check_package(name, head, 100)


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        f'command="rm -rf /" {SSH_KEY}',
        f"{SSH_KEY}\n{SSH_KEY}",
        "",
    ],
)
def test_only_one_public_key_is_taken(line: str) -> None:
    with pytest.raises(CardError, match="expected one public key"):
        check_ssh_key(line)


def test_a_card_is_for_its_owners_eyes_and_written_once(card: Card, tmp_path: Path) -> None:
    package = tmp_path / PACKAGE
    package.write_bytes(ARCHIVE)
    folder = tmp_path / "cards" / card.device
    writing.write_card(folder, bundle.files(card, BATCH), writing.package_of(package))
    assert (folder / "plomba" / PACKAGE).read_bytes() == ARCHIVE
    assert (folder / "plomba/page-code").stat().st_mode & 0o777 == 0o600
    assert json.loads((folder / "plomba/card.json").read_text())["device"] == card.device
    assert tomllib.loads((folder / "plomba/edge.toml").read_text())["device"]["name"] == card.device
    with pytest.raises(CardError, match="is not written over"):
        writing.write_card(folder, bundle.files(card, BATCH), package)


def heights(card: Card) -> list[float]:
    """Where on its label the network, the password, the code and the address stand, in points."""
    paper = pypdf.PdfReader(
        io.BytesIO(labels.pdf([card], language="ru", now_ms=1_795_326_600_000))
    ).pages[0]
    found: dict[str, float] = {}

    def seen(text: str, page: Sequence[float], at: Sequence[float], *_: object) -> None:
        for name in (card.ssid[:12], card.passphrase[:4], card.page_code[:4], "http"):
            if text.strip().startswith(name):
                found[name] = page[3] * at[5] + page[5]

    paper.extract_text(visitor_text=seen)
    return list(found.values())


def test_a_long_name_pushes_nothing_off_its_label(invitation: Invitation) -> None:
    long = msgspec.structs.replace(
        invitation, house="Переславль-Залесский, ул. Красногвардейская " * 3
    )
    drawn_one = Card("a" * 63, "Europe/Moscow", long, ssid_of("a" * 63), "m" * 20, "K7TD4MPX", b"")
    places = heights(drawn_one)
    assert len(places) == 4
    gaps = [above - below for above, below in itertools.pairwise(places)]
    assert min(gaps) > 8, "each stands below the other and is not written over"
