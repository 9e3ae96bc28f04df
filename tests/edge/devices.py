"""An agent in virtual time: its clock, meters that answer or fail as told, and a gateway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from cloud_sync import batch, receipt, signing, state, topics
from cloud_sync.batch import GENESIS, Batch, chain_hash
from cloud_sync.receipt import Receipt
from cloud_sync.signing import Sealer, SigningKey
from cloud_sync.state import DeviceState
from cloud_sync.transport import Message
from drivers.driver import Answer
from drivers.reading import ClockState, MeterStatus, Readout, RegisterValue, Unit
from edge.agent import Agent
from edge.clock import UNKNOWN_ERROR_S, Stamp
from edge.poller import LinePlan, Meter
from edge.spool import Spool
from simulators.clock import VirtualLoop
from simulators.clock import run as run_virtual
from simulators.network import Broker, Faults

DEVICE = "edge-1"
KEY = SigningKey.from_seed(bytes([1] * 32))
GATEWAY = SigningKey.from_seed(bytes([2] * 32))
MOSCOW = ZoneInfo("Europe/Moscow")
# 2026-11-22T08:50:00+03:00, ten minutes before a quarter and fifteen hours before midnight.
START_MS = 1_795_326_600_000
MINUTE_MS = 60_000
BOOT = b"boot-one"


def run(scene: Callable[[VirtualLoop], Awaitable[None]]) -> None:
    """Play a scene from START_MS on, in virtual time."""

    async def main(loop: VirtualLoop) -> None:
        await scene(loop)

    run_virtual(main, START_MS)


class HandClock:
    """The wall clock of a virtual loop, to be set wrong by hand."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.offset_ms = 0
        self.state = ClockState.SYNCHRONISED

    def now(self) -> Stamp:
        uptime_ms = self._loop.now_ms() - START_MS
        error_s = 1 if self.state is ClockState.SYNCHRONISED else UNKNOWN_ERROR_S
        return Stamp(self._loop.now_ms() + self.offset_ms, uptime_ms, BOOT, self.state, error_s)

    async def sleep(self, duration_ms: int) -> None:
        await asyncio.sleep(min(duration_ms / 1000, 10))


class FakeMeter:
    """Counts how often it was asked, and answers with that number or raises what it is told."""

    def __init__(self, serial: str, loop: VirtualLoop, *, takes_s: float = 0.1) -> None:
        self.serial = serial
        self.fails: Exception | None = None
        self.asked_ms: list[int] = []
        self.raw = b"\x01"
        self._loop = loop
        self.takes_s = takes_s

    async def read(self) -> Answer:
        self.asked_ms.append(self._loop.now_ms())
        await asyncio.sleep(self.takes_s)
        if self.fails is not None:
            raise self.fails
        value = RegisterValue("1-0:1.8.0", len(self.asked_ms), 0, Unit.KWH)
        return Answer((value,), MeterStatus.OK, self.raw)

    def plan(self, *, interval_s: int = 900, raw: bool = False) -> Meter:
        return Meter(serial=self.serial, read=self.read, interval_s=interval_s, raw=raw)


class FakeGateway:
    """Stores what verifies and answers with cumulative receipts, while it is there."""

    def __init__(self, broker: Broker, key: Sealer) -> None:
        self.batches: dict[int, bytes] = {}
        self._key = key
        self._broker = broker

    async def run(self) -> None:
        async with self._broker.connect("gateway") as connection:
            await connection.subscribe(topics.ALL_BATCHES)
            async for message in connection.messages():
                sealed = signing.parse(message.payload)
                self._key.public.verify(sealed, topics.batch_topic(DEVICE))
                self.batches[batch.decode(sealed.payload).sequence] = message.payload
                await connection.publish(topics.receipt_topic(DEVICE), self._receipt(), retain=True)

    def _receipt(self) -> bytes:
        through = next(n for n in range(10**6) if n + 1 not in self.batches)
        digest = chain_hash(self.batches[through]) if through else GENESIS
        also = tuple((n, n) for n in sorted(self.batches) if n > through)[:64]
        told = Receipt(1, DEVICE, through, digest, also, (), 0)
        return GATEWAY.seal(receipt.encode(told), topics.receipt_topic(DEVICE))

    @property
    def decoded(self) -> list[Batch]:
        return [opened(message, self._key) for _, message in sorted(self.batches.items())]


class World:
    """One device with its broker and gateway."""

    def __init__(
        self, folder: Path, loop: VirtualLoop, *, max_bytes: int = 2**24, key: Sealer = KEY
    ) -> None:
        self.key = key
        self.loop = loop
        self.clock = HandClock(loop)
        self.broker = Broker(Random(1), Faults())
        self.gateway = FakeGateway(self.broker, key)
        self.folder = folder
        self.max_bytes = max_bytes
        self.spool = self._open_spool()

    def _open_spool(self) -> Spool:
        return Spool(self.folder, max_bytes=self.max_bytes, durability="off")

    def restart(self) -> None:
        """The process is gone, its files are not."""
        self.spool.close()
        self.spool = self._open_spool()

    def agent(self, *lines: list[Meter]) -> Agent:
        plans = [LinePlan(name=f"line-{n}", meters=tuple(m)) for n, m in enumerate(lines)]
        will = Message(topics.state_topic(DEVICE), state.encode(state.OFFLINE))
        return Agent(
            device=DEVICE,
            key=self.key,
            gateway_key=GATEWAY.public,
            spool=self.spool,
            lines=plans,
            clock=self.clock,
            dial=partial(self.broker.connect, DEVICE, will=will),
            zone=MOSCOW,
            random=Random(3),
        )

    @asynccontextmanager
    async def running(
        self, agent: Agent, *, gateway: bool = True
    ) -> AsyncIterator[asyncio.Future[None]]:
        """The agent (and the gateway) at work; both are ended however they stand."""
        tasks = [asyncio.ensure_future(agent.run())]
        if gateway:
            tasks.append(asyncio.ensure_future(self.gateway.run()))
        try:
            yield tasks[0]
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    def stored(self) -> list[Batch]:
        """What waits in the spool, opened."""
        numbers = self.spool.waiting(limit=10**6)
        messages = [self.spool.message(number) for number in numbers]
        return [opened(message, self.key) for message in messages if message is not None]

    def reported(self) -> DeviceState | None:
        """What the device says of itself at the moment."""
        retained = self.broker.retained_for(topics.state_topic(DEVICE))
        return state.decode(retained[0].payload) if retained else None


def opened(message: bytes, key: Sealer = KEY) -> Batch:
    sealed = signing.parse(message)
    key.public.verify(sealed, topics.batch_topic(DEVICE))
    return batch.decode(sealed.payload)


def readouts(batches: list[Batch], serial: str) -> list[Readout]:
    return [r for b in batches for r in b.readouts if r.meter == serial]


def minutes(moments_ms: list[int]) -> list[float]:
    """Moments as minutes since the start."""
    return [round((moment - START_MS) / MINUTE_MS, 2) for moment in moments_ms]
