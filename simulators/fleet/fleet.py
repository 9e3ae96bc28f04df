"""N devices in one event loop: who connects when, what is watched, and when all of it ends.

Devices act by themselves (device.py). Here is what a fleet does as a whole: it lets a bounded
number connect at once (one process has to make all their handshakes, which in the field each device
makes for itself), looks after quiet connections, cuts them all in a storm, and waits at the end
until everything that was sealed has its receipt.
"""

import asyncio
import resource
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from cloud_sync.delivery import BACKLOG_PER_S
from simulators.fleet.device import Device, Habits
from simulators.fleet.figures import Figures
from simulators.fleet.folder import CA_FILE, FleetError, Folder
from simulators.fleet.link import Road, tls_context
from simulators.fleet.meters import Cabinet
from simulators.fleet.packets import Version

# Handshakes under way at once: enough to keep the broker busy; mosquitto lets 100 wait at its door.
CONNECTING_MAX = 100
LOOK_S, TURN_S = 1.0, 0.02
# Nothing a fleet waits for takes half of it: ten thousand come back within some minutes.
WAIT_S_MAX = 1800.0
# Beside the connections: the program's own files, and room.
FILES_BESIDE = 100
_BOOT = b"fleetrun"


class Terms(NamedTuple):
    """How a fleet is to run. `tls` is the folder of certificates, None for a road in clear."""

    host: str
    port: int
    devices: int
    interval_s: float
    version: Version = Version.V5
    tls: Path | None = None
    backlog_h: float = 0.0
    backlog_per_s: float = BACKLOG_PER_S
    seed: int = 0
    also: tuple[tuple[str, int], ...] = ()
    """Other doors of the same broker."""


class Storm(NamedTuple):
    """What a reconnect storm was like, in seconds after the cut."""

    cut: int
    all_back_s: float
    all_receipted_s: float
    connections: int
    """How many connections it took."""

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()


class Fleet:
    """The devices of a folder, or the first of them."""

    def __init__(self, folder: Folder, terms: Terms) -> None:
        allow_files(terms.devices)
        self.figures = Figures()
        self.terms = terms
        self._folder = folder
        self._queue: deque[Device] = deque()
        self._beside: list[asyncio.Task[None]] = []
        self._sealing = True
        self._begun_s = time.monotonic()
        context = None if terms.tls is None else _context(terms.tls)
        habits = Habits(
            Road(terms.host, terms.port, terms.version, context, terms.also),
            folder.gateway_key,
            round(terms.interval_s * 1000),
            Random(terms.seed),
            self.figures,
            self._device_ms,
            terms.backlog_per_s,
            self._queue.append,
        )
        standings = folder.take_history(terms.devices)[: terms.devices]
        begin_ms = _now_ms() - round(terms.backlog_h * 3_600_000)
        boot = (_BOOT, folder.plan.since_ms)
        self.devices: list[Device] = []
        for number, standing in enumerate(standings):
            phase_ms = habits.random.randrange(max(1, habits.interval_ms))
            standing.next_ms = max(standing.next_ms, begin_ms + phase_ms)
            plan = folder.plan
            cabinet = Cabinet(
                plan.device(number), plan.serials(number), folder.seed(number), plan.since_ms, boot
            )
            identity = None if terms.tls is None else folder.identity(number, terms.tls)
            self.devices.append(Device(number, cabinet, standing, habits, identity))

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Connect, do `work`, and put the devices' history back whatever happens."""
        self._queue.extend(self.devices)
        self._beside = [asyncio.create_task(self._connect()), asyncio.create_task(self._look())]
        try:
            await work()
        finally:
            for task in self._beside:
                task.cancel()
            await asyncio.gather(*self._beside, return_exceptions=True)
            for device in self.devices:
                device.stop()
            self._folder.put_back([device.standing for device in self.devices])

    async def all_up(self) -> None:
        """Wait until every device is connected."""
        await self._until(lambda: self.figures.up == len(self.devices))

    async def caught_up(self) -> None:
        """Wait until no device is behind by more than what has just become due."""
        await self._until(lambda: all(one.due(_now_ms()) <= 1 for one in self.devices))

    async def drain(self, within_s: float) -> None:
        """Take no more readings, and wait until everything has its receipt or time is over."""
        self._sealing = False
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._until(lambda: not any(one.standing.kept for one in self.devices))

    async def storm(self, away: Callable[[], Awaitable[None]] | None = None) -> Storm:
        """Cut every connection at once, and wait until all are back and what was is receipted.

        `away`: what cuts them, such as a broker that ends and is there again; else they are cut at
        the devices' end.
        """
        begun_s = time.monotonic()
        heads = [device.standing.head for device in self.devices]
        before, up = self.figures.connections, self.figures.up
        if away is not None:
            await away()
            # A socket learns of its end at the next turn of the loop.
            await self._until(lambda: self.figures.connections > before)
        else:
            self._cut()
        await self.all_up()
        back_s = time.monotonic() - begun_s
        await self._until(lambda: _receipted(self.devices, heads))
        took_s = time.monotonic() - begun_s
        connections = self.figures.connections - before
        return Storm(up, round(back_s, 1), round(took_s, 1), connections)

    def _cut(self) -> None:
        for device in self.devices:
            if device.link is not None:
                device.link.cut()

    def document(self) -> dict[str, Any]:
        """What the fleet has seen so far."""
        seconds = time.monotonic() - self._begun_s
        kept = sum(len(device.standing.kept) for device in self.devices)
        refused = sum(device.sender.refused.total() for device in self.devices)
        return {
            "devices": len(self.devices),
            "seconds": round(seconds, 1),
            **self.figures.document(),
            "batches_resent": sum(one.sender.counters["resent"] for one in self.devices),
            "batches_without_receipt": kept,
            "batches_due": sum(device.due(_now_ms()) for device in self.devices),
            "receipts_refused": refused,
            "readings_per_s": round(self.figures.readings_receipted / seconds, 1),
        }

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Look again and again: ten thousand devices, none of which knows of the others."""
        ends_s = time.monotonic() + WAIT_S_MAX
        while not holds():
            for task in self._beside:
                if task.done():
                    task.result()  # what ended it; nobody else would tell
            if time.monotonic() > ends_s:
                raise FleetError(f"waited {WAIT_S_MAX:.0f} s in vain: {self.document()}")
            await asyncio.sleep(0.1)

    async def _connect(self) -> None:
        while True:
            while self._queue and self.figures.connecting < CONNECTING_MAX:
                self._queue.popleft().connect()
            await asyncio.sleep(TURN_S)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = loop.time()
            for device in self.devices:
                device.look(now_s)

    def _device_ms(self) -> int:
        """The devices' clock; when no more is to be sealed, nothing is due by it."""
        return _now_ms() if self._sealing else 0


def _context(tls: Path) -> ssl.SSLContext:
    try:
        return tls_context(tls / CA_FILE)
    except OSError as error:
        raise FleetError(
            f"no certificates in {tls}, fleet prepare --tls makes them: {error}"
        ) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _receipted(devices: Sequence[Device], heads: Sequence[int]) -> bool:
    return all(one.standing.through >= head for one, head in zip(devices, heads, strict=True))


def allow_files(connections: int) -> None:
    """Let this process, and those it starts, have a file descriptor for each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files_for(connections, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def files_for(connections: int, hard: int) -> int:
    """How many descriptors that takes; FleetError where the hard limit is below."""
    wanted = connections + FILES_BESIDE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise FleetError(
            f"{connections} connections need {wanted} file descriptors, {hard} are allowed here: "
            f"run ulimit -Hn {wanted} as root before, or set LimitNOFILE={wanted} in the unit"
        )
    return wanted
