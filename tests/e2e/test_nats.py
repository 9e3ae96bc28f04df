"""Edges, three NATS nodes with TLS, two collectors, PostgreSQL: a node and a collector are killed.

What was receipted is in the ledger once, whatever died; docs/cluster.md has the figures.
"""

import asyncio
import time
from pathlib import Path

import pytest

from cloud_sync.authority import Profile
from tests.e2e.collectors import House, fresh
from tests.e2e.edges import Edge, running, settings_of, taking
from tests.servers import nats, postgres

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

EDGES = 6
COLLECTORS = ("collector-1", "collector-2")
MORE = f"""\
protocol = "3.1.1"
[ingest]
partitions = {nats.PARTITIONS}
[web]
enabled = false
"""


async def test_a_node_and_a_collector_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, postgres.server().database(), MORE)
    try:
        async with nats.cluster(tmp_path / "nats", house.speakers, COLLECTORS) as nodes:
            for name in COLLECTORS:
                tls = nodes.realm.issue(name, Profile.COLLECTOR)
                house.configure(name, nodes.doors(), tls)
            edges = [_edge(house, nodes, number) for number in range(EDGES)]
            await nodes.look()
            await asyncio.gather(*(house.start(name) for name in COLLECTORS))
            async with running(edges):
                async with taking(edges, every_s=0.2):
                    await fresh(edges)
                    # Both have devices: four partitions, two for each.
                    for name in COLLECTORS:
                        await house.said(name, "listening for batches", times=2)
                    await nodes.kill(await _leader(nodes))
                    began_s = time.monotonic()
                    await fresh(edges)
                    print(f"fresh again after a node's end: {time.monotonic() - began_s:.1f} s")  # noqa: T201 - pytest -s shows it
                    await house.kill(COLLECTORS[0])
                    await house.said(COLLECTORS[1], "leads")
                    await fresh(edges)
                    killed = next(n for n in nodes.nodes.values() if not n.is_running)
                    await nodes.start(killed.name)
                    await fresh(edges)
                await asyncio.gather(*(edge.receipted(edge.spool.head) for edge in edges))
                house.check(edges)
    finally:
        await house.end()


async def _leader(nodes: nats.Nodes) -> str:
    """The node that leads the stream of messages; between two leaders there is none."""
    async with asyncio.timeout(90):
        while not (name := nodes.leader_of("$MQTT_msgs")):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.2)
    return name


def _edge(house: House, nodes: nats.Nodes, number: int) -> Edge:
    name = f"edge-{number}"
    settings = settings_of(name, nodes.doors(), nodes.realm.issue(name), "3.1.1")
    edge = Edge(house.folder, name, house.key.public, settings)
    house.admit(name, edge.key)
    return edge
