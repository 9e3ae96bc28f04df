"""The agent's pulse: pings while all loops turn, none while one stands still."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from cloud_sync.delivery import Sender
from cloud_sync.signing import SigningKey
from cloud_sync.state import DeviceState
from cloud_sync.transport import Transport
from drivers.driver import Answer
from drivers.reading import Readout
from edge.clock import SystemClock
from edge.poller import READ_S_MAX, LinePlan, Meter, Poller
from edge.pulse import PINGS, SLACK_S, Notifier, Pulse, beat, telling
from edge.spool import Spool
from edge.uplink import TURN_S, Uplink

PING_S = 0.01


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def systemd(name: str) -> Iterator[socket.socket]:
    """The end of the socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.setblocking(False)
        yield listening


def heard(listening: socket.socket) -> list[str]:
    """What has come by now."""
    said = []
    while True:
        try:
            said.append(listening.recv(4096).decode())
        except BlockingIOError:
            return said


async def hears(listening: socket.socket, message: str) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while (await loop.sock_recv(listening, 4096)).decode() != message:
            pass


def of(name: str) -> Notifier:
    usec = str(int(PING_S * PINGS * 1_000_000))
    return Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": usec})


def test_a_part_is_overdue_after_its_time_and_slack_and_not_before() -> None:
    clock = Hand()
    pulse = Pulse(clock)
    pulse.expect("line a", 10)
    pulse.expect("uplink", 500)
    clock.now_s += 10 + SLACK_S
    assert pulse.overdue() == []
    clock.now_s += 1
    assert pulse.overdue() == ["line a"]
    pulse.expect("line a", 10)
    assert pulse.overdue() == []
    clock.now_s += 10_000
    pulse.forget("line a")
    assert pulse.overdue() == ["uplink"]


@pytest.mark.parametrize("kind", ["file", "abstract"])
async def test_systemd_hears_ready_then_pings_then_stopping(tmp_path: Path, kind: str) -> None:
    name = str(tmp_path / "notify") if kind == "file" else f"@plomba-test-{os.getpid()}"
    with systemd(name) as listening:
        async with telling(Pulse(), of(name)):
            await hears(listening, "READY=1")
            await hears(listening, "WATCHDOG=1")
            await hears(listening, "WATCHDOG=1")
        assert heard(listening)[-1] == "STOPPING=1"


async def test_no_ping_goes_out_while_a_part_stands_still(tmp_path: Path) -> None:
    clock = Hand()
    pulse = Pulse(clock)
    name = str(tmp_path / "notify")
    with systemd(name) as listening:
        pulse.expect("line a", 1)
        clock.now_s += SLACK_S + 2
        beating = asyncio.create_task(beat(pulse, of(name)))
        await asyncio.sleep(5 * PING_S)
        assert heard(listening) == []
        # It was only slow: with its next turn the pings are back.
        pulse.expect("line a", 1)
        await hears(listening, "WATCHDOG=1")
        beating.cancel()
        await asyncio.wait({beating})


async def test_without_systemd_nothing_is_told() -> None:
    quiet = Notifier({})
    assert quiet.ping_s is None
    async with telling(Pulse(), quiet):
        await asyncio.sleep(0)


def test_pings_meant_for_another_process_are_not_ours() -> None:
    meant = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000"}
    assert Notifier(meant | {"WATCHDOG_PID": "1"}).ping_s is None
    assert Notifier(meant | {"WATCHDOG_PID": str(os.getpid())}).ping_s == 1.0


def test_a_systemd_that_does_not_listen_does_not_end_the_agent(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).tell("READY=1")


class Room:
    """A sink with room for everything."""

    def may_sample(self) -> bool:
        return True

    def skipped(self, meters: int) -> None:
        raise AssertionError(meters)

    def store(self, readouts: Sequence[Readout]) -> None:
        raise AssertionError(readouts)


async def test_a_read_that_never_ends_is_a_line_that_stands_still() -> None:
    clock = Hand()
    pulse = Pulse(clock)
    asked = asyncio.Event()

    async def read() -> Answer:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    plan = LinePlan(name="a", meters=(Meter(serial="1", read=read, interval_s=900),))
    poller = Poller(plan, clock=SystemClock(), sink=Room(), zone=ZoneInfo("UTC"), pulse=pulse)
    running = asyncio.create_task(poller.run())
    async with asyncio.timeout(30):
        await asked.wait()
    clock.now_s += READ_S_MAX
    assert pulse.overdue() == []
    clock.now_s += SLACK_S + 1
    assert pulse.overdue() == ["line a"]
    running.cancel()
    await asyncio.wait({running})
    assert pulse.overdue() == [], "a line that has come to its end is not waited for"


async def test_a_connection_that_never_comes_or_fails_is_an_uplink_that_stands_still(
    tmp_path: Path,
) -> None:
    clock = Hand()
    pulse = Pulse(clock)
    dialled = asyncio.Event()

    @asynccontextmanager
    async def dial() -> AsyncIterator[Transport]:
        dialled.set()
        await asyncio.Event().wait()
        raise AssertionError
        yield

    spool = Spool(tmp_path, max_bytes=64 * 1024 * 1024)
    key = SigningKey.generate().public
    uplink = Uplink(
        device="edge-1",
        sender=Sender(spool, device="edge-1", gateway_key=key, random=Random(1)),
        dial=dial,
        random=Random(1),
        report=lambda: DeviceState(state="online"),
        pulse=pulse,
    )
    running = asyncio.create_task(uplink.run())
    async with asyncio.timeout(30):
        await dialled.wait()
    clock.now_s += TURN_S + SLACK_S + 1
    assert pulse.overdue() == ["uplink"]
    uplink.stop()
    async with asyncio.timeout(30):
        await running
    assert pulse.overdue() == []
    spool.close()


def test_a_systemd_that_reads_nothing_is_waited_for_a_moment_only(tmp_path: Path) -> None:
    """Its socket holds a few messages; whoever has one more would wait, and read no meter."""
    name = str(tmp_path / "notify")
    with systemd(name), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.connect(name)
        other.setblocking(False)
        with suppress(BlockingIOError):
            while other.send(b"READY=1"):
                pass
        with capture_logs() as logs:
            Notifier({"NOTIFY_SOCKET": name}, patience_s=0.01).tell("WATCHDOG=1")
    assert [one["event"] for one in logs] == ["systemd cannot be told"]
