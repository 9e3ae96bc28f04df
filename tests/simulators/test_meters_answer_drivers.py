"""Every profile's virtual meter, read by the real driver over a line in memory."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random

import pytest

from drivers import profile
from drivers.bus import Line
from drivers.driver import Address, DriverError, Refused
from drivers.mbus.driver import MbusDriver
from drivers.mbus.profile import MbusProfile
from drivers.modbus.driver import ModbusDriver
from drivers.profile import MeterProfile
from simulators.clock import VirtualLoop, run
from simulators.lines import Bus, LineFaults, MemoryLink
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import Framing, ModbusBus, ModbusMeter

ADDRESS, SERIAL = 7, "12345678"


def shown(of: MeterProfile) -> dict[str, int]:
    # One meter counts in steps of 3125 of its last digit.
    step = 3125 if of.name == "wirenboard_map3e_fw1" else 1
    return {register.obis: (100_123 + n) * step for n, register in enumerate(of.registers)}


def a_bus(of: MeterProfile, *, telegrams: int = 1, framing: Framing = "rtu") -> Bus:
    if isinstance(of, MbusProfile):
        meter = MbusMeter(ADDRESS, of, lambda _: shown(of), SERIAL, telegrams=telegrams)
        return MbusBus([meter])
    return ModbusBus([ModbusMeter(ADDRESS, of, lambda _: shown(of))], framing)


def driver_of(of: MeterProfile) -> MbusDriver | ModbusDriver:
    return MbusDriver() if isinstance(of, MbusProfile) else ModbusDriver()


def on(bus: Bus, faults: LineFaults, scene: Callable[[MemoryLink], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        await scene(MemoryLink(bus, loop.now_ms, Random(1), faults))

    run(main, 0)


@pytest.mark.parametrize("name", profile.names())
@pytest.mark.parametrize("telegrams", [1, 3])
def test_the_driver_reads_exactly_what_the_meter_shows(name: str, telegrams: int) -> None:
    of = profile.load(name)

    async def scene(link: MemoryLink) -> None:
        answer = await driver_of(of).read(Line(link), of, ADDRESS)
        assert {value.register: value.mantissa for value in answer.values} == shown(of)
        if isinstance(of, MbusProfile):
            assert answer.identification == SERIAL

    on(a_bus(of, telegrams=telegrams), LineFaults(), scene)


def test_modbus_tcp_reads_the_same() -> None:
    of = profile.load("eastron_sdm630")

    async def scene(link: MemoryLink) -> None:
        answer = await ModbusDriver().read(Line(link, framing="tcp"), of, ADDRESS)
        assert {value.register: value.mantissa for value in answer.values} == shown(of)

    on(a_bus(of, framing="tcp"), LineFaults(), scene)


@pytest.mark.parametrize("name", ["eastron_sdm630", "kamstrup_multical"])
def test_a_bad_line_gives_the_right_values_or_an_error_and_never_others(name: str) -> None:
    of = profile.load(name)
    faults = LineFaults(silent=0.1, corrupt=0.1, junk=0.1, cut=0.1, late=0.1, down=0.02)
    outcomes: list[bool] = []

    async def scene(link: MemoryLink) -> None:
        line = Line(link)
        for _ in range(300):
            try:
                answer = await driver_of(of).read(line, of, ADDRESS)
            except DriverError:
                outcomes.append(False)
            else:
                outcomes.append(True)
                assert {value.register: value.mantissa for value in answer.values} == shown(of)

    on(a_bus(of), faults, scene)
    assert outcomes.count(True) > 50
    assert outcomes.count(False) > 50


def heat_meters(serials: Sequence[str], key: bytes | None = None) -> MbusBus:
    """Meters that all have their address from the factory, each with a value of its own."""
    of = profile.load("kamstrup_multical")
    assert isinstance(of, MbusProfile)
    return MbusBus(
        MbusMeter(0, of, counting(of, int(serial)), serial, telegrams=1 + n % 2, key=key)
        for n, serial in enumerate(serials)
    )


def counting(of: MbusProfile, count: int) -> Callable[[int], dict[str, int]]:
    return lambda _: {register.obis: count for register in of.registers}


def test_meters_without_addresses_are_read_by_their_numbers() -> None:
    serials = ("11111111", "22222222", "33333333")

    async def scene(link: MemoryLink) -> None:
        line, of = Line(link), profile.load("kamstrup_multical")
        for serial in serials * 3:
            answer = await MbusDriver().read(line, of, serial)
            assert {value.mantissa for value in answer.values} == {int(serial)}

    on(heat_meters(serials), LineFaults(), scene)


def test_a_bad_line_never_takes_one_selected_meter_for_another() -> None:
    """All answer under address 253: only the header tells whose answer came too late."""
    serials = ("11111111", "22222222", "33333333")
    faults = LineFaults(silent=0.05, corrupt=0.05, junk=0.05, cut=0.05, late=0.15, down=0.02)
    outcomes: list[bool] = []

    async def scene(link: MemoryLink) -> None:
        line, of = Line(link), profile.load("kamstrup_multical")
        for serial in serials * 150:
            try:
                answer = await MbusDriver().read(line, of, serial)
            except DriverError:
                outcomes.append(False)
            else:
                outcomes.append(True)
                assert {value.mantissa for value in answer.values} == {int(serial)}

    on(heat_meters(serials), faults, scene)
    assert outcomes.count(True) > 50
    assert outcomes.count(False) > 50


@pytest.mark.parametrize("address", [0, "12345678"])
def test_an_encrypted_meter_is_read_with_its_key_and_only_with_it(address: Address) -> None:
    key, of = bytes(range(16)), profile.load("kamstrup_multical")

    async def scene(link: MemoryLink) -> None:
        line = Line(link)
        answer = await MbusDriver().read(line, of, address, key=key)
        assert {value.mantissa for value in answer.values} == {12_345_678}
        for wrong in (None, bytes(16)):
            with pytest.raises(Refused, match="key"):
                await MbusDriver().read(line, of, address, key=wrong)

    on(heat_meters([SERIAL], key), LineFaults(), scene)
