"""The agent of an installed package beside a real gateway and broker, as its unit starts it."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.spool import SpoolError, glance
from tests.cloud_sync.brokers import HOST
from tests.deploy.debian import Root
from tests.e2e.place import DEVICE, Place, until
from tests.gateway.estate import csv

STATE = "var/lib/plomba"
# What systemd would set for WatchdogSec=3: pings come each second.
WATCHDOG_US = 3_000_000
# Emulated it begins and ends slowly.
WITHIN_S = 90.0
PLACES = {
    "device.key": "device.key",
    "data/gateway.pem": "gateway.pem",
    "data/ca/root.pem": "ca.pem",
    "device-tls.pem": "device.pem",
    "device-tls.key": "device-tls.key",
}


def configuration(broker_port: int, line_port: int) -> str:
    """edge.toml of the device, with what a card brings beside it."""
    return f"""\
[device]
name = "{DEVICE}"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "/{STATE}"
[broker]
host = "{HOST}"
port = {broker_port}
ca = "ca.pem"
cert = "device.pem"
cert_key = "device-tls.key"
[[lines]]
name = "house"
url = "tcp://{HOST}:{line_port}"
[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"
address = 1
interval_s = 5
"""


class Device:
    """A root with the package, its meter's line and a gateway that knows it."""

    def __init__(self, root: Root, place: Place, line_port: int) -> None:
        self.root = root
        self.place = place
        self._line_port = line_port

    async def prepare(self) -> None:
        """A gateway and a broker, a house with the meter, and what the device needs of them."""
        await self.place.authorise()
        await self.place.add_device(DEVICE)
        since = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
        meter = f"22310042,SDM,1-0:1.8.0,kWh,-2,8,13.8,{since},12340,{DEVICE}"
        flat = "A,Lenina 1,Europe/Moscow,101,1,A-1-E,dwelling,electricity"
        (self.place.folder / "registry.csv").write_bytes(csv(f"{flat},{meter}"))
        await self.place.run("registry", "import", str(self.place.folder / "registry.csv"))
        await self.place.open()
        for source, name in PLACES.items():
            shutil.copy(self.place.folder / source, self.state / name)
        text = configuration(self.place.devices, self._line_port)
        (self.state / "edge.toml").write_text(text)
        self.root.run("chown", "-R", "plomba:plomba", f"/{STATE}")
        self.root.run("chmod", "-R", "go=", f"/{STATE}")
        # As on a device whose clock has a battery: set-clock leaves this note at boot.
        (self.root.folder / "run/plomba-clock").mkdir(exist_ok=True)
        (self.root.folder / "run/plomba-clock/rtc").touch()

    @property
    def state(self) -> Path:
        """The state folder, from outside."""
        return self.root.folder / STATE

    def delivered(self) -> int:
        """How many batches the gateway has proved to hold."""
        try:
            seen = glance(self.state)
        except SpoolError:
            return 0  # The agent is just making its tables.
        return 0 if seen is None else seen.state.through

    async def balance(self) -> dict[str, int]:
        """What the gateway says of readings."""
        counts: dict[str, int] = json.loads(await self.place.run("balance", "--json"))
        return counts

    @asynccontextmanager
    async def running(self, log: Path) -> AsyncIterator[asyncio.Queue[str]]:
        """The agent as its unit starts it; what systemd would hear. It ends by SIGTERM, with 0."""
        with _systemd() as told:
            env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "WATCHDOG_USEC": str(WATCHDOG_US)}
            env["NOTIFY_SOCKET"] = f"@plomba-test-{os.getpid()}"
            with log.open("ab") as to:
                agent = await asyncio.create_subprocess_exec(
                    *self.root.starting(), env=env, stdout=to, stderr=to
                )
            try:
                yield told
                assert agent.returncode is None, said(log)
                agent.terminate()
                async with asyncio.timeout(WITHIN_S):
                    assert await agent.wait() == 0, said(log)
            finally:
                if agent.returncode is None:
                    agent.kill()
                    await agent.wait()


@contextmanager
def _systemd() -> Iterator[asyncio.Queue[str]]:
    """What it hears, heard at once.

    Its socket holds ten messages: an agent with one more to tell would wait, and read no meter.
    """
    told: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0plomba-test-{os.getpid()}")
        systemd.setblocking(False)
        loop.add_reader(systemd, lambda: told.put_nowait(systemd.recv(4096).decode()))
        try:
            yield told
        finally:
            loop.remove_reader(systemd)


def said(log: Path) -> str:
    """The end of what a program said."""
    return log.read_text("utf-8")[-2000:]


async def hears(systemd: asyncio.Queue[str], message: str) -> None:
    """Wait until systemd would have heard something."""
    async with asyncio.timeout(WITHIN_S):
        while await systemd.get() != message:
            pass


__all__ = ["Device", "configuration", "hears", "until"]
