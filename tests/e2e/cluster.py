"""Everything three times, on one machine: NATS nodes, PostgreSQL nodes, and two collectors.

The programs, their configuration (tests/servers/nats.py) and the scripts are those of deploy/cloud
and docs/cluster.md; a fleet (simulators/fleet) is the load. Whatever leads can be killed and put
back.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.broker.model import Tls
from simulators.fleet.fleet import Fleet, Terms
from simulators.fleet.packets import Version
from simulators.fleet.place import Place
from simulators.fleet.preparing import Step
from tests.cloud_sync.brokers import HOST
from tests.servers import nats
from tests.servers.standbys import Standbys

NODES = ("m1", "m2", "m3")
PARTITIONS = 4
COLLECTORS = 2
# What MQTT keeps until every session it is for has acknowledged it: its leader is what is killed.
MESSAGES = "$MQTT_msgs"
START_S = 180.0
# By that name nodes know each other; a certificate for an address would not do.
AMONG = "localhost"


class Cluster(Place):
    """The place; PostgreSQL's nodes are made before it and end after it."""

    def __init__(self, folder: Path, databases: Standbys, devices: int) -> None:
        self.databases = databases
        self.nodes = {name: nats.Node(name, folder) for name in NODES}
        super().__init__(folder, devices, COLLECTORS, self._ledger_toml(folder))

    def set_up(self, meters: int, say: Callable[[str], None]) -> list[Step]:
        """As every place, and the nodes' files."""
        steps = super().set_up(meters, say)
        folder = self.folder / "nodes"
        self.command("ca", "issue-server", AMONG, "--node", "--out", str(folder))
        tls = Tls(
            self.folder / "data/ca/root.pem", folder / f"{AMONG}.pem", folder / f"{AMONG}.key"
        )
        routes = [f'"nats://{AMONG}:{node.route}"' for node in self.nodes.values()]
        for node in self.nodes.values():
            node.configure(tls, routes)
            shutil.copytree(self.folder / "rules", node.folder / "rules")
            # On one machine each node needs a port of its own.
            main = node.folder / "rules" / "plomba.conf"
            text = main.read_text()
            assert text.count(f"port: {self.device_port}\n") == 1
            main.write_text(text.replace(f"port: {self.device_port}\n", f"port: {node.mqtt}\n"))
        return steps

    def _ledger_toml(self, folder: Path) -> str:
        place = self.databases.place()
        assert place.password_file is not None
        password = folder / "owner.password"
        password.touch(mode=0o600)
        password.write_text(place.password_file.read_text())
        unsafe = "unsafe_without_fsync = true\n" if place.unsafe else ""
        return f'[ledger]\nserver = "{place.conninfo}"\npassword_file = "{password}"\n{unsafe}'

    def load(self, interval_s: float, seed: int) -> Fleet:
        """The fleet, each device at first with a node of its own turn."""
        first, *others = (node.mqtt for node in self.nodes.values())
        terms = Terms(
            *(HOST, first, self.devices, interval_s, Version.V311, self.tls),
            seed=seed,
            also=tuple((HOST, port) for port in others),
        )
        return Fleet(self.fleet, terms)

    async def start(self) -> None:
        """The nodes, then the collectors: the second one does nothing but collect."""
        await asyncio.gather(*map(self.start_node, NODES))
        await self.in_step()
        for name, what in zip(self.names, ("run", "collect"), strict=True):
            words = (sys.executable, "-m", "gateway", what, "--config", str(self._file_of(name)))
            await self._start(name, list(words))
        for name in self.names:
            await self._logged(name, "listening for batches")

    async def start_node(self, name: str) -> None:
        """A node of NATS, the first time or again after it was killed."""
        main = self.nodes[name].folder / "node.conf"
        await self._start(name, [str(nats.NATS_SERVER), "-c", str(main)])

    async def leader(self) -> str:
        """The node that leads the stream of messages, as soon as one does."""
        async with asyncio.timeout(START_S):
            while True:
                for node in self.nodes.values():
                    if found := await asyncio.to_thread(node.leader_of, MESSAGES):
                        return found
                await asyncio.sleep(0.2)

    async def in_step(self) -> None:
        """Until every node says that it is healthy."""
        async with asyncio.timeout(START_S):
            for node in self.nodes.values():
                while not await asyncio.to_thread(node.is_healthy):  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.2)

    def _toml(self, name: str) -> str:
        first, *others = (f"{HOST}:{node.mqtt}" for node in self.nodes.values())
        names = ", ".join(f'"{one}"' for one in self.names)
        return f"""\
data = "data"
[broker]
host = "{HOST}"
port = {first.rpartition(":")[2]}
also = {json.dumps(others)}
protocol = "3.1.1"
client_id = "{name}"
tls = {{ ca = "data/ca/root.pem", cert = "tls/{name}.pem", key = "tls/{name}.key" }}
[web]
enabled = false
[ingest]
partitions = {PARTITIONS}
{self._ledger}
[broker_rules]
engine = "nats"
directory = "rules"
ca = "data/ca/root.pem"
cert = "broker/{HOST}.pem"
key = "broker/{HOST}.key"
devices = {{ host = "{HOST}", port = {self.device_port}, connections_max = 1000 }}
collector_names = [{names}]
"""
