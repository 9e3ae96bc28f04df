"""A serial port of a box on the network, its speed and parity set from here (RFC 2217).

pyserial speaks the protocol, in a blocking way: a thread of its own waits for bytes and hands them
to the event loop; opening, writing and closing are done in threads as well. Each of these has an
end: pyserial gives a connection 5 s, the box 3 s for each agreement, and a write 5 s.
"""

import asyncio
import socket
import threading
import warnings
from contextlib import suppress
from typing import NamedTuple

from serial import rfc2217

from drivers.driver import LinkDown

# How soon the waiting thread notices that the link was closed.
WATCH_S = 0.25
# Several frames; what nobody reads is stale and the oldest of it goes.
ARRIVED_BYTES_MAX = 4096
# How pyserial 3.5 begins to say these; any other words of its own are passed on.
_NO_RFC2217 = "Remote does not seem to support RFC2217"
_NO_SUCH_SETTING = "Remote does not accept parameter change"


class RemotePort(NamedTuple):
    """The port of the box at `host`:`port`, and how a character looks on it."""

    host: str
    port: int
    baud: int
    bits: int
    parity: str
    stop: int

    @property
    def url(self) -> str:
        """As pyserial wants to be told."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rfc2217://{host}:{self.port}"


class Rfc2217Link:
    """A `drivers.driver.Link` to a port on the network."""

    packs = True

    def __init__(self, port: RemotePort) -> None:
        self._port = port
        self._session: _Session | None = None

    async def open(self) -> None:
        """Connect and agree on the port's settings; LinkDown if that fails."""
        if self._session is not None:
            return
        session = _Session(self._port, asyncio.get_running_loop())
        try:
            await asyncio.to_thread(session.open)
        except asyncio.CancelledError:
            # The thread cannot be stopped; what it opens belongs to nobody.
            session.abandon()
            raise
        except (OSError, ValueError) as error:
            raise LinkDown(f"{self._name}: {self._why_not(error)}") from error
        self._session = session

    async def close(self) -> None:
        """Disconnect."""
        session, self._session = self._session, None
        if session is not None:
            await asyncio.shield(asyncio.to_thread(session.close))

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`."""
        session = self._opened()
        try:
            await asyncio.shield(asyncio.to_thread(session.write, data))
        except OSError as error:
            raise LinkDown(f"{self._name}: {_reason(error)}") from error

    async def read(self, timeout_s: float) -> bytes:
        """What has arrived; empty after `timeout_s`."""
        session = self._opened()
        data = await session.read(timeout_s)
        if not data and session.loss is not None:
            raise LinkDown(f"{self._name}: {session.loss}")
        return data

    def _why_not(self, error: Exception) -> str:
        """Why the port cannot be opened, and what to do where that is known."""
        reason, port = _reason(error), self._port
        if reason.startswith(_NO_RFC2217):
            return f"no RFC 2217 there: a plain serial server is tcp://{self._name}"
        if reason.startswith(_NO_SUCH_SETTING):
            wanted = f"{port.baud} baud, {port.bits}{port.parity}{port.stop}"
            return f"the box does not set its port to {wanted}: choose what it can"
        return reason

    def _opened(self) -> "_Session":
        if self._session is None:
            raise LinkDown(f"{self._name}: not connected")
        return self._session

    @property
    def _name(self) -> str:
        return f"{self._port.host}:{self._port.port}"


class _Session:
    """One connection, with the thread that waits for its bytes.

    `open`, `write`, `close` and `_watch` run in threads, all else in the event loop.
    """

    def __init__(self, port: RemotePort, loop: asyncio.AbstractEventLoop) -> None:
        self.loss: str | None = None
        self._loop = loop
        self._serial = rfc2217.Serial(
            None,
            baudrate=port.baud,
            bytesize=port.bits,
            parity=port.parity,
            stopbits=port.stop,
            timeout=WATCH_S,
        )
        self._serial.port = port.url
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._lock = threading.Lock()
        self._is_open = False
        self._is_abandoned = False
        self._arrived = bytearray()
        self._something = asyncio.Event()

    def open(self) -> None:
        with warnings.catch_warnings():
            # pyserial 3.5 starts its thread in a way that Python has called old since 3.10.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._serial.open()
        with self._lock:
            self._is_open = True
            if not self._is_abandoned:
                self._thread.start()
                return
        self.close()

    def write(self, data: bytes) -> None:
        self._serial.write(data)

    def close(self) -> None:
        # pyserial forgets to close its socket where the peer was the first to leave.
        connection: socket.socket | None = self._serial._socket  # type: ignore[attr-defined]  # noqa: SLF001
        # How a dead connection ends is of no interest; that it is closed is.
        with suppress(OSError):
            self._serial.close()
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """Close what was opened, or will be, when nobody wants it any more."""
        with self._lock:
            self._is_abandoned = True
            if self._is_open:
                threading.Thread(target=self.close, daemon=True).start()

    async def read(self, timeout_s: float) -> bytes:
        if not self._arrived and self.loss is None:
            self._something.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._something.wait()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def _watch(self) -> None:
        """Wait for bytes and pass them on, until the port is closed or lost."""
        loss = "the link was closed"
        try:
            while self._serial.is_open:
                data = self._serial.read(1)
                data += self._serial.read(self._serial.in_waiting)
                if data:
                    self._tell(data, None)
        except OSError as error:
            loss = _reason(error)
        self._tell(b"", loss)

    def _tell(self, data: bytes, loss: str | None) -> None:
        # A loop that has ended meanwhile wants no bytes any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrive, data, loss)

    def _arrive(self, data: bytes, loss: str | None) -> None:
        self._arrived += data
        del self._arrived[:-ARRIVED_BYTES_MAX]
        self.loss = loss
        self._something.set()


def _reason(error: Exception) -> str:
    """The first line of what pyserial says."""
    return (str(error) or type(error).__name__).splitlines()[0]
