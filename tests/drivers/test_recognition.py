"""A search names every Modbus meter that says how it is recognised, by its virtual meter's signs.

What the virtual meter shows comes from the same profile, so this does not prove a sign true; it
proves that the signs of one model are not taken for another's.
"""

from random import Random

import pytest

from drivers import profile
from drivers.bus import Line
from drivers.driver import Found
from drivers.modbus import probe
from drivers.modbus.profile import ModbusProfile
from simulators.clock import VirtualLoop, run
from simulators.lines import LineFaults, MemoryLink
from simulators.modbus_meter import ModbusBus, ModbusMeter

ADDRESS, SERIAL = 7, 1_234_567
# One meter that may be read in two ways: tariffs apart, or added.
TOGETHER = {"siemens_pac2200": "siemens_pac2200_total"}
SIGNED = [
    one
    for name in profile.names()
    if isinstance(one := profile.load(name), ModbusProfile) and one.signs
]


def look(meter: ModbusProfile) -> Found:
    found: list[Found | None] = []

    async def main(loop: VirtualLoop) -> None:
        shown = {register.obis: 0 for register in meter.registers}
        bus = ModbusBus([ModbusMeter(ADDRESS, meter, lambda _: shown, SERIAL)])
        line = Line(MemoryLink(bus, loop.now_ms, Random(1), LineFaults()))
        found.append(await probe.look(line, ADDRESS))

    run(main, 0)
    assert found[0] is not None
    return found[0]


@pytest.mark.parametrize("meter", SIGNED, ids=lambda meter: meter.name)
def test_a_meter_is_recognised_as_itself_and_no_other(meter: ModbusProfile) -> None:
    found = look(meter)
    same = {*TOGETHER.items(), *((b, a) for a, b in TOGETHER.items())}
    assert set(found.profiles) == {meter.name} | {b for a, b in same if a == meter.name}
    expected = None if meter.identification is None else str(SERIAL)
    assert found.identification == expected


def test_firmware_that_counts_in_other_steps_is_told_apart() -> None:
    steps = {}
    for name in ("wirenboard_map3e", "wirenboard_map3e_fw1"):
        meter = profile.load(name)
        assert isinstance(meter, ModbusProfile)
        steps[look(meter).profiles] = meter.registers[0].scale
    assert len(steps) == len(set(steps.values())) == 2


def test_a_meter_without_signs_is_there_and_chosen_by_hand() -> None:
    meter = profile.load("kamstrup_multical_modbus")
    assert isinstance(meter, ModbusProfile)
    assert look(meter).profiles == ()
