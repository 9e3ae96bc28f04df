"""Foreign Modbus programs at both ends: mbpoll asks our meters, our driver pymodbus' server."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers import profile
from drivers.bus import Framing, Line
from drivers.driver import NoAnswer, Refused
from drivers.link import open_link
from drivers.modbus import probe
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.profile import ModbusProfile
from simulators.lines import serve
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.pty import serve_pty

HOST = "127.0.0.1"
# Longest that mbpoll waits; only where nobody answers does a wait cost anything.
MBPOLL_S, SILENCE_S = "10", "2"
ANSWER_S = 30.0
needs_mbpoll = pytest.mark.skipif(
    shutil.which("mbpoll") is None, reason="needs mbpoll: apt-get install mbpoll"
)
pytestmark = pytest.mark.peers


def model(name: str) -> ModbusProfile:
    found = profile.load(name)
    assert isinstance(found, ModbusProfile)
    return found


def showing(name: str, address: int, shown: Mapping[str, int]) -> ModbusMeter:
    return ModbusMeter(address, model(name), lambda _: shown)


def three_meters() -> list[ModbusMeter]:
    return [
        showing("eastron_sdm120", 1, {"1-0:1.8.0": 45_678}),
        showing("eastron_sdm630", 2, {"1-0:1.8.0": 1_234_550, "1-0:2.8.0": 75}),
        showing("abb_b23", 3, {"1-0:1.8.0": 12_345_678, "1-0:2.8.0": 4_201}),
    ]


async def mbpoll(*words: str) -> dict[int, str]:
    """What mbpoll printed for each reference, counted from 0; what it complained of is under -1."""
    process = await asyncio.create_subprocess_exec(
        "mbpoll",
        *("-0", "-1", "-o", MBPOLL_S, *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    text = out.decode()
    found = re.findall(r"^\[(\d+)\]:\s*(\S+)", text, re.MULTILINE)
    complaint = re.search(r"failed: (.+)", text)
    printed = {int(reference): value for reference, value in found}
    return printed | ({-1: complaint[1]} if complaint else {})


@needs_mbpoll
async def test_mbpoll_reads_our_meters_on_a_serial_port() -> None:
    async with serve_pty(ModbusBus(three_meters()), lambda: 0) as port:
        rtu = ("-m", "rtu", "-b", "9600", "-P", "none")
        floats = (*rtu, "-t", "3:float", "-B")
        assert await mbpoll(*floats, "-a", "1", "-r", "72", port) == {72: "456.78"}
        two = await mbpoll(*floats, "-a", "2", "-r", "72", "-c", "2", port)
        assert two == {72: "12345.5", 74: "0.75"}
        words = await mbpoll(*rtu, "-t", "4:hex", "-a", "3", "-r", "20480", "-c", "4", port)
        assert words == {20480: "0x0000", 20481: "0x0000", 20482: "0x00BC", 20483: "0x614E"}


@needs_mbpoll
async def test_mbpoll_hears_our_refusals_and_our_silence() -> None:
    async with serve_pty(ModbusBus(three_meters()), lambda: 0) as port:
        rtu = ("-m", "rtu", "-b", "9600", "-P", "none", "-t", "3:hex")
        assert await mbpoll(*rtu, "-a", "2", "-r", "500", "-c", "2", port) == {
            -1: "Illegal data address"
        }
        assert await mbpoll(*rtu, "-a", "2", "-r", "72", "-c", "3", port) == {
            -1: "Illegal data value"
        }
        assert await mbpoll(*rtu, "-o", SILENCE_S, "-a", "9", "-r", "72", "-c", "2", port) == {
            -1: "Connection timed out"
        }


@needs_mbpoll
async def test_mbpoll_reads_our_meters_by_modbus_tcp() -> None:
    server = await serve(ModbusBus(three_meters(), "tcp"), HOST, 0, lambda: 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        tcp = ("-m", "tcp", "-p", str(port), "-t", "3:float", "-B")
        assert await mbpoll(*tcp, "-a", "1", "-r", "72", HOST) == {72: "456.78"}


def foreign_meters() -> list[SimDevice]:
    """Registers written down as the makers' tables have them, encoded by pymodbus."""
    sdm630 = SimDevice(
        2,
        [
            SimData(0x46, values=50.0, datatype=DataType.FLOAT32),
            SimData(0x48, values=[12345.5, 0.75], datatype=DataType.FLOAT32),
            SimData(0xFC02, values=[0x0070, 0], datatype=DataType.REGISTERS),
        ],
    )
    b23 = SimDevice(
        3,
        [
            SimData(0x5000, values=[12_345_678, 4_201], datatype=DataType.UINT64),
            SimData(0x8900, values=1_234_567, datatype=DataType.UINT32),
            SimData(0x8960, values="B23 ", datatype=DataType.STRING),
        ],
    )
    pac = SimDevice(
        4,
        [
            SimData(1, values=231.5, datatype=DataType.FLOAT32),
            SimData(801, values=[1500.0, 250.0, 30.0, 7.0], datatype=DataType.FLOAT64),
        ],
    )
    return [sdm630, b23, pac]


EXPECTED = {
    ("eastron_sdm630", 2): {"1-0:1.8.0": 1_234_550, "1-0:2.8.0": 75},
    ("abb_b23", 3): {"1-0:1.8.0": 12_345_678, "1-0:2.8.0": 4_201},
    ("siemens_pac2200_total", 4): {"1-0:1.8.0": 1_750, "1-0:2.8.0": 37},
}


@asynccontextmanager
async def running(
    server: ModbusSerialServer | ModbusTcpServer,
) -> AsyncIterator[ModbusSerialServer | ModbusTcpServer]:
    await server.serve_forever(background=True)
    try:
        yield server
    finally:
        await server.shutdown()


@asynccontextmanager
async def foreign_tcp(framer: FramerType) -> AsyncIterator[str]:
    made = ModbusTcpServer(
        foreign_meters(), framer=framer, address=(HOST, 0), ignore_missing_devices=True
    )
    async with running(made) as server:
        port = server.transport.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        yield f"tcp://{HOST}:{port}"


async def read_all(line: Line) -> None:
    """Each meter twice, so that what was learned of it is used."""
    for _ in range(2):
        for (name, address), expected in EXPECTED.items():
            answer = await ModbusDriver().read(line, model(name), address)
            assert {value.register: value.mantissa for value in answer.values} == expected


async def found_by_search(line: Line, addresses: Sequence[int]) -> dict[int, str]:
    """The best profile by address; this server gives an exception for addresses that are free."""
    steps = [step async for step in probe.search(line, addresses)]
    found = [step.found for step in steps if step.found is not None and step.found.profiles]
    return {int(one.address): one.profiles[0] for one in found}


async def test_our_driver_reads_a_foreign_server_on_a_serial_port(
    wire: tuple[Path, Path],
) -> None:
    here, there = wire
    made = ModbusSerialServer(
        foreign_meters(), port=str(there), baudrate=9600, ignore_missing_devices=True
    )
    async with running(made):
        link = open_link(f"serial://{here}?baud=9600")
        line = Line(link, turnaround_s=ANSWER_S)
        await read_all(line)
        with pytest.raises(NoAnswer):
            await ModbusDriver().read(Line(link), model("eastron_sdm120"), 9)
        with pytest.raises(Refused):
            await ModbusDriver().read(line, model("finder_7m24"), 3)
        await read_all(line)
        await line.close()


async def test_our_search_finds_and_recognises_what_a_foreign_server_serves(
    wire: tuple[Path, Path],
) -> None:
    here, there = wire
    made = ModbusSerialServer(
        foreign_meters(), port=str(there), baudrate=9600, ignore_missing_devices=True
    )
    async with running(made):
        line = Line(open_link(f"serial://{here}?baud=9600"), turnaround_s=ANSWER_S)
        found = await found_by_search(line, range(1, 6))
        await line.close()
    assert found == {2: "eastron_sdm630", 3: "abb_b23", 4: "siemens_pac2200"}


@pytest.mark.parametrize(
    ("framer", "framing"),
    [(FramerType.SOCKET, "tcp"), (FramerType.RTU, "rtu")],
    ids=["modbus tcp", "rtu over tcp"],
)
async def test_our_driver_reads_a_foreign_server_over_tcp(
    framer: FramerType, framing: Framing
) -> None:
    async with foreign_tcp(framer) as url:
        line = Line(open_link(url), framing=framing, turnaround_s=ANSWER_S)
        await read_all(line)
        await line.close()
