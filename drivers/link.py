"""Real links: a TCP connection or a serial port. Only this and `rfc2217.py` do I/O of a line.

    tcp://192.168.1.40:502                a gateway or serial server (IPv6 in brackets)
    serial:///dev/ttyUSB0?baud=9600&bits=8&parity=N&stop=1
    rfc2217://192.168.1.40:4001?baud=2400&parity=E   a serial server whose port is set from here

All are byte pipes and nothing more: what a byte means, and when the line is quiet, is decided in
`drivers/bus.py`. Every wait has an end, every failure is one LinkDown with one line of text.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import serial

from drivers.driver import Link, LinkDown
from drivers.rfc2217 import RemotePort, Rfc2217Link

# A gateway on the same site answers within milliseconds; over a mobile network within two seconds.
CONNECT_S_MAX = 5.0
# The largest request is 261 bytes. A peer that does not take those in this time is gone.
WRITE_S_MAX = 5.0
# A gateway that lost its power, or a router that forgot the connection, says nothing: without a
# bound the system would try for a quarter of an hour before it reports that.
UNACKNOWLEDGED_MS_MAX = 20_000
# Several frames at once; more stays with the operating system.
READ_BYTES_MAX = 4096

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


class LinkUrlError(ValueError):
    """A link address that cannot be understood; the text says what was expected."""


class SerialSettings(NamedTuple):
    """A serial port and how a character looks on it."""

    port: str
    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stop: int = 1


def open_link(url: str) -> Link:
    """The link at `url`, not yet opened; LinkUrlError if it is not understood."""
    parts = urlsplit(url)
    if parts.scheme == "tcp":
        return _tcp(url)
    if parts.scheme == "serial":
        return SerialLink(_serial_settings(url))
    if parts.scheme == "rfc2217":
        return Rfc2217Link(_remote_port(url))
    raise LinkUrlError(
        f"expected tcp://host:port, serial:///dev/… or rfc2217://host:port, got {url!r}"
    )


def baud_of(url: str) -> int | None:
    """The speed that `url` sets; None for plain TCP, where the box at the other end knows it."""
    scheme = urlsplit(url).scheme
    if scheme == "rfc2217":
        return _remote_port(url).baud
    return _serial_settings(url).baud if scheme == "serial" else None


class TcpLink:
    """A TCP connection to `host`:`port`."""

    packs = True

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect; LinkDown if that fails."""
        if self._streams is not None:
            return
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                self._streams = await asyncio.open_connection(self._host, self._port)
            _notice_silence(self._streams[1].get_extra_info("socket"))
        except TimeoutError:
            raise LinkDown(f"{self._name}: no connection within {CONNECT_S_MAX:g} s") from None
        except OSError as error:
            raise LinkDown(f"{self._name}: {_reason(error)}") from error

    async def close(self) -> None:
        """Disconnect."""
        if self._streams is None:
            return
        (_, writer), self._streams = self._streams, None
        writer.close()
        # How a dead connection ends is of no interest; that it is closed is.
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(WRITE_S_MAX):
                await writer.wait_closed()

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`."""
        _, writer = self._connected()
        try:
            writer.write(data)
            async with asyncio.timeout(WRITE_S_MAX):
                await writer.drain()
        except TimeoutError:
            raise LinkDown(f"{self._name}: takes no bytes since {WRITE_S_MAX:g} s") from None
        except OSError as error:
            raise LinkDown(f"{self._name}: {_reason(error)}") from error

    async def read(self, timeout_s: float) -> bytes:
        """What has arrived; empty after `timeout_s`."""
        reader, _ = self._connected()
        try:
            async with asyncio.timeout(timeout_s):
                data = await reader.read(READ_BYTES_MAX)
        except TimeoutError:
            return b""
        except OSError as error:
            raise LinkDown(f"{self._name}: {_reason(error)}") from error
        if not data:
            raise LinkDown(f"{self._name}: the other end closed the connection")
        return data

    def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            raise LinkDown(f"{self._name}: not connected")
        return self._streams

    @property
    def _name(self) -> str:
        return f"{self._host}:{self._port}"


class SerialLink:
    """A serial port, opened for this process alone."""

    packs = False

    def __init__(self, settings: SerialSettings) -> None:
        self._settings = settings
        self._port: serial.Serial | None = None

    async def open(self) -> None:
        """Open the port; LinkDown if that fails."""
        if self._port is not None:
            return
        settings = self._settings
        try:
            port = serial.Serial(
                settings.port,
                settings.baud,
                bytesize=settings.bits,
                parity=settings.parity,
                stopbits=settings.stop,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError) as error:
            raise LinkDown(f"{settings.port}: {_reason(error)}") from error
        self._port = port

    async def close(self) -> None:
        """Close the port."""
        port, self._port = self._port, None
        if port is not None:
            # An unplugged adapter fails even at closing, and is closed all the same.
            with suppress(OSError):
                port.close()

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`; the driver's buffer of 4 kB takes any request at once."""
        try:
            written = self._opened().write(data)
        except OSError as error:
            raise LinkDown(f"{self._settings.port}: {_reason(error)}") from error
        if written != len(data):
            raise LinkDown(f"{self._settings.port}: took {written} of {len(data)} bytes")

    async def read(self, timeout_s: float) -> bytes:
        """What has arrived; empty after `timeout_s`."""
        port = self._opened()
        if await _readable(port.fileno(), timeout_s):
            try:
                data = os.read(port.fileno(), READ_BYTES_MAX)
            except OSError as error:
                raise LinkDown(f"{self._settings.port}: {_reason(error)}") from error
            if not data:
                raise LinkDown(f"{self._settings.port}: the port is gone, was it unplugged?")
            return data
        return b""

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise LinkDown(f"{self._settings.port}: not open")
        return self._port


def _notice_silence(connection: socket.socket) -> None:
    """Let the system find out soon that nobody is at the other end any more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it; a developer's machine may not.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)


async def _readable(descriptor: int, timeout_s: float) -> bool:
    """Whether there is something to read within `timeout_s`."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        # A wait of nothing would be over before the loop has looked at the port once.
        async with asyncio.timeout(max(timeout_s, 0.001)):
            return await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)


def _tcp(url: str) -> TcpLink:
    host, port = _host_and_port(url)
    if urlsplit(url).query:
        raise LinkUrlError(f"expected tcp://host:port, got {url!r}")
    return TcpLink(host, port)


def _remote_port(url: str) -> RemotePort:
    host, port = _host_and_port(url)
    _, baud, bits, parity, stop = _settings("", urlsplit(url).query)
    return RemotePort(host, port, baud, bits, parity, stop)


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.path or parts.fragment:
        raise LinkUrlError(f"expected {parts.scheme}://host:port, got {url!r}")
    return host, port


def _serial_settings(url: str) -> SerialSettings:
    parts = urlsplit(url)
    if parts.netloc or not parts.path.startswith("/"):
        raise LinkUrlError(f"expected serial:///dev/…, three slashes, got {url!r}")
    return _settings(parts.path, parts.query)


def _settings(port: str, query: str) -> SerialSettings:
    options = dict(parse_qsl(query, keep_blank_values=True))
    settings = SerialSettings(
        port,
        baud=_choice(options, "baud", BAUDS, 9600),
        bits=_choice(options, "bits", (7, 8), 8),
        parity=options.pop("parity", "N"),
        stop=_choice(options, "stop", (1, 2), 1),
    )
    if settings.parity not in ("N", "E", "O"):
        raise LinkUrlError(f"parity: expected N, E or O, got {settings.parity!r}")
    if options:
        raise LinkUrlError(f"{min(options)}: unknown option; there are baud, bits, parity, stop")
    return settings


def _choice(options: dict[str, str], name: str, allowed: tuple[int, ...], default: int) -> int:
    text = options.pop(name, str(default))
    if text not in map(str, allowed):
        known = ", ".join(map(str, allowed))
        raise LinkUrlError(f"{name}: expected one of {known}, got {text!r}")
    return int(text)


def _reason(error: Exception) -> str:
    """What the operating system calls it, in one line.

    pyserial and asyncio wrap that into sentences that name the port or the address once more.
    """
    cause = error.__context__ if isinstance(error.__context__, OSError) else error
    number = getattr(cause, "errno", None)
    if number is not None and number > 0:
        return os.strerror(number)
    # A name that cannot be resolved has a number of its own, below zero.
    strerror = getattr(cause, "strerror", None)
    return (strerror or str(cause) or type(cause).__name__).splitlines()[0]
