"""Our link to a serial server whose port is set from here, against pyserial's own server of it."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import serial
from serial import rfc2217

from drivers import profile
from drivers.bus import Line
from drivers.driver import LinkDown
from drivers.link import open_link
from drivers.mbus.driver import MbusDriver
from drivers.mbus.profile import MbusProfile
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.profile import ModbusProfile
from simulators.lines import Bus
from simulators.mbus_bus import MbusBus
from simulators.mbus_meter import MbusMeter
from simulators.modbus_meter import ModbusBus, ModbusMeter
from simulators.pty import serve_pty

HOST = "127.0.0.1"
# Bytes pass at once; this is only how soon the threads notice that the test is over.
WATCH_S = 0.05
# Everybody who is asked answers.
ANSWER_S = 30.0


class PortWithLines(serial.Serial):
    """A pseudo-terminal has no modem lines; these stand still, whatever they are set to."""

    cts = dsr = ri = cd = rts = dtr = False


class Box:
    """A serial server of one client: bytes both ways between a socket and a serial port."""

    def __init__(self, path: str) -> None:
        self.serial = PortWithLines(path, timeout=WATCH_S)
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._alive = True
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def close(self) -> None:
        self._alive = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        self.serial.close()

    def write(self, data: bytes) -> None:
        """What the telnet side of the server has to say."""
        self._client.sendall(data)

    def _serve(self) -> None:
        with suppress(OSError):
            self._client, _ = self._listener.accept()
            with self._client:
                self._client.settimeout(WATCH_S)
                manager = rfc2217.PortManager(self.serial, self)
                back = threading.Thread(target=self._back, args=(manager,))
                self._threads.append(back)
                back.start()
                self._forth(manager)

    def _forth(self, manager: rfc2217.PortManager) -> None:
        while self._alive:
            try:
                data = self._client.recv(1024)
            except TimeoutError:
                continue
            if not data:
                return
            self.serial.write(b"".join(manager.filter(data)))

    def _back(self, manager: rfc2217.PortManager) -> None:
        with suppress(OSError):
            while self._alive:
                data = self.serial.read(self.serial.in_waiting or 1)
                if data:
                    self.write(b"".join(manager.escape(data)))


@asynccontextmanager
async def box_before(bus: Bus) -> AsyncIterator[Box]:
    async with serve_pty(bus, lambda: 0) as path:
        box = await asyncio.to_thread(Box, path)
        try:
            yield box
        finally:
            await asyncio.to_thread(box.close)


async def test_modbus_meters_are_read_through_a_serial_server() -> None:
    model = profile.load("eastron_sdm630")
    assert isinstance(model, ModbusProfile)
    # The value's bytes hold FFh, which the protocol between has to escape.
    shown = {"1-0:1.8.0": 12_799, "1-0:2.8.0": 255}
    bus = ModbusBus([ModbusMeter(7, model, lambda _: shown)])
    async with box_before(bus) as box:
        link = open_link(f"rfc2217://{HOST}:{box.port}?baud=19200&parity=N")
        line = Line(link, baud=19_200, turnaround_s=ANSWER_S)
        for _ in range(3):
            answer = await ModbusDriver().read(line, model, 7)
            assert {value.register: value.mantissa for value in answer.values} == shown
        assert box.serial.baudrate == 19_200
        await line.close()


async def test_m_bus_meters_are_read_through_a_serial_server() -> None:
    model = profile.load("kamstrup_multical")
    assert isinstance(model, MbusProfile)
    shown = {"6-0:1.0.0": 0xFFFF, "6-0:2.0.0": 56_108}
    bus = MbusBus([MbusMeter(7, model, lambda _: shown, "12345678", telegrams=2)])
    async with box_before(bus) as box:
        link = open_link(f"rfc2217://{HOST}:{box.port}?baud=2400&parity=N")
        line = Line(link, baud=2400, turnaround_s=ANSWER_S)
        answer = await MbusDriver().read(line, model, 7)
        assert {value.register: value.mantissa for value in answer.values} == shown
        assert box.serial.baudrate == 2400
        await line.close()


async def test_a_serial_server_that_is_not_there_is_one_clear_line() -> None:
    with socket.create_server((HOST, 0)) as gone:
        port = gone.getsockname()[1]
    line = Line(open_link(f"rfc2217://{HOST}:{port}?baud=9600"))
    model = profile.load("eastron_sdm630")
    with pytest.raises(LinkDown) as caught:
        await ModbusDriver().read(line, model, 7)
    assert "\n" not in str(caught.value)
    await line.close()
