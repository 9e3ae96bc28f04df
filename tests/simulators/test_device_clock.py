"""A device's clock: it knows what it cannot know."""

from random import Random

from drivers.reading import ClockState
from simulators.clock import VirtualLoop, run
from simulators.device_clock import DeviceClock
from simulators.truth import Span

START_MS = 1_790_000_000_000


def test_after_a_power_cut_only_the_uptime_is_known() -> None:
    async def main(loop: VirtualLoop) -> None:
        clock = DeviceClock(loop.now_ms, Random(1))
        first = clock.now()
        assert first.state is ClockState.SYNCHRONISED
        assert first.time_ms == START_MS
        clock.boot(unset_ms=60_000)
        stamp = clock.now()
        assert stamp.state is ClockState.RELATIVE
        assert stamp.time_ms == stamp.uptime_ms == 0
        assert stamp.boot != first.boot
        await clock.sleep(3_600_000)
        assert loop.now_ms() == START_MS + 60_000
        assert clock.now().state is ClockState.SYNCHRONISED
        assert clock.now().uptime_ms == 60_000

    run(main, START_MS)


def test_a_wrong_clock_says_that_nothing_vouches_for_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        clock = DeviceClock(loop.now_ms, Random(1))
        clock.wrong, clock.wrong_by_ms = Span(START_MS + 1000, START_MS + 2000), -500
        await clock.sleep(10_000)
        wrong = clock.now()
        assert (wrong.state, wrong.time_ms) == (ClockState.UNSYNCHRONISED, START_MS + 500)
        await clock.sleep(10_000)
        assert clock.now().time_ms == loop.now_ms() == START_MS + 2000

    run(main, START_MS)
