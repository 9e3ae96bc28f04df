"""A device's birth over real HTTPS: edge and gateway as they are, with faults between them."""

import asyncio
import json
import os
import socket
import sys
import time
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from cloud_sync.authority import Authority, Profile
from cloud_sync.certificates import TlsKey, load_certificates, parse_request
from cloud_sync.ladder import DAY_MS
from cloud_sync.signing import SigningKey, VerifyKey
from edge import app, enrolled, enrolment, https, identity, identity_keeper
from edge.clock import SystemClock
from edge.enrolment import NotEnrolled, NotYet
from edge.https import Response
from gateway.config import ConfigError
from gateway.web.server import bound
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST
from tests.cloud_sync.software_token import token
from tests.e2e.enrolment_house import HOUSE, Office, a_card, command, enrol, listed, office
from tests.edge.installer import ROOT

__all__ = ["office", "token"]


class TestBirth:
    async def test_a_card_becomes_a_device_and_the_invitation_is_gone(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(
            tmp_path / "pi", invitation=office.invite("--device", "edge-9"), name="edge-9"
        )
        async with office.door() as store:
            code, out, err = await command(config, "enroll")
            assert (code, out) == (0, f"edge-9 is enrolled in {HOUSE}\n"), err
            (device,) = [
                one for one in listed(office, "identity", "list") if one["device"] == "edge-9"
            ]
            row = store.registry.device_keys(
                [identity.signing_key(config.device.key).public.key_id]
            )
        assert f"fingerprint of edge-9: {device['fingerprint']}\n" == err
        assert device["house"] == HOUSE
        assert device["stands"] == "valid"
        (key,) = row.values()
        assert key.device == "edge-9"
        assert not (tmp_path / "pi/invitation.json").exists()
        for file in ("device.key", "tls.key"):
            assert (tmp_path / "pi/keys" / file).stat().st_mode & 0o777 == 0o600
        gateway_key = SigningKey.load(office.config.key_file).public
        assert identity.load(config.device).gateway_key.key_id == gateway_key.key_id
        settings = app.broker_settings(enrolled.broker_of(config), "edge-9")
        assert str(settings) == "broker.example:8883"
        assert settings.tls is not None
        settings.tls.context()
        leaf = load_certificates(tmp_path / "pi/keys/device.pem")[0]
        assert leaf.subject == "edge-9"
        assert leaf.for_clients
        assert not leaf.for_servers

    async def test_run_enrols_by_itself_before_anything_else(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        async with office.door():
            await identity_keeper.until_enrolled(config)
        known = enrolled.load(config.device.state_dir)
        assert known is not None
        assert known.house == HOUSE
        await identity_keeper.until_enrolled(config)

    async def test_secrets_are_nowhere_on_the_gateways_disk(
        self, office: Office, tmp_path: Path
    ) -> None:
        card = office.invite()
        secret = json.loads(card.read_text())["secret"]
        forms = (secret.encode(), urlsafe_b64decode(f"{secret}=="))
        card = card.rename(tmp_path / "card.json")
        config = a_card(tmp_path / "pi", invitation=card)
        async with office.door():
            await enrol(config)
        for file in office.folder.rglob("*"):
            held = file.read_bytes() if file.is_file() else b""
            assert not any(form in held for form in forms), file

    async def test_an_answer_that_was_lost_is_given_again(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        assert config.enrolment is not None

        def lost(url: str, path: str, body: bytes, roots: str, limit: int) -> Response:
            https.post(url, path, body, roots, limit)
            raise https.Away("the line broke")

        async with office.door():
            with pytest.raises(NotYet, match="the line broke"):
                await asyncio.to_thread(enrolment.enrol, config, config.enrolment.invitation, lost)
            assert enrolled.load(config.device.state_dir) is None
            await enrol(config)
        assert len(listed(office, "ca", "list")) == 2  # the server's and one of the device

    async def test_an_invitation_that_a_power_cut_left_is_erased_at_the_next_start(
        self, office: Office, tmp_path: Path
    ) -> None:
        card, another = office.invite(), office.invite()
        config = a_card(tmp_path / "pi", invitation=card)
        invitation = tmp_path / "pi/invitation.json"
        async with office.door():
            await enrol(config)
        for start in (identity_keeper.until_enrolled(config), command(config, "enroll")):
            invitation.write_bytes(card.read_bytes())
            os.utime(invitation, (0, 0))
            await start
            assert not invitation.exists()
        elsewhere = json.dumps(json.loads(another.read_text()) | {"house": "B"})
        for text, came_s in ((another.read_text(), time.time() + 1), (elsewhere, 0)):
            invitation.write_text(text)
            os.utime(invitation, (came_s, came_s))
            await identity_keeper.until_enrolled(config)
            assert invitation.read_text() == text

    async def test_with_an_external_authority_it_waits_until_the_certificate_is_there(
        self, tmp_path: Path
    ) -> None:
        elsewhere = Office(tmp_path / "elsewhere").with_authority()
        folder = elsewhere.config.ca_folder
        bundle = tmp_path / "bundle.pem"
        bundle.write_text((folder / "root.pem").read_text() + (folder / "issuing.pem").read_text())
        office = Office(tmp_path / "office", f'external_ca = "{bundle}"')
        (office.folder / "tls").symlink_to(elsewhere.folder / "tls")
        config = a_card(tmp_path / "pi", invitation=office.invite())
        out = tmp_path / "csr"
        async with office.door():
            with pytest.raises(NotYet, match="has yet to make the certificate"):
                await enrol(config)
            (device,) = [
                one for one in listed(office, "identity", "list") if one["device"] == "edge-1"
            ]
            assert device["stands"] == "waiting"
            office.ok("ca", "csr", "export", "--out", str(out))
            made = signed_elsewhere(folder, out / "edge-1.csr")
            assert "expected a certificate for a key that waits here" in office.refused(
                "ca", "import", str(elsewhere.folder / "tls" / f"{HOST}.pem")
            )
            office.ok("ca", "import", str(made))
            await enrol(config)
        assert listed(office, "ca", "csr", "list") == []


def signed_elsewhere(folder: Path, csr: Path) -> Path:
    """What somebody else's authority makes of a request."""
    authority = Authority.load(folder / "issuing.pem", folder / "issuing.key")
    request = parse_request(csr.read_text())
    made = csr.with_suffix(".pem")
    made.write_text(authority.issue(Profile.DEVICE, request, system_clock(), 30).pem)
    return made


class TestRenewal:
    async def test_nothing_is_asked_before_the_last_third(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        async with office.door():
            await enrol(config)
        now_ms = system_clock()
        assert enrolment.renew(config, now_ms + 59 * DAY_MS) is None
        with pytest.raises(NotYet, match="does not answer"):
            enrolment.renew(config, now_ms + 61 * DAY_MS)

    async def test_the_agent_renews_by_itself(self, tmp_path: Path) -> None:
        office = Office(tmp_path / "office", "certificate_days = 0.01").with_authority()
        config = a_card(tmp_path / "pi", invitation=office.invite())
        async with office.door():
            await enrol(config)
            before = enrolment.certificate(config)
            key = TlsKey.load(tmp_path / "pi/keys/tls.key")
            text = office.toml.read_text()
            office.toml.write_text(text.replace("certificate_days = 0.01", "certificate_days = 90"))
        async with office.door():
            # Backdated by an hour, a life of a quarter of one is in its last third from the start.
            renewing = asyncio.create_task(
                identity_keeper.keep_certificate(config, SystemClock(), look_s=0.01)
            )
            async with asyncio.timeout(120):
                while enrolment.certificate(config).serial == before.serial:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            renewing.cancel()
        after = enrolment.certificate(config)
        assert after.valid_to_ms > before.valid_to_ms
        assert after.key_sha256 == key.key_sha256
        tls = app.broker_settings(enrolled.broker_of(config), "edge-1").tls
        assert tls is not None
        tls.context()

    async def test_an_authority_that_has_ended_is_the_operators_matter_not_a_crash(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        async with office.door():
            await enrol(config)
        years = 6 * 365 * DAY_MS
        async with office.door(lambda: system_clock() + years):
            with pytest.raises(NotYet, match="answered with status 503"):
                await asyncio.to_thread(enrolment.renew, config, system_clock() + years)

    async def test_doctor_says_where_the_certificate_stands(
        self, office: Office, tmp_path: Path
    ) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        _, out, _ = await command(config, "doctor")
        assert "FAIL  certificate      not enrolled yet" in out
        async with office.door():
            await enrol(config)
        _, out, _ = await command(config, "doctor")
        assert "ok    certificate      of edge-1, until " in out

    async def test_a_revoked_device_gets_nothing_more(self, office: Office, tmp_path: Path) -> None:
        config = a_card(tmp_path / "pi", invitation=office.invite())
        async with office.door():
            await enrol(config)
            office.ok("identity", "revoke", "edge-1", "--why", "stolen", "--by", "Orlova")
            with pytest.raises(NotEnrolled, match="device-revoked: edge-1 was revoked"):
                await asyncio.to_thread(enrolment.renew, config, system_clock() + 89 * DAY_MS)
            with pytest.raises(NotEnrolled, match="device-revoked"):
                await asyncio.to_thread(enrolment.rotate, config)


def test_a_port_in_use_is_one_line(office: Office) -> None:
    enrolment_config = office.config.enrolment
    assert enrolment_config is not None
    with socket.socket() as other:
        other.bind((HOST, office.port))
        other.listen()
        with (
            pytest.raises(
                ConfigError, match=r"enrolment: cannot listen on .* another enrolment.port"
            ),
            bound(enrolment_config),
        ):
            pass


def test_keys_are_compared_in_four_groups() -> None:
    key: VerifyKey = SigningKey.generate().public
    assert [len(group) for group in key.fingerprint.split(" ")] == [4, 4, 4, 4]


async def test_a_running_gateway_keeps_the_door_and_the_list(
    office: Office, tmp_path: Path
) -> None:
    """The program itself, with a broker that is away: devices enrol all the same."""
    broker = (
        f'\n[broker]\nhost = "{HOST}"\nport = 1\nwithout_tls = true\n\n[web]\nenabled = false\n'
    )
    office.toml.write_text(office.toml.read_text() + broker)
    config = a_card(tmp_path / "pi", invitation=office.invite())
    crl = office.config.ca_folder / "crl.pem"
    crl.unlink()
    gateway = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "gateway", "run", "--config", str(office.toml)],
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            while not await listens(office.port):  # noqa: ASYNC110 - a process, not a task
                await asyncio.sleep(0.05)
            await enrol(config)
            while not crl.exists():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
    finally:
        gateway.terminate()
        _, said = await gateway.communicate()
    assert gateway.returncode == 0, said
    assert b"Traceback" not in said


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
