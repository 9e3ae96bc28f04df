"""pymeterbus, a foreign M-Bus master, asks our virtual bus through a serial port.

It waits by blocking, so it works in a thread while the bus answers from the event loop.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

import serial

from drivers import profile
from drivers.mbus.header import Identity
from drivers.mbus.profile import MbusProfile
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.pty import serve_pty

T = TypeVar("T")
HEAT = {"6-0:1.0.0": 37_351, "6-0:2.0.0": 56_108}
WATER = {"8-0:1.0.0": 123_456}
# Long enough for a busy machine where an answer is sure, short where silence is the answer.
ANSWER_S, SILENCE_S = 60.0, 0.2
# Who answers, by primary address and by the identification of the secondary one.
THERE = {3: "12345678", 5: "17345699"}
# It reads so much first and learns from it how much will follow.
HEAD_BYTES = 5


def meter(
    name: str, address: int, shown: Mapping[str, int], identity: Identity, telegrams: int = 1
) -> MbusMeter:
    model = profile.load(name)
    assert isinstance(model, MbusProfile)
    return MbusMeter(
        address, model, lambda _: shown, identity.identification, telegrams, identity=identity
    )


def a_bus() -> MbusBus:
    heat = Identity(THERE[3], "KAM", 8, "heat")
    water = Identity(THERE[5], "ACW", 20, "cold-water")
    return MbusBus(
        [
            meter("kamstrup_multical", 3, HEAT, heat, telegrams=2),
            meter("itron_cyble_cold", 5, WATER, water),
        ]
    )


async def with_port(bus: MbusBus, work: Callable[[serial.Serial], T]) -> T:
    """What `work` brings from a serial port behind which `bus` hangs."""
    async with serve_pty(bus, lambda: 0) as path:
        with serial.Serial(path, 9600, timeout=ANSWER_S) as port:
            return await asyncio.to_thread(work, port)


def is_there(library: ModuleType, port: serial.Serial, address: int) -> bool:
    port.timeout = ANSWER_S if address in THERE else SILENCE_S
    library.send_ping_frame(port, address)
    found = library.recv_frame(port, 1)
    port.timeout = ANSWER_S
    return bool(found)


def asked(library: ModuleType, port: serial.Serial, address: int) -> Any:
    library.send_request_frame(port, address)
    return library.load(library.recv_frame(port, HEAD_BYTES))


def selected(library: ModuleType, port: serial.Serial, mask: str) -> bytes | bool | None:
    """What came back from a select frame: E5h, a collision (False) or nothing."""
    port.timeout = ANSWER_S if any(fits(mask, one) for one in THERE.values()) else SILENCE_S
    # What is left of a collision.
    port.reset_input_buffer()
    library.send_select_frame(port, mask)
    found: bytes | bool | None = library.recv_frame(port, 1)
    port.timeout = ANSWER_S
    return found


def fits(mask: str, identification: str) -> bool:
    """Whether a meter is meant by what a mask says of the identification."""
    pairs = zip(mask[: len(identification)], identification, strict=True)
    return all(wanted in {"F", digit} for wanted, digit in pairs)


async def test_it_finds_the_meters_of_our_bus_by_primary_address(meterbus: ModuleType) -> None:
    def scan(port: serial.Serial) -> list[int]:
        return [address for address in range(10) if is_there(meterbus, port, address)]

    assert await with_port(a_bus(), scan) == [3, 5]


async def test_it_reads_what_our_meter_shows(meterbus: ModuleType) -> None:
    def read(port: serial.Serial) -> Any:
        assert is_there(meterbus, port, 5)
        return asked(meterbus, port, 5)

    telegram = await with_port(a_bus(), read)
    assert telegram.secondary_address == "17345699" + "7704" + "14" + "16"
    record = telegram.records[0]
    assert (float(record.value), record.unit) == (123.456, "m^3")


async def test_it_fetches_several_telegrams_by_toggling_the_frame_count_bit(
    meterbus: ModuleType,
) -> None:
    def read(port: serial.Serial) -> list[Any]:
        assert is_there(meterbus, port, 3)
        request = meterbus.send_request_frame_multi(port, 3)
        found = [meterbus.load(meterbus.recv_frame(port, HEAD_BYTES))]
        while found[-1].more_records_follow:
            request.header.cField.parts[0] ^= meterbus.CONTROL_MASK_FCB
            meterbus.send_request_frame_multi(port, req=request)
            found.append(meterbus.load(meterbus.recv_frame(port, HEAD_BYTES)))
        return found

    telegrams = await with_port(a_bus(), read)
    assert len(telegrams) == 2
    values = [float(record.value) for one in telegrams for record in one.records if record.value]
    assert 37_351_000.0 in values
    assert 561.08 in values


async def test_it_searches_our_bus_by_secondary_address(meterbus: ModuleType) -> None:
    """Down from all wildcards, digit by digit, as its own search does."""

    def search(port: serial.Serial) -> list[str]:
        masks, found = ["FFFFFFFFFFFFFFFF"], []
        while masks:
            mask = masks.pop()
            if not selected(meterbus, port, mask):
                continue
            meterbus.send_request_frame(port, meterbus.ADDRESS_NETWORK_LAYER)
            answer = meterbus.recv_frame(port, HEAD_BYTES)
            if answer:
                found.append(meterbus.load(answer).secondary_address)
            else:
                at = mask.index("F")
                masks += [f"{mask[:at]}{digit}{mask[at + 1 :]}" for digit in range(10)]
        return sorted(found)

    expected = ["12345678" + "2D2C" + "08" + "04", "17345699" + "7704" + "14" + "16"]
    assert await with_port(a_bus(), search) == expected
