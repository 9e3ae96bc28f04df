"""The running gateway: intake, upkeep and the page, wired together in one process.

One thread owns the ledger's writes; ingest, closing and hand-off take turns in it. The page reads
through connections of its own. Nothing here is kept in memory that a restart would miss, so the
process may be killed at any instant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AsyncExitStack,
    contextmanager,
)
from random import SystemRandom
from typing import Protocol, TypeVar

import structlog

from cloud_sync import mqtt
from cloud_sync.certificates import CertificateError
from cloud_sync.signing import KeyFileError, SigningKey
from gateway.audit import GATEWAY, Act
from gateway.balance.notices import NoticePort, gather
from gateway.broker.keeper import Keeper
from gateway.broker.model import RulesError
from gateway.broker.wired import keeper_of
from gateway.closing import close_next_due
from gateway.closing_records import Closing, EventMaker
from gateway.config import (
    BrokerConfig,
    ConfigError,
    GatewayConfig,
)
from gateway.gis.wired import exchange_of
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.handoff.targets import targets_of
from gateway.identity.model import IdentityError
from gateway.identity.wired import doorkeeper_of, refresh_crl
from gateway.ingest import Ingest
from gateway.intake import Intake
from gateway.people import retention
from gateway.people.retention import Kept
from gateway.profile import job
from gateway.sqlite.audit import SqliteAudit
from gateway.sqlite.balance import FactsLedger
from gateway.sqlite.billing import BillingLedger
from gateway.sqlite.broker import SpeakersLedger
from gateway.sqlite.gis import GisLedger
from gateway.sqlite.outbox import OutboxLedger
from gateway.sqlite.people import PeopleLedger, overwriting
from gateway.sqlite.profile import ProfileLedger
from gateway.sqlite.store import SqliteStore, open_store
from gateway.sqlite.word import WordLedger
from gateway.store import StoreError
from gateway.web.enrolment import Door, tls
from gateway.web.enrolment import serve as attend
from gateway.web.server import bound, serve
from gateway.wiring import Clock, source_of, system_clock
from gateway.word.courier import Courier

# How often periods and what is due are looked at: soon enough for a person who watches.
UPKEEP_S = 1.0
# How often it is asked whether a day is over or late readings of one came: nobody waits for that.
DAYS_S = 60.0

# Terms are counted in days.
RETENTION_S = 6 * 3600.0

log = structlog.get_logger()
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
        started(store, key, clock())
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
        closer = Closer(store, config, event_maker(source_of(key)))
        outbox = OutboxLedger(store.database)
        senders: list[Sender] = [Pump(outbox, [one], random, call) for one in targets]
        if config.gis_zhkh is not None:
            journal = GisLedger(store.database)
            exchange = exchange_of(config.gis_zhkh, journal, call)
            senders.append(await stack.enter_async_context(exchange))
        async with asyncio.TaskGroup() as group:
            group.create_task(intake.run())
            group.create_task(_upkeep(closer, call, clock))
            for sender in senders:
                group.create_task(_hand_over(sender, clock))
            group.create_task(_listen(FactsLedger(store.database), call))
            group.create_task(_check_days(store, call, clock))
            group.create_task(_expire(store, call, clock))
            if (section := config.broker_rules) is not None:
                speakers = SpeakersLedger(store.database.connection)
                keeper = keeper_of(config, section, speakers)
                group.create_task(_keep_rules(keeper, call, section.look_every_s))
            group.create_task(_keep_crl(config, store, call, clock))
            if page is not None:
                group.create_task(serve(page, config, clock))
            if door is not None and config.enrolment is not None:
                judge = Door(doorkeeper_of(config, store, key), call, clock)
                group.create_task(attend(door, judge.app(), tls(config.enrolment)))


def started(store: SqliteStore, key: SigningKey, now_ms: int) -> None:
    """Note with which key the gateway speaks from now on."""
    with store.transaction() as connection:
        told = ("", "", f"key {key.public.key_id.hex()}", "")
        SqliteAudit(connection).append(Act(now_ms, *GATEWAY, "start", *told))


@contextmanager
def opened(config: GatewayConfig) -> Iterator[SqliteStore]:
    """The ledger of a configuration, closed afterwards."""
    store = open_store(config.ledger_file)
    try:
        yield store
    finally:
        store.close()


class Closer:
    """Closes what is due, where the configuration asks for it."""

    def __init__(self, store: SqliteStore, config: GatewayConfig, event_of: EventMaker) -> None:
        self._ledger = BillingLedger(store.database)
        self._config = config
        self._event_of = event_of

    def __call__(self, now_ms: int) -> Closing | None:
        """Close one due period; None if there is none."""
        billing = self._config.billing
        if not billing.auto_close:
            return None
        return close_next_due(
            self._ledger,
            now_ms,
            grace_ms=billing.grace_s * 1000,
            targets=self._config.target_names,
            event_of=self._event_of,
        )


class Sender(Protocol):
    """What takes due lines to a target."""

    async def once(self, now_ms: int) -> object:
        """Do all that is due."""


async def _upkeep(closer: Closer, call: LedgerThread, clock: Clock) -> None:
    while True:
        try:
            await _close_due(closer, call, clock)
        except StoreError as error:
            log.warning("ledger cannot write", error=str(error))
        await asyncio.sleep(UPKEEP_S)


async def _hand_over(sender: Sender, clock: Clock) -> None:
    """Each target by itself: one that hangs, event after event, holds up nobody else."""
    while True:
        try:
            await sender.once(clock())
        except StoreError as error:
            log.warning("ledger cannot write", error=str(error))
        await asyncio.sleep(UPKEEP_S)


async def _keep_rules(keeper: Keeper, call: LedgerThread, every_s: float) -> None:
    """Keep the broker's rules at what the registry says; one complaint for each reason."""
    complaint = ""
    while True:
        try:
            if changed := await call(keeper.bring_up):
                log.info("broker's rules written", files=changed)
            await keeper.tell()
            complaint = ""
        except (RulesError, StoreError) as error:
            if str(error) != complaint:
                log.error("broker's rules are not up to date", error=str(error))  # noqa: TRY400 - a refusal to explain, not a bug to trace
            complaint = str(error)
        await asyncio.sleep(every_s)


async def _keep_crl(
    config: GatewayConfig, store: SqliteStore, call: LedgerThread, clock: Clock
) -> None:
    """Keep the revocation list young: a broker refuses everybody once it has expired."""
    while True:
        try:
            if await call(lambda: refresh_crl(config, store, clock())):
                log.info("revocation list made")
        except (CertificateError, IdentityError, KeyFileError, OSError, StoreError) as error:
            log.error("revocation list cannot be made", error=str(error))  # noqa: TRY400 - said in one line
        await asyncio.sleep(DAYS_S)


async def _listen(notices: NoticePort, call: LedgerThread) -> None:
    """Hear what meters say of themselves, a step at a time, so that ingest gets its turn."""
    while True:
        try:
            heard = await call(lambda: gather(notices))
        except StoreError as error:
            log.warning("ledger cannot write", error=str(error))
            heard = 0
        if not heard:
            await asyncio.sleep(UPKEEP_S)


async def _check_days(store: SqliteStore, call: LedgerThread, clock: Clock) -> None:
    """Check the days that are over, a few registers at a time, so that ingest gets its turn."""

    def step() -> job.Step | None:
        with store.transaction() as connection:
            days = ProfileLedger(connection)
            job.bring_up(days)
            return job.step(days, clock())

    while True:
        try:
            done = await call(step)
        except StoreError as error:
            log.warning("ledger cannot write", error=str(error))
            done = None
        if done is not None and done.done:
            log.info("day checked", house=done.house, day=done.day.isoformat())
        await asyncio.sleep(DAYS_S if done is None else UPKEEP_S / 20)


async def _expire(store: SqliteStore, call: LedgerThread, clock: Clock) -> None:
    """Let go of what was kept long enough, a step at a time."""

    def step() -> dict[Kept, int]:
        with overwriting(store.database) as connection:
            return retention.apply(PeopleLedger(connection), clock())

    while True:
        try:
            done = await call(step)
        except StoreError as error:
            log.warning("ledger cannot write", error=str(error))
            done = {}
        if done:
            log.info("kept long enough", **{kept.name.lower(): n for kept, n in done.items()})
        await asyncio.sleep(UPKEEP_S if done else RETENTION_S)


async def _close_due(closer: Closer, call: LedgerThread, clock: Clock) -> None:
    """Period by period, so that ingest gets its turn in between."""
    while closing := await call(lambda: closer(clock())):
        lines = len(closing.lines)
        log.info("period closed", house=closing.house, period=closing.period, lines=lines)


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
