"""The line as a search uses it: everything that comes is heard, and belongs to nobody later."""

import asyncio
from functools import partial

import pytest

from drivers.bus import (
    SILENCE_PACKED_S,
    SILENCE_S,
)
from drivers.driver import LinkDown, NoAnswer
from tests.drivers.fake_line import FakeLink, in_virtual_time, now_s
from tests.drivers.lines import TIMEOUT_S, a_line, ask


def test_a_call_hears_everything_until_the_line_is_silent() -> None:
    async def main(*, packs: bool) -> tuple[bytes, float]:
        events = [(0.05, b"\xe5"), (0.08, b"\xe5\xfe"), (0.11, b"\x16")]
        line = a_line(FakeLink(lambda _: events, packs=packs))
        return await line.call(b"?", answer_bytes=1_000_000), now_s()

    for packs, silence_s in ((False, SILENCE_S), (True, SILENCE_PACKED_S)):
        heard, at_s = in_virtual_time(partial(main, packs=packs))
        assert heard == b"\xe5\xe5\xfe\x16"
        assert at_s == pytest.approx(0.11 + silence_s, abs=0.002)


def test_a_call_that_nobody_answers_costs_the_turnaround_it_names() -> None:
    async def main() -> list[tuple[bytes, float]]:
        line = a_line(FakeLink(lambda _: []))
        first = await line.call(b"?", answer_bytes=1), now_s()
        return [first, (await line.call(b"?", answer_bytes=1, turnaround_s=0.3), now_s())]

    (first, at_s), (second, then_s) = in_virtual_time(main)
    assert (first, second) == (b"", b"")
    assert (at_s, then_s) == (pytest.approx(0.1, abs=0.001), pytest.approx(0.4, abs=0.001))


def test_a_call_does_not_hear_its_own_echo() -> None:
    async def main() -> tuple[bytes, bytes]:
        link = FakeLink(lambda request: [(0.0, request)])
        line = a_line(link, echo=True)
        silence = await line.call(b"?!", answer_bytes=1)
        link.answer = lambda request: [(0.0, request), (0.05, b"\xe5")]
        return silence, await line.call(b"?!", answer_bytes=1)

    assert in_virtual_time(main) == (b"", b"\xe5")


def test_a_call_into_endless_noise_has_an_end_and_the_line_must_be_silent_then() -> None:
    async def main() -> tuple[int, float]:
        link = FakeLink(lambda _: [(0.01 * n, b"\x55") for n in range(1, 60)])
        line = a_line(link, baud=9600)
        heard = await line.call(b"?", answer_bytes=10)
        link.answer = lambda _: [(0.01, b"<a>")]
        await ask(line, b"a")
        return len(heard), link.asked[1][0]

    heard_bytes, asked_s = in_virtual_time(main)
    assert heard_bytes < 30
    assert asked_s >= 0.59 + TIMEOUT_S


def test_an_answer_to_a_call_that_comes_late_is_not_the_next_ones() -> None:
    async def main() -> bytes:
        link = FakeLink(lambda _: [(0.12, b"\xe5")])
        line = a_line(link)
        assert await line.call(b"1", answer_bytes=1) == b""
        await asyncio.sleep(0.1)
        link.answer = lambda _: []
        return await line.call(b"2", answer_bytes=1)

    assert in_virtual_time(main) == b""


def test_a_cancelled_call_leaves_no_answer_for_the_next_question() -> None:
    async def main() -> bytes:
        link = FakeLink(lambda _: [(0.05, b"<a>")])
        line = a_line(link)
        task = asyncio.create_task(line.call(b"?", answer_bytes=3))
        await asyncio.sleep(0.02)
        task.cancel()
        link.answer = lambda _: []
        return await ask(line, b"a")

    with pytest.raises(NoAnswer):
        in_virtual_time(main)


def test_a_call_over_a_link_that_fails_closes_it() -> None:
    async def main() -> bool:
        link = FakeLink(lambda _: [])
        link.answer = lambda _: asyncio.get_running_loop().call_soon(link.hang_up) and []
        with pytest.raises(LinkDown):
            await a_line(link).call(b"?", answer_bytes=1)
        return link.is_open

    assert in_virtual_time(main) is False
