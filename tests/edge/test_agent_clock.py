"""The agent while its clock is unset, or set under its feet."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.reading import ClockState, Source
from simulators.clock import VirtualLoop
from tests.edge.devices import START_MS, FakeMeter, World, minutes, readouts, run


def test_readings_before_the_time_is_known_count_from_the_boot(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        world.clock.offset_ms = -50 * 365 * 86_400_000
        world.clock.state = ClockState.RELATIVE
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan(interval_s=600)])):
            await asyncio.sleep(3000)
            world.clock.offset_ms, world.clock.state = 0, ClockState.SYNCHRONISED
            await asyncio.sleep(3000)
        taken = readouts(world.gateway.decoded, "m1")
        before = [r for r in taken if r.clock_state is ClockState.RELATIVE]
        after = [r for r in taken if r.clock_state is ClockState.SYNCHRONISED]
        assert [round(r.captured_at_ms / 1000, 1) for r in before] == [
            0.1,
            600.1,
            1200.1,
            1800.1,
            2400.1,
        ]
        # Once as soon as the time is known, then on the grid of the calendar.
        assert after[0].source is Source.ON_DEMAND
        assert [m % 10 for m in minutes([r.captured_at_ms for r in after[1:]])] == [0.0] * len(
            after[1:]
        )
        (boot,) = {b.boot for b in world.gateway.decoded}
        last = world.gateway.decoded[-1]
        # What the gateway will make of it: the instant of the boot, by a batch with a known time.
        assert last.signed_at_ms - last.uptime_ms == START_MS
        assert boot

    run(scene)


@pytest.mark.parametrize("jump_s", [-7200, -400, -3, 3, 400, 7200])
def test_a_clock_that_is_set_neither_stops_nor_floods_the_schedule(
    tmp_path: Path, jump_s: int
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan(interval_s=300)])):
            await asyncio.sleep(1000)
            world.clock.offset_ms = jump_s * 1000
            await asyncio.sleep(3600)
        after = [m for m in meter.asked_ms if m > START_MS + 1_000_000]
        assert len(after) in range(11, 15)
        assert max(b - a for a, b in pairwise(after)) <= 301_000 + 1000 * min(abs(jump_s), 300)
        # Back on the grid of the clock as it now is.
        assert all((m + jump_s * 1000) % 300_000 < 1000 for m in after[2:])

    run(scene)


def test_a_forward_jump_over_midnight_does_not_lose_the_daily_read(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan()])):
            await asyncio.sleep(1000)
            world.clock.offset_ms = 16 * 3600 * 1000
            await asyncio.sleep(60)
        assert Source.DAILY in [r.source for r in readouts(world.gateway.decoded, "m1")]

    run(scene)
