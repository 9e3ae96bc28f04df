"""How long a visit takes: a cabinet of meters, an installer with a phone, and what each waits for.

The device's own steps (`edge/visit/`) run in virtual time over wires on which every byte takes what
it takes at the line's speed: half of the meters on an M-Bus at 2400 baud, found by their secondary
addresses, half on RS-485 at 9600. Both lines are also searched for meters of the other protocol.

The person is a stated model, not a measurement. For each meter: find it by its serial among those
on the screen, compare the value, and press one button, for the registry expected the serial and so
the point and the place are filled in and the seal's number goes up by itself. The person begins
with the first meter that is found and goes on while the search does.
"""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random

import click

from cloud_sync import points as wire_points
from cloud_sync.points import Points, WaitingPoint
from cloud_sync.signing import SigningKey
from drivers import profile
from drivers.driver import Link
from drivers.mbus.profile import MbusProfile
from drivers.modbus.profile import ModbusProfile
from drivers.reading import ClockState, Resource
from edge.clock import Stamp
from edge.visit.draft import MeterDraft
from edge.visit.steps import Visiting
from simulators import clock
from simulators.clock import VirtualLoop
from simulators.lines import Bus
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.wire_link import WireLink

START_MS = 1_788_242_400_000  # 2026-09-01T06:00:00Z, far from every midnight
METERS_MAX = 250
# The person, in seconds: join the device's network and scan the label, type a name, look at one
# meter and press its button, read the summary and press the last one.
OPEN_S, NAME_S, LOOK_S, SEAL_S, LAST_S = 20.0, 10.0, 5.0, 1.0, 15.0
# Meters answer so long after a question (the bus benchmark's figures).
_MBUS_TURNAROUND_S, _MODBUS_TURNAROUND_S = 0.05, 0.02
_MBUS_MODELS = ("itron_cyble_cold", "itron_cyble_hot", "kamstrup_multical")
_MODBUS_MODEL = "eastron_sdm120"
_SHOWN = 123_456
_LOOK_AGAIN_S = 0.25
_CONFIG = """\
[device]
name = "edge-1"
key = "device.key"
gateway_key = "gateway.pem"
state_dir = "state"
[broker]
host = "127.0.0.1"
without_tls = true
[[lines]]
name = "mbus"
url = "tcp://mbus:1"
baud = 2400
[[lines]]
name = "rs485"
url = "tcp://rs485:1"
baud = 9600
"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Seconds of each part. What the person and the bus do at once counts once in `total_s`."""

    meters: int
    total_s: float
    open_s: float
    check_s: float
    first_meter_s: float
    """From the beginning of the search to the first meter with a value."""
    search_s: float
    """Until the last address was asked."""
    look_s: float
    """The person at the meters."""
    waited_s: float
    """The person with nothing to do, because the bus had not found the next meter."""
    after_search_s: float
    """The search going on after the last meter was looked at; nobody has to wait for it."""
    finish_s: float
    one_after_the_other_s: float
    """What it would take to look only when the search is over."""
    questions: int
    record_bytes: int


@click.command("visit")
@click.option("--meters", type=click.IntRange(2, METERS_MAX), default=60, show_default=True)
@click.option("--look-s", type=click.FloatRange(0, 600), default=LOOK_S, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def visit(*, meters: int, look_s: float, as_json: bool) -> None:
    """The stopwatch of a whole visit, step by step: which part is the bus, which the person."""
    result = measure(meters, look_s)
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    for name, value in asdict(result).items():
        minutes = f"  ({value / 60:.1f} min)" if name == "total_s" else ""
        click.echo(f"{name:22} {value:>10}{minutes}")


def measure(meters: int, look_s: float = LOOK_S) -> Result:
    """The visit to a house of so many meters."""
    with tempfile.TemporaryDirectory(prefix="plomba-visit-") as folder:
        return clock.run(partial(_play, Path(folder), meters, look_s), START_MS)


async def _play(folder: Path, meters: int, look_s: float, loop: VirtualLoop) -> Result:
    return await _Bench(folder, meters, look_s, loop).run()


class _Bench:
    """The house, the device in it and the person before it. It is the device's clock, too."""

    def __init__(self, folder: Path, meters: int, look_s: float, loop: VirtualLoop) -> None:
        self._loop = loop
        self._meters = meters
        self._look_s = look_s
        self._links: list[WireLink] = []
        serials = _serials(meters)
        half = meters // 2
        self._buses: dict[str, Bus] = {
            "mbus": _mbus(serials[:half]),
            "rs485": _modbus(serials[half:]),
        }
        _put_down(folder, [str(serial) for serial in serials])
        self._visiting = Visiting(folder / "edge.toml", clock=self, open_link=self._open)

    async def run(self) -> Result:
        """The whole visit."""
        visiting = self._visiting
        await asyncio.sleep(OPEN_S)
        visiting.begin("Ivan Petrov")
        await asyncio.sleep(NAME_S)
        opened_s = self._loop.time()
        await visiting.check_lines()
        checked_s = self._loop.time()
        searching = asyncio.create_task(self._search())
        first_s, waited_s = await self._look(searching)
        looked_s = self._loop.time()
        searched_s = await searching
        await asyncio.sleep(LAST_S)
        began_finish_s = self._loop.time() - LAST_S
        finished = await visiting.finish()
        ended_s = self._loop.time()
        look_s = self._meters * (self._look_s + SEAL_S)
        return Result(
            meters=len(finished.visit.installs),
            total_s=round(ended_s, 1),
            open_s=round(opened_s, 1),
            check_s=round(checked_s - opened_s, 1),
            first_meter_s=round(first_s - checked_s, 1),
            search_s=round(searched_s - checked_s, 1),
            look_s=round(look_s, 1),
            waited_s=round(waited_s, 1),
            after_search_s=round(max(searched_s - looked_s, 0), 1),
            finish_s=round(ended_s - began_finish_s, 1),
            one_after_the_other_s=round(
                checked_s + (searched_s - checked_s) + look_s + (ended_s - began_finish_s), 1
            ),
            questions=sum(link.questions for link in self._links),
            record_bytes=len(finished.sealed),
        )

    async def _search(self) -> float:
        await self._visiting.search()
        return self._loop.time()

    async def _look(self, searching: "asyncio.Task[float]") -> tuple[float, float]:
        """Look at every meter as it appears; when the first one was there, and the time waited."""
        first_s, waited_s, seal = 0.0, 0.0, 0
        while True:
            waiting = [one for one in self._visiting.open.meters.values() if _is_ready(one)]
            if not waiting:
                if searching.done():
                    return first_s, waited_s
                began_s = self._loop.time()
                await asyncio.wait({searching}, timeout=_LOOK_AGAIN_S)
                waited_s += 0 if self._is_last(seal) else self._loop.time() - began_s
                continue
            first_s = first_s or self._loop.time()
            await asyncio.sleep(self._look_s + SEAL_S)
            seal += 1
            self._take_in(waiting[0], seal)

    def _is_last(self, looked: int) -> bool:
        return looked >= self._meters

    def _take_in(self, meter: MeterDraft, seal: int) -> None:
        """What the page does with one press: compare, bind where expected, count the seal up."""
        visiting = self._visiting
        visiting.confirm(meter.key)
        point = visiting.proposal(meter.key)
        if point is not None:
            visiting.bind(meter.key, point.point)
            visiting.describe(meter.key, place=point.place, seal=f"A-{seal:04}")

    def _open(self, url: str) -> Link:
        name = url.removeprefix("tcp://").partition(":")[0]
        baud = {"mbus": 2400, "rs485": 9600}[name]
        link = WireLink(self._buses[name], self._loop.now_ms, baud=baud)
        self._links.append(link)
        return link

    def now(self) -> Stamp:
        """The device's clock."""
        up_ms = round(self._loop.time() * 1000)
        return Stamp(self._loop.now_ms(), up_ms, bytes(8), ClockState.SYNCHRONISED, 0)

    async def sleep(self, duration_ms: int) -> None:
        """Wait on that clock."""
        await asyncio.sleep(duration_ms / 1000)


def _is_ready(meter: MeterDraft) -> bool:
    return bool(meter.levels) and not meter.confirmed


def _serials(meters: int) -> list[int]:
    """Numbers as meters of several years and makers have them: none follows another."""
    return Random("visit").sample(range(10_000_000, 99_999_999), meters)


def _put_down(folder: Path, serials: list[str]) -> None:
    """The card of a device that expects these meters."""
    gateway = SigningKey.generate()
    (folder / "state").mkdir()
    (folder / "edge.toml").write_text(_CONFIG)
    (folder / "gateway.pem").write_bytes(gateway.public.to_pem())
    points = tuple(
        WaitingPoint(n, f"point-{n}", str(n), f"flat {n}", Resource.COLD_WATER, serial, "", ())
        for n, serial in enumerate(serials, 1)
    )
    listed = Points(1, "House 1", "edge-1", START_MS, points)
    (folder / "state" / "points.cbor").write_bytes(wire_points.seal(listed, gateway))


def _mbus(serials: Sequence[int]) -> MbusBus:
    """Meters of three models that nobody gave an address, as they come from the factory."""
    bus = MbusBus(baud=2400)
    for place, serial in enumerate(serials):
        model = profile.load(_MBUS_MODELS[place % len(_MBUS_MODELS)])
        if not isinstance(model, MbusProfile):
            raise TypeError(f"{model.name} does not speak M-Bus")
        shown = dict.fromkeys((register.obis for register in model.registers), _SHOWN)
        turnaround_s = _MBUS_TURNAROUND_S
        bus.join(MbusMeter(0, model, partial(_same, shown), str(serial), turnaround_s=turnaround_s))
    return bus


def _modbus(serials: Sequence[int]) -> ModbusBus:
    """Meters with the addresses from 1 on, as an electrician sets them."""
    model = profile.load(_MODBUS_MODEL)
    if not isinstance(model, ModbusProfile):
        raise TypeError(f"{model.name} does not speak Modbus")
    shown = dict.fromkeys((register.obis for register in model.registers), _SHOWN)
    turnaround_s = _MODBUS_TURNAROUND_S
    return ModbusBus(
        ModbusMeter(at, model, partial(_same, shown), serial, turnaround_s=turnaround_s)
        for at, serial in enumerate(serials, 1)
    )


def _same(shown: Mapping[str, int], now_ms: int) -> Mapping[str, int]:
    del now_ms
    return shown
