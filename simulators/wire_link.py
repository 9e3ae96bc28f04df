"""A link through wires that take the time wires take: every byte at the baud rate.

A pseudo-terminal or a socket hands over an answer at once, and whatever is measured on it says
nothing about a real line. Here a request occupies the line for as long as its bytes last, a meter
takes its turnaround, and its answer then arrives byte by byte. Time is the event loop's, real or
virtual.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from drivers.bus import CHARACTER_BITS
from drivers.driver import LinkDown
from simulators.lines import Bus

# An event loop's timer fires up to its clock's resolution early; a byte is looked for after that.
_EARLY_S = 1e-6


class WireLink:
    """A `drivers.driver.Link` to a bus at `baud`; it counts the `questions` it carried."""

    packs = False

    def __init__(self, bus: Bus, now_ms: Callable[[], int], *, baud: int) -> None:
        self.questions = 0
        self._bus = bus
        self._now_ms = now_ms
        self._character_s = CHARACTER_BITS / baud
        self._open = False
        self._under_way: deque[tuple[float, int]] = deque()
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        """Always works. What came through while nobody had the line open is lost."""
        if not self._open:
            self._open = True
            self._through()

    async def close(self) -> None:
        """Leave the line; what is under way goes on."""
        self._open = False
        self._arrived.set()

    async def write(self, data: bytes) -> None:
        """Begin to send; the meters hear the request when its last byte is through."""
        if not self._open:
            raise LinkDown("the line is closed: open it first")
        self.questions += 1
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + len(data) * self._character_s
        loop.call_at(ends_s, self._ask, data, ends_s)

    async def read(self, timeout_s: float) -> bytes:
        """The bytes that are through; empty after `timeout_s`; LinkDown when closed."""
        try:
            async with asyncio.timeout(timeout_s):
                # Also woken when the link is closed, and by bytes that were read meanwhile.
                while not (data := self._through()):
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return b""
        return data

    def _ask(self, data: bytes, ends_s: float) -> None:
        """Let the meters hear a request that ended then, and put their answer on its way."""
        answer = self._bus.feed(data, self._now_ms())
        loop = asyncio.get_running_loop()
        # A busy machine runs this a little late; the meters are not.
        through_s = ends_s + self._bus.turnaround_s
        for byte in answer:
            through_s += self._character_s
            self._under_way.append((through_s, byte))
            loop.call_at(through_s + _EARLY_S, self._arrived.set)

    def _through(self) -> bytes:
        """The bytes whose time has come; LinkDown if the line is closed."""
        if not self._open:
            raise LinkDown("the line is closed")
        now_s = asyncio.get_running_loop().time()
        found = bytearray()
        while self._under_way and self._under_way[0][0] <= now_s:
            found.append(self._under_way.popleft()[1])
        return bytes(found)
