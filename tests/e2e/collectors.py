"""Several collectors on one ledger of PostgreSQL, as processes that can be killed.

house = House(folder, postgres.server().database(), broker)     # ledger, key, registry
await house.start("c1"); await house.start("c2", "collect")     # `run`, or only intake
await house.kill("c1")                                          # SIGKILL
house.log("c2")                                                 # what it said
house.check(edges)                                              # each batch once, chains whole
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_sync import mqtt
from cloud_sync.signing import SigningKey
from gateway import registry
from gateway.postgres.place import Server
from gateway.sql.broker import SpeakersLedger
from gateway.sql.store import open_store
from tests.e2e.edges import Edge
from tests.e2e.place import until

ROOT = Path(__file__).parents[2]


class House:
    """A ledger, the gateway's key, and the processes; `more` is added to each configuration."""

    def __init__(self, folder: Path, place: Server, more: str = "") -> None:
        self.folder = folder
        self.place = place
        self._more = more
        self.store = open_store(place)
        self.speakers = SpeakersLedger(self.store.database.connection)
        self.key = SigningKey.generate()
        (folder / "data").mkdir()
        self.key.save(folder / "data" / "gateway.key")
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    def admit(self, name: str, key: SigningKey) -> None:
        """Register a device."""
        with self.store.transaction():
            registry.add_device_key(self.store, name, key.public, 0)

    def configure(self, name: str, doors: Sequence[tuple[str, int]], tls: mqtt.Tls) -> None:
        """The configuration of a collector."""
        (host, port), *also = doors
        others = ", ".join(f'"{other}:{number}"' for other, number in also)
        self._write(
            name,
            f"""host = "{host}"
port = {port}
also = [{others}]
client_id = "{name}"
tls = {{ ca = "{tls.ca}", cert = "{tls.certificate}", key = "{tls.key}" }}
""",
        )

    def configure_alone(self, name: str, port: int) -> None:
        """The configuration of a collector whose broker is not there."""
        self._write(name, f'host = "127.0.0.1"\nport = {port}\nwithout_tls = true\n')

    def _write(self, name: str, broker: str) -> None:
        (self.folder / f"{name}.toml").write_text(f"""\
data = "data"
[ledger]
server = "{self.place.conninfo}"
unsafe_without_fsync = true
[broker]
{broker}{self._more}""")

    async def start(self, name: str, command: str = "run") -> None:
        """Start a collector, and wait until it says that it runs."""
        words = (sys.executable, "-m", "gateway", command, "--config", f"{name}.toml")
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self._log(name).open("wb") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *words, cwd=self.folder, env=env, stdout=log, stderr=log
            )
        await self.said(name, "running")

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        process = self.processes[name]
        process.send_signal(number)
        return await process.wait()

    async def end(self) -> None:
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()
        self.store.close()

    def log(self, name: str) -> str:
        return self._log(name).read_text(errors="replace")

    async def said(self, name: str, words: str, times: int = 1) -> None:
        """Until a collector has said something so often."""

        def holds() -> bool:
            assert self.processes[name].returncode is None, self.log(name)
            return self.log(name).count(words) >= times

        await until(holds)

    def check(self, edges: Sequence[Edge]) -> None:
        """Each batch that an edge has numbered is in the ledger once, and its chain is whole."""
        for edge in edges:
            rows = self.store.database.connection.execute(
                "SELECT sequence, previous, hash FROM batch JOIN device USING (device_no)"
                " WHERE name = ? ORDER BY sequence",
                (edge.name,),
            ).fetchall()
            assert [row[0] for row in rows] == list(range(1, edge.spool.head + 1)), edge.name
            links = [bytes(32), *(bytes(row[2]) for row in rows)]
            assert [bytes(row[1]) for row in rows] == links[:-1], edge.name
            (readings,) = self.store.database.connection.execute(
                "SELECT count(*) FROM reading JOIN register USING (register_no)"
                " JOIN meter USING (meter_no) WHERE serial = ?",
                (f"m-{edge.name}",),
            ).fetchone()
            assert readings == edge.spool.head, edge.name

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


async def fresh(edges: Sequence[Edge]) -> None:
    """Until each edge has a receipt for something it took after this was called."""
    wanted = [(edge, edge.spool.head + 1) for edge in edges]
    await until(lambda: all(edge.spool.through >= number for edge, number in wanted), 180.0)
