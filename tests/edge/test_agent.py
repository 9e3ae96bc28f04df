"""The agent in virtual time: what it reads when, what it signs, and what it survives."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from cloud_sync.batch import chain_hash
from drivers.driver import Answer, FrameError, LinkDown, NoAnswer, Refused
from drivers.reading import EvidenceKind, Source
from edge.agent import LINE_BYTES_MAX
from edge.spool import Spool, SpoolError
from simulators.clock import VirtualLoop
from tests.edge.devices import (
    MINUTE_MS,
    START_MS,
    FakeMeter,
    World,
    minutes,
    readouts,
    run,
)


def test_readings_are_taken_on_the_grid_signed_chained_and_delivered(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan()])):
            await asyncio.sleep(60 * 60)
        assert minutes(meter.asked_ms) == [0, 10, 25, 40, 55]
        batches = world.gateway.decoded
        assert [b.sequence for b in batches] == [1, 2, 3, 4, 5]
        hashes = [chain_hash(message) for _, message in sorted(world.gateway.batches.items())]
        assert [b.previous for b in batches[1:]] == hashes[:-1]
        sources = [r.source for r in readouts(batches, "m1")]
        assert sources == [Source.ON_DEMAND, *[Source.INTERVAL] * 4]
        assert world.spool.count() == 0
        assert world.spool.counters == (5, 5, 5, 0)

    run(scene)


def test_interval_reads_carry_a_hash_and_those_that_close_a_day_the_bytes(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        plain, raw = FakeMeter("plain", loop), FakeMeter("raw", loop)
        lines = [plain.plan(interval_s=3600), raw.plan(interval_s=3600, raw=True)]
        async with world.running(world.agent(lines)):
            await asyncio.sleep(20 * 3600)
        for readout in readouts(world.gateway.decoded, "plain"):
            hashed = readout.evidence.kind is EvidenceKind.SHA256
            assert hashed is (readout.source is Source.INTERVAL)
        kinds = {r.evidence.kind for r in readouts(world.gateway.decoded, "raw")}
        assert kinds == {EvidenceKind.RAW}
        (daily,) = [r for r in readouts(world.gateway.decoded, "plain") if r.source is Source.DAILY]
        assert minutes([daily.captured_at_ms]) == [15 * 60 + 10]

    run(scene)


def test_a_dead_meter_costs_the_others_nothing_but_its_timeout_now_and_then(
    tmp_path: Path,
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        dead, good = FakeMeter("dead", loop, takes_s=2), FakeMeter("good", loop)
        dead.fails = NoAnswer("unit 1 did not answer within 2 s")
        plans = [dead.plan(interval_s=60), good.plan(interval_s=60)]
        agent = world.agent(plans)
        async with world.running(agent):
            await asyncio.sleep(6 * 3600)
            # Every minute is there, late by one timeout at most.
            slots = [round(m % 60_000 / 1000, 1) for m in good.asked_ms[1:]]
            assert len(slots) in range(359, 361)
            assert max(slots) <= 2.1
            gaps = [b - a for a, b in pairwise(dead.asked_ms)]
            assert gaps == sorted(gaps)
            assert len(dead.asked_ms) < 16
            assert gaps[-1] == pytest.approx(3_600_000, abs=60_000)
            dead.fails = None
            await asyncio.sleep(3660)
            before = len(dead.asked_ms)
            await asyncio.sleep(600)
            assert len(dead.asked_ms) == before + 10
            assert agent.report().problems == {}

    run(scene)


def test_what_a_silent_meter_missed_is_made_up_for_a_daily_read_first(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan(interval_s=3600)])):
            await asyncio.sleep(14 * 3600)
            meter.fails = FrameError("checksum", b"\x68")
            await asyncio.sleep(2 * 3600)
            meter.fails = None
            await asyncio.sleep(3600)
        made_up = readouts(world.gateway.decoded, "m1")[-2:]
        assert Source.DAILY in [r.source for r in made_up]

    run(scene)


def test_a_meter_that_the_line_holds_is_not_asked_before_it_may_be(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        meter.fails = NoAnswer("unit 1 did not answer within 4.20 s")
        meter.fails.hold_s = 43.5
        async with world.running(world.agent([meter.plan(interval_s=60)])):
            await asyncio.sleep(300)
        first, second = meter.asked_ms[:2]
        # Later than the first step of the back-off, which is half a minute.
        assert 43_500 <= second - first < 45_000

    run(scene)


def test_a_refusal_is_not_repeated_soon(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        meter.fails = Refused("illegal data address")
        agent = world.agent([meter.plan(interval_s=60)])
        async with world.running(agent):
            await asyncio.sleep(3 * 3600)
            assert len(meter.asked_ms) == 3
            assert agent.report().problems == {"m1": "illegal data address"}

    run(scene)


def test_an_answer_that_fits_no_batch_is_that_meter_s_problem_alone(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        odd, good = FakeMeter("odd", loop), FakeMeter("good", loop)
        odd.raw = bytes(7000)
        agent = world.agent([odd.plan(), good.plan()])
        async with world.running(agent):
            await asyncio.sleep(3600)
            assert "does not fit the wire format" in agent.report().problems["odd"]
        assert readouts(world.gateway.decoded, "odd") == []
        assert len(readouts(world.gateway.decoded, "good")) == 5

    run(scene)


def test_a_line_that_is_down_is_tried_again_and_the_other_line_goes_on(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        first, second, other = (FakeMeter(name, loop) for name in ("a", "b", "c"))
        first.fails = LinkDown("192.0.2.1:502: connection refused")
        agent = world.agent([first.plan(), second.plan()], [other.plan()])
        async with world.running(agent):
            await asyncio.sleep(1800)
            assert second.asked_ms == []
            assert len(other.asked_ms) == 3
            # A minute apart at most, and no meter is blamed.
            assert max(b - a for a, b in pairwise(first.asked_ms)) <= 61_000
            assert list(agent.report().problems) == ["line line-0"]
            first.fails = None
            await asyncio.sleep(62)
            assert len(second.asked_ms) == 1
            assert agent.report().problems == {}
        assert len(readouts(world.gateway.decoded, "a")) == 1

    run(scene)


def test_without_broker_or_gateway_readings_go_on_and_all_arrive_in_the_end(
    tmp_path: Path,
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        world.broker.down()
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan(interval_s=60)]), gateway=False):
            await asyncio.sleep(6 * 3600)
            assert world.spool.count() == 360
            world.broker.up()
            await asyncio.sleep(600)
            assert world.spool.counters.delivered == 0
            gateway = asyncio.ensure_future(world.gateway.run())
            await asyncio.sleep(1200)
            assert world.spool.count() <= 1
            gateway.cancel()
        values = [r.values[0].mantissa for r in readouts(world.gateway.decoded, "m1")]
        assert values == list(range(1, len(values) + 1))

    run(scene)


def test_a_full_spool_stops_sampling_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop, max_bytes=2 * LINE_BYTES_MAX)
        meter = FakeMeter("m1", loop)
        meter.raw = bytes(6000)
        agent = world.agent([meter.plan(interval_s=60, raw=True)])
        async with world.running(agent, gateway=False):
            await asyncio.sleep(2 * 3600)
            report = agent.report()
            assert report.sampling is False
            assert report.skipped_reads > 60
            asked = len(meter.asked_ms)
            assert world.spool.head == world.spool.count() == asked
            await asyncio.sleep(3600)
            assert len(meter.asked_ms) == asked
            assert world.reported() is not None
            assert world.reported().sampling is False
            gateway = asyncio.ensure_future(world.gateway.run())
            await asyncio.sleep(1200)
            assert agent.report().sampling is True
            assert len(meter.asked_ms) > asked
            gateway.cancel()
        assert world.spool.counters.polled == world.spool.counters.signed

    run(scene)


def test_a_full_disk_costs_what_was_just_read_is_counted_and_heals(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        agent = world.agent([meter.plan(interval_s=10)])
        async with world.running(agent, gateway=False):
            await asyncio.sleep(95)
            fill_the_disk(world.spool)
            await asyncio.sleep(300)
            # Room for a few rows on the last page, then one try a minute.
            assert agent.report().sampling is False
            lost = len(meter.asked_ms) - world.spool.head
            assert lost in range(4, 7)
            fill_the_disk(world.spool, pages=10**6)
            await asyncio.sleep(120)
            assert agent.report().sampling is True
        polled, signed, _, _ = world.spool.counters
        assert polled - signed == lost
        assert [b.sequence for b in world.stored()] == list(range(1, world.spool.head + 1))

    run(scene)


def fill_the_disk(spool: Spool, *, pages: int = 1) -> None:
    """Let SQLite find no room for another page; its own bound stands in for the disk's."""
    assert spool._db is not None
    spool._db.execute(f"PRAGMA max_page_count = {pages}")


def test_stopping_finishes_the_read_sends_what_is_fresh_and_says_goodbye(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter, next_one = FakeMeter("m1", loop, takes_s=5), FakeMeter("m2", loop)
        agent = world.agent([meter.plan(), next_one.plan()])
        async with world.running(agent) as running:
            await asyncio.sleep(602)
            assert world.reported().state == "online"
            agent.stop()
            await running
            assert loop.now_ms() - START_MS < 610_000
            assert len(next_one.asked_ms) == 1
        assert len(readouts(world.gateway.decoded, "m1")) == 2
        assert world.spool.count() == 0
        assert world.reported().state == "offline"

    run(scene)


def test_stopping_without_a_connection_waits_for_nobody(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        world.broker.down()
        agent = world.agent([FakeMeter("m1", loop).plan()])
        async with world.running(agent, gateway=False) as running:
            await asyncio.sleep(300)
            stopped_ms = loop.now_ms()
            agent.stop()
            await running
            assert loop.now_ms() - stopped_ms < 1000
        assert len(world.stored()) == 1

    run(scene)


def test_a_restart_goes_on_with_the_chain_and_reads_at_once(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan()]), gateway=False):
            await asyncio.sleep(700)
        world.restart()
        async with world.running(world.agent([meter.plan()])):
            await asyncio.sleep(60)
        assert minutes(meter.asked_ms) == [0, 10, pytest.approx(11.67)]
        assert [b.sequence for b in world.gateway.decoded] == [1, 2, 3]

    run(scene)


def test_a_spool_that_cannot_be_used_ends_the_agent_with_its_reason(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)

        class Broken(FakeMeter):
            async def read(self) -> Answer:
                raise SpoolError("the disk is read-only")

        agent = world.agent([FakeMeter("m1", loop).plan()], [Broken("m2", loop).plan()])
        with pytest.raises(SpoolError, match="read-only"):
            await agent.run()
        # The other line's poller is gone, too: nobody reads for an agent that has ended.
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scene)


def test_a_long_round_is_handed_over_piece_by_piece(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meters = [FakeMeter(f"m{n}", loop, takes_s=3) for n in range(60)]
        async with world.running(world.agent([m.plan(interval_s=3600) for m in meters])):
            await asyncio.sleep(100)
            # A minute into the round the first pack is safe.
            assert world.spool.head == 1
            await asyncio.sleep(120)
        sizes = [len(b.readouts) for b in world.gateway.decoded]
        assert sum(sizes) == 60
        assert len(sizes) == 3
        spans = [
            b.readouts[-1].captured_at_ms - b.readouts[0].captured_at_ms
            for b in world.gateway.decoded
        ]
        assert max(spans) <= MINUTE_MS

    run(scene)


def test_large_answers_never_make_a_batch_too_large(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = World(tmp_path, loop)
        meters = [FakeMeter(f"m{n}", loop, takes_s=0.01) for n in range(100)]
        for meter in meters:
            meter.raw = bytes(6000)
        async with world.running(world.agent([m.plan(raw=True) for m in meters])):
            await asyncio.sleep(60)
        assert sum(len(b.readouts) for b in world.gateway.decoded) == 100
        assert max(map(len, world.gateway.batches.values())) < LINE_BYTES_MAX

    run(scene)
