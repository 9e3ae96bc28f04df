"""A gateway with an authority and a door for devices, and devices with nothing but a card."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud_sync.signing import SigningKey
from edge import config as edge_config
from edge import enrolled, enrolment
from edge.__main__ import main as edge_main
from edge.config import EdgeConfig
from gateway import app
from gateway import config as gateway_config
from gateway.__main__ import main as gateway_main
from gateway.config import GatewayConfig
from gateway.photo.looking import Looking
from gateway.sql.store import SqlStore
from gateway.visits.wired import LOOKERS, READER
from gateway.web.enrolment import Brief, serve, tls
from gateway.web.server import bound
from gateway.web.visits_door import door_of_devices
from gateway.wiring import Clock, system_clock
from tests.cloud_sync.brokers import HOST, free_port
from tests.gateway.estate import LINES, csv

HOUSE = "A"


class Office:
    """The operator's side: a folder with gateway.toml, and the commands."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = free_port()
        self.toml = folder / "gateway.toml"
        self.toml.write_text(
            f"""\
data = "data"

[enrolment]
host = "{HOST}"
port = {self.port}
url = "https://{HOST}:{self.port}"
cert = "tls/{HOST}.pem"
key = "tls/{HOST}.key"
broker_host = "broker.example"
{extra}
"""
        )
        self.ok("init")
        registry = folder / "registry.csv"
        registry.write_bytes(csv(*LINES))
        self.ok("registry", "import", str(registry))

    def with_authority(self) -> "Office":
        self.ok("ca", "init", "--root-key", str(self.folder / "root.key"))
        (self.folder / "root.key").rename(self.folder / "taken-away")
        self.ok("ca", "issue-server", HOST, "localhost", "--out", str(self.folder / "tls"))
        return self

    @property
    def config(self) -> GatewayConfig:
        return gateway_config.load(self.toml)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(gateway_main, [*words, "--config", str(self.toml)])

    def ok(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 1, result.output
        assert isinstance(result.exception, SystemExit)
        return result.stderr.strip()

    def invite(self, *words: str, house: str = HOUSE) -> Path:
        """A fresh invitation's file."""
        out = self.folder / "cards"
        before = set(out.glob("*"))
        self.ok("invite", "--house", house, "--out", str(out), *words)
        (made,) = set(out.glob("*")) - before
        return made

    @asynccontextmanager
    async def door(
        self, clock: Clock = system_clock, protocol: type[Brief] = Brief
    ) -> AsyncIterator[SqlStore]:
        """The real listener, as `plomba-gateway run` has it."""
        config = self.config
        assert config.enrolment is not None
        key = SigningKey.load(config.key_file)
        with (
            bound(config.enrolment) as listener,
            app.opened(config) as store,
            ThreadPoolExecutor(1) as executor,
            Looking(LOOKERS, READER) as looker,
        ):
            call = app.LedgerThread(executor)
            behind = door_of_devices(config, store, key, looker, call=call, clock=clock)
            serving = asyncio.create_task(serve(listener, behind, tls(config.enrolment), protocol))
            try:
                yield store
            finally:
                serving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await serving


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office").with_authority()


async def enrol(config: EdgeConfig) -> enrolled.Enrolled:
    """What the agent does at its first start."""
    assert config.enrolment is not None
    return await asyncio.to_thread(enrolment.enrol, config, config.enrolment.invitation)


async def command(config: EdgeConfig, *words: str) -> tuple[int, str, str]:
    """A command of plomba-edge beside a running door: its status, stdout and stderr."""
    path = config.device.state_dir.parent / "edge.toml"
    result = await asyncio.to_thread(CliRunner().invoke, edge_main, [*words, "--config", str(path)])
    return result.exit_code, result.stdout, result.stderr


def listed(office: Office, *words: str) -> list[dict[str, object]]:
    """What a list of the gateway's says."""
    found: list[dict[str, object]] = json.loads(office.ok(*words, "--json"))
    return found


def a_card(
    folder: Path,
    name: str = "edge-1",
    *,
    invitation: Path | None = None,
    house: str = "",
    key: str = "keys/device.key",
) -> EdgeConfig:
    """A device's configuration, with the invitation put where it looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    if invitation is not None:
        (folder / "invitation.json").write_bytes(invitation.read_bytes())
    path = folder / "edge.toml"
    path.write_text(
        f"""\
[device]
name = "{name}"
key = "{key}"
gateway_key = "keys/gateway.pem"
state_dir = "state"

[broker]
ca = "keys/ca.pem"
cert = "keys/device.pem"
cert_key = "keys/tls.key"

[enrolment]
invitation = "invitation.json"
house = "{house}"

[[lines]]
name = "house"
url = "tcp://{HOST}:1"
"""
    )
    return edge_config.load(path)
