"""Several collectors on one PostgreSQL ledger behind a real mosquitto, and killed leaders."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud_sync import mqtt, topics
from cloud_sync.authority import Profile
from cloud_sync.signing import SigningKey
from gateway import periods
from gateway.collecting import secret_name
from gateway.config import LEDGER_FILE, BillingConfig
from gateway.postgres.place import Server
from gateway.wiring import system_clock
from tests.cloud_sync.brokers import HOST, free_port, needs_mosquitto
from tests.e2e.collectors import House, fresh
from tests.e2e.edges import Edge, running, settings_of, taking
from tests.e2e.place import until
from tests.gateway.broker.walls import Walls, walls
from tests.gateway.test_handoff_webhook import http, serving
from tests.gateway.town import HOUR_MS, SINCE_MS, Town
from tests.servers import ledgers, postgres

pytestmark = [pytest.mark.processes, *needs_mosquitto, pytest.mark.timeout(600)]

COLLECTORS = ("collector-1", "collector-2")
NAMES = tuple(f"edge-{number}" for number in range(6))
HOUSES, METERS = 5, 3
SHARED = """\
[ingest]
share = "collectors"
[web]
enabled = false
"""


@asynccontextmanager
async def _house(folder: Path, place: Server, more: str) -> AsyncIterator[House]:
    house = House(folder, place, more)
    try:
        yield house
    finally:
        await house.end()


def _edge(house: House, broker: Walls, name: str) -> Edge:
    doors = [(HOST, broker.plan.devices.port)]
    edge = Edge(
        house.folder, name, house.key.public, settings_of(name, doors, broker.realm.issue(name))
    )
    house.admit(name, edge.key)
    return edge


async def test_a_collector_killed_in_mid_group_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with (
        _house(tmp_path, postgres.server().database(), SHARED) as house,
        walls(tmp_path, *NAMES, collectors=COLLECTORS) as broker,
    ):
        for name in COLLECTORS:
            tls = broker.realm.issue(name, Profile.COLLECTOR)
            house.configure(name, [(HOST, broker.plan.collectors.port)], tls)
        edges = [_edge(house, broker, name) for name in NAMES]
        await asyncio.gather(house.start("collector-1"), house.start("collector-2", "collect"))
        for name in COLLECTORS:
            await house.said(name, "listening for batches")
        async with running(edges):
            async with taking(edges, every_s=0.05):
                await fresh(edges)
                await house.kill("collector-2")
                await fresh(edges)
                await house.start("collector-2", "collect")
                await house.said("collector-2", "listening for batches")
                await fresh(edges)
            await asyncio.gather(*(edge.receipted(edge.spool.head) for edge in edges))
            house.check(edges)
        # Every start is in the log of acts: two, and one again.
        assert _count(house, "SELECT count(*) FROM audit WHERE act = 'start'") == 3
        dealt = Counter(
            line.split("PUBLISH to ")[1].split(" ")[0]
            for line in broker.log.read_text().splitlines()
            if "Sending PUBLISH to collector" in line and "/batch'" in line
        )
        assert all(dealt[name] for name in COLLECTORS), dealt


async def test_a_device_cannot_take_batches_away_by_joining_the_group(tmp_path: Path) -> None:
    async with walls(tmp_path, "edge-1", "edge-2", collectors=COLLECTORS) as broker:
        own = broker.realm.issue(COLLECTORS[0], Profile.COLLECTOR)
        device, thief = broker.realm.issue("edge-1"), broker.realm.issue("edge-2")
        name = secret_name(SigningKey.generate(), "collectors")
        async with (
            mqtt.connect(broker.collector(own, COLLECTORS[0])) as collector,
            mqtt.connect(broker.device("edge-1", device)) as edge,
            mqtt.connect(broker.device("edge-2", thief)) as other,
        ):
            # mosquitto lets anybody join; what it would give to a device it drops.
            await other.subscribe(f"$share/collectors/{topics.ALL_BATCHES}")
            await collector.subscribe(f"$share/collectors/{topics.ALL_BATCHES}")
            assert len(await _sent(edge, collector)) < 20
            await collector.subscribe(f"$share/{name}/{topics.ALL_BATCHES}")
            assert len({*await _sent(edge, collector)}) == 20
    assert secret_name(SigningKey.from_seed(bytes(32)), "a") == secret_name(
        SigningKey.from_seed(bytes(32)), "a"
    )


async def _sent(edge: mqtt.CollectorTransport, collector: mqtt.CollectorTransport) -> list[bytes]:
    """Which of twenty batches reach the collector, by the end of them."""
    for number in range(20):
        await edge.publish(topics.batch_topic("edge-1"), b"%d" % number)
    await edge.publish(topics.state_topic("edge-1"), b"end", retain=True)
    await collector.subscribe(topics.ALL_STATES)
    arrived = []
    async with asyncio.timeout(60):
        async for message in collector.messages():
            if message.payload == b"end":
                return arrived
            arrived.append(message.payload)
    raise AssertionError


async def test_of_two_gateways_one_leads_and_when_it_is_killed_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    def heard(_event: str) -> bytes:
        if not asked.is_set():
            # Before its first answer is on the way: what it asked by then is all it asked.
            house.processes[leader].kill()
            asked.set()
        return http("200 OK")

    with ledgers.on_postgres(monkeypatch):
        place = ledgers.place(tmp_path / LEDGER_FILE)
        assert isinstance(place, Server)
        async with serving(heard) as billing, _two(tmp_path, place, billing.url) as house:
            leader = next(name for name in COLLECTORS if "leads=True" in house.log(name))
            other = next(name for name in COLLECTORS if name != leader)
            assert "leads=False" in house.log(other)
            _town(tmp_path)
            await asyncio.wait_for(asked.wait(), 60)
            await house.processes[leader].wait()
            await house.said(other, "] leads")
            await until(lambda: _count(house, _CLOSED) >= HOUSES * _months_over(), 240)
            await until(lambda: _count(house, _UNSETTLED) == 0, 240)
            # Each house has two periods over at least, each closed once, by one or the other.
            closed = house.store.database.connection.execute(
                "SELECT house_no, period, count(*) FROM written_closing GROUP BY 1, 2"
            ).fetchall()
            assert {times for *_, times in closed} == {1}
            months = Counter(house_no for house_no, _, _ in closed)
            assert sorted(months) == list(range(2, HOUSES + 2))
            assert len({*months.values()}) == 1
            assert months[2] >= 2
            handed = Counter(head["webhook-id"] for _, head, _ in billing.seen)
            lines = HOUSES * METERS * months[2]
            assert len(handed) == _count(house, "SELECT count(*) FROM event") == lines
            # A request that was answered when its sender died is made again under its own id.
            assert all(times <= 2 for times in handed.values())
            assert sum(times == 2 for times in handed.values()) <= 4


_CLOSED = "SELECT count(*) FROM written_closing"
_UNSETTLED = "SELECT count(*) FROM delivery WHERE state <> 'acknowledged'"


def _months_over() -> int:
    """How many periods of each house are to be closed by now; SINCE_MS begins the first one.

    They are closed one after another, and handed over beside it: for a moment it may look done.
    """
    zone, now_ms = ZoneInfo("Europe/Moscow"), system_clock() - BillingConfig().grace_s * 1000
    period, count = periods.containing(SINCE_MS, zone), 0
    while periods.bounds(period, zone).end_ms <= now_ms:
        period, count = periods.following(period), count + 1
    return count


def _count(house: House, question: str) -> int:
    return int(house.store.database.connection.execute(question).fetchone()[0])


@asynccontextmanager
async def _two(folder: Path, place: Server, url: str) -> AsyncIterator[House]:
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(bytes(range(32))).decode())
    secret.chmod(0o600)
    more = f"""\
[web]
enabled = false
[billing]
auto_close = true
[[billing.targets]]
kind = "webhook"
name = "erp"
url = "{url}"
secret_file = "{secret}"
timeout_s = 120
"""
    async with _house(folder, place, more) as house:
        for name in COLLECTORS:
            # Nobody needs a broker to close and hand over.
            house.configure_alone(name, free_port())
        await asyncio.gather(*(house.start(name) for name in COLLECTORS))
        yield house


def _town(folder: Path) -> None:
    """Houses with meters whose first two periods are over long ago."""
    town = Town(folder, targets=("erp",))
    with town.store.transaction():
        for number in range(2, HOUSES + 2):
            town.house(f"Дом {number}")
            for meter in range(METERS):
                serial = f"A{number}-{meter}"
                town.install(serial, town.point(f"P{number}-{meter}", str(meter), house_no=number))
                town.read(serial, SINCE_MS + HOUR_MS, 10_100)
    town.send()
    town.store.close()
