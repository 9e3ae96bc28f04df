"""Meters that allow so many reads a day: never more, midnight's always, and across restarts."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from drivers.driver import LinkDown, NoAnswer
from drivers.reading import ClockState, Source
from edge.allowance import (
    DAY_MS,
    GRACE_MS,
    Allowance,
    check_interval,
    fitting_interval_s,
)
from edge.clock import Stamp
from edge.poller import Meter
from edge.read_log import FILE_NAME, NotNoted, ReadLog
from edge.schedule import next_midnight_ms, reads_per_day
from simulators.clock import VirtualLoop
from tests.edge.devices import (
    BOOT,
    MINUTE_MS,
    MOSCOW,
    START_MS,
    FakeMeter,
    World,
    minutes,
    readouts,
    run,
)

HOUR_MS = 3_600_000
UTC = ZoneInfo("UTC")
KOLKATA = ZoneInfo("Asia/Kolkata")


def at(uptime_ms: int, state: ClockState = ClockState.SYNCHRONISED) -> Stamp:
    return Stamp(START_MS + uptime_ms, uptime_ms, BOOT, state, 1)


def limited(meter: FakeMeter, allowance: Allowance, interval_s: int = 3600) -> Meter:
    return replace(meter.plan(interval_s=interval_s), allowance=allowance)


def most_in_a_day(asked_ms: list[int]) -> int:
    return max(
        (sum(0 <= one - first < DAY_MS for one in asked_ms) for first in asked_ms), default=0
    )


def test_no_more_reads_than_allowed_are_made_in_any_day() -> None:
    allowance = Allowance(3)
    now_ms, made = 0, []
    for _ in range(50):
        now_ms += allowance.wait_ms(at(now_ms), to_midnight_ms=DAY_MS // 2)
        if allowance.wait_ms(at(now_ms), to_midnight_ms=DAY_MS // 2) == 0:
            allowance.take(at(now_ms))
            made.append(now_ms)
        now_ms += HOUR_MS
    assert most_in_a_day(made) == 3
    assert len(made) > 8


def test_the_last_read_is_kept_for_midnight_and_given_to_its_first_read_only() -> None:
    allowance = Allowance(3)
    for hour in (1, 2):
        allowance.take(at(hour * HOUR_MS))
    # Twenty hours before a midnight at which both will still count.
    assert allowance.wait_ms(at(4 * HOUR_MS), to_midnight_ms=20 * HOUR_MS) == 20 * HOUR_MS
    midnight = at(24 * HOUR_MS)
    assert allowance.wait_ms(midnight, to_midnight_ms=DAY_MS, since_midnight_ms=0) == 0
    allowance.take(midnight)
    again = at(24 * HOUR_MS + MINUTE_MS)
    assert allowance.wait_ms(again, to_midnight_ms=DAY_MS, since_midnight_ms=MINUTE_MS) > 0


def test_a_read_that_is_over_a_minute_after_midnight_is_not_in_midnights_way() -> None:
    allowance = Allowance(2)
    allowance.take(at(2000))
    to_midnight_ms = DAY_MS - HOUR_MS
    assert GRACE_MS > 2000
    assert allowance.wait_ms(at(HOUR_MS), to_midnight_ms=to_midnight_ms) == 0


def test_one_read_a_day_is_midnights() -> None:
    allowance = Allowance(1)
    assert allowance.wait_ms(at(0), to_midnight_ms=HOUR_MS) == HOUR_MS
    assert allowance.wait_ms(at(0), to_midnight_ms=DAY_MS, since_midnight_ms=5) == 0


def test_without_a_calendar_one_read_is_kept_for_when_there_is_one() -> None:
    allowance = Allowance(2)
    assert allowance.wait_ms(at(0), to_midnight_ms=None) == 0
    allowance.take(at(0))
    assert allowance.wait_ms(at(HOUR_MS), to_midnight_ms=None) == DAY_MS - HOUR_MS


@given(st.integers(1, 30), st.lists(st.integers(1, 8 * HOUR_MS), max_size=120))
def test_whoever_waits_as_told_never_asks_too_often(reads_max: int, pauses_ms: list[int]) -> None:
    allowance, now_ms, made = Allowance(reads_max), 0, []
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        to_midnight_ms = DAY_MS - now_ms % DAY_MS
        since_ms = now_ms % DAY_MS if not made or made[-1] // DAY_MS < now_ms // DAY_MS else None
        wait_ms = allowance.wait_ms(
            at(now_ms), to_midnight_ms=to_midnight_ms, since_midnight_ms=since_ms
        )
        if wait_ms == 0:
            allowance.take(at(now_ms))
            made.append(now_ms)
    assert most_in_a_day(made) <= reads_max


@pytest.mark.parametrize(
    ("interval_s", "zone", "reads"),
    [
        (3600, MOSCOW, 24),
        (3600, KOLKATA, 25),
        (7200, MOSCOW, 13),
        (86_400, UTC, 1),
        (86_400, MOSCOW, 2),
        (5000, UTC, 19),
    ],
)
def test_slots_of_a_day_are_counted_with_midnight(
    interval_s: int, zone: ZoneInfo, reads: int
) -> None:
    assert reads_per_day(interval_s, zone) == reads


def test_an_interval_that_asks_for_more_than_the_meter_allows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"allows 24 reads a day, .* 900 makes 96: .* = 3600"):
        check_interval(900, 24, MOSCOW)
    check_interval(3600, 24, MOSCOW)
    check_interval(900, None, MOSCOW)
    check_interval(86_400, 1, MOSCOW)
    assert fitting_interval_s(900, 24, MOSCOW) == 3600
    assert fitting_interval_s(900, 480, MOSCOW) == 900
    assert fitting_interval_s(900, 1, MOSCOW) == 86_400


def test_an_hourly_meter_with_24_reads_misses_none(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([limited(meter, Allowance(24))])):
            await asyncio.sleep(3 * 24 * 3600)
        assert most_in_a_day(meter.asked_ms) <= 24
        hours = {(ms + 3 * HOUR_MS) // HOUR_MS for ms in meter.asked_ms[1:]}
        # Of the first day the read at the start is one, so that one of its hours is left out.
        assert len(hours) >= 3 * 24 - 1
        daily = [r for r in readouts(world.gateway.decoded, "m1") if r.source is Source.DAILY]
        late_ms = [(r.captured_at_ms + 3 * HOUR_MS) % DAY_MS for r in daily]
        assert len(late_ms) == 3
        assert max(late_ms) < MINUTE_MS

    run(scene)


@pytest.mark.parametrize("reads_max", [1, 2, 12])
def test_a_meter_that_keeps_failing_never_costs_more_than_its_reads(
    tmp_path: Path, reads_max: int
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        meter.fails = NoAnswer("nothing")
        plan = limited(meter, Allowance(reads_max), 900)
        with capture_logs() as logs:
            async with world.running(world.agent([plan])):
                await asyncio.sleep(3 * 24 * 3600)
        assert most_in_a_day(meter.asked_ms) <= reads_max
        midnights = [next_midnight_ms(START_MS, MOSCOW) + n * DAY_MS for n in range(3)]
        for midnight_ms in midnights:
            # An hour is the longest pause after failures.
            assert any(0 <= one - midnight_ms <= HOUR_MS for one in meter.asked_ms)
        told = [entry for entry in logs if "left alone" in entry["event"]]
        assert len(told) == 1
        assert told[0]["reads_per_day_max"] == reads_max

    run(scene)


def test_others_on_the_line_are_read_while_one_is_left_alone(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        battery, mains = FakeMeter("battery", loop), FakeMeter("mains", loop)
        plans = [limited(battery, Allowance(2), 60), mains.plan(interval_s=60)]
        async with world.running(world.agent(plans)):
            await asyncio.sleep(3 * 3600)
        assert minutes(battery.asked_ms) == [0]
        assert len(mains.asked_ms) == 180

    run(scene)


def test_a_link_that_cannot_be_opened_costs_no_reads(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        meter.fails = LinkDown("no connection")
        log = ReadLog(tmp_path / FILE_NAME, world.clock.now())
        allowance = log.allowance("m1", 4)
        async with world.running(world.agent([limited(meter, allowance)])):
            await asyncio.sleep(2 * 3600)
            assert len(meter.asked_ms) > 100
            assert allowance.taken == []
            went_out = LinkDown("closed")
            went_out.asked = True
            meter.fails = went_out
            await asyncio.sleep(2 * 3600)
            assert len(allowance.taken) == 3
        log.close()

    run(scene)


def test_reads_are_remembered_across_restarts(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        for _ in range(14):
            log = ReadLog(tmp_path / FILE_NAME, world.clock.now())
            async with world.running(world.agent([limited(meter, log.allowance("m1", 6))])):
                await asyncio.sleep(3 * 3600)
            log.close()
            world.restart()
        assert most_in_a_day(meter.asked_ms) == 6
        assert len(meter.asked_ms) >= 10

    run(scene)


def stamp_of_boot(utc_ms: int, state: ClockState) -> Stamp:
    return Stamp(utc_ms, 1000, b"boot-two", state, 1)


def test_while_the_clock_is_not_set_earlier_reads_count_as_of_now(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    log = ReadLog(path, at(0))
    for _ in range(3):
        log.allowance("m1", 4).take(at(0))
    log.close()
    later_ms = START_MS + 2 * DAY_MS
    unset = stamp_of_boot(later_ms, ClockState.RELATIVE)
    log = ReadLog(path, unset)
    allowance = log.allowance("m1", 4)
    assert allowance.wait_ms(unset, to_midnight_ms=None) == DAY_MS
    # Once it is set, they are known to be long over.
    assert (
        allowance.wait_ms(stamp_of_boot(later_ms, ClockState.SYNCHRONISED), to_midnight_ms=1) == 0
    )
    log.close()


def test_a_read_of_unknown_time_is_over_a_day_after_the_clock_was_set(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    unset = stamp_of_boot(0, ClockState.RELATIVE)
    log = ReadLog(path, unset)
    log.allowance("m1", 2).take(unset)
    log.close()
    assert path.read_text() == "+ 0 m1\n"
    log = ReadLog(path, at(0))
    log.close()
    assert path.read_text() == f"+ {START_MS} m1\n"
    log = ReadLog(path, at(DAY_MS))
    log.close()
    assert path.read_text() == ""


def test_the_file_holds_what_counts_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    log = ReadLog(path, at(0), lines_max=10)
    allowance = log.allowance("m1", 5)
    for hour in range(0, 200, 5):
        if allowance.wait_ms(at(hour * HOUR_MS), to_midnight_ms=DAY_MS) == 0:
            allowance.take(at(hour * HOUR_MS))
        assert len(path.read_text().splitlines()) <= 15
    allowance.take(at(200 * HOUR_MS))
    allowance.give_back()
    log.close()
    assert path.read_text().splitlines()[-1].startswith("- ")
    assert path.stat().st_mode & 0o777 == 0o600
    again = ReadLog(path, at(200 * HOUR_MS))
    assert len(again.allowance("m1", 5).taken) == len(allowance.taken)
    again.close()


def test_damaged_lines_are_told_and_the_others_count(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(f"+ {START_MS} m1\nnonsense\n\xff\n+ {START_MS} m2\n+ 17".encode("latin-1"))
    with capture_logs() as logs:
        log = ReadLog(path, at(0))
    assert len(log.allowance("m1", 5).taken) == len(log.allowance("m2", 5).taken) == 1
    assert logs[0]["lines"] == 3
    log.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.binary(max_size=200))
def test_any_file_is_read_without_an_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(data)
    ReadLog(path, at(0)).close()


def test_a_read_that_cannot_be_written_down_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    log = ReadLog(folder / FILE_NAME, at(0), lines_max=0)
    allowance = log.allowance("m1", 5)
    shutil.rmtree(folder)
    with pytest.raises(NotNoted, match=r"the read cannot be noted in .*reads.log"):
        allowance.take(at(0))
    assert allowance.taken == []
    log.close()
