"""The running gateway: intake, upkeep, the page and the door, wired together in one process.

One thread owns the ledger's writes; ingest and upkeep (gateway/upkeep.py) take turns in it. The
page reads through connections of its own. Nothing here is kept in memory that a restart would
miss, so the process may be killed at any instant.

On a ledger that takes many, any number of these processes run beside each other, and of
collectors, which do nothing but intake; what only one may do is done by the one that leads.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from random import Random, SystemRandom
from typing import NamedTuple, TypeVar

import structlog

from cloud_sync import mqtt
from cloud_sync.doors import door_of
from cloud_sync.signing import SigningKey
from gateway.audit import GATEWAY, Act
from gateway.collecting import Collecting
from gateway.config import BrokerConfig, ConfigError, GatewayConfig
from gateway.gis.wired import exchange_of
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.handoff.targets import targets_of
from gateway.ingest import Ingest
from gateway.leader import LEADER, Seating, seating_of
from gateway.photo.looking import Looking
from gateway.resident import wired as residents
from gateway.resident_web.server import serve as receive
from gateway.sql.audit import SqlAudit
from gateway.sql.gis import GisLedger
from gateway.sql.outbox import OutboxLedger
from gateway.sql.seats import table
from gateway.sql.store import SqlStore, open_store
from gateway.sql.word import WordLedger
from gateway.upkeep import Sender, Upkeep, kept_up
from gateway.verifying import Verifier, workers_of_machine
from gateway.visits import wired as visits
from gateway.web.enrolment import serve as attend
from gateway.web.enrolment import tls
from gateway.web.server import bound, serve
from gateway.web.visits_door import door_of_devices
from gateway.wiring import Clock, source_of, system_clock
from gateway.word.courier import Courier

T = TypeVar("T")
log = structlog.get_logger()
Task = Coroutine[None, None, None]


class LedgerThread:
    """The one thread that writes."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """The result of `work`, done in turn."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work)


class _House(NamedTuple):
    """What all parts of the process share."""

    config: GatewayConfig
    key: SigningKey
    store: SqlStore
    call: LedgerThread
    verifier: Verifier
    seating: Seating
    clock: Clock
    random: Random


async def run(config: GatewayConfig, clock: Clock = system_clock) -> None:
    """Run until cancelled.

    Raises ConfigError, KeyFileError or StoreError in one line before anything has started.
    """
    broker = _settings(config.broker)
    async with AsyncExitStack() as stack:
        page = stack.enter_context(bound(config.web)) if config.web.enabled else None
        door = stack.enter_context(bound(config.enrolment)) if config.enrolment else None
        resident = config.resident if config.resident and config.resident.enabled else None
        pages = stack.enter_context(bound(resident)) if resident else None
        house = await _moved_in(config, clock, stack, leads=True)
        tasks = [*_intake(house, broker), *await _upkeep(house, stack)]
        if page is not None:
            tasks.append(partial(serve, page, config, clock))
        if door is not None and config.enrolment is not None:
            looker = stack.enter_context(Looking(visits.LOOKERS, visits.READER))
            app = door_of_devices(
                *(config, house.store, house.key, looker), call=house.call, clock=clock
            )
            tasks.append(partial(attend, door, app, tls(config.enrolment)))
        if pages is not None and resident is not None:
            tasks.append(partial(receive, pages, config, resident, house.key, clock))
        await _live(house, tasks)


async def collect(config: GatewayConfig, clock: Clock = system_clock) -> None:
    """Only take batches in, beside a gateway that runs; until cancelled, as `run`."""
    broker = _settings(config.broker)
    if config.ledger is None:
        raise ConfigError(
            "ledger: missing; a ledger in a file has one collector, plomba-gateway run: more of"
            " them need PostgreSQL (docs/collectors.md)"
        )
    async with AsyncExitStack() as stack:
        house = await _moved_in(config, clock, stack, leads=False)
        await _live(house, list(_intake(house, broker)))


async def _moved_in(
    config: GatewayConfig, clock: Clock, stack: AsyncExitStack, *, leads: bool
) -> _House:
    key = SigningKey.load(config.key_file)
    store = stack.enter_context(opened(config))
    call = LedgerThread(stack.enter_context(ThreadPoolExecutor(1, "ledger")))
    verifier = stack.enter_context(Verifier(workers_of_machine()))
    join = partial(table, config.place)
    seating = await stack.enter_async_context(
        seating_of(join, config.ingest.partitions, leads=leads)
    )
    return _House(config, key, store, call, verifier, seating, clock, SystemRandom())


async def _live(house: _House, tasks: list[Callable[[], Task]]) -> None:
    started(house.store, house.key, house.clock())
    log.info("running", leads=house.seating.holds(LEADER))
    async with asyncio.TaskGroup() as group:
        group.create_task(house.seating.run())
        for task in tasks:
            group.create_task(task())


def _intake(house: _House, broker: mqtt.Settings) -> Iterator[Callable[[], Task]]:
    store, section = house.store, house.config.ingest
    collecting = Collecting(
        Ingest(store, house.key, verifier=house.verifier, meters_max=section.meters_max),
        broker,
        section,
        house.key,
        seating=house.seating,
        courier=Courier(store, WordLedger(store.database.connection)),
        call=house.call,
        clock=house.clock,
        random=house.random,
    )
    return collecting.tasks()


async def _upkeep(house: _House, stack: AsyncExitStack) -> list[Callable[[], Task]]:
    """The leader's tasks, and those of this machine."""
    config, store, call = house.config, house.store, house.call
    targets = await stack.enter_async_context(targets_of(config))
    outbox = OutboxLedger(store.database)
    senders: list[Sender] = [Pump(outbox, [one], house.random, call) for one in targets]
    if config.gis_zhkh is not None:
        journal = GisLedger(store.database)
        exchange = exchange_of(config.gis_zhkh, journal, call)
        senders.append(await stack.enter_async_context(exchange))
    upkeep = Upkeep(config, store, call, house.clock)
    work = [*upkeep.tasks(event_maker(source_of(house.key)))]
    work += [partial(upkeep.hand_over, sender) for sender in senders]
    asking = (store.database, house.key, config.resident, house.clock)
    work += [*residents.tasks_of(*asking, random=house.random, call=call)]
    sitting = [partial(house.seating.sit, LEADER, partial(kept_up, one)) for one in work]
    return [*sitting, *(partial(kept_up, one) for one in upkeep.here())]


def started(store: SqlStore, key: SigningKey, now_ms: int) -> None:
    """Note with which key the gateway speaks from now on."""
    with store.transaction() as connection:
        told = ("", "", f"key {key.public.key_id.hex()}", "")
        SqlAudit(connection).append(Act(now_ms, *GATEWAY, "start", *told))


@contextmanager
def opened(config: GatewayConfig) -> Iterator[SqlStore]:
    """The ledger of a configuration, closed afterwards."""
    store = open_store(config.place)
    try:
        yield store
    finally:
        store.close()


def _settings(config: BrokerConfig | None) -> mqtt.Settings:
    """How to reach the broker; ConfigError for certificates that cannot be used."""
    if config is None:
        raise ConfigError("broker: missing, plomba-gateway run needs to know where batches arrive")
    tls = None
    if config.tls is not None:
        tls = mqtt.Tls(ca=config.tls.ca, certificate=config.tls.cert, key=config.tls.key)
        try:
            tls.context()
        except mqtt.TlsError as error:
            raise ConfigError(f"broker.tls: {error}") from error
    return mqtt.Settings(
        host=config.host,
        port=config.port,
        also=tuple(map(door_of, config.also)),
        protocol=config.protocol,
        client_id=mqtt.client_id(config.client_id, config.protocol, tls),
        tls=tls,
    )
