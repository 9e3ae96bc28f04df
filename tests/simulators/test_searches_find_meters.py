"""The installer's searches on virtual lines: every meter is found once and called what it is."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from random import Random
from typing import Any, TypeVar

import pytest

from drivers import profile
from drivers.bus import Line
from drivers.driver import Found, Step
from drivers.mbus import search
from drivers.mbus.driver import MbusDriver
from drivers.mbus.header import Identity
from drivers.mbus.profile import MbusProfile
from drivers.modbus import probe
from drivers.modbus.profile import ModbusProfile
from simulators.clock import VirtualLoop, run
from simulators.lines import Bus
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.shared_bus import SharedBus
from simulators.wire_link import WireLink

T = TypeVar("T")
BAUD = 2400
BIT_S = 1 / BAUD
# A meter answers after 11 bits at the earliest and 330 bits and 50 ms at the latest.
DELAY_S_MIN, DELAY_S_MAX = 11 * BIT_S, 330 * BIT_S + 0.05
TURNAROUND_S = 0.2
MANY = 60


def mbus_models() -> list[MbusProfile]:
    found = (profile.load(name) for name in profile.names())
    return [one for one in found if isinstance(one, MbusProfile)]


def modbus_models() -> list[ModbusProfile]:
    found = (profile.load(name) for name in profile.names())
    return [one for one in found if isinstance(one, ModbusProfile) and one.signs]


def shown(of: MbusProfile | ModbusProfile) -> dict[str, int]:
    return {register.obis: 100_125 + 1000 * n for n, register in enumerate(of.registers)}


def mbus_meter(
    address: int, of: MbusProfile, serial: str, delay_s: float, identity: Identity | None = None
) -> MbusMeter:
    return MbusMeter(
        address, of, lambda _: shown(of), serial, identity=identity, turnaround_s=delay_s
    )


def counting(of: MbusProfile, count: int) -> Callable[[int], dict[str, int]]:
    return lambda _: {register.obis: count for register in of.registers}


def on_wires(bus: Bus, work: Callable[[Line], Coroutine[Any, Any, T]]) -> T:
    async def main(loop: VirtualLoop) -> T:
        link = WireLink(bus, loop.now_ms, baud=BAUD)
        return await work(Line(link, baud=BAUD, turnaround_s=TURNAROUND_S))

    return run(main, 0)


async def found_in(steps: AsyncIterator[Step]) -> list[Found]:
    return [step.found async for step in steps if step.found is not None]


def serials(random: Random, count: int) -> list[str]:
    return [f"{number:08}" for number in random.sample(range(10**8), count)]


@pytest.mark.parametrize("seed", range(3))
def test_a_search_by_secondary_address_finds_every_meter_once(seed: int) -> None:
    random = Random(seed)
    names = serials(random, MANY)
    bus = MbusBus(
        (
            mbus_meter(
                n % 250,
                random.choice(mbus_models()),
                name,
                random.uniform(DELAY_S_MIN, DELAY_S_MAX),
            )
            for n, name in enumerate(names)
        ),
        baud=BAUD,
    )
    found = on_wires(bus, lambda line: found_in(search.secondary(line)))
    assert Counter(one.identification for one in found) == Counter(names)


def test_meters_that_all_answer_at_once_are_told_apart() -> None:
    """Equal delays: acknowledgements look like one, down to the last wildcard.

    What the meters have counted differs; were it equal to the last bit, no master could see that
    one telegram is two of which one covers the other.
    """
    (model,) = (one for one in mbus_models() if one.name == "kamstrup_multical")
    twins = [
        Identity("12345678", "KAM", 8, "heat"),
        Identity("12345678", "KAM", 9, "heat"),
        Identity("12345678", "KAM", 9, "cooling"),
        Identity("12345678", "SON", 9, "cooling"),
        Identity("12345679", "KAM", 8, "heat"),
    ]
    bus = MbusBus(
        MbusMeter(0, model, counting(model, 37 * n), "", identity=one)
        for n, one in enumerate(twins, 1)
    )
    found = on_wires(bus, lambda line: found_in(search.secondary(line)))
    told = {
        Identity(str(f.identification), str(f.manufacturer), f.version or 0, str(f.medium))
        for f in found
    }
    assert told == set(twins)
    assert len(found) == len(twins)


def test_m_bus_meters_of_every_model_are_recognised_and_read_by_what_was_found() -> None:
    models = dict(zip(serials(Random(1), 100), mbus_models(), strict=False))
    bus = MbusBus((mbus_meter(0, of, name, DELAY_S_MIN) for name, of in models.items()), baud=BAUD)

    async def work(line: Line) -> None:
        found = await found_in(search.secondary(line))
        assert {one.identification for one in found} == set(models)
        for one in found:
            model = models[str(one.identification)]
            assert model.name in one.profiles
            assert one.secondary is not None
            answer = await MbusDriver().read(line, model, one.secondary)
            assert {value.register: value.mantissa for value in answer.values} == shown(model)

    on_wires(bus, work)


def test_a_search_by_primary_address_tells_meters_and_crowds_apart() -> None:
    first, second, *_ = mbus_models()
    bus = MbusBus(
        [
            mbus_meter(1, first, "11111111", DELAY_S_MIN),
            mbus_meter(7, second, "77777777", DELAY_S_MAX),
            mbus_meter(9, first, "90000001", DELAY_S_MIN),
            mbus_meter(9, second, "90000002", DELAY_S_MAX),
        ],
        baud=BAUD,
    )
    found = on_wires(bus, lambda line: found_in(search.primary(line, range(12))))
    assert [(one.address, one.identification) for one in found] == [
        (1, "11111111"),
        (7, "77777777"),
        (9, None),
    ]


@pytest.mark.parametrize("mute", [False, True])
def test_modbus_meters_of_every_model_are_recognised(mute: bool) -> None:
    models = dict(enumerate(modbus_models(), 1))
    bus = ModbusBus(
        ModbusMeter(at, of, showing(of), 1_234_567, mute=mute) for at, of in models.items()
    )
    found = on_wires(bus, lambda line: found_in(probe.search(line, range(1, len(models) + 5))))
    assert [one.address for one in found] == list(models)
    for one in found:
        assert models[int(one.address)].name in one.profiles


def showing(of: ModbusProfile) -> Callable[[int], dict[str, int]]:
    return lambda _: shown(of)


def test_one_line_is_searched_for_both_protocols() -> None:
    heat, *_ = mbus_models()
    power, *_ = modbus_models()
    bus = SharedBus(
        [
            ModbusBus([ModbusMeter(5, power, showing(power), 1_234_567)]),
            MbusBus([mbus_meter(5, heat, "12345678", DELAY_S_MIN)], baud=BAUD),
        ]
    )

    async def work(line: Line) -> list[Found]:
        units = await found_in(probe.search(line, range(1, 9)))
        return units + await found_in(search.secondary(line))

    found = on_wires(bus, work)
    assert [(one.protocol, one.profiles[0]) for one in found] == [
        ("modbus", power.name),
        ("mbus", heat.name),
    ]
