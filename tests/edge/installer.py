"""The installer's side of a test: a configured device, a line with a meter, real processes."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner, Result
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse

from cloud_sync.signing import SigningKey
from drivers import profile
from drivers.modbus import frames
from drivers.modbus.profile import ModbusProfile
from edge.__main__ import main
from simulators.lines import Bus, serve
from simulators.modbus_meter import ModbusBus, ModbusMeter
from tests.cloud_sync.brokers import HOST

ROOT = Path(__file__).parents[2]
SHOWN = {"1-0:1.8.0": 1_234_567, "1-0:2.8.0": 89, "1-0:3.8.0": 4, "1-0:4.8.0": 5}
# An answer that comes is waited for, however busy the machine is; silence costs this much.
PATIENT_S = 20.0


class Device(NamedTuple):
    """A configured device in a folder."""

    folder: Path
    config: Path

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(self.config)])


def a_device(
    folder: Path,
    *,
    line_port: int = 1,
    broker_port: int = 1,
    enrolled: bool = True,
    turnaround_s: float = PATIENT_S,
) -> Device:
    config = folder / "edge.toml"
    config.write_text(
        f"""\
[device]
name = "edge-1"
key = "keys/device.key"
gateway_key = "gateway.pem"
state_dir = "state"

[broker]
host = "{HOST}"
port = {broker_port}
without_tls = true

[[lines]]
name = "house"
url = "tcp://{HOST}:{line_port}"
turnaround_s = {turnaround_s}

[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"
address = 1
interval_s = 1

[[lines.meters]]
serial = "22310099"
profile = "eastron_sdm120"
address = 9
"""
    )
    (folder / "gateway.pem").write_bytes(SigningKey.generate().public.to_pem())
    device = Device(folder, config)
    if enrolled:
        assert device.run("enroll").exit_code == 0
    return device


def refused(result: Result) -> str:
    """The one line a command ended with."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


class Gateway:
    """A box before a bus that says at once where no meter is, so that nobody waits in vain."""

    turnaround_s = 0.0

    def __init__(self, bus: ModbusBus) -> None:
        self._bus = bus
        self._framer = FramerRTU(DecodePDU(is_server=True))

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """The meter's answer, or exception 11 in its place."""
        asked = frames.parse_request(data)
        if asked is None or asked.unit in self._bus.meters:
            return self._bus.feed(data, now_ms)
        nobody = ExceptionResponse(
            asked.block.function, ExcCodes.GATEWAY_NO_RESPONSE, device_id=asked.unit
        )
        return self._framer.buildFrame(nobody)

    def reset(self) -> None:
        """Forget half a request."""
        self._bus.reset()


@contextmanager
def heard(number: signal.Signals) -> Iterator[None]:
    """Programs begun in it hear the signal, also where whoever runs the tests ignores it."""
    before = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


@asynccontextmanager
async def a_line(*, has_gateway: bool = False) -> AsyncIterator[int]:
    """A TCP line with one virtual meter at address 1; its port. All others are silent."""
    model = profile.load("eastron_sdm120")
    assert isinstance(model, ModbusProfile)
    shown = {register.obis: SHOWN.get(register.obis, 0) for register in model.registers}
    meters = ModbusBus([ModbusMeter(1, model, lambda _: shown)])
    bus: Bus = Gateway(meters) if has_gateway else meters
    server = await serve(bus, HOST, 0, lambda: 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def edge(*words: str, stderr: int = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "edge", *words],
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )


async def finished(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    try:
        async with asyncio.timeout(120):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), (err or b"").decode()
