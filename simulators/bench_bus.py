"""How well a line is used: the time of a round over the time its bytes take on the wire.

The agent's own poller reads meters through its own line and drivers, over a link whose every byte
takes the time it takes at the line's speed. What no master can save is computed from the protocol
alone: the shortest request and answer of each meter, the time the meter needs to begin, and the
silence the standard asks for. The first round is not counted: in it meters are woken.

The third line has meters that are dead. They must not cost the others their schedule.
"""

import asyncio
import json
import logging
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import click
import structlog

from drivers import profile
from drivers.bus import CHARACTER_BITS, TURNAROUND_S, Line
from drivers.driver import Address
from drivers.mbus import frame
from drivers.mbus.driver import MbusDriver
from drivers.mbus.profile import MbusProfile
from drivers.modbus import plan
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.profile import ModbusProfile
from drivers.profile import MeterProfile
from drivers.reading import ClockState, Readout
from edge.clock import Stamp
from edge.poller import LinePlan, Meter, Poller
from simulators import clock
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.wire_link import WireLink

ZONE = ZoneInfo("UTC")
START_MS = 1_788_242_400_000  # 2026-09-01T06:00:00Z, far from every midnight
ROUNDS = 2
# A round may take longer than its wire time, and the dead meters take their timeouts; what is left
# of an interval is idle.
_IDLE_S = 4
_INTERVAL_PER_ROUND = 1.3
# Silence that each standard asks for before a request (Modbus over Serial Line 1.02, 2.5.1.1;
# EN 13757-2, 5.5).
_SILENCE_BITS = {"modbus": 3.5 * CHARACTER_BITS, "mbus": 33}
# A Modbus read request, and its answer without the registers, CRC included.
_REQUEST_BYTES, _ANSWER_BYTES = 8, 5


@dataclass(frozen=True)
class Setting:
    """A line to be measured: so many meters of a model, the last `dead` of them without power."""

    name: str
    profile: str
    meters: int
    baud: int
    turnaround_s: float
    dead: int = 0


SETTINGS = (
    Setting("modbus", "eastron_sdm630", meters=30, baud=9600, turnaround_s=0.02),
    Setting("mbus", "kamstrup_multical", meters=60, baud=2400, turnaround_s=0.05),
    Setting("dead", "eastron_sdm630", meters=30, baud=9600, turnaround_s=0.02, dead=5),
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured on one line; `ratio` is the usual round over what it must take."""

    meters: int
    dead: int
    baud: int
    rounds: int
    wire_s: float
    round_s: float
    slowest_round_s: float
    ratio: float
    missed: int
    """Readings that healthy meters owe, first round included."""
    questions_per_reading: float


@click.command("bus")
@click.option("--rounds", type=click.IntRange(1, 100), default=ROUNDS, show_default=True)
@click.option("--virtual", is_flag=True, help="In virtual time: what the machine adds is left out.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def bus(*, rounds: int, virtual: bool, as_json: bool) -> None:
    """Use of the line as a ratio to the time the bytes of a round take on the wire.

    In real time, so it takes some minutes.
    """
    # The poller says on which meters it gave up, and these are dead on purpose.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    results = {setting.name: measure(setting, rounds, virtual=virtual) for setting in SETTINGS}
    ratio = max(result.ratio for result in results.values())
    if as_json:
        lines = {name: vars(result) for name, result in results.items()}
        click.echo(json.dumps({"ratio": ratio, "virtual": virtual, **lines}))
        return
    for name, result in results.items():
        click.echo(_as_text(name, result))


def measure(setting: Setting, rounds: int, *, virtual: bool) -> Result:
    """Poll the line of a setting for one round and then `rounds` more."""

    async def poll(_: object = None) -> Result:
        return await _Bench(setting).run(rounds)

    return clock.run(poll, START_MS) if virtual else asyncio.run(poll())


class _Bench:
    """One line with its meters and the agent's poller. It is the poller's clock and sink, too."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._model = profile.load(setting.profile)
        loop = asyncio.get_running_loop()
        self._began_s = loop.time()
        bus, wire_s = _bus(setting, self._model)
        self._wire_s = wire_s
        timeouts_s = setting.dead * TURNAROUND_S
        self._interval_s = math.ceil(wire_s * _INTERVAL_PER_ROUND + timeouts_s) + _IDLE_S
        self._start_ms = START_MS - START_MS % (self._interval_s * 1000)
        self._link = WireLink(bus, lambda: self.now().utc_ms, baud=setting.baud)
        self._readouts: list[Readout] = []

    async def run(self, rounds: int) -> Result:
        """Poll until the last round is over."""
        line = Line(self._link, baud=self._setting.baud)
        numbers = range(1, self._setting.meters + 1)
        meters = tuple(_meter(line, self._model, at, self._interval_s) for at in numbers)
        poller = Poller(LinePlan(name="bench", meters=meters), clock=self, sink=self, zone=ZONE)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep((rounds + 1) * self._interval_s - _IDLE_S / 2)
        poller.stop()
        await task
        return self._result(rounds)

    def now(self) -> Stamp:
        """The poller's clock: the event loop's, begun on the full interval."""
        up_ms = round((asyncio.get_running_loop().time() - self._began_s) * 1000)
        return Stamp(self._start_ms + up_ms, up_ms, bytes(8), ClockState.SYNCHRONISED, 0)

    async def sleep(self, duration_ms: int) -> None:
        """Wait on that clock."""
        await asyncio.sleep(duration_ms / 1000)

    def may_sample(self) -> bool:
        """There is always room."""
        return True

    def skipped(self, meters: int) -> None:
        """Never called, as there is always room."""
        raise AssertionError(f"{meters} reads were left out although there is room for them")

    def store(self, readouts: Sequence[Readout]) -> None:
        """Keep what was read."""
        self._readouts += readouts

    def _result(self, rounds: int) -> Result:
        setting = self._setting
        healthy = setting.meters - setting.dead
        ends_s = [self._ends_s(number) for number in range(rounds + 1)]
        lasted_s = [max(ends, default=float(self._interval_s)) for ends in ends_s[1:]]
        usual_s = statistics.median(lasted_s)
        return Result(
            meters=setting.meters,
            dead=setting.dead,
            baud=setting.baud,
            rounds=rounds,
            wire_s=round(self._wire_s, 3),
            round_s=round(usual_s, 3),
            slowest_round_s=round(max(lasted_s), 3),
            ratio=round(usual_s / self._wire_s, 3),
            missed=sum(healthy - len(ends) for ends in ends_s),
            questions_per_reading=round(self._link.questions / max(len(self._readouts), 1), 2),
        )

    def _ends_s(self, number: int) -> list[float]:
        """When each reading of a round was there, in seconds since the round was due."""
        due_ms = self._start_ms + number * self._interval_s * 1000
        since_ms = (one.captured_at_ms - due_ms for one in self._readouts)
        return [ms / 1000 for ms in since_ms if 0 <= ms < self._interval_s * 1000]


def _meter(line: Line, model: MeterProfile, address: Address, interval_s: int) -> Meter:
    driver = MbusDriver() if isinstance(model, MbusProfile) else ModbusDriver()
    read = partial(driver.read, line, model, address)
    return Meter(serial=f"bench-{address}", read=read, interval_s=interval_s)


def _bus(setting: Setting, model: MeterProfile) -> tuple[MbusBus | ModbusBus, float]:
    """The healthy meters of a setting, and how long a round of them takes at least."""
    shown = {register.obis: 100_000 for register in model.registers}
    addresses = range(1, setting.meters - setting.dead + 1)
    wire_s = _exchanges_s(setting, model.protocol, _exchanges(model, shown))
    if isinstance(model, ModbusProfile):
        modbus = [
            ModbusMeter(at, model, lambda _: shown, turnaround_s=setting.turnaround_s)
            for at in addresses
        ]
        return ModbusBus(modbus), len(addresses) * wire_s
    mbus = [
        MbusMeter(at, model, lambda _: shown, f"{at:08}", turnaround_s=setting.turnaround_s)
        for at in addresses
    ]
    return MbusBus(mbus, baud=setting.baud), len(addresses) * wire_s


def _exchanges(model: MeterProfile, shown: dict[str, int]) -> list[int]:
    """The bytes of each question and answer that a meter cannot be read without."""
    if isinstance(model, ModbusProfile):
        return [_REQUEST_BYTES + _ANSWER_BYTES + 2 * block.size for block in plan.blocks(model)]
    (telegram,) = MbusMeter(1, model, lambda _: shown, "00000001").readout(START_MS)
    return [frame.SHORT_LENGTH + len(telegram)]


def _exchanges_s(setting: Setting, protocol: str, exchanges: Iterable[int]) -> float:
    """How long they take at least."""
    bits = [CHARACTER_BITS * length + _SILENCE_BITS[protocol] for length in exchanges]
    return sum(bits) / setting.baud + len(bits) * setting.turnaround_s


def _as_text(name: str, result: Result) -> str:
    return (
        f"{name:7} {result.meters} meters ({result.dead} dead) at {result.baud} baud: "
        f"{result.round_s:.2f} s a round, {result.wire_s:.2f} s on the wire, "
        f"ratio {result.ratio:.3f}, {result.missed} readings missed"
    )
