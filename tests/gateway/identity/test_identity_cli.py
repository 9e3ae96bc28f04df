"""The operator's commands: what they write, what they show, and one line for every mistake."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from cloud_sync.authority import Reason
from gateway import app
from gateway.audit import By
from gateway.identity import revoking
from gateway.identity.revoking import Revocation
from gateway.identity.wired import CRL_EVERY_MS, ledger_of, refresh_crl
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST
from tests.cloud_sync.test_certificates import needs_openssl
from tests.e2e.enrolment_house import HOUSE, Office, office

__all__ = ["office"]


class TestAuthority:
    def test_the_roots_key_is_nowhere_but_in_its_file_and_nothing_needs_it(
        self, office: Office
    ) -> None:
        taken = office.folder / "taken-away"
        # PKCS#8 of P-256: the private number begins with byte 36, which is character 48.
        secret = taken.read_text().splitlines()[1][48:]
        taken.unlink()
        for file in office.folder.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file
        office.ok("ca", "issue-collector", "collector-1", "--out", str(office.folder / "tls"))
        office.ok("ca", "crl")
        office.invite()

    def test_it_is_made_once(self, office: Office) -> None:
        said = office.refused("ca", "init", "--root-key", str(office.folder / "again.key"))
        assert "holds an authority already" in said
        assert not (office.folder / "again.key").exists()

    def test_init_tells_to_take_the_key_away(self, tmp_path: Path) -> None:
        office = Office(tmp_path / "o")
        key = office.folder / "root.key"
        out = office.ok("ca", "init", "--root-key", str(key))
        assert f"Take {key} away from this machine now" in out
        for file in (key, office.config.ca_folder / "issuing.key"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_a_stick_that_was_not_there_is_no_matter_at_the_next_try(self, tmp_path: Path) -> None:
        office = Office(tmp_path / "o")
        key = office.folder / "stick/root.key"
        assert "No such file" in office.refused("ca", "init", "--root-key", str(key))
        key.parent.mkdir()
        office.ok("ca", "init", "--root-key", str(key))
        assert key.exists()

    def test_without_an_authority_what_needs_one_says_so(self, tmp_path: Path) -> None:
        office = Office(tmp_path / "o")
        for words in (
            ("ca", "show"),
            ("ca", "crl"),
            ("invite", "--house", HOUSE, "--out", "x"),
            ("ca", "issue-server", "a", "--out", "x"),
        ):
            assert "run plomba-gateway ca init" in office.refused(*words)

    def test_show_and_invitation_name_the_same_root(self, office: Office) -> None:
        root, issuing = json.loads(office.ok("ca", "show", "--json"))
        card = json.loads(office.invite().read_text())
        assert card["ca_sha256"] == root["sha256"]
        assert (root["name"], issuing["name"]) == ("plomba root", "plomba issuing 1")

    def test_a_new_issuing_authority_needs_the_root_and_is_believed_by_it(
        self, office: Office
    ) -> None:
        key = office.folder / "taken-away"
        out = office.ok("ca", "renew-issuing", "--root-key", str(key))
        assert "plomba issuing 2" in out
        office.ok("ca", "issue-server", "new.example", "--out", str(office.folder / "tls"))
        wrong = office.config.ca_folder / "issuing.key"
        assert "not that of its certificate" in office.refused(
            "ca", "renew-issuing", "--root-key", str(wrong)
        )

    @needs_openssl
    def test_what_the_old_issuing_authority_made_is_believed_until_it_is_revoked(
        self, office: Office
    ) -> None:
        office.ok("ca", "issue-collector", "old", "--out", str(office.folder / "tls"))
        for _ in range(2):
            office.ok("ca", "renew-issuing", "--root-key", str(office.folder / "taken-away"))
        assert _is_believed(office, "old")
        assert stat.S_IMODE((office.config.ca_folder / "issuing-1.key").stat().st_mode) == 0o600
        listed = json.loads(office.ok("ca", "list", "--json"))
        (serial,) = [one["serial"] for one in listed if one["subject"] == "old"]
        office.ok("ca", "revoke", serial, "--why", "lost")
        assert not _is_believed(office, "old")

    def test_a_server_keeps_its_files(self, office: Office) -> None:
        again = ("ca", "issue-server", HOST, "--out", str(office.folder / "tls"))
        assert "exists: move it away" in office.refused(*again)
        assert stat.S_IMODE((office.folder / f"tls/{HOST}.key").stat().st_mode) == 0o600

    @needs_openssl
    def test_a_revoked_certificate_is_on_the_list_at_once(self, office: Office) -> None:
        (one,) = json.loads(office.ok("ca", "list", "--json"))
        office.ok("ca", "revoke", one["serial"], "--why", "lost", "--by", "Orlova")
        said = subprocess.run(
            ["openssl", "crl", "-in", str(office.config.ca_folder / "crl.pem"), "-noout", "-text"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert one["serial"].upper() in said
        assert "revoked already" in office.refused("ca", "revoke", one["serial"], "--why", "x")
        assert "lost" in office.ok("audit", "list")

    def test_a_list_that_cannot_be_made_keeps_nobody_from_being_revoked(
        self, office: Office
    ) -> None:
        crl = office.config.ca_folder / "crl.pem"
        crl.unlink()
        crl.mkdir()
        (one,) = json.loads(office.ok("ca", "list", "--json"))
        for words in (("identity", "revoke", "edge-1"), ("ca", "revoke", one["serial"])):
            said = office.refused(*words, "--why", "stolen")
            assert "revoked in the ledger; but the revocation list is still the old one" in said
            assert said.endswith("put that right and run plomba-gateway ca crl")
        again = office.refused("identity", "revoke", "edge-1", "--why", "stolen")
        assert again == "Error: edge-1 was revoked already"
        assert json.loads(office.ok("ca", "list", "--json"))[0]["revoked_for"] == "unspecified"

    def test_the_list_is_made_anew_when_it_is_old_lacks_something_or_is_of_a_time_to_come(
        self, office: Office
    ) -> None:
        now_ms, crl = system_clock(), office.config.ca_folder / "crl.pem"
        (one,) = json.loads(office.ok("ca", "list", "--json"))
        with app.opened(office.config) as store:

            def is_made(age_ms: int) -> bool:
                os.utime(crl, ns=((now_ms - age_ms) * 1_000_000,) * 2)
                return refresh_crl(office.config, store, now_ms)

            assert [is_made(age) for age in (CRL_EVERY_MS, 60_000, -60_000)] == [True, False, True]
            # Revoked on another machine, where no authority has its folder.
            ledger = ledger_of(store)
            asked = Revocation(By("Orlova", "test"), "lost")
            with store.transaction():
                revoking.revoke_certificate(
                    ledger, one["serial"], asked, Reason.SUPERSEDED, now_ms - 30_000
                )
            assert [is_made(age) for age in (60_000, 20_000)] == [True, False]

    def test_every_act_is_in_the_audit_log(self, office: Office) -> None:
        office.invite("--by", "Orlova")
        label = json.loads(office.ok("invite", "list", "--json"))[0]["label"]
        office.ok("invite", "withdraw", label, "--why", "wrong card", "--by", "Orlova")
        office.ok("identity", "revoke", "edge-1", "--why", "x")
        acts = [
            json.loads(line)["act"] for line in office.ok("audit", "list", "--json").splitlines()
        ]
        for act in ("ca init", "ca issue-server", "invite", "invite withdraw", "identity revoke"):
            assert act in acts
        office.ok("audit", "verify")


def _is_believed(office: Office, name: str) -> bool:
    """Whether a broker with the current revocation list takes it, as openssl says."""
    chain, folder = str(office.folder / f"tls/{name}.pem"), office.config.ca_folder
    verify = ("openssl", "verify", "-crl_check", "-CRLfile", str(folder / "crl.pem"))
    roots = ("-CAfile", str(folder / "root.pem"), "-untrusted", chain)
    done = subprocess.run([*verify, *roots, chain], capture_output=True, check=False)
    return done.returncode == 0


class TestInvitations:
    def test_files_are_private_one_per_device_and_the_list_hides_the_secret(
        self, office: Office
    ) -> None:
        out = office.folder / "cards"
        words = ("--device", "edge-8", "--device", "edge-9", "--out", str(out))
        made = json.loads(office.ok("invite", "--house", HOUSE, *words, "--json"))
        assert [one["device"] for one in made] == ["edge-8", "edge-9"]
        for one in made:
            file = Path(one["file"])
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            card = json.loads(file.read_text())
            assert card["device"] == one["device"]
            for words in (("invite", "list"), ("invite", "list", "--json"), ("audit", "list")):
                assert card["secret"] not in office.ok(*words)

    def test_count(self, office: Office) -> None:
        out = office.folder / "cards"
        office.ok("invite", "--house", HOUSE, "--count", "3", "--out", str(out))
        assert len(list(out.glob("invitation-*.json"))) == 3

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--house", "Nowhere"), "expected a house of the registry"),
            (("--house", HOUSE, "--device", "No Name"), "expected a name like lesnaya-5"),
        ],
    )
    def test_what_cannot_be_is_one_line(
        self, office: Office, words: tuple[str, ...], said: str
    ) -> None:
        assert said in office.refused("invite", *words, "--out", str(office.folder / "cards"))

    @pytest.mark.parametrize("valid", ["0d", "93d", "x", "14", "-1d", "2209h"])
    def test_how_long_has_a_bound(self, office: Office, valid: str) -> None:
        words = ("--house", HOUSE, "--valid", valid, "--out", "x")
        result = office.run("invite", *words)
        assert result.exit_code == 2
        assert "expected 1h to 92d like 14d" in result.stderr

    def test_a_revoked_name_is_not_invited_again(self, office: Office) -> None:
        office.invite("--device", "edge-9")
        assert "no device 'edge-9' in the registry" in office.refused(
            "identity", "revoke", "edge-9", "--why", "x"
        )
        office.ok("identity", "revoke", "edge-1", "--why", "stolen", "--by", "Orlova")
        out = str(office.folder / "cards")
        said = office.refused("invite", "--house", HOUSE, "--device", "edge-1", "--out", out)
        assert "edge-1 was revoked: its successor needs a name of its own" in said


def test_without_a_section_invite_says_what_to_add(tmp_path: Path) -> None:
    office = Office(tmp_path / "o").with_authority()
    text = office.toml.read_text()
    office.toml.write_text(text[: text.index("[enrolment]")])
    out = str(tmp_path / "cards")
    said = office.refused("invite", "--house", HOUSE, "--out", out)
    assert "enrolment: missing, devices need to know where to enrol" in said


def test_an_external_authority_is_not_the_gateways_own(tmp_path: Path) -> None:
    elsewhere = Office(tmp_path / "elsewhere").with_authority()
    root = elsewhere.config.ca_folder / "root.pem"
    office = Office(tmp_path / "o", f'external_ca = "{root}"')
    assert "certificates are made there" in office.refused("ca", "crl")
    assert "enrolment.external_ca is not set" in elsewhere.refused(
        "ca", "csr", "export", "--out", str(tmp_path)
    )
    assert json.loads(office.ok("ca", "show", "--json"))[0]["name"] == "plomba root"


def test_a_device_is_revoked_also_where_the_authority_has_moved_elsewhere(
    office: Office, tmp_path: Path
) -> None:
    root = Office(tmp_path / "elsewhere").with_authority().config.ca_folder / "root.pem"
    text = office.toml.read_text()
    office.toml.write_text(text.replace("[enrolment]", f'[enrolment]\nexternal_ca = "{root}"'))
    assert "edge-1 is revoked" in office.ok("identity", "revoke", "edge-1", "--why", "stolen")
