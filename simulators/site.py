"""One house of a world on site: its meters on their lines, its device, and what befalls them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

from cloud_sync.signing import VerifyKey
from simulators.device_clock import DeviceClock
from simulators.house import House, Point
from simulators.lines import MemoryLink
from simulators.mbus_bus import MbusBus
from simulators.modbus_meter import ModbusBus
from simulators.mortality import Doom
from simulators.network import Broker
from simulators.processes import EdgeProcess, Parts
from simulators.truth import HOUR_MS, Span
from simulators.virtual_meter import hang
from simulators.weather import HOUR_S, MINUTE_S, Weather, outage_s
from simulators.witness import WitnessKey

# A device that was killed is back after its supervisor noticed; one without power, when it returns.
RESTART_S_MAX = 5 * MINUTE_S
POWER_AWAY_S_MAX = 6 * HOUR_S
# How long network time may be unreachable after a power cut.
CLOCK_UNSET_MS_MAX = 6 * HOUR_MS
# A stretch in which a device runs on a clock somebody set by hand, and wrongly.
WRONG_CLOCK_MS = 5 * HOUR_MS
WRONG_BY_MS = -40 * 60_000
# A fitter switches the device off, exchanges the meter, and switches it on again.
EXCHANGE_S = 20 * MINUTE_S


class Site:
    """A house with its device."""

    def __init__(
        self,
        house: House,
        folder: Path,
        *,
        gateway_key: VerifyKey,
        broker: Broker,
        now_ms: Callable[[], int],
        random: Callable[[str], Random],
        weather: Weather,
        parts: Parts,
    ) -> None:
        self.house = house
        self._now_ms = now_ms
        self._parts = parts
        self._random = random(f"{house.name}/site")
        self._hands_on = asyncio.Lock()
        self.buses: dict[str, MbusBus | ModbusBus] = {"modbus": ModbusBus([]), "mbus": MbusBus([])}
        for point in house.points:
            self._hang(point)
        self.links = {
            name: MemoryLink(bus, now_ms, random(f"{house.name}/{name}"), weather.line)
            for name, bus in self.buses.items()
        }
        self.clock = DeviceClock(now_ms, random(f"{house.name}/clock"))
        if weather.wrong_clock:
            self._let_clock_be_wrong()
        self.edge = EdgeProcess(
            house,
            folder,
            key=WitnessKey.of(random(f"{house.name}/key").randbytes(32)),
            gateway_key=gateway_key,
            clock=self.clock,
            links=self.links,
            broker=broker,
            random=random(f"{house.name}/agent"),
            parts=parts,
        )

    async def kill(self) -> None:
        """The agent's process ends at this moment and is started again."""
        async with self._hands_on:
            await self.edge.kill(self._random.choice((Doom.NOW, Doom.BEFORE_COMMIT)))
            await asyncio.sleep(outage_s(self._random, RESTART_S_MAX))
            self.edge.start(self._now_ms())

    async def cut_power(self) -> None:
        """The device goes dark; when it is back it does not know what time it is."""
        await self._without_power(outage_s(self._random, POWER_AWAY_S_MAX))

    async def go_dark(self, after_s: float, away_s: float) -> None:
        """Somebody has the fuse out for a long time; what the clerk learns meanwhile is late."""
        await asyncio.sleep(after_s)
        await self._without_power(away_s)

    async def _without_power(self, away_s: float) -> None:
        async with self._hands_on:
            await self.edge.kill()
            await asyncio.sleep(away_s)
            self.clock.boot(unset_ms=self._random.randrange(CLOCK_UNSET_MS_MAX))
            self.edge.start(self._now_ms())

    async def exchange(self, at_ms: int, point: Point, enter: Callable[[], None]) -> None:
        """Exchange a meter at `at_ms`; `enter` writes it into the registry."""
        await asyncio.sleep((at_ms - self._now_ms()) / 1000 - EXCHANGE_S / 2)
        async with self._hands_on:
            await self.edge.stop()
            await asyncio.sleep(max(at_ms - self._now_ms(), 0) / 1000)
            self._hang(point)
            enter()
            await asyncio.sleep(EXCHANGE_S / 2)
            self.edge.start(self._now_ms())

    def _hang(self, point: Point) -> None:
        """Put the meter that belongs at a point now on its line."""
        meter = point.meter_at(self._now_ms())
        if meter is not None:
            hang(point, self._parts.meter(meter), self.buses)

    def _let_clock_be_wrong(self) -> None:
        start_ms = self._now_ms() + self._random.randrange(24, 20 * 24) * HOUR_MS
        self.clock.wrong = Span(start_ms, start_ms + WRONG_CLOCK_MS)
        self.clock.wrong_by_ms = WRONG_BY_MS
