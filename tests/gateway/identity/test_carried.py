"""An old backup put back un-revokes nobody, and opens no invitation that was used."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_sync.certificates import TlsKey
from cloud_sync.invitation import Invitation, parse
from cloud_sync.signing import SigningKey
from gateway import app
from gateway.identity.enrolling import Doorkeeper
from gateway.identity.model import NotLetIn, Why
from gateway.identity.wired import doorkeeper_of, ledger_of
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST
from tests.e2e.enrolment_house import Office, listed, office
from tests.gateway.identity.town_hall import SOURCE, Card

__all__ = ["office"]

pytestmark = pytest.mark.sqlite_only("backups of a ledger in a file")


def card(name: str) -> Card:
    return Card(name, SigningKey.generate(), TlsKey.generate())


class Keeper:
    """The door of a gateway that runs only while it is asked."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def enrol(self, card: Card, invitation: Invitation) -> None:
        self._judge(lambda keeper: keeper.enrol(card.enrol(invitation), SOURCE, system_clock()))

    def rotate(self, card: Card, new: SigningKey) -> None:
        self._judge(lambda keeper: keeper.rotate(card.rotate(new), SOURCE, system_clock()))

    def _judge(self, ask: Callable[[Doorkeeper], object]) -> None:
        config = self._office.config
        with app.opened(config) as store:
            ask(doorkeeper_of(config, store, SigningKey.load(config.key_file)))


def on_the_list(office: Office) -> set[str]:
    with app.opened(office.config) as store:
        identities = ledger_of(store).identities
        (issuer,) = {one.issuer for one in identities.all_certificates()}
        return {one.serial for one in identities.revoked(issuer, system_clock())}


def serial_of(office: Office, name: str) -> str:
    (serial,) = [one["serial"] for one in listed(office, "ca", "list") if one["subject"] == name]
    return str(serial)


def test_what_was_taken_back_since_the_copy_stays_taken_back(office: Office) -> None:
    keeper, tls = Keeper(office), str(office.folder / "tls")
    used, unused, late, early, turned = (parse(office.invite().read_bytes()) for _ in range(5))
    old, exchanged = card("edge-5"), card("edge-6")
    keeper.enrol(old, early)
    keeper.enrol(exchanged, turned)
    office.ok("ca", "issue-collector", "old", "--out", tls)
    made = json.loads(office.ok("backup", "make", "--out", str(office.folder / "bk"), "--json"))

    keeper.enrol(card("edge-7"), used)
    new = card("edge-8")
    keeper.enrol(new, late)
    keeper.rotate(exchanged, SigningKey.generate())
    office.ok("ca", "issue-collector", "new", "--out", tls)
    for name in ("old", "new"):
        office.ok("ca", "revoke", serial_of(office, name), "--why", "lost")
    for name in ("edge-5", "edge-8"):
        office.ok("identity", "revoke", name, "--why", "stolen")
    label = next(one["label"] for one in listed(office, "invite", "list") if one["state"] == "open")
    office.ok("invite", "withdraw", str(label), "--why", "lost")
    revoked = on_the_list(office)
    assert len(revoked) == 4

    said = office.ok("backup", "restore", made["file"])
    assert "so again: devices 2, keys 2, certificates 4, invitations 3" in said
    assert on_the_list(office) == revoked
    stands = {one["device"]: one["stands"] for one in listed(office, "identity", "list")}
    assert (stands["edge-5"], stands["edge-8"]) == ("revoked", "revoked")
    assert "edge-7" not in stands
    for body, invitation, why in (
        (card("edge-7"), used, Why.WITHDRAWN),
        (card("edge-9"), unused, Why.WITHDRAWN),
        (new, late, Why.WITHDRAWN),
        (new, parse(office.invite().read_bytes()), Why.REVOKED),
    ):
        with pytest.raises(NotLetIn) as caught:
            keeper.enrol(body, invitation)
        assert caught.value.why is why
    (row,) = [one for one in listed(office, "identity", "list") if one["device"] == "edge-6"]
    assert all(key["valid_to_ms"] for key in row["keys"])  # type: ignore[attr-defined]
    assert "still taken back: devices 2" in office.ok("audit", "list")


def test_where_no_ledger_is_left_it_is_said_that_nobody_knows(
    office: Office, tmp_path: Path
) -> None:
    made = json.loads(office.ok("backup", "make", "--out", str(tmp_path), "--json"))
    serial = serial_of(office, HOST)
    office.ok("ca", "revoke", serial, "--why", "lost")
    for file in office.config.data.glob("ledger.sqlite*"):
        file.unlink()
    result = office.run("backup", "restore", made["file"])
    assert result.exit_code == 0
    assert "revoke them again before the gateway starts" in result.stderr
    # The list is a file of its own: what it names stays named, and is told.
    for _ in range(2):
        told = office.run("ca", "crl").stderr
        assert told.startswith(f"{serial}: on the list, and not revoked in the ledger")
    office.ok("ca", "revoke", serial, "--why", "lost")
    assert office.run("ca", "crl").stderr == ""
    crl = office.config.ca_folder / "crl.pem"
    crl.write_text(crl.read_text().replace("MII", "!!!"))
    office.ok("ca", "crl")
    assert on_the_list(office) == {serial}
