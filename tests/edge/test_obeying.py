"""The agent doing what the gateway tells it, in virtual time."""

import asyncio
from functools import partial
from pathlib import Path
from random import Random

from cloud_sync import command as wire_command
from cloud_sync import signing, topics
from cloud_sync.command import Answer, Command, Order, ReadNow, Report, Resend
from cloud_sync.transport import Message
from drivers.reading import Source
from edge.agent import Agent
from edge.command_record import CommandRecord
from edge.poller import LinePlan, Meter
from edge.spool import KEPT_SHARE, Spool
from simulators.clock import VirtualLoop
from tests.edge.devices import (
    DEVICE,
    GATEWAY,
    KEY,
    MOSCOW,
    FakeMeter,
    World,
    minutes,
    readouts,
    run,
)


class Told(World):
    """A world whose agent hears commands, and whose answers are gathered."""

    def __init__(self, folder: Path, loop: VirtualLoop) -> None:
        super().__init__(folder, loop)
        self.answers: list[Answer] = []

    def agent(self, *lines: list[Meter]) -> Agent:
        plans = [LinePlan(name=f"line-{n}", meters=tuple(m)) for n, m in enumerate(lines)]
        return Agent(
            device=DEVICE,
            key=KEY,
            gateway_key=GATEWAY.public,
            spool=self.spool,
            lines=plans,
            clock=self.clock,
            dial=partial(self.broker.connect, DEVICE),
            zone=MOSCOW,
            random=Random(3),
            commands=CommandRecord(self.folder),
        )

    async def say(self, *orders: Order) -> list[Answer]:
        """Give commands and wait for their answers."""
        self.answers.clear()
        async with self.broker.connect("commander") as connection:
            await connection.subscribe(topics.state_topic(DEVICE))
            for order in orders:
                now_ms = self.loop.now_ms()
                command = Command(1, DEVICE, now_ms, now_ms, now_ms + 60_000, order)
                topic = topics.command_topic(DEVICE)
                payload = GATEWAY.seal(wire_command.encode(command), topic)
                await connection.publish(topic, payload)
            async for message in connection.messages():
                self._take(message)
                if len(self.answers) == len(orders):
                    return self.answers
        raise AssertionError

    def _take(self, message: Message) -> None:
        if wire_command.is_answer(message.payload):
            sealed = signing.parse(message.payload)
            KEY.public.verify(sealed, message.topic)
            self.answers.append(wire_command.decode_answer(sealed.payload))


def test_meters_are_read_at_once_and_their_grid_stays(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = Told(tmp_path, loop)
        one, two, there = (FakeMeter(serial, loop) for serial in ("m1", "m2", "m3"))
        agent = world.agent([one.plan(), two.plan()], [there.plan()])
        async with world.running(agent):
            await asyncio.sleep(15 * 60)
            (answer,) = await world.say(ReadNow(("m1", "m3")))
            assert (answer.outcome, answer.reason) == ("done", "2 meters to be read now")
            await asyncio.sleep(15 * 60)
            (answer,) = await world.say(ReadNow(()))
            assert answer.reason == "3 meters to be read now"
            (answer,) = await world.say(ReadNow(("m1", "m9")))
            assert answer.reason == "unknown-meter: no meter m9 on the lines of edge-1"
            await asyncio.sleep(11 * 60)
        asked = [[round(at) for at in minutes(meter.asked_ms)] for meter in (one, there, two)]
        assert asked == [[0, 10, 15, 25, 30, 40], [0, 10, 15, 25, 30, 40], [0, 10, 25, 30, 40]]
        sources = [r.source for r in readouts(world.gateway.decoded, "m1")]
        interval, told = Source.INTERVAL, Source.ON_DEMAND
        assert sources == [told, interval, told, interval, told, interval]

    run(scene)


def test_a_report_is_the_device_s_state_signed(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = Told(tmp_path, loop)
        agent = world.agent([FakeMeter("m1", loop).plan()])
        async with world.running(agent):
            await asyncio.sleep(60)
            (answer,) = await world.say(Report())
            assert wire_command.decode_answer(wire_command.encode_answer(answer)) == answer
            report = agent.report()
            assert report.last_command == answer.number
            assert b'"software":"plomba' in answer.report
            assert b'"state":"online"' in answer.report
            await asyncio.sleep(120)
            assert world.reported() is not None
            assert world.reported().last_command == answer.number

    run(scene)


def test_a_gateway_that_went_back_to_a_backup_gets_its_batches_again(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop) -> None:
        world = Told(tmp_path, loop)
        meter = FakeMeter("m1", loop)
        async with world.running(world.agent([meter.plan(interval_s=60)])):
            await asyncio.sleep(30 * 60)
            before = dict(world.gateway.batches)
            assert world.spool.count() == 0
            for number in range(11, 26):
                del world.gateway.batches[number]
            await asyncio.sleep(120)
            assert 11 not in world.gateway.batches
            (answer,) = await world.say(Resend(11, 25))
            assert answer.reason == "15 of 15 batches will be sent again"
            await asyncio.sleep(60)
            assert {n: world.gateway.batches[n] for n in before} == before
            assert world.spool.count() == 0
            (answer,) = await world.say(Resend(11, 25))
            assert answer.reason.startswith("15 of 15")
            (answer,) = await world.say(Resend(10_000, 10_001))
            assert answer.reason.startswith("no-batch: ")
            await asyncio.sleep(60)
        polled, signed, delivered, lost = world.spool.counters
        assert (polled, signed, lost) == (delivered, delivered, 0)

    run(scene)


def test_batches_put_back_survive_a_restart(tmp_path: Path) -> None:
    spool = a_spool(tmp_path, 5)
    assert spool.restore(2, 3) == 2
    spool.close()
    again = Spool(tmp_path, max_bytes=2**24, durability="off")
    assert again.waiting(limit=10) == [2, 3]
    assert again.set_aside == []
    assert (again.head, again.through) == (5, 5)
    assert again.acknowledge(5) == 2
    assert again.restore(1, 5) == 5
    again.close()


def test_what_is_kept_of_the_acknowledged_is_bounded_and_the_newest(tmp_path: Path) -> None:
    size, max_bytes = 2**16, 2**24
    spool = a_spool(tmp_path, 100, size=size, max_bytes=max_bytes)
    kept = max_bytes // KEPT_SHARE // size
    assert spool.restore(1, 100 - kept) == 0
    assert spool.restore(1, 100) == kept
    assert spool.waiting(limit=1) == [100 - kept + 1]
    assert spool.used_bytes == kept * size
    spool.close()


def test_putting_back_leaves_room_for_new_readings(tmp_path: Path) -> None:
    size, max_bytes = 2**16, 2**24
    spool = a_spool(tmp_path, 60, size=size, max_bytes=max_bytes)
    while not spool.filling:
        spool.append(lambda n, _: bytes([n % 256]) * size, readings=1)
    waiting = spool.count()
    assert spool.restore(1, 60) == 0
    assert spool.count() == waiting
    spool.close()


def a_spool(folder: Path, count: int, *, size: int = 100, max_bytes: int = 2**24) -> Spool:
    """A spool of `count` batches, all of them acknowledged."""
    spool = Spool(folder, max_bytes=max_bytes, durability="off")
    for _ in range(count):
        spool.append(lambda n, _: bytes([n % 256]) * size, readings=1)
        spool.acknowledge(spool.head)
    return spool
