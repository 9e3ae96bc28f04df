"""A bus on a pseudo-terminal: a serial port like any other, one master after another."""

import asyncio
import os
from pathlib import Path

import pytest

from drivers import profile
from drivers.bus import Line
from drivers.link import SerialLink, open_link
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.profile import ModbusProfile
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.pty import serve_pty

SHOWN = {"1-0:1.8.0": 45_678}
REQUEST = bytes.fromhex("01 04 00 48 00 02 F1 DD")
# More than the terminal keeps for a reader who never comes.
ANSWERS_UNREAD = 2000


def model() -> ModbusProfile:
    found = profile.load("eastron_sdm120")
    assert isinstance(found, ModbusProfile)
    return found


def a_bus(turnaround_s: float = 0.0) -> ModbusBus:
    return ModbusBus([ModbusMeter(1, model(), lambda _: SHOWN, turnaround_s=turnaround_s)])


async def read_once(path: str, turnaround_s: float = 30) -> None:
    # Longer than any machine is busy: the meter answers.
    line = Line(open_link(f"serial://{path}?baud=115200"), baud=115_200, turnaround_s=turnaround_s)
    answer = await ModbusDriver().read(line, model(), 1)
    assert {value.register: value.mantissa for value in answer.values} == SHOWN
    await line.close()


@pytest.mark.parametrize("turnaround_s", [0.0, 0.02])
async def test_one_master_after_another_reads_the_meters(turnaround_s: float) -> None:
    async with serve_pty(a_bus(turnaround_s), lambda: 0) as path:
        for _ in range(3):
            await read_once(path)


async def test_a_master_that_asks_and_never_listens_harms_nobody() -> None:
    async with serve_pty(a_bus(), lambda: 0) as path:
        link = open_link(f"serial://{path}")
        assert isinstance(link, SerialLink)
        await link.open()
        for _ in range(ANSWERS_UNREAD):
            await link.write(REQUEST)
            await asyncio.sleep(0)
        await link.close()
        # Before it is asked, the line must have been silent for as long.
        await read_once(path, turnaround_s=2)


async def test_the_port_is_gone_when_it_is_no_longer_served() -> None:
    async with serve_pty(a_bus(0.01), lambda: 0) as path:
        port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        os.write(port, REQUEST)
        # Long enough for the request to be heard, not for its answer.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    os.close(port)
    assert not await asyncio.to_thread(Path(path).exists)
