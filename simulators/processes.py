"""The real edge agent and the real gateway as processes that can be killed, in one event loop.

A process is everything it holds in memory; what survives it are its files. Killing one shuts its
files first and cuts its connections, so that nothing it does while it is being taken apart can
reach the disk or the network, and only then cancels its tasks.

Everything a test may want to exchange for something broken comes through `Parts`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from cloud_sync import state, topics
from cloud_sync.signing import SigningKey, VerifyKey
from cloud_sync.transport import Message
from drivers import profile
from drivers.bus import Line
from edge import poller
from edge.agent import Agent
from edge.app import DRIVERS
from edge.poller import LinePlan
from edge.spool import FILE as SPOOL_FILE
from edge.spool import Spool
from gateway.closing import close_next_due
from gateway.config import IngestConfig
from gateway.handoff.event import event_maker
from gateway.handoff.pump import Pump
from gateway.ingest import Ingest
from gateway.intake import Intake
from gateway.sql.billing import BillingLedger
from gateway.sql.outbox import OutboxLedger
from gateway.sql.store import SqlStore
from simulators.billing_system import BillingSystem
from simulators.device_clock import DeviceClock
from simulators.house import House, Point
from simulators.lines import MemoryLink
from simulators.mortality import Doom, Executioner, Killed, MortalDatabase, mortal_store
from simulators.network import Broker
from simulators.truth import Meter
from simulators.witness import WitnessKey

LEDGER_FILE = "ledger.sqlite"
# A month of readings of a house is about 2 MB; the bound is never the point here.
SPOOL_BYTES_MAX = 64 * 1024 * 1024
INTERVAL_S = 2 * 3600
# How often the gateway looks for periods to close and lines to hand over.
UPKEEP_S = 3600.0
# Two hours after a month's end most spools have been drained; the others show what happens then.
CLOSE_GRACE_MS = 2 * 3_600_000
# Reports are for people; one a minute would be most of what a simulated month has to do.
REPORT_S = 6 * 3600.0
BAUD = 9600
# Who has not done anything in two rounds of reading is killed as it is.
DOOM_S_MAX = 2.0 * INTERVAL_S


@dataclass(frozen=True, kw_only=True)
class Parts:
    """How the parts of a world are made; a test exchanges one to see that it is noticed."""

    spool: Callable[[Path], Spool] = field(
        default=lambda folder: Spool(folder, max_bytes=SPOOL_BYTES_MAX, durability="off")
    )
    store: Callable[[Path], SqlStore] = mortal_store
    meter: Callable[[Meter], Meter] = field(default=lambda meter: meter)
    """What hangs on the line for a meter of the truth."""
    billing: type[BillingSystem] = BillingSystem
    forger_key: SigningKey | None = None
    """A key the forger has got hold of; its own if None."""


class EdgeProcess:
    """A device: its agent, while it runs, and what it keeps across restarts."""

    def __init__(
        self,
        house: House,
        folder: Path,
        *,
        key: WitnessKey,
        gateway_key: VerifyKey,
        clock: DeviceClock,
        links: dict[str, MemoryLink],
        broker: Broker,
        random: Random,
        parts: Parts,
    ) -> None:
        self.house = house
        self.folder = folder
        self.key = key
        self.clock = clock
        self._gateway_key = gateway_key
        self._links = links
        self._broker = broker
        self._random = random
        self._parts = parts
        self.deaths: list[str] = []
        """Why it ended although nobody ended it."""
        self._agent: Agent | None = None
        self._task: asyncio.Task[None] | None = None
        self.spool: Spool | None = None

    def start(self, now_ms: int) -> None:
        """Start the agent for the meters that hang there now."""
        self.spool = self._parts.spool(self.folder)
        self._agent = Agent(
            device=self.house.device,
            key=self.key,
            gateway_key=self._gateway_key,
            spool=self.spool,
            lines=[self._plan(name, link, now_ms) for name, link in self._links.items()],
            clock=self.clock,
            dial=partial(self._broker.connect, self.house.device, will=self._will()),
            zone=ZoneInfo(self.house.timezone),
            random=self._random,
            report_s=REPORT_S,
        )
        self._task = asyncio.create_task(self._agent.run(), name=self.house.device)

    async def stop(self) -> None:
        """An orderly end, as by systemctl stop."""
        if self._agent is None or self._task is None or self.spool is None:
            return
        self._agent.stop()
        # What an agent died of before is noted, and is not the business of whoever stops it.
        await asyncio.wait([self._task])
        self._note(self._task, expected=True)
        self.spool.close()
        self._agent = self._task = self.spool = None

    async def kill(self, doom: Doom = Doom.NOW) -> None:
        """An end at this very moment, or the next time `doom` comes."""
        if self._task is None or self.spool is None:
            return
        await _await_doom(self.key.executioner, doom)
        self._note(self._task)
        self.spool.close()
        self._broker.cut(self.house.device)
        await end(self._task)
        for link in self._links.values():
            await link.close()
        self._agent = self._task = self.spool = None

    @property
    def spool_file(self) -> Path:
        """The spool's database."""
        return self.folder / SPOOL_FILE

    def head(self) -> int:
        """The last sequence number given; 0 while it does not run."""
        return 0 if self.spool is None else self.spool.head

    def waiting(self) -> int:
        """How many batches wait for a receipt; 0 while it does not run."""
        return 0 if self.spool is None else self.spool.count()

    def delivered(self) -> int:
        """How many readings the spool was relieved of; 0 while it does not run."""
        return 0 if self.spool is None else self.spool.counters.delivered

    def look(self) -> None:
        """Note it if the agent has ended although nobody ended it."""
        if self._task is not None:
            self._note(self._task)

    def _note(self, task: asyncio.Task[None], *, expected: bool = False) -> None:
        death = died_of(task, expected=expected)
        self.deaths += [death] if death else []

    def _will(self) -> Message:
        return Message(topics.state_topic(self.house.device), state.encode(state.OFFLINE))

    def _plan(self, name: str, link: MemoryLink, now_ms: int) -> LinePlan:
        line = Line(link, baud=BAUD)
        points = [point for point in self.house.points if point.line == name]
        meters = (_meter(point, line, now_ms) for point in points)
        return LinePlan(name=name, meters=tuple(meter for meter in meters if meter is not None))


class GatewayProcess:
    """The gateway: intake, ingest, closing and hand-off on one ledger file."""

    def __init__(
        self,
        folder: Path,
        *,
        key: SigningKey,
        broker: Broker,
        billing: BillingSystem,
        now_ms: Callable[[], int],
        random: Random,
        parts: Parts,
    ) -> None:
        self.ledger_file = folder / LEDGER_FILE
        self._key = key
        self._broker = broker
        self._billing = billing
        self._now_ms = now_ms
        self._random = random
        self._parts = parts
        self.deaths: list[str] = []
        """Why parts of it ended although nobody ended them."""
        self._store: SqlStore | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Open the ledger and begin."""
        store = self._store = self._parts.store(self.ledger_file)
        intake = Intake(
            Ingest(store, self._key),
            connect=partial(self._broker.connect, "gateway"),
            config=IngestConfig(),
            clock=self._now_ms,
            random=self._random,
        )
        self._tasks = [
            asyncio.create_task(intake.run(), name="intake"),
            asyncio.create_task(self._upkeep(store), name="upkeep"),
        ]

    async def kill(self, doom: Doom = Doom.NOW) -> None:
        """An end at this very moment, or the next time `doom` comes."""
        if self._store is None:
            return
        database = self._store.database
        if isinstance(database, MortalDatabase):
            await _await_doom(database.executioner, doom)
        self.look()
        self._store.close()
        self._broker.cut("gateway")
        for task in self._tasks:
            await end(task)
        self._store, self._tasks = None, []

    def look(self) -> None:
        """Note it if a part of the gateway has ended although nobody ended it."""
        self.deaths += filter(None, map(died_of, self._tasks))

    async def _upkeep(self, store: SqlStore) -> None:
        """What `gateway.upkeep` does beside ingest, at a slower pace."""
        ledger = BillingLedger(store.database)
        pump = Pump(OutboxLedger(store.database), [self._billing], self._random)
        event_of = event_maker("urn:plomba:simulated-gateway")
        close = partial(
            close_next_due,
            ledger,
            grace_ms=CLOSE_GRACE_MS,
            targets=[self._billing.name],
            event_of=event_of,
        )
        while True:
            while close(self._now_ms()):
                pass  # A gateway that was away closes several, in order.
            await pump.once(self._now_ms())
            await asyncio.sleep(UPKEEP_S)


async def _await_doom(executioner: Executioner, doom: Doom) -> None:
    """Condemn a process and wait for its death, but not for ever: it may have nothing to do."""
    executioner.done.clear()
    executioner.doom = doom
    if doom is not Doom.NOW:
        with suppress(TimeoutError):
            await asyncio.wait_for(executioner.done.wait(), DOOM_S_MAX)
    executioner.doom = Doom.NOW


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone; what it says on the way out is nobody's business."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


def died_of(task: asyncio.Task[None], *, expected: bool = False) -> str | None:
    """Why a task has ended by itself; None if it runs, was ended, or returned as `expected`."""
    if not task.done() or task.cancelled():
        return None
    error = task.exception()
    if isinstance(error, Killed) or (error is None and expected):
        return None
    return f"{task.get_name()}: {error!r}" if error else f"{task.get_name()} returned"


def _meter(point: Point, line: Line, now_ms: int) -> poller.Meter | None:
    """One read of the meter that hangs at a point now, as `edge.app` wires it."""
    hanging = point.meter_at(now_ms)
    if hanging is None:
        return None
    model = profile.load(hanging.profile)
    # A meter that is selected by its number needs no other proof of who it is.
    is_mbus = model.protocol == "mbus" and isinstance(point.address, int)
    expect_id = hanging.serial if is_mbus else None
    read = partial(DRIVERS[model.protocol].read, line, model, point.address, expect_id=expect_id)
    return poller.Meter(serial=hanging.serial, read=read, interval_s=INTERVAL_S)
