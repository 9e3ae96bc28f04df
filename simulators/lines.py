"""Lines to virtual meters: in memory with the faults of a bus, and as a TCP server.

A *bus* is whatever takes the bytes a master wrote and gives the bytes its meters answer. In a
simulated world the bus hangs on a `MemoryLink`, which is a `drivers.driver.Link`; for a person it
hangs on a TCP port, like a serial server in a cabinet.

A damaged answer has one bit turned over, no more. A line with parity and a Modbus CRC finds
much worse, but M-Bus guards a telegram with an 8-bit sum: two bits can cancel out there, and a
world in which the protocol itself lies could not say that billed equals truth.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from drivers.driver import LinkDown
from simulators.network import flip_bit

# The longest request of either protocol is 261 bytes; a client that sends more without making
# sense of it is not a master.
REQUEST_BYTES_MAX = 1024
# Bytes of one request follow each other closely, even through a serial server. After a longer pause
# the rest of a broken one will never come, and every master waits longer before it asks again.
PAUSE_MS_MAX = 50


class Bus(Protocol):
    """Meters on one pair of wires."""

    @property
    def turnaround_s(self) -> float:
        """How long the meters that answered last took to begin."""

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """The meters' answer to bytes from the master; empty where none answers."""

    def reset(self) -> None:
        """Forget a half-received request: the master went away."""


@dataclass(frozen=True, kw_only=True)
class LineFaults:
    """How often a bus misbehaves, as probabilities per answer, and how slow it is."""

    silent: float = 0.0
    """No answer comes."""
    corrupt: float = 0.0
    junk: float = 0.0
    """Noise on the line before the answer."""
    cut: float = 0.0
    """The end of the answer is missing."""
    late: float = 0.0
    """The answer comes after the master gave up, up to `late_s_max` later than usual."""
    late_s_max: float = 5.0
    down: float = 0.0
    """The link closes instead of answering."""
    answer_s: float = 0.05
    """From the end of a request to the end of its answer, when all is well."""


class MemoryLink:
    """A `drivers.driver.Link` to a bus in memory: an answer arrives whole."""

    packs = True

    def __init__(
        self, bus: Bus, now_ms: Callable[[], int], random: Random, faults: LineFaults
    ) -> None:
        self.bus = bus
        self.faults = faults
        self._now_ms = now_ms
        self._random = random
        self._open = False
        self._arrived = bytearray()
        self._wakeup: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Always works: what is broken about a line shows when it is used."""
        self._open = True

    async def close(self) -> None:
        """Drop what had arrived."""
        self._open = False
        self._arrived.clear()
        self.bus.reset()
        self._wake()

    async def write(self, data: bytes) -> None:
        """Let the meters hear `data`; their answer arrives later, if it does."""
        if not self._open:
            raise LinkDown("the line is closed: open it first")
        if self._happens(self.faults.down):
            await self.close()
            raise LinkDown("the line went down while writing")
        # The meters answer now, whenever the answer arrives: a late one shows an old value.
        answer = self._damaged(self.bus.feed(data, self._now_ms()))
        if answer:
            delay_s = self.faults.answer_s + self.bus.turnaround_s
            if self._happens(self.faults.late):
                delay_s += self._random.uniform(0.0, self.faults.late_s_max)
            asyncio.get_running_loop().call_later(delay_s, self._arrive, answer)

    async def read(self, timeout_s: float) -> bytes:
        """What has arrived; empty after `timeout_s`; LinkDown when closed."""
        if self._open and not self._arrived and timeout_s > 0:
            await self._arrival(timeout_s)
        if not self._open:
            raise LinkDown("the line is closed")
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    async def _arrival(self, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._wakeup = loop.create_future()
        timer = loop.call_later(timeout_s, self._wake)
        try:
            await self._wakeup
        finally:
            timer.cancel()
            self._wakeup = None

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def _arrive(self, data: bytes) -> None:
        if self._open:
            self._arrived += data
            self._wake()

    def _damaged(self, answer: bytes) -> bytes:
        if not answer or self._happens(self.faults.silent):
            return b""
        if self._happens(self.faults.corrupt):
            return flip_bit(answer, self._random)
        if self._happens(self.faults.cut):
            return answer[: self._random.randrange(len(answer))]
        if self._happens(self.faults.junk):
            return self._random.randbytes(self._random.randint(1, 3)) + answer
        return answer

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability


async def serve(bus: Bus, host: str, port: int, now_ms: Callable[[], int]) -> asyncio.Server:
    """Serve a bus over TCP, one master after another; port 0 picks a free one."""
    line_free = asyncio.Lock()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # One pair of wires has one master; a second connection waits for the first to leave.
            async with line_free:
                bus.reset()
                while data := await reader.read(REQUEST_BYTES_MAX):
                    if answer := bus.feed(data, now_ms()):
                        await asyncio.sleep(bus.turnaround_s)
                        writer.write(answer)
                        await writer.drain()
        except ConnectionError:
            return  # A master that hangs up mid-answer is an everyday end, not a failure.
        finally:
            writer.close()

    return await asyncio.start_server(talk, host, port)
