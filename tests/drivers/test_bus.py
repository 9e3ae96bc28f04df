"""The line: one question at a time, no stale answers, silence after noise, always an end."""

import asyncio
from functools import partial

import pytest

from drivers.bus import (
    CHARACTER_BITS,
    HEARD_BYTES_MAX,
    LATE_TIMEOUTS,
    NOTES_MAX,
    Line,
    Unit,
)
from drivers.driver import FrameError, LinkDown, NoAnswer
from tests.drivers.fake_line import FakeLink, in_virtual_time, now_s
from tests.drivers.lines import TIMEOUT_S, a_line, ask, expect, modbus


def test_an_answer_is_what_match_finds_and_noise_before_it_is_survived() -> None:
    async def main() -> bytes:
        link = FakeLink(lambda _: [(0.01, b"\x00\xff"), (0.02, b"<a"), (0.03, b">")])
        return await ask(a_line(link), b"a")

    assert in_virtual_time(main) == b"<a>"


def test_a_dead_unit_costs_one_timeout_and_the_next_unit_is_asked_at_once() -> None:
    async def main() -> float:
        link = FakeLink(lambda request: [] if request == b"dead" else [(0.0, b"<ok>")])
        line = a_line(link)
        began_s = now_s()
        with pytest.raises(NoAnswer, match=r"unit 7 did not answer within 0\.10 s"):
            await ask(line, b"dead", unit=7)
        await ask(line, b"ok", unit=8)
        return now_s() - began_s

    assert in_virtual_time(main) == pytest.approx(TIMEOUT_S, abs=0.001)


def test_a_late_answer_frees_its_unit_and_is_never_the_answer_to_the_next_question() -> None:
    delays = iter([0.35, 0.01])

    async def main() -> tuple[bytes, float]:
        count = iter(range(10))
        link = FakeLink(lambda _: [(next(delays), b"<%d>" % next(count))])
        line = a_line(link)

        def any_answer(heard: bytes) -> bytes | None:
            return heard if heard.startswith(b"<") and heard.endswith(b">") else None

        with pytest.raises(NoAnswer):
            await line.exchange(modbus(1), b"?", any_answer, 3)
        answer = await line.exchange(modbus(1), b"?", any_answer, 3)
        return answer, link.asked[1][0]

    answer, asked_at_s = in_virtual_time(main)
    assert answer == b"<1>"
    # The late answer came at 0.35 s; the unit was free soon after, not at the end of its hold.
    assert 0.35 < asked_at_s < LATE_TIMEOUTS * TIMEOUT_S


def test_an_error_tells_for_how_long_its_unit_is_held() -> None:
    async def main() -> float:
        with pytest.raises(NoAnswer) as caught:
            await ask(a_line(FakeLink(lambda _: [])), b"a")
        return caught.value.hold_s

    # Counted from the end of the wait.
    assert in_virtual_time(main) == pytest.approx(LATE_TIMEOUTS * TIMEOUT_S, rel=0.01)


def test_a_unit_whose_answer_never_comes_is_asked_again_when_it_no_longer_can() -> None:
    async def main() -> float:
        answers = iter([[], [(0.0, b"<a>")]])
        link = FakeLink(lambda _: next(answers))
        line = a_line(link)
        with pytest.raises(NoAnswer):
            await ask(line, b"a")
        await ask(line, b"a")
        return link.asked[1][0]

    waited_s = in_virtual_time(main)
    assert waited_s == pytest.approx(TIMEOUT_S + LATE_TIMEOUTS * TIMEOUT_S, abs=2 * TIMEOUT_S)


def test_other_units_are_asked_while_one_is_on_hold() -> None:
    async def main() -> list[bytes]:
        link = FakeLink(
            lambda request: [] if request == b"slow" else [(0.01, b"<" + request + b">")]
        )
        line = a_line(link)
        with pytest.raises(NoAnswer):
            await ask(line, b"slow", unit=1)
        waiting = asyncio.create_task(ask(line, b"slow", unit=1))
        for _ in range(5):
            await ask(line, b"fine", unit=2)
        waiting.cancel()
        return [request for _, request in link.asked]

    assert in_virtual_time(main) == [b"slow"] + [b"fine"] * 5


def test_bytes_nobody_asked_for_are_thrown_away_before_a_question() -> None:
    async def main() -> bytes:
        link = FakeLink(lambda _: [(0.01, b"<a>")])
        line = a_line(link)
        await ask(line, b"a")
        link.arrive(b"<b>")
        link.answer = lambda _: []
        return await ask(line, b"b", unit=2)

    with pytest.raises(NoAnswer):
        in_virtual_time(main)


def test_after_a_disturbance_the_line_must_be_silent_before_anybody_is_asked() -> None:
    async def main() -> float:
        link = FakeLink(lambda request: [(0.09, b"junk")] if request == b"a" else [(0.0, b"<b>")])
        line = a_line(link)
        with pytest.raises(FrameError, match="among the 4 bytes that came: 6a 75 6e 6b") as caught:
            await ask(line, b"a", unit=1)
        assert caught.value.received == b"junk"
        await ask(line, b"b", unit=2)
        return link.asked[1][0]

    assert in_virtual_time(main) == pytest.approx(0.09 + TIMEOUT_S, abs=0.01)


def test_a_line_that_is_never_silent_is_reported_not_waited_for() -> None:
    async def main() -> float:
        link = FakeLink(lambda _: [(0.01 * n, b"\x55") for n in range(100_000)])
        line = a_line(link)
        with pytest.raises(FrameError):
            await ask(line, b"a")
        with pytest.raises(NoAnswer, match="look for a second master or a wrong speed"):
            await ask(line, b"a", unit=2)
        return now_s()

    assert in_virtual_time(main) < 3.0


def test_a_babbling_unit_cannot_fill_the_memory() -> None:
    async def main() -> int:
        link = FakeLink(lambda _: [(0.001 * n, bytes(512)) for n in range(100)])
        with pytest.raises(FrameError) as caught:
            await ask(a_line(link), b"a")
        return len(caught.value.received)

    assert in_virtual_time(main) <= HEARD_BYTES_MAX + 512


def test_frames_keep_three_and_a_half_characters_apart() -> None:
    async def main() -> float:
        link = FakeLink(lambda _: [(0.01, b"<a>")])
        line = a_line(link, baud=2400)
        await ask(line, b"a")
        await ask(line, b"a")
        return link.asked[1][0] - 0.01

    assert in_virtual_time(main) == pytest.approx(3.5 * 11 / 2400, abs=1e-4)


def test_the_echo_of_a_converter_is_not_heard_as_an_answer() -> None:
    async def main() -> tuple[bytes, bytes]:
        link = FakeLink(lambda request: [(0.0, request), (0.01, b"<a>")])
        line = a_line(link, echo=True)
        own = await line.exchange(modbus(1), b"<a>?", expect(b"<a>"), 3)
        return own, link.asked[0][1]

    assert in_virtual_time(main) == (b"<a>", b"<a>?")


def test_a_gateway_that_hung_up_meanwhile_is_dialled_again() -> None:
    async def main() -> int:
        link = FakeLink(lambda _: [(0.01, b"<a>")])
        line = a_line(link)
        await ask(line, b"a")
        link.hang_up()
        await ask(line, b"a")
        return link.opened

    assert in_virtual_time(main) == 2


def test_a_link_that_fails_under_a_question_is_closed_and_its_unit_held() -> None:
    async def main() -> tuple[bool, float]:
        link = FakeLink(lambda _: [(0.01, b"<a>")])
        line = a_line(link)
        link.answer = lambda _: asyncio.get_running_loop().call_soon(link.hang_up) and []
        with pytest.raises(LinkDown):
            await ask(line, b"a")
        closed = not link.is_open
        link.answer = lambda _: [(0.01, b"<a>")]
        await ask(line, b"a")
        return closed, link.asked[1][0]

    closed, asked_again_s = in_virtual_time(main)
    assert closed
    assert asked_again_s >= LATE_TIMEOUTS * TIMEOUT_S


def test_a_cancelled_question_leaves_no_answer_for_the_next() -> None:
    async def main() -> bytes:
        count = iter(range(10))
        link = FakeLink(lambda _: [(0.05, b"<%d>" % next(count))])
        line = a_line(link)

        def any_answer(heard: bytes) -> bytes | None:
            return heard if heard.endswith(b">") else None

        task = asyncio.create_task(line.exchange(modbus(1), b"?", any_answer, 3))
        await asyncio.sleep(0.02)
        task.cancel()
        return await line.exchange(modbus(1), b"?", any_answer, 3)

    assert in_virtual_time(main) == b"<1>"


def test_one_address_in_two_protocols_is_two_units() -> None:
    async def main() -> bytes:
        link = FakeLink(lambda request: [] if request == b"m" else [(0.01, b"<a>")])
        line = a_line(link)
        with pytest.raises(NoAnswer):
            await line.exchange(Unit("mbus", 5), b"m", expect(b"<m>"), 3)
        return await line.exchange(Unit("modbus", 5), b"a", expect(b"<a>"), 3)

    assert in_virtual_time(main) == b"<a>"
    assert (str(Unit("modbus", 5)), str(Unit("mbus", "12345678"))) == ("unit 5", "meter 12345678")


class Notebook:
    """What a driver might keep of a unit."""


def test_notes_are_one_of_a_class_and_unit_and_the_least_used_go() -> None:
    line = a_line(FakeLink(lambda _: []))
    kept, lost = (line.notes(modbus(n), Notebook) for n in (1, 2))
    assert line.notes(modbus(1), Notebook) is kept
    assert line.notes(Unit("mbus", 1), Notebook) is not kept
    assert isinstance(line.notes(modbus(1), list), list)
    for n in range(NOTES_MAX):
        line.notes(modbus(1), Notebook)
        line.notes(modbus(1000 + n), Notebook)
    assert line.notes(modbus(1), Notebook) is kept
    assert line.notes(modbus(2), Notebook) is not lost


def test_a_gap_is_worth_reading_as_long_as_another_request_takes_longer() -> None:
    async def main(delay_s: float, baud: int) -> int:
        line = a_line(FakeLink(lambda _: [(delay_s, b"<a>")]), baud=baud)
        for _ in range(150):
            await ask(line, b"a")
        return line.worth_gap_registers(modbus(1))

    # Measured on 9600 baud: about 10 registers without turnaround, 20 at 20 ms, 40 at 60 ms.
    wire_s = 4 * CHARACTER_BITS / 9600
    for turnaround_s, worth in ((0.0, 10), (0.02, 18), (0.06, 36)):
        assert in_virtual_time(partial(main, wire_s + turnaround_s, 9600)) == worth
    assert a_line(FakeLink(lambda _: []), baud=9600).worth_gap_registers(modbus(1)) == 18
    assert a_line(FakeLink(lambda _: []), baud=300).worth_gap_registers(modbus(1)) == 10


def test_transaction_numbers_run_through_all_but_zero() -> None:
    line = Line(FakeLink(lambda _: []))
    numbers = [line.number() for _ in range(0x10000)]
    assert numbers[:2] == [1, 2]
    assert numbers[-2:] == [0xFFFF, 1]


@pytest.mark.parametrize("settings", [{"baud": 0}, {"turnaround_s": 0.0}])
def test_a_line_without_speed_or_patience_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a positive speed and turnaround"):
        Line(FakeLink(lambda _: []), **settings)  # type: ignore[arg-type]
