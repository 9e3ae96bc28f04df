"""Lines: bytes go to the bus and come back, or go wrong in exactly the ways that were asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from drivers.driver import LinkDown
from simulators.clock import VirtualLoop, run
from simulators.lines import LineFaults, MemoryLink, serve

ANSWER = b"a sound answer"


class Parrot:
    """A bus on which every request gets the same answer."""

    turnaround_s = 0.0

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.resets = 0

    def feed(self, data: bytes, now_ms: int) -> bytes:
        del now_ms
        self.heard.append(data)
        return ANSWER

    def reset(self) -> None:
        self.resets += 1


def on_line(
    faults: LineFaults, scene: Callable[[MemoryLink, VirtualLoop], Awaitable[None]]
) -> None:
    async def main(loop: VirtualLoop) -> None:
        await scene(MemoryLink(Parrot(), loop.now_ms, Random(1), faults), loop)

    run(main, 0)


async def ask(link: MemoryLink, timeout_s: float = 1.0) -> bytes:
    await link.open()
    await link.write(b"?")
    return await link.read(timeout_s)


def test_an_answer_takes_the_time_it_takes() -> None:
    async def scene(link: MemoryLink, loop: VirtualLoop) -> None:
        assert await ask(link) == ANSWER
        assert loop.now_ms() == 50

    on_line(LineFaults(answer_s=0.05), scene)


def test_silence_ends_with_the_timeout() -> None:
    async def scene(link: MemoryLink, loop: VirtualLoop) -> None:
        assert await ask(link, timeout_s=0.7) == b""
        assert loop.now_ms() == 700

    on_line(LineFaults(silent=1.0), scene)


def test_a_late_answer_arrives_in_a_later_read() -> None:
    async def scene(link: MemoryLink, _: VirtualLoop) -> None:
        assert await ask(link, timeout_s=0.06) == b""
        assert await link.read(10.0) == ANSWER

    on_line(LineFaults(late=1.0, late_s_max=5.0), scene)


@pytest.mark.parametrize(
    ("faults", "damaged"),
    [
        (LineFaults(corrupt=1.0), lambda got: len(got) == len(ANSWER) and got != ANSWER),
        (LineFaults(junk=1.0), lambda got: got.endswith(ANSWER) and got != ANSWER),
        (LineFaults(cut=1.0), lambda got: ANSWER.startswith(got) and got != ANSWER),
    ],
    ids=["corrupt", "junk", "cut"],
)
def test_damage_is_what_it_says(faults: LineFaults, damaged: Callable[[bytes], bool]) -> None:
    async def scene(link: MemoryLink, _: VirtualLoop) -> None:
        for _attempt in range(50):
            assert damaged(await ask(link))

    on_line(faults, scene)


def test_a_closed_line_says_so() -> None:
    async def scene(link: MemoryLink, _: VirtualLoop) -> None:
        with pytest.raises(LinkDown, match="open it first"):
            await link.write(b"?")
        await link.open()
        await link.close()
        with pytest.raises(LinkDown, match="closed"):
            await link.read(1.0)

    on_line(LineFaults(), scene)


def test_a_line_that_goes_down_can_be_opened_again() -> None:
    async def scene(link: MemoryLink, _: VirtualLoop) -> None:
        with pytest.raises(LinkDown, match="went down"):
            await ask(link)
        link.faults = LineFaults()
        assert await ask(link) == ANSWER

    on_line(LineFaults(down=1.0), scene)


async def test_a_bus_over_tcp_has_one_master_at_a_time() -> None:
    server = await serve(Parrot(), "127.0.0.1", 0, lambda: 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        first_reader, first = await asyncio.open_connection("127.0.0.1", port)
        second_reader, second = await asyncio.open_connection("127.0.0.1", port)
        first.write(b"?")
        assert await first_reader.readexactly(len(ANSWER)) == ANSWER
        second.write(b"?")
        first.write(b"?")
        assert await first_reader.readexactly(len(ANSWER)) == ANSWER
        assert not second_reader._buffer  # type: ignore[attr-defined]  # nothing came meanwhile
        first.close()
        assert await second_reader.readexactly(len(ANSWER)) == ANSWER
        second.close()
        await asyncio.gather(first.wait_closed(), second.wait_closed())
