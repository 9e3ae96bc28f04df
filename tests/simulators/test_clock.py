"""Virtual time: it moves, only timers move it, and nothing real hides in it."""

import asyncio
import socket
import time

import pytest

from simulators.clock import Deadlock, VirtualLoop, run

START_MS = 1_790_000_000_000


def test_a_month_of_sleep_takes_no_time_and_lands_on_the_millisecond() -> None:
    async def main(loop: VirtualLoop) -> int:
        for _ in range(30 * 24):
            await asyncio.sleep(3600)
        return loop.now_ms()

    began_s = time.process_time()
    assert run(main, START_MS) == START_MS + 30 * 86_400_000
    assert time.process_time() - began_s < 10


def test_tasks_wake_in_the_order_of_their_timers() -> None:
    woken: list[str] = []

    async def sleeper(name: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        woken.append(name)

    async def main(_: VirtualLoop) -> None:
        await asyncio.gather(sleeper("late", 2.0), sleeper("early", 1.0))

    run(main, START_MS)
    assert woken == ["early", "late"]


def test_waiting_for_what_can_never_happen_is_raised() -> None:
    async def main(_: VirtualLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="no timer"):
        run(main, START_MS)


def test_a_thread_is_refused() -> None:
    async def main(_: VirtualLoop) -> None:
        await asyncio.to_thread(len, "x")

    with pytest.raises(RuntimeError, match="no threads"):
        run(main, START_MS)


def test_a_socket_is_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        here, there = socket.socketpair()
        with here, there:
            loop.add_reader(here, print)

    with pytest.raises(RuntimeError, match="no sockets"):
        run(main, START_MS)
