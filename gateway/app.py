"""The running gateway: intake, upkeep, the page and the door, wired together in one process.

One thread owns the ledger's writes; ingest and upkeep (gateway/upkeep.py) take turns in it. The
page reads through connections of its own. Nothing here is kept in memory that a restart would
miss, so the process may be killed at any instant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from random import SystemRandom
from typing import TypeVar

from cloud_sync import mqtt
from cloud_sync.signing import SigningKey
from gateway.audit import GATEWAY, Act
from gateway.config import BrokerConfig, ConfigError, GatewayConfig
from gateway.gis.wired import exchange_of
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.handoff.targets import targets_of
from gateway.identity.wired import doorkeeper_of
from gateway.ingest import Ingest
from gateway.intake import Intake
from gateway.sql.audit import SqlAudit
from gateway.sql.gis import GisLedger
from gateway.sql.outbox import OutboxLedger
from gateway.sql.store import SqlStore, open_store
from gateway.sql.word import WordLedger
from gateway.upkeep import Sender, Upkeep
from gateway.web.enrolment import Door, tls
from gateway.web.enrolment import serve as attend
from gateway.web.server import bound, serve
from gateway.wiring import Clock, source_of, system_clock
from gateway.word.courier import Courier

T = TypeVar("T")


class LedgerThread:
    """The one thread that writes."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """The result of `work`, done in turn."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work)


async def run(config: GatewayConfig, clock: Clock = system_clock) -> None:
    """Run until cancelled.

    Raises ConfigError, KeyFileError or StoreError in one line before anything has started.
    """
    broker = _settings(config.broker)
    key = SigningKey.load(config.key_file)
    async with AsyncExitStack() as stack:
        page = stack.enter_context(bound(config.web)) if config.web.enabled else None
        door = stack.enter_context(bound(config.enrolment)) if config.enrolment else None
        store = stack.enter_context(opened(config))
        targets = await stack.enter_async_context(targets_of(config))
        call = LedgerThread(stack.enter_context(ThreadPoolExecutor(1, "ledger")))
        random = SystemRandom()
        intake = Intake(
            Ingest(store, key),
            lambda: mqtt.connect(broker),
            config.ingest,
            clock,
            random,
            call=call,
            courier=Courier(store, WordLedger(store.database.connection)),
        )
        outbox = OutboxLedger(store.database)
        senders: list[Sender] = [Pump(outbox, [one], random, call) for one in targets]
        if config.gis_zhkh is not None:
            journal = GisLedger(store.database)
            exchange = exchange_of(config.gis_zhkh, journal, call)
            senders.append(await stack.enter_async_context(exchange))
        upkeep = Upkeep(config, store, call, clock)
        attending: list[Callable[[], Coroutine[None, None, None]]] = []
        if page is not None:
            attending.append(partial(serve, page, config, clock))
        if door is not None and config.enrolment is not None:
            judge = Door(doorkeeper_of(config, store, key), call, clock)
            attending.append(partial(attend, door, judge.app(), tls(config.enrolment)))
        started(store, key, clock())
        async with asyncio.TaskGroup() as group:
            group.create_task(intake.run())
            for task in upkeep.tasks(event_maker(source_of(key))):
                group.create_task(task)
            for sender in senders:
                group.create_task(upkeep.hand_over(sender))
            for one in attending:
                group.create_task(one())


def started(store: SqlStore, key: SigningKey, now_ms: int) -> None:
    """Note with which key the gateway speaks from now on."""
    with store.transaction() as connection:
        told = ("", "", f"key {key.public.key_id.hex()}", "")
        SqlAudit(connection).append(Act(now_ms, *GATEWAY, "start", *told))


@contextmanager
def opened(config: GatewayConfig) -> Iterator[SqlStore]:
    """The ledger of a configuration, closed afterwards."""
    store = open_store(config.ledger_file)
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
    return mqtt.Settings(host=config.host, port=config.port, client_id=config.client_id, tls=tls)
