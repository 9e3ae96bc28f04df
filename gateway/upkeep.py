"""What the running gateway does beside intake, again and again: a task for each.

Most of it only the leader does (gateway/leader.py). What belongs to a machine is done wherever it
is configured: the rules of the broker that stands there, and the revocation list of the authority
whose folder is there. Both are made from the ledger, so it matters to nobody who made them.

Each goes a step at a time and takes turns in the thread that owns the ledger's writes, so that
ingest gets its turn in between. A step that the ledger cannot write is told in the log and made
again; nothing is kept in memory that a restart would miss. What fails as nobody foresaw is told in
the log with its traceback and begun anew, and everything else goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Protocol

import structlog

from cloud_sync.certificates import CertificateError
from cloud_sync.signing import KeyFileError
from gateway.balance.notices import gather
from gateway.broker.keeper import Keeper
from gateway.broker.model import RulesError
from gateway.broker.wired import keeper_of
from gateway.closing import close_next_due
from gateway.closing_records import Closing, EventMaker
from gateway.config import BrokerRulesConfig, GatewayConfig, LedgerConfig
from gateway.handoff.pump import Caller
from gateway.history.keeping import beside
from gateway.identity.model import IdentityError
from gateway.identity.wired import refresh_crl
from gateway.people import retention
from gateway.people.retention import Kept
from gateway.photo.keeping import FOLDER, PhotoFiles
from gateway.profile import job
from gateway.sql import keeping
from gateway.sql.balance import FactsLedger
from gateway.sql.billing import BillingLedger
from gateway.sql.broker import SpeakersLedger
from gateway.sql.people import PeopleLedger, overwriting
from gateway.sql.photos import PhotosLedger
from gateway.sql.profile import ProfileLedger
from gateway.sql.store import SqlStore
from gateway.sql.visits import SqlOffice, VisitPhotos
from gateway.store import StoreError
from gateway.visits.keeping import settle
from gateway.visits.photos import sweep
from gateway.visits.wired import files_of
from gateway.wiring import Clock

# Work that fails at once, again and again, costs a traceback in the log each time.
DEFECT_S = 60.0
# How often periods and what is due are looked at: soon enough for a person who watches.
UPKEEP_S = 1.0
# How often it is asked whether a day is over or late readings of one came: nobody waits for that.
DAYS_S = 60.0
# A visit waits for the first batch with a known time: an installer looks at it after a minute.
VISITS_S = 20.0
# Terms are counted in days.
RETENTION_S = 6 * 3600.0
# Photos go some hours after their time is over; nobody waits for that either.
PHOTOS_S = 3600.0
# Months stand ready long before they are needed.
MONTHS_S = 12 * 3600.0

Task = Callable[[], Coroutine[None, None, None]]
"""What is begun, ended, and begun again as its seat comes and goes."""
Round = Callable[[], Awaitable[float]]
"""One round; it says in how many seconds the next one is due."""

log = structlog.get_logger()


class Sender(Protocol):
    """What takes due lines to a target."""

    async def once(self, now_ms: int) -> object:
        """Do all that is due."""


class Upkeep:
    """The tasks over `store`; `call` reaches the thread that writes it."""

    def __init__(self, config: GatewayConfig, store: SqlStore, call: Caller, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._call = call
        self._clock = clock
        self._notices = FactsLedger(store.database)

    def tasks(self, event_of: EventMaker) -> Iterator[Task]:
        """What only the leader does, but the hand-off: beside each other until cancelled."""
        closer = Closer(self._store, self._config, event_of)
        yield partial(again, lambda: self._close(closer), UPKEEP_S)
        yield partial(again, self._listen, UPKEEP_S)
        yield partial(again, self._check_days, DAYS_S)
        yield partial(again, self._expire, RETENTION_S)
        yield partial(again, self._settle_visits, VISITS_S)
        if (section := self._config.ledger) is not None:
            yield partial(again, partial(self._make_months, section), DAYS_S)
        yield from beside(self._config, self._store, self._call, self._clock)

    def here(self) -> Iterator[Task]:
        """What belongs to this machine, whoever leads."""
        yield self._keep_crl
        if (section := self._config.broker_rules) is not None:
            yield partial(self._keep_rules, section)
        if self._config.enrolment is not None:
            yield partial(again, self._sweep_visits, PHOTOS_S)
        if self._config.resident is not None:
            yield partial(again, self._sweep_photos, PHOTOS_S)

    async def hand_over(self, sender: Sender) -> None:
        """Each target by itself: one that hangs, event after event, holds up nobody else."""

        async def once() -> float:
            await sender.once(self._clock())
            return UPKEEP_S

        await again(once, UPKEEP_S)

    async def _close(self, closer: "Closer") -> float:
        """Period by period."""
        while closing := await self._call(lambda: closer(self._clock())):
            lines = len(closing.lines)
            log.info("period closed", house=closing.house, period=closing.period, lines=lines)
        return UPKEEP_S

    async def _listen(self) -> float:
        """Hear what meters say of themselves."""
        heard = await self._call(lambda: gather(self._notices))
        return 0.0 if heard else UPKEEP_S

    async def _make_months(self, section: LedgerConfig) -> float:
        """Have the partitions of the next months ready, on a connection of their own."""
        made = await asyncio.to_thread(
            keeping.ahead, section.writer_place, self._clock(), section.months_ahead
        )
        if made:
            log.info("months made", partitions=made)
        return MONTHS_S

    async def _check_days(self) -> float:
        """Check the days that are over, a few registers at a time."""

        def step() -> job.Step | None:
            with self._store.transaction() as connection:
                days = ProfileLedger(connection)
                job.bring_up(days)
                return job.step(days, self._clock())

        done = await self._call(step)
        if done is not None and done.done:
            log.info("day checked", house=done.house, day=done.day.isoformat())
        return DAYS_S if done is None else UPKEEP_S / 20

    async def _expire(self) -> float:
        """Let go of what was kept long enough."""

        def step() -> dict[Kept, int]:
            with overwriting(self._store.database):
                return retention.apply(PeopleLedger(self._store.database), self._clock())

        done = await self._call(step)
        if done:
            log.info("kept long enough", **{kept.name.lower(): n for kept, n in done.items()})
        return UPKEEP_S if done else RETENTION_S

    async def _sweep_photos(self) -> float:
        """Delete the files of photos that are not to be kept, and what a crash left."""
        files = PhotoFiles(self._config.data / FOLDER)
        kept = PhotosLedger(self._store.database)
        gone, said = 0, ""
        try:
            gone = await self._call(lambda: files.sweep(kept, self._clock()))
        except OSError as error:
            said = str(error)
        if said:
            log.error("photos cannot be deleted", error=said)
        if gone:
            log.info("photos deleted", files=gone)
        return UPKEEP_S if gone else PHOTOS_S

    async def _settle_visits(self) -> float:
        """Apply what waited for an earlier visit, or for the time of a boot."""
        done = await self._call(lambda: settle(SqlOffice(self._store), self._clock()))
        if done:
            log.info("visits applied that waited", events=done)
        return VISITS_S

    async def _sweep_visits(self) -> float:
        """Delete photos of visits that were kept long enough, and what a crash left."""
        files, kept = files_of(self._config.data), VisitPhotos(self._store.database)
        gone, said = 0, ""
        try:
            gone = await self._call(lambda: sweep(files, kept, self._clock()))
        except OSError as error:
            said = str(error)
        if said:
            log.error("photos of visits cannot be deleted", error=said)
        if gone:
            log.info("photos of visits deleted", files=gone)
        return UPKEEP_S if gone else PHOTOS_S

    async def _keep_crl(self) -> None:
        """Keep the revocation list young: a broker refuses everybody once it has expired."""
        while True:
            said = ""
            try:
                made = await self._call(
                    lambda: refresh_crl(self._config, self._store, self._clock())
                )
                if made:
                    log.info("revocation list made")
            except (CertificateError, IdentityError, KeyFileError, OSError, StoreError) as error:
                said = str(error)
            if said:
                log.error("revocation list cannot be made", error=said)
            await asyncio.sleep(DAYS_S)

    async def _keep_rules(self, section: BrokerRulesConfig) -> None:
        """Keep the broker's rules at what the registry says; one complaint for each reason."""
        speakers = SpeakersLedger(self._store.database.connection)
        keeper = keeper_of(self._config, section, speakers)
        complaint = ""
        while True:
            said = await self._bring_up(keeper)
            if said not in ("", complaint):
                log.error("broker's rules are not up to date", error=said)
            complaint = said
            await asyncio.sleep(section.look_every_s)

    async def _bring_up(self, keeper: Keeper) -> str:
        """Write the rules and tell the broker; why that cannot be done, empty where it was."""
        try:
            if changed := await self._call(keeper.bring_up):
                log.info("broker's rules written", files=changed)
            await keeper.tell()
        except (RulesError, StoreError) as error:
            return str(error)
        return ""


class Closer:
    """Closes what is due, where the configuration asks for it."""

    def __init__(self, store: SqlStore, config: GatewayConfig, event_of: EventMaker) -> None:
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


async def again(one: Round, rest_s: float) -> None:
    """`one` for ever: in as many seconds as it says, in `rest_s` where the ledger cannot write."""
    while True:
        try:
            pause_s = await one()
        except StoreError as error:
            log.warning("ledger cannot write", error=str(error))
            pause_s = rest_s
        await asyncio.sleep(pause_s)


async def kept_up(work: Task, *, again_s: float = DEFECT_S) -> None:
    """Have work beside intake go on until cancelled: a defect of ours in it ends no readings.

    It begins anew with what the ledger says, as after a restart.
    """
    while True:
        try:
            await work()
        except Exception:
            log.exception("a defect: work beside intake failed, it begins anew", in_s=again_s)
        await asyncio.sleep(again_s)
