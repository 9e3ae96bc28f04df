"""`plomba-edge commission` as it is used: a real terminal, a real process, a virtual bus."""

import asyncio
import os
import pty
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse

from cloud_sync import signing
from cloud_sync.topics import visit_topic
from cloud_sync.visit import Exchange
from drivers.modbus.frames import parse_request
from edge import config
from edge.commands.commission_talk import Talk
from edge.line_owner import are_wanted
from edge.visit.core import VisitBook
from simulators.lines import serve
from simulators.mbus_bus import MbusBus
from tests.cloud_sync.brokers import HOST
from tests.edge.installer import ROOT, edge, finished, heard
from tests.edge.visit.site import CONFIG, KEY, Site, a_device, cold

NOW_MS = 1_795_326_600_000
# A search of a whole line on a machine that does seven other things.
PATIENCE_S = 120
# An answer passes two processes at once; each of some thirty silences of a search costs this.
ANSWER_S = 0.25


class Wires:
    """A bus whose meters can be exchanged while it is served.

    Its converter says of each Modbus unit that it is not there: else a search would have to wait
    for every one of them, and no longer than a busy machine takes for an answer.
    """

    def __init__(self, bus: MbusBus) -> None:
        self.bus = bus

    @property
    def turnaround_s(self) -> float:
        return self.bus.turnaround_s

    def feed(self, data: bytes, now_ms: int) -> bytes:
        if asked := parse_request(data):
            nobody = ExceptionResponse(
                asked.block.function, ExcCodes.GATEWAY_NO_RESPONSE, device_id=asked.unit
            )
            return FramerRTU(DecodePDU(is_server=True)).buildFrame(nobody)
        return self.bus.feed(data, now_ms)

    def reset(self) -> None:
        self.bus.reset()


class Terminal:
    """A pseudo-terminal with the command on it, and a person who reads and types."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.seen = ""
        self._at = 0
        self._more = asyncio.Event()
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._hear)

    def _hear(self) -> None:
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self.seen += data.decode("utf-8", "replace")
        self._more.set()

    async def until(self, pattern: str) -> str:
        """Wait for what the screen shows next; from there on the next wait looks."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := re.compile(pattern).search(self.seen, self._at)) is None:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{pattern!r} never came: {self.seen[self._at :]!r}") from None
        self._at = found.end()
        return found.group()

    def type(self, text: str) -> None:
        """What a person types, with Enter."""
        os.write(self._descriptor, text.encode() + b"\n")

    async def answer(self, pattern: str, text: str) -> None:
        """Type a text once the screen asks."""
        await self.until(pattern)
        self.type(text)

    async def interrupt(self, pattern: str) -> None:
        """Press Ctrl-C, and again where it fell just before the program began to listen."""
        for _ in range(PATIENCE_S // 10):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGINT)
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    while re.search(pattern, self.seen[self._at :]) is None:
                        self._more.clear()
                        await self._more.wait()
                break
        await self.until(pattern)

    async def choose(self, name: str) -> None:
        """Choose from the menu by what stands there."""
        number = (await self.until(rf"(\d+)  {name}")).split()[0]
        await self.answer("Number: ", number)

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)


@asynccontextmanager
async def terminal(*words: str) -> AsyncIterator[Terminal]:
    ours, theirs = pty.openpty()
    with heard(signal.SIGINT):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge", *words,
            cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
    os.close(theirs)
    screen = Terminal(process, ours)
    try:
        yield screen
    finally:
        screen.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def a_house(folder: Path, bus: Wires) -> AsyncIterator[Path]:
    """A device whose line is a bus on TCP."""
    server = await serve(bus, HOST, 0, lambda: NOW_MS)
    port = server.sockets[0].getsockname()[1]
    text = (
        CONFIG.replace("127.0.0.1:1", f"127.0.0.1:{port}")
        .replace("0.1\n", f"{ANSWER_S}\n")
        .replace("2400", "115200")
    )
    try:
        yield a_device(folder, text)
    finally:
        server.close()


async def test_a_visit_from_the_name_to_the_record(tmp_path: Path) -> None:
    bus = Wires(MbusBus([cold("11223344"), cold("55667788", 999)]))
    async with a_house(tmp_path, bus) as path:
        words = ("commission", "--config", str(path), "--lang", "en")
        async with terminal(*words) as screen:
            await screen.answer("Your full name: ", "Ivan Petrov")
            await screen.until("meters answer: mbus")
            await screen.until("Meters found: 2")
            await screen.choose("Meters one by one")
            await screen.until("the meter says: 123.456 m³")
            await screen.answer("Dial: .*", "0.999")
            await screen.until("Meter 55667788 says that")
            await screen.answer("Enter = type again.*: ", "")
            await screen.answer("Dial: .*", "123.45")
            await screen.answer("Metering point.*: ", "")
            await screen.answer("Place: ", "flat 1")
            await screen.answer("Seal number.*: ", "A-17")
            await screen.answer("Dial: .*", "q")
            await screen.until("What next")
            os.killpg(screen.process.pid, signal.SIGKILL)
        async with terminal(*words) as screen:
            await screen.until(r"Going on with visit no. 1 \(Ivan Petrov\)")
            await screen.choose("Finish and sign")
            await screen.until("Not ready yet")
            await screen.choose("Meters one by one .1 left")
            await screen.answer("Dial: .*", "")
            await screen.answer("Metering point.*: ", "12")
            await screen.answer("Place: ", "")
            await screen.answer(r"Seal number.*\[A-18\]: ", "")
            await screen.choose("Finish and sign")
            await screen.until("Record no. 1 is sealed")
            await screen.until("not enrolled yet")
            await screen.until("First readings at the gateway: 0 of 2")
            assert await screen.process.wait() == 0
    record = VisitBook(tmp_path / "state").finished(1)
    KEY.public.verify(signing.parse(record.sealed), visit_topic("edge-1"))
    first, second = record.visit.installs
    assert (first.serial, first.place, first.seal) == ("11223344", "flat 1", "A-17")
    assert (str(first.dial[0].value), first.point) == ("123.45", "")
    assert (second.point, second.seal, second.dial) == ("#12", "A-18", second.levels)
    assert [meter.serial for _, meter in config.load(path).meters] == ["11223344", "55667788"]
    await _shown(path)


async def _shown(path: Path) -> None:
    code, out, _ = await finished(await edge("visit", "list", "--config", str(path)))
    assert (code, out.split()[:2]) == (0, ["1", "waits"])
    code, out, _ = await finished(await edge("visit", "show", "--json", "--config", str(path)))
    assert code == 0
    assert '"first_reading": "not-read"' in out
    code, out, _ = await finished(await edge("visit", "send", "--config", str(path)))
    assert (code, out) == (
        1,
        "visit 1: record: not enrolled yet: it goes by itself once the device is\n",
    )
    target = path.parent / "record.pdf"
    words = ("visit", "pdf", "--config", str(path), "--out", str(target))
    assert (await finished(await edge(*words)))[0] == 0
    assert target.read_bytes().startswith(b"%PDF-")


async def test_an_exchange_in_three_steps(tmp_path: Path) -> None:
    bus = Wires(MbusBus([cold("11223344")]))
    async with a_house(tmp_path, bus) as path:
        old = 'serial = "11223344"  # in the bathroom\nprofile = "itron_cyble_cold"\n'
        path.write_text(f'{path.read_text()}\n[[lines.meters]]\n{old}address = "11223344"\n')
        words = ("commission", "--config", str(path), "--lang", "en")
        async with terminal(*words) as screen:
            await screen.answer("Your full name: ", "Ivan Petrov")
            await screen.choose("Exchange a meter")
            await screen.answer("Serial of the meter that goes: ", "11223344")
            await screen.answer("Final values: .*: ", "")
            await screen.until("read: 123.456 m³")
            await screen.until("Exchange the meter, power it")
            await screen.interrupt("Everything noted is kept")
        bus.bus = MbusBus([cold("99887766", 7)])
        async with terminal(*words) as screen:
            await screen.choose("Exchange a meter")
            await screen.answer("Serial of the meter that goes: ", "11223344")
            await screen.answer("Final values: .*: ", "d")
            await screen.answer("8-0:1.0.0.*: ", "123,4")
            await screen.answer("Exchange the meter, power it.*: ", "")
            await screen.until("the meter says: 0.007 m³")
            await screen.answer("Dial: .*", "0")
            await screen.answer("Metering point.*: ", "")
            await screen.answer("Place: ", "bathroom")
            await screen.answer("Seal number.*: ", "-")
            await screen.choose("Finish and sign")
            await screen.until("is sealed")
            await screen.process.wait()
    (event,) = VisitBook(tmp_path / "state").finished(1).visit.events
    assert isinstance(event, Exchange)
    assert (event.old_serial, event.final_source, str(event.final[0].value)) == (
        "11223344",
        "dial",
        "123.4",
    )
    assert event.new.serial == "99887766"
    assert 'serial = "99887766"  # in the bathroom' in path.read_text()
    assert "11223344" not in path.read_text()


def test_a_terminal_left_alone_gives_the_lines_back(tmp_path: Path) -> None:
    visiting = Site().visiting(a_device(tmp_path))
    with asyncio.Runner() as runner:
        talk = Talk(visiting, "en", runner, linger_s=0.01)

        async def use() -> None:
            async with visiting.lines.held():
                pass

        talk.run(use())
        assert are_wanted(tmp_path / "state")
        until_s = time.monotonic() + PATIENCE_S
        with talk.idle():
            while are_wanted(tmp_path / "state") and time.monotonic() < until_s:
                time.sleep(0.01)
        assert not are_wanted(tmp_path / "state")
        talk.run(use())
        assert are_wanted(tmp_path / "state")
        visiting.let_go()
