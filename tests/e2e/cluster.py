"""Everything three times, on one machine: NATS nodes, PostgreSQL nodes, and two collectors.

The programs, their configuration and the scripts are those of deploy/cloud and docs/cluster.md; a
fleet (simulators/fleet) is the load. Whatever leads can be killed and put back.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from simulators.fleet.fleet import Fleet, Terms
from simulators.fleet.packets import Version
from simulators.fleet.place import Place
from tests.cloud_sync.brokers import HOST, Authority, free_port
from tests.servers.standbys import Standbys

NODES = ("m1", "m2", "m3")
PARTITIONS = 4
COLLECTORS = 2
ROOT = Path(__file__).parents[2]
NATS = Path(sys.executable).with_name("nats-server")
# What MQTT keeps until every session it is for has acknowledged it: its leader is what is killed.
MESSAGES = "$MQTT_msgs"
START_S = 60.0


class Cluster(Place):
    """The place; PostgreSQL's nodes are made before it and end after it."""

    def __init__(self, folder: Path, databases: Standbys, devices: int) -> None:
        self.databases = databases
        self.mqtt = {name: free_port() for name in NODES}
        self._routes = {name: free_port() for name in NODES}
        self._http = {name: free_port() for name in NODES}
        # Nodes are server and client to each other, which no certificate of a broker may be.
        self._among = Authority(folder, "nodes").issue(HOST)
        super().__init__(folder, devices, COLLECTORS, self._ledger_toml(folder))

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
        first, *others = self.mqtt.values()
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
        main = self.folder / f"{name}.conf"
        # On one machine each node needs a port of its own.
        own = (self.folder / "rules/plomba.conf").read_text()
        listens = own.replace(f"port: {self.device_port}", f"port: {self.mqtt[name]}")
        (self.folder / f"rules/{name}.conf").write_text(listens)
        routes = ", ".join(f'"nats-route://{HOST}:{port}"' for port in self._routes.values())
        among = self._among
        tls = (
            f'tls {{ ca_file: "{among.ca}", cert_file: "{among.certificate}", '
            f'key_file: "{among.key}" }}'
        )
        main.write_text(
            f'server_name: {name}\nlisten: "{HOST}:-1"\nhttp: "{HOST}:{self._http[name]}"\n'
            f'jetstream {{ store_dir: "{self.folder}/{name}" }}\n'
            f'cluster {{ name: plomba, listen: "{HOST}:{self._routes[name]}", '
            f"routes: [{routes}], {tls} }}\n"
            f'include "rules/{name}.conf"\n'
        )
        await self._start(name, [str(NATS), "-c", str(main)])

    async def leader(self) -> str:
        """The node that leads the stream of messages, or the cluster as long as there is none."""
        async with asyncio.timeout(START_S):
            while True:
                for name in NODES:
                    found = await asyncio.to_thread(self._leading, name)
                    if found is not None:
                        return found
                await asyncio.sleep(0.2)

    async def in_step(self) -> None:
        """Until every node says that it is healthy: it leads, or has all that its leader has."""
        async with asyncio.timeout(START_S):
            for name in NODES:
                while not await asyncio.to_thread(self._is_healthy, name):  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.2)

    def _is_healthy(self, name: str) -> bool:
        told = self._asked(name, "healthz")
        return told is not None and told.get("status") == "ok"

    def _leading(self, name: str) -> str | None:
        told = self._asked(name, "jsz?accounts=1&streams=1") or {}
        for account in told.get("account_details", []):
            for stream in account.get("stream_detail", []):
                if stream["name"] == MESSAGES:
                    return stream.get("cluster", {}).get("leader") or None
        return told.get("meta_cluster", {}).get("leader") or None

    def _asked(self, name: str, what: str) -> dict[str, Any] | None:
        """What a node tells of itself; None where it tells nothing."""
        try:
            with urlopen(f"http://{HOST}:{self._http[name]}/{what}", timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
        except OSError:
            return None
        return told

    def _toml(self, name: str) -> str:
        first, *others = (f"{HOST}:{port}" for port in self.mqtt.values())
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
