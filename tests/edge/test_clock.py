"""What is believed of a clock, and the kernel's own answer."""

import asyncio
import time

import pytest

from drivers.reading import ClockState
from edge import clock
from edge.clock import BUILD_MS, RTC_ERROR_S, UNKNOWN_ERROR_S, Kernel, Stamp, SystemClock, judge

GOOD, BAD = (
    Kernel(synchronised=True, error_us=1500),
    Kernel(synchronised=False, error_us=16_000_000),
)
NOW_MS = BUILD_MS + 86_400_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("utc_ms", "kernel", "disciplined", "expected"),
    [
        (NOW_MS, GOOD, None, (ClockState.SYNCHRONISED, 1)),
        (NOW_MS, Kernel(synchronised=True, error_us=0), None, (ClockState.SYNCHRONISED, 0)),
        (NOW_MS, BAD, None, (ClockState.RELATIVE, UNKNOWN_ERROR_S)),
        (NOW_MS, None, None, (ClockState.UNSYNCHRONISED, UNKNOWN_ERROR_S)),
        (BUILD_MS - 1, GOOD, None, (ClockState.RELATIVE, UNKNOWN_ERROR_S)),
        (0, None, (0, 1), (ClockState.RELATIVE, UNKNOWN_ERROR_S)),
        # Ten hours at 500 ppm are 18 s.
        (NOW_MS, BAD, (0, 1), (ClockState.INFORMATIVE, 19)),
        (NOW_MS, None, (10 * HOUR_MS, RTC_ERROR_S), (ClockState.INFORMATIVE, RTC_ERROR_S)),
    ],
)
def test_a_time_counts_only_if_something_vouches_for_it(
    utc_ms: int,
    kernel: Kernel | None,
    disciplined: tuple[int, int] | None,
    expected: tuple[ClockState, int],
) -> None:
    assert judge(utc_ms, 10 * HOUR_MS, kernel, disciplined) == expected


def test_a_relative_stamp_carries_the_time_since_boot() -> None:
    stamp = Stamp(NOW_MS, 5_000, bytes(8), ClockState.RELATIVE, UNKNOWN_ERROR_S)
    assert stamp.time_ms == 5_000
    assert stamp._replace(state=ClockState.INFORMATIVE).time_ms == NOW_MS


def test_the_system_clock_tells_time_uptime_and_boot() -> None:
    system = SystemClock()
    before_ms = time.time() * 1000
    first, second = system.now(), system.now()
    assert before_ms - 5_000 < first.utc_ms < time.time() * 1000 + 5_000
    assert 0 < first.uptime_ms <= second.uptime_ms
    assert first.boot == second.boot == clock.boot_id()
    assert len(first.boot) == 8
    assert first.error_s >= 0


def test_the_kernel_answers_with_a_sane_error() -> None:
    kernel = clock.ask_kernel()
    assert kernel is None or 0 <= kernel.error_us < 2**31


async def test_a_long_sleep_wakes_early_enough_to_notice_a_jump() -> None:
    assert clock.JUMP_NOTICED_S <= 10
    began = time.monotonic()
    async with asyncio.timeout(30):
        await SystemClock().sleep(20)
    assert time.monotonic() - began >= 0.02
