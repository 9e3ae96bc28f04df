"""What systemd does for an edge device, in small: the agent comes back, a whole release is tried.

Real processes; the updater is the package's own, on folders of the test.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path

from tests.cloud_sync.brokers import HOST
from tests.e2e.place import until
from tests.edge.installer import ROOT

LIB = ROOT / "deploy/raspberry-pi/package/lib"
# Seconds: a first sign, the whole trial, well for so long, without a beat.
BOUNDS = ("50", "60", "14", "12")
# The program systemctl is here: it asks the supervisor and waits until it is done.
_SYSTEMCTL = """#!/bin/sh
case "$1" in
restart) touch "{folder}/restart"; while [ -e "{folder}/restart" ]; do sleep 0.05; done ;;
show) cat "{folder}/restarts" ;;
esac
"""


class Supervisor:
    """One device's services. Everything of it lies in `folder`."""

    def __init__(self, folder: Path, edge_config: Path) -> None:
        self.folder = folder
        self.prefix = folder / "opt"
        self.package = folder / "lib"
        self.state = folder / "state"
        self.log = folder / "edge.log"
        self._config = edge_config
        self._agent: asyncio.subprocess.Process | None = None
        self._updater: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._restarts = 0
        self.is_cut = False

    async def install(self, release: Path) -> None:
        """What the package does: the release beside root's programs, and built."""
        shutil.copytree(LIB, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(release, self.package / "release")
        program = self.folder / "systemctl"
        program.write_text(_SYSTEMCTL.format(folder=self.folder))
        program.chmod(0o755)
        words = [str(self.package / "install-release"), str(self.package / "release")]
        words += ["--prefix", str(self.prefix), "--arch", "amd64"]
        made = await asyncio.create_subprocess_exec(sys.executable, "-IB", *words)
        assert await made.wait() == 0

    def start(self) -> None:
        """As at boot."""
        self.is_cut = False
        self._tasks = [asyncio.create_task(self._agents()), asyncio.create_task(self._paths())]

    async def power_cut(self) -> None:
        """Everything ends at once, without a word."""
        self.is_cut = True
        for process in (self._updater, self._agent):
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        (self.folder / "restart").unlink(missing_ok=True)

    @property
    def current(self) -> str:
        """The version that is current."""
        return (self.prefix / "current").readlink().name

    def has_said(self, words: str) -> bool:
        """Whether that stands in the agent's log."""
        return self.log.exists() and words in self.log.read_text(errors="replace")

    async def _agents(self) -> None:
        """Restart=always."""
        self._count(0)
        while True:
            await self._run_agent()
            await asyncio.sleep(0.3)

    async def _run_agent(self) -> None:
        # As the program's own first line has it: not by way of `current`.
        python = self.prefix / "versions" / self.current / "bin/python"
        script = str(ROOT / "tests/e2e/updated_edge.py")
        words = ["-P", script, str(self._config)]
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with self.log.open("ab") as log:
            self._agent = await asyncio.create_subprocess_exec(
                python, *words, stdout=log, stderr=log, env=env
            )
        while self._agent.returncode is None:
            if (self.folder / "restart").exists():
                self._agent.terminate()
                try:
                    async with asyncio.timeout(15):
                        await self._agent.wait()
                except TimeoutError:
                    self._agent.kill()
                    await self._agent.wait()
                self._count(0)
                (self.folder / "restart").unlink()
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._agent.wait()
        self._count(self._restarts + 1)

    def _count(self, restarts: int) -> None:
        self._restarts = restarts
        (self.folder / "restarts").write_text(f"{restarts}\n")

    async def _paths(self) -> None:
        """plomba-update.path: PathExists at boot, then PathChanged."""
        ready, seen = self.state / "updates/ready", 0
        if ready.exists():
            seen = ready.stat().st_mtime_ns
        due = (self.prefix / "trial.json").exists()
        while True:
            with contextlib.suppress(FileNotFoundError):
                changed = ready.stat().st_mtime_ns
                due, seen = due or changed != seen, changed
            if due:
                await self._update()
            due = False
            await asyncio.sleep(0.1)

    async def _update(self) -> None:
        words = ["--state", str(self.state), "--prefix", str(self.prefix), "--arch", "amd64"]
        words += ["--systemctl", str(self.folder / "systemctl"), "--look", "0.2"]
        words += ["--bounds", *BOUNDS]
        with (self.folder / "update.log").open("ab") as log:
            self._updater = await asyncio.create_subprocess_exec(
                *(sys.executable, "-IB", str(self.package / "apply-update"), *words),
                stdout=log,
                stderr=log,
            )
        await self._updater.wait()

    async def updating(self) -> None:
        """Wait until a trial is under way."""
        await until((self.prefix / "trial.json").exists, 300)


def configuration(name: str, house: Path, broker_port: int, lines: int, interval_s: int) -> str:
    """An edge.toml as the package's, its package beside it."""
    return f"""\
[device]
name = "{name}"
key = "{house}/device.key"
gateway_key = "{house}/data/gateway.pem"
state_dir = "state"
package = "lib"
[broker]
host = "{HOST}"
port = {broker_port}
ca = "{house}/data/ca/root.pem"
cert = "{house}/device-tls.pem"
cert_key = "{house}/device-tls.key"
[[lines]]
name = "house"
url = "tcp://{HOST}:{lines}"
turnaround_s = 10
[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"
address = 1
interval_s = {interval_s}
"""
