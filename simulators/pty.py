"""A bus on a pseudo-terminal: a serial port that any program on this machine can open.

A pseudo-terminal hands bytes over at once, whatever speed is set, and knows no parity. The far end
is held open here, so that one master may leave and the next one come.
"""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from simulators.lines import REQUEST_BYTES_MAX, Bus


@asynccontextmanager
async def serve_pty(bus: Bus, now_ms: Callable[[], int]) -> AsyncIterator[str]:
    """Serve a bus on a new pseudo-terminal; gives the path of its port."""
    ours, port = os.openpty()
    try:
        tty.setraw(port)
        os.set_blocking(ours, False)
        end = _End(bus, now_ms, ours)
        try:
            yield os.ttyname(port)
        finally:
            end.close()
    finally:
        os.close(ours)
        os.close(port)


class _End:
    """The meters' end of the terminal."""

    def __init__(self, bus: Bus, now_ms: Callable[[], int], descriptor: int) -> None:
        self._bus = bus
        self._now_ms = now_ms
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.TimerHandle | None = None
        self._loop.add_reader(descriptor, self._hear)

    def close(self) -> None:
        """Neither hear nor answer any more."""
        self._loop.remove_reader(self._descriptor)
        if self._answer is not None:
            self._answer.cancel()

    def _hear(self) -> None:
        answer = self._bus.feed(os.read(self._descriptor, REQUEST_BYTES_MAX), self._now_ms())
        if answer:
            self._answer = self._loop.call_later(self._bus.turnaround_s, self._send, answer)

    def _send(self, answer: bytes) -> None:
        # A master that asks and never listens fills the port; a real line would lose it, too.
        with suppress(BlockingIOError):
            os.write(self._descriptor, answer)
