"""Whatever leads is killed (-9) under load, again and again; nothing receipted is lost or doubled.

Three NATS nodes, three PostgreSQL nodes, two collectors, a fleet. A supervisor does what the pages
tell an operator to do: the documented failover for PostgreSQL, a start for a node that died.
`make kills` kills ten times and prints what it saw; the test among the others kills twice.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.sql.engine import snapshot
from simulators.fleet.check import check
from simulators.fleet.fleet import Fleet
from tests.e2e.cluster import Cluster
from tests.servers import standbys
from tests.servers.standbys import Standbys

pytestmark = [pytest.mark.processes, pytest.mark.timeout(3000)]
ASKED = int(os.environ.get("PLOMBA_KILLS", "0"))
KILLS = ASKED or 2
DEVICES, INTERVAL_S = 100, 1.0
# The promise, judged where it was asked for; among the other tests no clock decides.
BACK_S = 15.0
PATIENCE_S = 300.0
# A device's connection that held for half a minute was a good one: after its end the device waits
# a second before it comes back, and longer after a shorter one (cloud_sync/delivery.py).
CALM_S = 32.0 if ASKED else 1.0


class Back(NamedTuple):
    """A kill, and after how many seconds a batch sealed after it was receipted.

    Of the first device, of half of them: the flow is back, and of all, who wait each in its turn.
    """

    killed: str
    first_s: float
    half_s: float
    all_s: float


async def back(fleet: Fleet, heads: list[int], begun_s: float) -> tuple[float, float, float]:
    """Until each device has a receipt for something that it sealed after the kill."""
    reached: list[float] = []
    goals = [1, len(heads) // 2, len(heads)]
    async with asyncio.timeout(PATIENCE_S):
        while goals:
            pairs = zip(fleet.devices, heads, strict=True)
            count = sum(device.standing.through > head for device, head in pairs)
            while goals and count >= goals[0]:
                goals.pop(0)
                reached.append(round(time.monotonic() - begun_s, 1))
            await asyncio.sleep(0.05)
    first_s, half_s, all_s = reached
    return first_s, half_s, all_s


class Supervisor:
    """Kills what leads, and does what is written down for that."""

    def __init__(self, cluster: Cluster, fleet: Fleet) -> None:
        self._cluster = cluster
        self._fleet = fleet

    async def kill_database(self) -> Back:
        databases = self._cluster.databases
        name = await asyncio.to_thread(databases.leader)
        seen = await self._killed(
            f"PostgreSQL {name}",
            asyncio.to_thread(databases.kill, name),
            lambda: asyncio.to_thread(databases.failover),
        )
        await asyncio.to_thread(databases.rejoin, name)
        await asyncio.to_thread(databases.wait_in_step, 2)
        return seen

    async def kill_broker(self) -> Back:
        name = await self._cluster.leader()
        seen = await self._killed(f"NATS {name}", self._cluster.kill(name))
        await self._cluster.start_node(name)
        await self._cluster.in_step()
        return seen

    async def _killed(
        self,
        what: str,
        kill: Coroutine[Any, Any, None],
        then: Callable[[], Coroutine[Any, Any, object]] | None = None,
    ) -> Back:
        begun_s = time.monotonic()
        await kill
        heads = [device.standing.head for device in self._fleet.devices]
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(back(self._fleet, heads, begun_s))
            if then is not None:
                await then()
        return Back(what, *watching.result())


@pytest.fixture
def databases() -> Iterator[Standbys]:
    with standbys.started(fsync=bool(ASKED)) as nodes:
        yield nodes


async def played(
    cluster: Cluster, tell: Callable[[Back], None]
) -> tuple[list[Back], dict[str, Any]]:
    """What each kill did to the flow, and how the fleet fared."""
    fleet = cluster.load(INTERVAL_S, seed=KILLS)
    supervisor = Supervisor(cluster, fleet)
    seen: list[Back] = []

    async def work() -> None:
        await fleet.all_up()
        for turn in range(KILLS):
            await asyncio.sleep(CALM_S)
            kill = supervisor.kill_broker if turn % 2 else supervisor.kill_database
            seen.append(await kill())
            tell(seen[-1])
            cluster.all_run()
        await asyncio.sleep(CALM_S)
        await fleet.drain(PATIENCE_S)

    await fleet.run(work)
    return seen, fleet.document()


async def test_leaders_killed_under_load_lose_and_double_nothing(
    tmp_path: Path, databases: Standbys, capsys: pytest.CaptureFixture[str]
) -> None:
    def tell(what: object) -> None:
        if ASKED:
            with capsys.disabled():
                print(what, flush=True)  # noqa: T201 - what was asked for

    cluster = Cluster(tmp_path, databases, DEVICES)
    cluster.set_up(1, lambda _said: None)
    try:
        await cluster.start()
        seen, fared = await played(cluster, tell)
    finally:
        await cluster.end()
    with snapshot(cluster.config.place) as sql:
        found = check(sql, cluster.fleet.plan, cluster.fleet.history())
    tell(json.dumps({"fleet": fared, "ledger": found}))
    assert fared["batches_without_receipt"] == 0
    assert found["receipted"] == found["batches"] == fared["batches_signed"] > 0
    for what in ("lost", "doubled", "broken", "readings_missing"):
        assert found[what] == 0, (what, found, seen)
    if ASKED:
        assert max(one.half_s for one in seen) <= BACK_S, seen
