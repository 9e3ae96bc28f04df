"""The wire-timed link: a byte takes its time, a meter its turnaround, silence nothing."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from drivers.bus import CHARACTER_BITS
from drivers.driver import LinkDown
from simulators.clock import VirtualLoop, run
from simulators.wire_link import WireLink

BAUD = 1100
CHARACTER_S = CHARACTER_BITS / BAUD
TURNAROUND_S = 0.05


class Parrot:
    """Answers everything with itself, and nothing with silence."""

    turnaround_s = TURNAROUND_S

    def feed(self, data: bytes, now_ms: int) -> bytes:
        del now_ms
        return b"" if data == b"?" else data

    def reset(self) -> None:
        """Nothing is half heard here."""


def on_wires(scene: Callable[[WireLink, VirtualLoop], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        link = WireLink(Parrot(), loop.now_ms, baud=BAUD)
        await link.open()
        await scene(link, loop)

    run(main, 0)


def test_bytes_arrive_one_by_one_at_the_speed_of_the_line() -> None:
    async def scene(link: WireLink, loop: VirtualLoop) -> None:
        await link.write(b"abc")
        begins_s = 3 * CHARACTER_S + TURNAROUND_S
        for number, byte in enumerate(b"abc", 1):
            assert await link.read(1.0) == bytes((byte,))
            assert loop.time() == pytest.approx(begins_s + number * CHARACTER_S, abs=1e-4)

    on_wires(scene)


def test_what_came_while_nobody_looked_is_there_at_once() -> None:
    async def scene(link: WireLink, loop: VirtualLoop) -> None:
        await link.write(b"abc")
        await asyncio.sleep(1.0)
        assert await link.read(0.0) == b"abc"
        assert loop.time() == 1.0

    on_wires(scene)


def test_silence_lasts_as_long_as_it_is_waited_for() -> None:
    async def scene(link: WireLink, loop: VirtualLoop) -> None:
        await link.write(b"?")
        assert await link.read(0.7) == b""
        assert loop.time() == pytest.approx(0.7)
        assert link.questions == 1

    on_wires(scene)


def test_a_closed_line_says_so_also_to_who_is_waiting() -> None:
    async def scene(link: WireLink, _: VirtualLoop) -> None:
        asyncio.get_running_loop().call_later(0.1, asyncio.ensure_future, link.close())
        with pytest.raises(LinkDown, match="closed"):
            await link.read(10.0)
        with pytest.raises(LinkDown, match="open it first"):
            await link.write(b"?")

    on_wires(scene)


@pytest.mark.parametrize(("closed_s", "comes"), [(0.0, b"a"), (1.0, b"")])
def test_what_comes_through_while_the_line_is_closed_is_lost(closed_s: float, comes: bytes) -> None:
    async def scene(link: WireLink, _: VirtualLoop) -> None:
        await link.write(b"abc")
        await link.close()
        await asyncio.sleep(closed_s)
        await link.open()
        assert await link.read(10.0) == comes

    on_wires(scene)
