"""An agent whose key is in a token: it seals there, and asks no meter while it cannot."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud_sync import command as wire_command
from cloud_sync import token_key, topics
from cloud_sync.command import Command, ReadNow
from cloud_sync.private_file import KeyFileError
from cloud_sync.signing import VerifyKey
from cloud_sync.token_key import TokenKey
from edge import config as edge_config
from edge import identity
from edge.__main__ import main
from edge.command_record import CommandRecord
from edge.commander import Commander
from edge.config import ConfigError
from simulators.clock import VirtualLoop
from tests.cloud_sync.software_token import MODULE, PIN, SoftwareToken, token
from tests.edge.devices import DEVICE, GATEWAY, FakeMeter, World, minutes, readouts, run

__all__ = ["token"]
pytestmark = pytest.mark.softhsm


def edge_toml(folder: Path, key: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(
        f"""\
[device]
name = "{DEVICE}"
key = "{key}"
gateway_key = "gateway.pem"
state_dir = "state"

[broker]
host = "127.0.0.1"
without_tls = true

[[lines]]
name = "house"
url = "tcp://127.0.0.1:1"
"""
    )
    return path


def command(path: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(path)])


def test_a_whole_run_through_the_spool_with_the_token_pulled_in_the_middle(
    tmp_path: Path, token: SoftwareToken
) -> None:
    token_key.generate(token.uri())
    key = TokenKey.load(token.uri())

    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path / "state", loop, key=key)
        meter = FakeMeter("m1", loop)
        agent = world.agent([meter.plan(interval_s=60)])
        async with world.running(agent):
            await asyncio.sleep(600)
            before = len(meter.asked_ms)
            assert before == len(readouts(world.gateway.decoded, "m1")) >= 10
            token.pull()
            await asyncio.sleep(600)
            # One read was under way when the key went; after it no meter is asked in vain.
            assert len(meter.asked_ms) == before + 1
            told = agent.report()
            assert not told.sampling
            assert told.problems["signing key"].endswith("no such token is there")
            reported = world.reported()
            assert reported is not None
            assert "signing key" in reported.problems
            token.put_back()
            await asyncio.sleep(600)
            told = agent.report()
            assert (told.sampling, told.problems) == (True, {})
        batches = world.gateway.decoded
        assert [b.sequence for b in batches] == list(range(1, len(batches) + 1))
        assert len(readouts(batches, "m1")) == len(meter.asked_ms) - 1
        assert len(meter.asked_ms) >= before + 9, minutes(meter.asked_ms)
        assert world.spool.counters.polled == world.spool.counters.signed + 1

    run(scene)


def test_a_command_that_cannot_be_answered_is_not_carried_out(
    tmp_path: Path, token: SoftwareToken
) -> None:
    token_key.generate(token.uri())
    key = TokenKey.load(token.uri())

    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path / "state", loop, key=key)
        meter = FakeMeter("m1", loop)
        commander = Commander(
            device=DEVICE,
            key=key,
            gateway_key=GATEWAY.public,
            record=CommandRecord(tmp_path / "state"),
            clock=world.clock,
            hands=world.agent([meter.plan()]),
        )
        now = loop.now_ms()
        order = Command(1, DEVICE, now, now, now + 60_000, ReadNow(()))
        message = GATEWAY.seal(wire_command.encode(order), topics.command_topic(DEVICE))
        token.pull()
        commander.on_message(message)
        assert commander.refused == {"cannot-sign": 1}
        assert (commander.last, commander.next_answer()) == (0, None)
        token.put_back()
        commander.on_message(message)
        assert commander.last == now
        assert commander.next_answer() is not None

    run(scene)


def test_enroll_makes_the_key_in_the_token_and_doctor_shows_it(
    tmp_path: Path, token: SoftwareToken
) -> None:
    path = edge_toml(tmp_path, token.text())
    none = json.loads(command(path, "doctor", "--json").stdout.splitlines()[1])
    assert (none["what"], none["ok"]) == ("key", False)
    assert none["detail"].endswith("no such key is there: run plomba-edge enroll first")
    made = command(path, "enroll")
    assert made.exit_code == 0, made.output
    public = VerifyKey.from_pem(made.stdout.encode())
    assert made.stderr == f"fingerprint of {DEVICE}: {public.fingerprint}\n"
    assert not list(tmp_path.glob("*.key"))
    again = command(path, "enroll")
    assert again.exit_code == 1
    assert "object signing exists: a device has one key" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    found = json.loads(command(path, "doctor", "--json").stdout.splitlines()[1])
    assert found["ok"]
    assert found["detail"] == (
        f"{public.fingerprint} in token {token.label}, object signing, reached through {MODULE}"
    )
    token.pull()
    gone = json.loads(command(path, "doctor", "--json").stdout.splitlines()[1])
    assert (gone["ok"], gone["detail"].rpartition(": ")[2]) == (False, "no such token is there")


def test_a_configuration_names_the_key_and_never_shows_a_pin(
    tmp_path: Path, token: SoftwareToken
) -> None:
    loaded = edge_config.load(edge_toml(tmp_path, token.text()))
    assert loaded.device.key == token.uri()
    for text, said in (
        (token.text() + f"&pin-value={PIN}", "a PIN does not stand in the URI"),
        (token.text() + f"&pin-valeu={PIN}", "unknown attribute pin-valeu="),
        (f"pkcs11:{PIN}", "unknown attribute"),
    ):
        with pytest.raises(ConfigError, match=said) as refusal:
            edge_config.load(edge_toml(tmp_path, text))
        assert "device.key: " in str(refusal.value)
        assert PIN not in str(refusal.value)
    token.pin_file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"PIN file .* has rights 0644, expected 0600"):
        edge_config.load(edge_toml(tmp_path, token.text()))


def test_run_ends_with_one_line_where_the_token_is_not_there(
    tmp_path: Path, token: SoftwareToken
) -> None:
    (tmp_path / "gateway.pem").write_bytes(GATEWAY.public.to_pem())
    loaded = edge_config.load(edge_toml(tmp_path, token.text()))
    identity.enroll(loaded.device.key)
    assert identity.load(loaded.device).gateway_key.key_id == GATEWAY.public.key_id
    token.pull()
    with pytest.raises(KeyFileError, match="no such token is there"):
        identity.load(loaded.device)


_WITHOUT = """
import sys
sys.modules["pkcs11"] = None  # as where it is not installed
from edge import app, identity
from cloud_sync import token_uri
try:
    identity.load_or_make(token_uri.parse("pkcs11:token=t;object=o?module-path=/m&pin-source=/p"))
except ValueError as error:
    print(error)
"""


def test_without_a_token_its_library_is_not_needed_and_with_one_it_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        "a key in a token needs python-pkcs11: install requirements/token.txt beside the agent\n"
    )
