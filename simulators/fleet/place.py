"""A whole place on this machine for a fleet: authority, mosquitto with its rules, collectors.

All real programs with the configuration of docs/broker.md: mutual TLS, rules from the registry, a
listener for devices and one for collectors. The folder and every process are gone at its end.
"""

import asyncio
import getpass
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import config as configuration
from gateway.config import GatewayConfig
from simulators.demo.brokers import HOST, free_port
from simulators.fleet import preparing
from simulators.fleet.fleet import allow_files
from simulators.fleet.folder import TLS_FOLDER, FleetError, Folder
from simulators.fleet.preparing import Step

START_S_MAX = 60.0
_COLLECTORS_MAX = 16
_BESIDE = 1000

Say = Callable[[str], None]


class Place:
    """The files and processes of one place."""

    def __init__(self, folder: Path, devices: int, collectors: int, ledger: str = "") -> None:
        self.folder = folder
        self.config_file = folder / "gateway.toml"
        self.fleet_folder = folder / "fleet"
        self.device_port, self.collector_port = free_port(), free_port()
        self.names = [f"collector-{number}" for number in range(1, collectors + 1)]
        self.pids: dict[str, int] = {}
        self.devices = devices
        self._ledger = ledger
        self._processes: list[asyncio.subprocess.Process] = []

    @property
    def config(self) -> GatewayConfig:
        """The first collector's configuration."""
        return configuration.load(self.config_file)

    @property
    def fleet(self) -> Folder:
        """The fleet that was prepared for it."""
        return Folder(self.fleet_folder)

    @property
    def tls(self) -> Path:
        """The certificates of the fleet."""
        return self.fleet_folder / TLS_FOLDER

    def set_up(self, meters: int, say: Say) -> list[Step]:
        """Make everything that stands before the first program runs; what took how long."""
        allow_files(self.devices + _BESIDE)
        for name in self.names:
            self._file_of(name).write_text(self._toml(name), encoding="utf-8")
        self.command("init")
        self.command("ca", "init", "--root-key", str(self.folder / "root.key"))
        self.command("ca", "issue-server", HOST, "--out", str(self.folder / "broker"))
        for name in self.names:
            self.command("ca", "issue-collector", name, "--out", str(self.folder / "tls"))
        plan = preparing.planned("fleet", self.devices, meters)
        steps = [*preparing.write(self.fleet_folder, plan, preparing.public_key(self.config))]
        steps.append(preparing.certify(self.fleet_folder, plan, self.config))
        steps += preparing.enter(self.fleet_folder, ["--config", str(self.config_file)])
        for step in steps:
            say(f"{step.what}: {step.number} in {step.seconds} s")
        self.command("broker", "rules")
        return steps

    async def start(self) -> None:
        """The broker, then the collectors."""
        await self.start_broker()
        for name in self.names:
            await self._start(name, [*_GATEWAY, "run", "--config", str(self._file_of(name))])
        for name in self.names:
            await self._logged(name, "listening for batches")

    async def start_broker(self) -> None:
        """mosquitto, again after it was killed."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
        if program is None:
            raise FleetError("mosquitto is not installed: apt-get install mosquitto")
        (self.folder / "store").mkdir(exist_ok=True)
        main = self.folder / "mosquitto.conf"
        main.write_text(
            f"pid_file {self.folder / 'pid'}\nlog_dest stderr\nlog_type error\nlog_type warning\n"
            f"log_type notice\nconnection_messages false\nuser {getpass.getuser()}\n"
            f"include_dir {self.folder / 'rules'}\n",
            encoding="utf-8",
        )
        await self._start("mosquitto", [program, "-c", str(main)])
        async with asyncio.timeout(START_S_MAX):
            while not await _listens(self.device_port):
                self._alive("mosquitto")
                await asyncio.sleep(0.05)

    async def kill(self, name: str) -> None:
        """SIGKILL to one of the programs."""
        os.kill(self.pids[name], signal.SIGKILL)
        for process in self._processes:
            if process.pid == self.pids[name]:
                await process.wait()

    def command(self, *words: str) -> None:
        """A command of the gateway; FleetError with its words if it fails."""
        preparing.ordered(*words, "--config", str(self.config_file))

    def all_run(self) -> None:
        """FleetError with its last words if one of the programs has ended."""
        for name in self.pids.keys() & {"mosquitto", *self.names}:
            self._alive(name)

    async def end(self) -> None:
        """End every program, collectors first."""
        for process in reversed(self._processes):
            if process.returncode is None:
                process.kill()
            await process.wait()

    def _file_of(self, name: str) -> Path:
        return self.config_file if name == self.names[0] else self.folder / f"{name}.toml"

    def _toml(self, name: str) -> str:
        names = ", ".join(f'"{one}"' for one in self.names)
        here = f'host = "{HOST}"'
        doors = self.devices + _BESIDE
        share = '[ingest]\nshare = "collectors"\n' if len(self.names) > 1 else ""
        return f"""\
data = "data"
[broker]
host = "{HOST}"
port = {self.collector_port}
client_id = "{name}"
tls = {{ ca = "data/ca/root.pem", cert = "tls/{name}.pem", key = "tls/{name}.key" }}
[web]
enabled = false
{share}{self._ledger}
[broker_rules]
directory = "rules"
ca = "data/ca/root.pem"
cert = "broker/{HOST}.pem"
key = "broker/{HOST}.key"
devices = {{ {here}, port = {self.device_port}, connections_max = {doors} }}
collectors = {{ {here}, port = {self.collector_port}, connections_max = {_COLLECTORS_MAX} }}
collector_names = [{names}]
store = "store"
pid_file = "pid"
"""

    async def _start(self, name: str, words: list[str]) -> None:
        with self._log(name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *words, cwd=Path(__file__).parents[2], stdout=log, stderr=log
            )
        self._processes.append(process)
        self.pids[name] = process.pid

    async def _logged(self, name: str, words: str) -> None:
        async with asyncio.timeout(START_S_MAX):
            while words not in self._log(name).read_text():
                self._alive(name)
                await asyncio.sleep(0.05)

    def _alive(self, name: str) -> None:
        for process in self._processes:
            if process.pid == self.pids[name] and process.returncode is not None:
                raise FleetError(f"{name} ended: {self._log(name).read_text()[-500:].strip()}")

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


_GATEWAY = (sys.executable, "-m", "gateway")


@asynccontextmanager
async def standing(place: Place) -> AsyncIterator[Place]:
    """The place running; everything it started is ended afterwards."""
    try:
        await place.start()
        yield place
    finally:
        await place.end()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
