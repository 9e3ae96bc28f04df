"""Real links: loopback sockets and pseudo-terminals, and every failure as one clear line."""

import asyncio
import os
import pty
import socket
import termios
import threading
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import NamedTuple

import pytest
import serial
from serial.rfc2217 import PortManager

from drivers.driver import Link, LinkDown
from drivers.link import (
    UNACKNOWLEDGED_MS_MAX,
    LinkUrlError,
    SerialLink,
    SerialSettings,
    TcpLink,
    baud_of,
    open_link,
)

# How long the other end is waited for, which comes as soon as it can.
WAIT_S = 30.0


@asynccontextmanager
async def echo_server() -> AsyncIterator[str]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while (data := await reader.read(100)) and data != b"bye":
                writer.write(data)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while await reader.read(100):
                pass

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextmanager
def pseudo_terminal() -> Iterator[tuple[int, str]]:
    far, near = pty.openpty()
    tty.setraw(near)
    try:
        yield far, os.ttyname(near)
    finally:
        os.close(far)
        os.close(near)


async def receive(link: Link, count: int) -> bytes:
    data = b""
    async with asyncio.timeout(60):
        while len(data) < count:
            data += await link.read(WAIT_S)
    return data


async def test_bytes_go_over_tcp_and_back() -> None:
    async with echo_server() as url:
        link = open_link(url)
        await link.open()
        await link.open()
        await link.write(b"ping")
        assert await receive(link, 4) == b"ping"
        assert await link.read(0.01) == b""
        assert await link.read(0.0) == b""
        await link.close()
        await link.close()


async def test_bytes_that_lie_there_are_read_without_waiting() -> None:
    async with echo_server() as url:
        link = open_link(url)
        await link.open()
        await link.write(b"ab")
        await link.write(b"cd")
        data = await receive(link, 4)
        assert data == b"abcd"
        await link.close()


async def test_a_closed_tcp_connection_is_a_link_down_and_can_be_opened_again() -> None:
    async with echo_server() as url:
        link = open_link(url)
        await link.open()
        await link.write(b"bye")
        with pytest.raises(LinkDown, match="the other end closed the connection"):
            await link.read(WAIT_S)
        await link.close()
        await link.open()
        await link.write(b"hi")
        assert await receive(link, 2) == b"hi"
        await link.close()


async def test_a_gateway_without_power_is_noticed_by_the_system() -> None:
    async with echo_server() as url:
        link = open_link(url)
        assert isinstance(link, TcpLink)
        await link.open()
        assert link._streams is not None
        connection = link._streams[1].get_extra_info("socket")
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        bound_ms = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert bound_ms == UNACKNOWLEDGED_MS_MAX
        await link.close()


async def test_a_port_where_nobody_listens_is_one_clear_line() -> None:
    with socket.socket() as free:
        # Held all the while, lest somebody else listen there.
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(LinkDown, match=f"^127.0.0.1:{port}: [^\n]+$"):
            await open_link(f"tcp://127.0.0.1:{port}").open()


async def test_a_link_that_is_not_open_says_so() -> None:
    for link in (open_link("tcp://127.0.0.1:1"), open_link("serial:///dev/ttyS0")):
        with pytest.raises(LinkDown, match=r"not (connected|open)"):
            await link.read(0.0)
        with pytest.raises(LinkDown, match=r"not (connected|open)"):
            await link.write(b"x")


async def test_bytes_go_over_a_serial_port_and_back() -> None:
    with pseudo_terminal() as (far, name):
        link = open_link(f"serial://{name}?baud=9600")
        await link.open()
        await link.open()
        await link.write(b"\x01\x04\xff")
        assert os.read(far, 10) == b"\x01\x04\xff"
        os.write(far, b"\x00\x11\x13\xff")
        assert await receive(link, 4) == b"\x00\x11\x13\xff"
        assert await link.read(0.01) == b""
        await link.close()


async def test_a_serial_port_is_set_as_the_url_says() -> None:
    with pseudo_terminal() as (far, name):
        link = open_link(f"serial://{name}?baud=2400&bits=8&parity=E&stop=1")
        await link.open()
        _, _, flags, _, in_speed, out_speed, _ = termios.tcgetattr(far)
        assert (in_speed, out_speed) == (termios.B2400, termios.B2400)
        # A pseudo-terminal keeps its size at eight bits without parity, whatever is asked.
        assert flags & termios.CSIZE == termios.CS8
        await link.close()


async def test_a_serial_port_belongs_to_one_process_alone() -> None:
    with pseudo_terminal() as (_, name):
        first, second = open_link(f"serial://{name}"), open_link(f"serial://{name}")
        await first.open()
        with pytest.raises(LinkDown, match=name):
            await second.open()
        await first.close()


async def test_an_unplugged_port_is_a_link_down() -> None:
    far, near = pty.openpty()
    tty.setraw(near)
    link = SerialLink(SerialSettings(os.ttyname(near)))
    await link.open()
    os.close(near)
    os.close(far)
    with pytest.raises(LinkDown):
        await link.read(WAIT_S)
    await link.close()


async def test_a_port_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(LinkDown, match=r"^/dev/ttyNONE: [^\n]+$"):
        await open_link("serial:///dev/ttyNONE").open()


class Box(NamedTuple):
    """A serial server with one port; `hang_up` ends its connection, without `speaks` it is mute."""

    url: str
    port: serial.Serial
    called: threading.Event
    speaks: threading.Event
    hang_up: threading.Event
    thread: threading.Thread


@contextmanager
def rfc2217_box() -> Iterator[Box]:
    """The server side of pyserial before a loop-back port: what is written there is read there."""
    port = serial.serial_for_url("loop://", timeout=0)
    called, speaks, hang_up = threading.Event(), threading.Event(), threading.Event()
    speaks.set()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        events = (called, speaks, hang_up)
        thread = threading.Thread(target=_serve_box, args=(listener, port, *events), daemon=True)
        thread.start()
        url = f"rfc2217://127.0.0.1:{listener.getsockname()[1]}"
        yield Box(url, port, *events, thread)
        hang_up.set()
        thread.join(WAIT_S)


def _serve_box(
    listener: socket.socket,
    port: serial.Serial,
    called: threading.Event,
    speaks: threading.Event,
    hang_up: threading.Event,
) -> None:
    connection, _ = listener.accept()
    called.set()
    speaks.wait(WAIT_S)
    connection.settimeout(0.01)
    manager = PortManager(port, _Sender(connection))
    with connection:
        while not hang_up.is_set():
            with suppress(TimeoutError):
                data = connection.recv(1024)
                if not data:
                    return
                port.write(b"".join(manager.filter(data)))
            if waiting := port.read(port.in_waiting):
                connection.sendall(b"".join(manager.escape(waiting)))


class _Sender:
    """What pyserial's port manager writes its answers to."""

    def __init__(self, connection: socket.socket) -> None:
        self.write = connection.sendall


async def test_bytes_go_over_rfc2217_and_back_and_the_port_is_set() -> None:
    with rfc2217_box() as box:
        link = open_link(f"{box.url}?baud=2400&parity=E")
        await link.open()
        await link.open()
        assert (box.port.baudrate, box.port.parity, box.port.bytesize) == (2400, "E", 8)
        # 255 is the escape of the protocol and must come back as itself.
        every = bytes(range(256))
        await link.write(every)
        assert await receive(link, 256) == every
        assert await link.read(0.01) == b""
        await link.close()
        await link.close()
        with pytest.raises(LinkDown, match="not connected"):
            await link.read(0.0)


async def test_a_box_that_hangs_up_is_a_link_down() -> None:
    with rfc2217_box() as box:
        link = open_link(box.url)
        await link.open()
        box.hang_up.set()
        with pytest.raises(LinkDown, match=r"^127\.0\.0\.1:[0-9]+: [^\n]+$"):
            await link.read(WAIT_S)
        await link.close()


async def test_a_plain_serial_server_that_knows_no_rfc2217_is_refused_in_one_line() -> None:
    async with silent_server() as url:
        with pytest.raises(LinkDown, match=r"no RFC 2217 there: a plain serial server is tcp://1"):
            await open_link(url.replace("tcp", "rfc2217")).open()


async def test_a_box_that_does_not_take_the_settings_is_refused_in_one_line() -> None:
    # What echoes the protocol agrees to speak it, and never says that a speed is set.
    async with echo_server() as url:
        with pytest.raises(LinkDown, match=r"the box does not set its port to 9600 baud, 8N1: "):
            await open_link(url.replace("tcp", "rfc2217")).open()


async def test_a_box_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(LinkDown, match=r"^127\.0\.0\.1:1: [^\n]+$"):
        await open_link("rfc2217://127.0.0.1:1").open()


async def test_an_opening_that_nobody_waits_for_leaves_nothing_open() -> None:
    with rfc2217_box() as box:
        box.speaks.clear()
        link = open_link(box.url)
        opening = asyncio.create_task(link.open())
        assert await asyncio.to_thread(box.called.wait, WAIT_S)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        with pytest.raises(LinkDown, match="not connected"):
            await link.read(0.0)
        # The thread works on for a moment, and then lets go of the box.
        box.speaks.set()
        await asyncio.to_thread(box.thread.join, WAIT_S)
        assert not box.thread.is_alive()


def test_the_speed_of_a_link_is_known_where_the_url_says_it() -> None:
    assert baud_of("serial:///dev/ttyUSB0?baud=2400") == 2400
    assert baud_of("serial:///dev/ttyUSB0") == 9600
    assert baud_of("tcp://gateway:10001") is None
    assert baud_of("rfc2217://gateway:4001?baud=2400&parity=E") == 2400
    assert baud_of("rfc2217://[fe80::1]:4001") == 9600


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://x:1", "expected tcp://host:port, serial:.* or rfc2217://host:port, got"),
        ("", "expected tcp://host:port, serial:.* or rfc2217://host:port, got"),
        ("rfc2217://host", "expected rfc2217://host:port, got"),
        ("rfc2217://host:4001/dev", "expected rfc2217://host:port, got"),
        ("rfc2217://host:4001?parity=X", "parity: expected N, E or O, got 'X'"),
        ("rfc2217://host:4001?timeout=9", "timeout: unknown option"),
        ("tcp://host", "expected tcp://host:port, got"),
        ("tcp://:502", "expected tcp://host:port, got"),
        ("tcp://host:99999", "expected tcp://host:port, got"),
        ("tcp://host:502/path", "expected tcp://host:port, got"),
        ("tcp://host:502?baud=1", "expected tcp://host:port, got"),
        ("serial://dev/ttyUSB0", "three slashes"),
        ("serial:///dev/ttyUSB0?baud=9601", "baud: expected one of 300, 600, .*, got '9601'"),
        ("serial:///dev/ttyUSB0?parity=X", "parity: expected N, E or O, got 'X'"),
        ("serial:///dev/ttyUSB0?bits=5", "bits: expected one of 7, 8, got '5'"),
        ("serial:///dev/ttyUSB0?speed=9600", "speed: unknown option"),
    ],
)
def test_a_link_address_that_is_not_understood_says_what_was_expected(
    url: str, complaint: str
) -> None:
    with pytest.raises(LinkUrlError, match=complaint):
        open_link(url)
