"""Modbus and M-Bus meters on one line: each is read as if the others were not there."""

from collections.abc import Awaitable, Callable
from random import Random

from drivers import profile
from drivers.bus import Line
from drivers.mbus import frame
from drivers.mbus.driver import MbusDriver
from drivers.mbus.profile import MbusProfile
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.profile import ModbusProfile
from simulators.clock import VirtualLoop, run
from simulators.lines import LineFaults, MemoryLink
from simulators.mbus_bus import ACK, MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.shared_bus import SharedBus

POWER = {"1-0:1.8.0": 1_234_550, "1-0:2.8.0": 75}
HEAT = {"6-0:1.0.0": 37_351, "6-0:2.0.0": 56_108}
# Addresses whose first byte on the wire starts an M-Bus frame, and one both protocols use.
ADDRESSES = (5, frame.SHORT_START, frame.LONG_START)


def models() -> tuple[ModbusProfile, MbusProfile]:
    sdm630, multical = profile.load("eastron_sdm630"), profile.load("kamstrup_multical")
    assert isinstance(sdm630, ModbusProfile)
    assert isinstance(multical, MbusProfile)
    return sdm630, multical


def a_bus() -> SharedBus:
    sdm630, multical = models()
    modbus = ModbusBus(ModbusMeter(at, sdm630, lambda _: POWER) for at in ADDRESSES)
    mbus = MbusBus(MbusMeter(at, multical, lambda _: HEAT, f"{at:08}") for at in ADDRESSES)
    return SharedBus([modbus, mbus])


def on(bus: SharedBus, scene: Callable[[Line], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        link = MemoryLink(bus, loop.now_ms, Random(1), LineFaults())
        await scene(Line(link))

    run(main, 0)


def test_meters_of_both_protocols_are_read_in_turn() -> None:
    sdm630, multical = models()

    async def scene(line: Line) -> None:
        for _ in range(20):
            for address in ADDRESSES:
                power = await ModbusDriver().read(line, sdm630, address)
                heat = await MbusDriver().read(line, multical, address)
                assert {value.register: value.mantissa for value in power.values} == POWER
                assert {value.register: value.mantissa for value in heat.values} == HEAT

    on(a_bus(), scene)


def test_the_bus_says_how_long_the_meters_that_answered_took() -> None:
    _, multical = models()
    slow = MbusMeter(5, multical, lambda _: HEAT, "12345678", turnaround_s=0.25)
    bus = SharedBus([ModbusBus(), MbusBus([slow])])
    assert bus.feed(frame.short(frame.SND_NKE, 5), 0) == ACK
    assert bus.turnaround_s == 0.25


def test_half_a_request_can_be_forgotten() -> None:
    bus = a_bus()
    request = frame.short(frame.SND_NKE, 5)
    assert bus.feed(request[:2], 0) == b""
    bus.reset()
    assert bus.feed(request, 0) == ACK
