"""A device in a riser: a bus with virtual meters, points that wait, the label's code, the page.

The page asks the bus by a link on which no time decides who is heard: an answer is there with the
question, and silence is known at once. The port of the line is for an agent beside it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cloud_sync import points as wire
from cloud_sync.points import Points, WaitingPoint
from cloud_sync.signing import SigningKey
from drivers import profile
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import ModbusProfile
from drivers.reading import ClockState, Resource
from edge.clock import UNKNOWN_ERROR_S, Clock, Stamp, SystemClock
from edge.page.app import create_app
from edge.page.desk import Desk
from edge.page.server import bound, server_of
from edge.page.serving import desk_of
from edge.visit.binding import FILE as POINTS_FILE
from edge.visit.steps import Visiting
from simulators.lines import Bus, serve
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.shared_bus import SharedBus

HOST = "127.0.0.1"
# Whoever hears nothing lets the rest of the page go on.
SILENCE_S = 0.001
# A search has been through all M-Bus meters when it first asks this unit; none of their frames
# begins so.
FIRST_MODBUS = 1
CODE = "K7TD-4MPX"
DEVICE = "riser-1"
HOUSE = "Лесная ул., 5"
GATEWAY = SigningKey.from_seed(bytes([7] * 32))


class Hung(NamedTuple):
    """A meter on the bus: its model, number, primary address, what its first register shows."""

    model: str
    number: int
    address: int
    shows: int


METERS = (
    Hung("zenner_edc_cold", 11020431, 11, 123_456),
    Hung("zenner_edc_hot", 11020432, 12, 98_765),
    Hung("kamstrup_multical", 67305512, 13, 45_678),
)
POWER = Hung("eastron_sdm120", 0, 1, 1_234_567)


class Unset(SystemClock):
    """The system's clock as on a device that nobody has told the time."""

    def now(self) -> Stamp:
        return super().now()._replace(state=ClockState.RELATIVE, error_s=UNKNOWN_ERROR_S)


class Values:
    """What the meters show; a test may turn a dial."""

    def __init__(self) -> None:
        self.of: dict[int, int] = {one.number: one.shows for one in (*METERS, POWER)}

    def shown(self, hung: Hung) -> dict[str, int]:
        registers = profile.load(hung.model).registers
        return {
            one.obis: self.of[hung.number] if at == 0 else 0 for at, one in enumerate(registers)
        }


class Wire:
    """The page's link to the bus; while it is `held` no Modbus unit is asked."""

    packs = True

    def __init__(self, bus: Bus) -> None:
        self.held = False
        self._bus = bus
        self._heard = b""

    async def open(self) -> None:
        """It is always there."""

    async def close(self) -> None:
        """Forget what nobody fetched."""
        self._heard = b""
        self._bus.reset()

    async def write(self, data: bytes) -> None:
        """Ask, once that may be."""
        while self.held and data[0] == FIRST_MODBUS:  # noqa: ASYNC110 - the test is in no loop
            await asyncio.sleep(SILENCE_S)
        self._heard += self._bus.feed(data, 0)

    async def read(self, timeout_s: float) -> bytes:
        """The answer; empty where there is none, long before `timeout_s`."""
        heard, self._heard = self._heard, b""
        if not heard:
            await asyncio.sleep(min(timeout_s, SILENCE_S))
        return heard


def a_bus(values: Values, meters: tuple[Hung, ...] = METERS, power: Hung | None = POWER) -> Bus:
    """M-Bus meters and one that speaks Modbus, on one pair of wires."""
    mbus, modbus = MbusBus(), ModbusBus()
    for hung in (*meters, *(() if power is None else (power,))):
        hang(mbus, modbus, hung, values)
    return SharedBus([modbus, mbus])


def hang(mbus: MbusBus, modbus: ModbusBus, hung: Hung, values: Values) -> None:
    model = profile.load(hung.model)

    def shown(_: int) -> dict[str, int]:
        return values.shown(hung)

    if isinstance(model, MbusProfile):
        mbus.join(MbusMeter(hung.address, model, shown, f"{hung.number:08d}"))
    elif isinstance(model, ModbusProfile):
        modbus.hang(ModbusMeter(hung.address, model, shown, hung.number))


def waiting(
    number: int, dwelling: str, place: str, resource: Resource, serial: str = ""
) -> WaitingPoint:
    return WaitingPoint(number, f"P{number}", dwelling, place, resource, serial, "", ())


POINTS = (
    waiting(101, "12", "санузел", Resource.COLD_WATER, "11020431"),
    waiting(102, "12", "санузел", Resource.HOT_WATER),
    waiting(103, "14", "санузел", Resource.HOT_WATER),
    waiting(104, "", "подвал, ИТП", Resource.HEAT, "67305512"),
    waiting(105, "12", "щит на площадке", Resource.ELECTRICITY),
)


def a_folder(folder: Path, port: int, *, points: tuple[WaitingPoint, ...] = POINTS) -> Path:
    """A device's configuration and state as its card has them; the path of edge.toml."""
    config = folder / "edge.toml"
    config.write_text(
        f"""\
[device]
name = "{DEVICE}"
key = "keys/device.key"
gateway_key = "gateway.pem"
state_dir = "state"
timezone = "Europe/Moscow"

[broker]
host = "{HOST}"
port = 1
without_tls = true

[[lines]]
name = "riser"
url = "tcp://{HOST}:{port}"
baud = 115200
"""
    )
    state = folder / "state"
    state.mkdir(mode=0o700)
    (folder / "keys").mkdir(mode=0o700)
    SigningKey.generate().save(folder / "keys" / "device.key")
    (folder / "gateway.pem").write_bytes(GATEWAY.public.to_pem())
    if points:
        listed = Points(1, HOUSE, "", 1_795_326_600_000, points)
        (state / POINTS_FILE).write_bytes(wire.seal(listed, GATEWAY))
    code = state / "page-code"
    code.touch(mode=0o600)
    code.write_text(CODE + "\n")
    return config


class Site:
    """The page of a device over a bus, in a thread with a loop of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        bus: Bus | None = None,
        power: Hung | None = None,
        clock: Clock | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock, self.clock_s = clock, clock_s
        self.values = Values()
        self.bus = a_bus(self.values, power=power) if bus is None else bus
        self.wire = Wire(self.bus)
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.config = folder / "edge.toml"
        self.port = 0
        self.line_port = 0
        self.desk: Desk | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def configure(self) -> None:
        """Write what stands on the device's card."""
        a_folder(self.folder, self.line_port)

    @contextmanager
    def served(self) -> Iterator["Site"]:
        """The page and the bus, until the end of the block."""
        thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._run()))
        self._stop = asyncio.Event()
        thread.start()
        assert self._ready.wait(60)
        try:
            yield self
        finally:
            self.loop.call_soon_threadsafe(self._stop.set)
            thread.join()
            self.loop.close()

    async def _run(self) -> None:
        line = await serve(self.bus, HOST, self.line_port, lambda: 0)
        async with line:
            self.line_port = line.sockets[0].getsockname()[1]
            if not self.config.exists():
                self.configure()
            await self._serve_page()

    async def _serve_page(self) -> None:
        with bound(HOST, self.port) as listener:
            self.port = listener.getsockname()[1]
            visiting = Visiting(self.config, clock=self.clock, open_link=lambda _: self.wire)
            self.desk = desk_of(visiting, self.clock_s)
            server = server_of(create_app(self.desk))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:  # noqa: ASYNC110 - uvicorn tells it no other way
                await asyncio.sleep(0.01)
            self._ready.set()
            await self._stop.wait()
            server.should_exit = True
            await serving
