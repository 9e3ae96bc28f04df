"""The gateway's word over a real broker, as an operator sets it up, with real processes.

Authority, broker rules, gateway, broker, agent and a virtual meter: a command goes out and comes
back signed; a revocation closes the door while everything runs.
"""

import asyncio
import getpass
import json
import os
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.authority import Profile
from cloud_sync.certificates import TlsKey, parse_request
from cloud_sync.signing import SigningKey
from edge.spool import glance
from gateway import config as configuration
from gateway.identity.wired import ledger_of, private_authority
from gateway.sqlite.store import open_store
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST, MOSQUITTO, free_port, needs_mosquitto
from tests.edge.installer import ROOT, a_line

pytestmark = [pytest.mark.processes, *needs_mosquitto]
DEVICE = "edge-1"


class Place:
    """Everything on one machine, each part with files of its own."""

    def __init__(self, folder: Path, line_port: int) -> None:
        self.folder = folder
        self._line_port = line_port
        self.devices, self.collectors = free_port(), free_port()
        self.config = folder / "gateway.toml"
        self.edge_config = folder / "edge.toml"
        self.processes: list[asyncio.subprocess.Process] = []

    async def set_up(self) -> None:
        """What docs/broker.md says, step by step."""
        self.config.write_text(self._gateway_toml())
        await self.run("init")
        await self.run("ca", "init", "--root-key", str(self.folder / "root.key"))
        await self.run("ca", "issue-server", HOST, "--out", str(self.folder / "broker"))
        await self.run("ca", "issue-collector", "plomba-gateway", "--out", str(self.folder / "tls"))
        await self._add_device()
        await self.run("broker", "rules")
        self._write("mosquitto.conf", self._mosquitto_conf())
        (self.folder / "store").mkdir()
        (self.folder / "mosquitto.log").touch()
        assert MOSQUITTO is not None
        await self._start(MOSQUITTO, "-c", str(self.folder / "mosquitto.conf"))
        await self._start(sys.executable, "-m", "gateway", "run", "--config", str(self.config))
        await self.logged("gateway.log", "listening for batches")
        self._write("edge.toml", self._edge_toml())
        agent = str(ROOT / "tests/e2e/edge_with_clock.py")
        await self._start(sys.executable, agent, str(self.edge_config), log="edge.log")

    async def _add_device(self) -> None:
        """What enrolling does (tests/gateway/identity shows that), without its server."""
        key = SigningKey.generate()
        key.save(self.folder / "device.key")
        self._write("device.pub", key.public.to_pem().decode())
        added = ("--public-key", str(self.folder / "device.pub"), "--valid-from", "2026-01-01T00Z")
        await self.run("registry", "add-device", DEVICE, *added)
        config = configuration.load(self.config)
        authority = private_authority(config)
        tls = TlsKey.generate()
        tls.save(self.folder / "device-tls.key")
        now_ms = system_clock()
        made = authority.issue(Profile.DEVICE, parse_request(tls.request(DEVICE)), now_ms, 2, ())
        self._write("device-tls.pem", authority.chain(made.pem))
        store = open_store(config.ledger_file)
        with store.transaction():
            identities = ledger_of(store).identities
            device = identities.device(DEVICE)
            assert device is not None
            identities.add_certificate(made, Profile.DEVICE, device.device_no, now_ms)
        store.close()

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def _gateway_toml(self) -> str:
        folder = self.folder
        return f"""\
data = "data"
[broker]
host = "{HOST}"
port = {self.collectors}
tls = {{ ca = "data/ca/root.pem", cert = "tls/plomba-gateway.pem", key = "tls/plomba-gateway.key" }}
[web]
enabled = false
[broker_rules]
directory = "rules"
ca = "data/ca/root.pem"
cert = "broker/{HOST}.pem"
key = "broker/{HOST}.key"
devices = {{ host = "{HOST}", port = {self.devices}, connections_max = 10 }}
collectors = {{ host = "{HOST}", port = {self.collectors}, connections_max = 4 }}
store = "store"
pid_file = "{folder / "pid"}"
look_every_s = 0.2
"""

    def _mosquitto_conf(self) -> str:
        return (
            f"pid_file {self.folder / 'pid'}\nlog_dest file {self.folder / 'mosquitto.log'}\n"
            f"log_type all\nuser {getpass.getuser()}\ninclude_dir {self.folder / 'rules'}\n"
        )

    def _edge_toml(self) -> str:
        return f"""\
[device]
name = "{DEVICE}"
key = "device.key"
gateway_key = "data/gateway.pem"
state_dir = "state"
[broker]
host = "{HOST}"
port = {self.devices}
ca = "data/ca/root.pem"
cert = "device-tls.pem"
cert_key = "device-tls.key"
[[lines]]
name = "house"
url = "tcp://{HOST}:{self._line_port}"
[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"
address = 1
interval_s = 3600
"""

    async def run(self, *words: str, code: int = 0) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *words, "--config", str(self.config)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == code, (words, err.decode())
        return out.decode()

    async def command(self, *words: str, code: int = 0) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(
            await self.run("command", *words, "--wait", "60", "--json", code=code)
        )
        return told

    async def _start(self, *words: str, log: str = "gateway.log") -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self.folder / log).open("ab") as to:
            self.processes.append(
                await asyncio.create_subprocess_exec(
                    *words, cwd=ROOT, env=env, stdout=to, stderr=to
                )
            )

    async def logged(self, name: str, words: str) -> None:
        await until(lambda: words in (self.folder / name).read_text())

    async def end(self) -> None:
        for process in reversed(self.processes):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something outside holds."""
    for _ in range(1200):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


def delivered(folder: Path) -> int:
    """How many batches have gone for good."""
    seen = glance(folder / "state")
    return 0 if seen is None else seen.state.through


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with a_line() as port:
        made = Place(folder, port)
        try:
            await made.set_up()
            yield made
        finally:
            await made.end()


async def test_commands_come_back_signed_and_a_revocation_closes_the_door(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        told = await here.command("report", DEVICE)
        assert (told["outcome"], told["reason"]) == ("done", "report")
        assert told["report"]["state"] == "online"
        assert told["report"]["software"].startswith("plomba ")
        told = await here.command("read-now", DEVICE, "22310042")
        assert told["reason"] == "1 meters to be read now"
        told = await here.command("read-now", DEVICE, "1", code=1)
        assert told["reason"] == "unknown-meter: no meter 1 on the lines of edge-1"
        await until(lambda: delivered(tmp_path) >= 2)
        told = await here.command("resend", DEVICE, "1", "1")
        assert told["reason"] == "1 of 1 batches will be sent again"
        listed = json.loads(await here.run("command", "list", "--json"))
        assert [one["kind"] for one in listed] == ["resend", "read-now", "read-now", "report"]
        assert [one["outcome"] for one in listed] == ["done", "refused", "done", "done"]

        await here.run("identity", "revoke", DEVICE, "--why", "stolen")
        await here.logged("edge.log", "not connected")
        rules = (tmp_path / "rules/devices.acl").read_text()
        assert "user" not in rules
        assert "Traceback" not in (tmp_path / "gateway.log").read_text()


def test_the_example_of_the_page_is_the_configuration_shown_here() -> None:
    page = (ROOT / "docs/broker.md").read_text()
    shown = page.split("```toml\n")[1].split("```")[0]
    assert "broker_rules" in tomllib.loads(shown)
