"""How long a unit is waited for, what it teaches the line, and when it is asked again."""

from collections.abc import Iterable
from itertools import pairwise

import pytest

from drivers.bus import (
    CHARACTER_BITS,
    LATE_TIMEOUTS,
)
from drivers.driver import FrameError, NoAnswer
from drivers.patience import WAIT_S_MIN
from tests.drivers.fake_line import FakeLink, in_virtual_time, now_s
from tests.drivers.lines import TIMEOUT_S, a_line, ask, expect, modbus

LONG_ANSWER = b"<" + b"a" * 240 + b">"
LONG_WIRE_S = len(LONG_ANSWER) * CHARACTER_BITS / 2400


@pytest.mark.parametrize(("packs", "waited_s"), [(False, 0.1), (True, 0.1 + LONG_WIRE_S)])
def test_a_silent_unit_costs_its_turnaround_whatever_it_could_have_said(
    packs: bool, waited_s: float
) -> None:
    """Only where a network collects an answer may its first byte be as late as its last."""

    async def main() -> float:
        line = a_line(FakeLink(lambda _: [], packs=packs), baud=2400)
        with pytest.raises(NoAnswer):
            await line.exchange(modbus(1), b"?", expect(LONG_ANSWER), len(LONG_ANSWER))
        return now_s()

    asked_s = CHARACTER_BITS / 2400
    assert in_virtual_time(main) == pytest.approx(asked_s + waited_s, abs=0.001)


def test_an_answer_that_has_begun_in_time_may_take_its_time_on_the_wire() -> None:
    def paced(_: bytes) -> Iterable[tuple[float, bytes]]:
        for n, byte in enumerate(LONG_ANSWER, 1):
            yield 0.09 + n * CHARACTER_BITS / 2400, bytes((byte,))

    async def main() -> bytes:
        line = a_line(FakeLink(paced), baud=2400)
        return await line.exchange(modbus(1), b"?", expect(LONG_ANSWER), len(LONG_ANSWER))

    assert in_virtual_time(main) == LONG_ANSWER


def test_a_late_answer_teaches_the_line_to_wait_for_a_slow_unit() -> None:
    """A meter slower than the line was told is read from the second time on."""

    async def main() -> list[bytes]:
        line = a_line(FakeLink(lambda _: [(0.25, b"<a>")]))
        with pytest.raises(NoAnswer):
            await ask(line, b"a")
        return [await ask(line, b"a") for _ in range(5)]

    assert in_virtual_time(main) == [b"<a>"] * 5


def test_a_quick_unit_that_loses_an_answer_is_given_up_soon_but_held_as_long_as_any() -> None:
    async def main() -> tuple[float, float, float]:
        link = FakeLink(lambda _: [(0.01, b"<a>")])
        line = a_line(link, turnaround_s=2.0)
        for _ in range(20):
            await ask(line, b"a")
        link.answer = lambda _: []
        began_s = now_s()
        with pytest.raises(NoAnswer):
            await ask(line, b"a")
        gave_up_s = now_s() - began_s
        link.answer = lambda _: [(0.01, b"<b>")]
        await ask(line, b"b", unit=2)
        other_s = now_s() - began_s
        link.answer = lambda _: [(0.01, b"<a>")]
        await ask(line, b"a")
        return gave_up_s, other_s, now_s() - began_s

    gave_up_s, other_s, held_s = in_virtual_time(main)
    assert gave_up_s == pytest.approx(WAIT_S_MIN, abs=0.01)
    assert other_s < WAIT_S_MIN + 0.1
    assert held_s >= 2.0 + LATE_TIMEOUTS * 2.0


def test_a_unit_that_failed_gets_the_whole_turnaround_again() -> None:
    async def main() -> float:
        link = FakeLink(lambda _: [(0.01, b"<a>")])
        line = a_line(link, turnaround_s=2.0)
        for _ in range(20):
            await ask(line, b"a")
        link.answer = lambda _: []
        with pytest.raises(NoAnswer):
            await ask(line, b"a")
        asked = len(link.asked)
        with pytest.raises(NoAnswer):
            await ask(line, b"a")
        return now_s() - link.asked[asked][0]

    assert in_virtual_time(main) == pytest.approx(2.0, abs=0.01)


def test_a_damaged_answer_is_asked_for_again_but_not_a_missing_one() -> None:
    async def main() -> tuple[list[float], int]:
        answers = iter([[(0.01, b"<x")], [(0.01, b"<y")], [(0.01, b"<a>")], []])
        link = FakeLink(lambda _: next(answers))
        line = a_line(link)
        await line.exchange(modbus(1), b"a", expect(b"<a>"), 3, repeats=2)
        asked_s = [at_s for at_s, _ in link.asked]
        with pytest.raises(NoAnswer):
            await line.exchange(modbus(1), b"a", expect(b"<a>"), 3, repeats=2)
        return asked_s, len(link.asked)

    asked_s, count = in_virtual_time(main)
    assert count == 4
    # Each repeat waits for silence: a slow answer to the question before would be in it.
    assert all(after - before >= 0.01 + TIMEOUT_S for before, after in pairwise(asked_s))


def test_the_answer_before_a_repeat_cannot_answer_the_question_after_it() -> None:
    """Noise looked like a damaged answer, and the true one was only slow: there will be two."""

    async def main() -> bytes:
        answers = iter([[(0.01, b"\x00"), (0.15, b"<a>")], [(0.09, b"<a>")], []])
        line = a_line(FakeLink(lambda _: next(answers)))
        await line.exchange(modbus(1), b"a", expect(b"<a>"), 3, repeats=1)
        return await ask(line, b"a")

    with pytest.raises(NoAnswer):
        in_virtual_time(main)


def test_an_answer_damaged_too_often_is_an_error_with_a_hold() -> None:
    async def main() -> tuple[int, float]:
        link = FakeLink(lambda _: [(0.01, b"<x")])
        line = a_line(link)
        with pytest.raises(FrameError):
            await line.exchange(modbus(1), b"a", expect(b"<a>"), 3, repeats=2)
        count, failed_s = len(link.asked), now_s()
        link.answer = lambda _: [(0.01, b"<a>")]
        await ask(line, b"a")
        return count, now_s() - failed_s

    count, held_s = in_virtual_time(main)
    assert count == 3
    assert held_s >= LATE_TIMEOUTS * TIMEOUT_S
