"""A device before a visit: its configuration, a bus with meters, and time that is virtual."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random

from cloud_sync.signing import SigningKey
from drivers import profile
from drivers.driver import Link
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import ModbusProfile
from drivers.reading import ClockState
from edge.clock import UNKNOWN_ERROR_S, Stamp
from edge.visit.steps import Visiting
from simulators.clock import VirtualLoop
from simulators.clock import run as run_virtual
from simulators.lines import Bus, LineFaults, MemoryLink
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.shared_bus import SharedBus

DEVICE = "edge-1"
START_MS = 1_795_326_600_000
KEY = SigningKey.from_seed(bytes([7] * 32))
GATEWAY = SigningKey.from_seed(bytes([8] * 32))
BOOT = b"boot-one"
CONFIG = """\
# The house on the hill.
[device]
name = "edge-1"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "state"
timezone = "Europe/Moscow"

[broker]
host = "127.0.0.1"
without_tls = true

[[lines]]
name = "house"
url = "tcp://127.0.0.1:1"   # the box in the cellar
baud = 2400
turnaround_s = 0.1
"""


def a_device(folder: Path, config: str = CONFIG) -> Path:
    """The configuration of a device that has its key, in a folder."""
    path = folder / "edge.toml"
    path.write_text(config)
    KEY.save(folder / "device.key")
    (folder / "gateway.pem").write_bytes(GATEWAY.public.to_pem())
    return path


def cold(serial: str, litres: int = 123_456, address: int = 0) -> MbusMeter:
    """A cold water meter that tells its number."""
    model = profile.load("itron_cyble_cold")
    assert isinstance(model, MbusProfile)
    return MbusMeter(address, model, lambda _: {"8-0:1.0.0": litres}, serial)


def light(address: int, shown: int = 1_234_567, serial: int = 22_310_042) -> ModbusMeter:
    """A one-phase electricity meter that tells its number."""
    model = profile.load("eastron_sdm120")
    assert isinstance(model, ModbusProfile)
    values = {register.obis: 4 for register in model.registers} | {"1-0:1.8.0": shown}
    return ModbusMeter(address, model, lambda _: values, serial)


class Site:
    """A bus that can be changed while the visit goes on, and a clock that can be lost."""

    def __init__(self, *meters: MbusMeter | ModbusMeter, faults: LineFaults | None = None) -> None:
        self.faults = faults or LineFaults()
        self.state = ClockState.SYNCHRONISED
        self.boot = BOOT
        self.offset_ms = 0
        self.bus: Bus = SharedBus(())
        self.hang(*meters)

    def hang(self, *meters: MbusMeter | ModbusMeter) -> None:
        """From now on these meters hang there, and no others."""
        mbus = [one for one in meters if isinstance(one, MbusMeter)]
        modbus = [one for one in meters if isinstance(one, ModbusMeter)]
        self.bus = SharedBus((MbusBus(mbus), ModbusBus(modbus)))

    def open_link(self, url: str) -> Link:
        """Every line of the device is this bus."""
        del url
        return MemoryLink(self.bus, self._now_ms, Random(1), self.faults)

    def now(self) -> Stamp:
        """The device's clock, on the virtual loop's time."""
        error_s = 1 if self.state is ClockState.SYNCHRONISED else UNKNOWN_ERROR_S
        utc_ms = self._now_ms() + self.offset_ms
        return Stamp(utc_ms, self._now_ms() - START_MS, self.boot, self.state, error_s)

    async def sleep(self, duration_ms: int) -> None:
        """As a clock does."""
        await asyncio.sleep(duration_ms / 1000)

    def visiting(self, config: Path) -> Visiting:
        """The steps of a visit there, as a new process would have them."""
        return Visiting(config, clock=self, open_link=self.open_link)

    @staticmethod
    def _now_ms() -> int:
        try:
            return START_MS + round(asyncio.get_running_loop().time() * 1000)
        except RuntimeError:
            return START_MS


def play(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene in virtual time."""

    async def main(_: VirtualLoop) -> None:
        await scene()

    run_virtual(main, START_MS)


def keys(visiting: Visiting) -> Mapping[str, str]:
    """The keys of the visit's meters by their serials."""
    return {one.serial: key for key, one in visiting.open.meters.items()}
