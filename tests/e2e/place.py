"""Authority, broker rules, gateway and a real mosquitto on one machine, as docs/broker.md says."""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloud_sync.authority import Profile
from cloud_sync.certificates import TlsKey, parse_request
from cloud_sync.signing import SigningKey
from gateway import config as configuration
from gateway.identity.wired import ledger_of, private_authority
from gateway.sql.store import open_store
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST, MOSQUITTO, free_port
from tests.edge.installer import ROOT

DEVICE = "edge-1"


class Place:
    """Everything on one machine, each part with files of its own."""

    def __init__(self, folder: Path, line_port: int = 0, extra: str = "") -> None:
        self.folder = folder
        self._extra = extra
        self._line_port = line_port
        self.devices, self.collectors = free_port(), free_port()
        self.config = folder / "gateway.toml"
        self.edge_config = folder / "edge.toml"
        self.processes: list[asyncio.subprocess.Process] = []

    async def set_up(self) -> None:
        """What docs/broker.md says, step by step, with an agent that reads a meter."""
        await self.authorise()
        await self.add_device(DEVICE)
        await self.open()
        self._write("edge.toml", self._edge_toml())
        agent = str(ROOT / "tests/e2e/edge_with_clock.py")
        await self._start(sys.executable, agent, str(self.edge_config), log="edge.log")

    async def authorise(self) -> None:
        """A gateway with its authority and the certificates of servers."""
        self.config.write_text(self._gateway_toml())
        await self.run("init")
        await self.run("ca", "init", "--root-key", str(self.folder / "root.key"))
        await self.run("ca", "issue-server", HOST, "--out", str(self.folder / "broker"))
        await self.run("ca", "issue-collector", "plomba-gateway", "--out", str(self.folder / "tls"))

    async def open(self) -> None:
        """The broker and the gateway, running."""
        await self.run("broker", "rules")
        self._write("mosquitto.conf", self._mosquitto_conf())
        (self.folder / "store").mkdir()
        (self.folder / "mosquitto.log").touch()
        assert MOSQUITTO is not None
        await self._start(MOSQUITTO, "-c", str(self.folder / "mosquitto.conf"))
        # The gateway's first look tells it to reload: that signal kills one that is yet to begin.
        await until(self._broker_runs)
        await self._start(sys.executable, "-m", "gateway", "run", "--config", str(self.config))
        await self.logged("gateway.log", "listening for batches")

    async def add_device(self, name: str, stem: str = "device") -> SigningKey:
        """What enrolling does (tests/gateway/identity shows that), without its server."""
        key = SigningKey.generate()
        key.save(self.folder / f"{stem}.key")
        self._write(f"{stem}.pub", key.public.to_pem().decode())
        added = ("--public-key", str(self.folder / f"{stem}.pub"), "--valid-from", "2026-01-01T00Z")
        await self.run("registry", "add-device", name, *added)
        self.certify(name, stem)
        return key

    def certify(self, name: str, stem: str, days: float = 2) -> None:
        """A certificate of a device with a TLS key of its own."""
        config = configuration.load(self.config)
        authority = private_authority(config)
        tls = TlsKey.generate()
        tls.save(self.folder / f"{stem}-tls.key")
        now_ms = system_clock()
        asked = parse_request(tls.request(name))
        made = authority.issue(Profile.DEVICE, asked, now_ms, days, ())
        self._write(f"{stem}-tls.pem", authority.chain(made.pem))
        store = open_store(config.ledger_file)
        with store.transaction():
            identities = ledger_of(store).identities
            device = identities.device(name)
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
{self._extra}"""

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
        return await self.run_bare(*words, "--config", str(self.config), code=code)

    async def run_bare(self, *words: str, code: int = 0) -> str:
        """A command that needs no configuration."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *words),
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

    async def logged(self, name: str, words: str, within_s: float = 90.0) -> None:
        await until(lambda: words in (self.folder / name).read_text(errors="replace"), within_s)

    def _broker_runs(self) -> bool:
        lines = (self.folder / "mosquitto.log").read_text().splitlines()
        return any("mosquitto version" in line and line.endswith("running") for line in lines)

    async def end(self) -> None:
        for process in reversed(self.processes):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until(holds: Callable[[], bool], within_s: float = 90.0) -> None:
    """Wait until something outside holds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is outside tells nobody
            await asyncio.sleep(0.05)
