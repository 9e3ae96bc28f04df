"""What a flood of forged messages costs the devices beside it, as a share of their throughput.

Intake and ingest run as in the gateway, on a fresh file, from a broker in this process. The same
batches of good devices come first alone and then among so many times as many forged messages of
other devices, whose signatures do not hold. Each pair of the two gives a ratio, and the median of
them is what is told: a machine that is busy for a while slows both runs of a pair. Making and
carrying the forged messages counts against the flood.
"""

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import click
from structlog.testing import capture_logs

from cloud_sync import topics
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Delivery, Message
from gateway import registry
from gateway.config import IngestConfig
from gateway.ingest import Ingest
from gateway.intake import Intake
from gateway.quarantine import Reason
from gateway.sql.store import open_store
from simulators.bench_ingest import DEVICES, INTERVAL_MS, START_MS, Device, register

FLOODERS = 5
# Two runs differ by a tenth on a machine that does nothing else.
PAIRS = 7
# Some seconds: a flood is what goes on after the checks that each sender is granted at first.
BATCHES = 3000
BATCH = 100


@click.command("flood")
@click.option("--batches", type=click.IntRange(min=DEVICES), default=BATCHES, show_default=True)
@click.option("--times", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option("--pairs", type=click.IntRange(1, 100), default=PAIRS, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def flood(batches: int, times: int, pairs: int, *, as_json: bool) -> None:
    """Good devices' throughput beside a flood of bad signatures, as a ratio to it alone."""
    # What intake says of its connections is no figure.
    with capture_logs():
        result = measure(batches, times, pairs)
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo("\n".join(f"{name:20} {value}" for name, value in result.items()))


def measure(batches: int, times: int, pairs: int = PAIRS) -> dict[str, float]:
    """Good batches a second alone and beside the flood, their ratio, and what was checked."""
    devices = [Device(number, BATCH) for number in range(DEVICES)]
    turns = batches // DEVICES
    good = [Message(*device.poll(turn)) for turn in range(turns) for device in devices]
    forged = _forged(len(good) * times)
    mixed = [
        message
        for at, batch in enumerate(good)
        for message in (*forged[at * times : (at + 1) * times], batch)
    ]
    alone_s, beside_s, checked = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        for attempt in range(pairs):
            alone = asyncio.run(_run(Path(folder) / f"alone-{attempt}.db", devices, good))
            beside = asyncio.run(_run(Path(folder) / f"beside-{attempt}.db", devices, mixed))
            alone_s.append(alone[0])
            beside_s.append(beside[0])
            checked = max(checked, beside[1])
    ratios = [one / other for one, other in zip(alone_s, beside_s, strict=True)]
    return {
        "good": len(good),
        "forged": len(forged),
        "forged_checked": checked,
        "alone_per_s": round(len(good) / statistics.median(alone_s)),
        "beside_per_s": round(len(good) / statistics.median(beside_s)),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
    }


def _forged(count: int) -> list[Message]:
    """Messages of known devices whose signature is of something else."""
    made: list[Message] = []
    for at in range(count):
        name, key = _flooder(at % FLOODERS)
        topic = topics.batch_topic(name)
        sound = key.seal(b"content", topic) if at < FLOODERS else made[at - FLOODERS].payload
        made.append(Message(topic, sound[:-4] + at.to_bytes(4, "big")))
    return made


def _flooder(number: int) -> tuple[str, SigningKey]:
    return f"flood-{number}", SigningKey.from_seed(b"f" * 31 + bytes([number]))


def _is_good(message: Message) -> bool:
    return not message.topic.startswith("plomba/v1/flood-")


def _nothing() -> None:
    """Nobody waits for a forged message to be done with."""


class _Broker:
    """Brings messages as fast as they are taken; `done` once every good one is done with."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._left = sum(map(_is_good, messages))
        self._messages = [(one, self._one_less if _is_good(one) else _nothing) for one in messages]
        self.done = asyncio.Event()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["_Broker"]:
        yield self

    async def subscribe(self, topic: str) -> None:
        """All that it has is for the gateway."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Nobody waits for the receipt."""

    async def deliveries(self) -> AsyncIterator[Delivery]:
        for at, (message, done) in enumerate(self._messages):
            if at % DEVICES == 0:
                await asyncio.sleep(0)  # as a socket would
            yield Delivery(message, done)
        await asyncio.Event().wait()

    async def messages(self) -> AsyncIterator[Message]:
        async for delivery in self.deliveries():
            yield delivery.message

    def _one_less(self) -> None:
        """Intake is done with a good message when its group is committed."""
        self._left -= 1
        if not self._left:
            self.done.set()


async def _run(
    path: Path, devices: Sequence[Device], messages: Sequence[Message]
) -> tuple[float, int]:
    """Seconds until every good batch is stored, and how many forged signatures were checked."""
    store = open_store(path)
    register(store, devices)
    for name, key in map(_flooder, range(FLOODERS)):
        registry.add_device_key(store, name, key.public, 0)
    broker, config = _Broker(messages), IngestConfig()
    ingest = Ingest(store, SigningKey.from_seed(bytes(32)))
    with ThreadPoolExecutor(1) as executor:
        loop = asyncio.get_running_loop()
        intake = Intake(
            ingest,
            broker.connect,
            config,
            lambda: START_MS + 1000 * INTERVAL_MS + int(time.monotonic() * 1000),
            Random(0),
            call=lambda work: loop.run_in_executor(executor, work),
        )
        begun_s = time.perf_counter()
        running = asyncio.create_task(intake.run())
        finished = asyncio.create_task(broker.done.wait())
        await asyncio.wait([running, finished], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        taken_s = time.perf_counter() - begun_s
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    checked = store.quarantine.counts().get(Reason.BAD_SIGNATURE, (0, 0))[0]
    stored, good = store.ledger.totals().get("batches", 0), sum(map(_is_good, messages))
    store.close()
    if stored != good:
        raise click.ClickException(f"expected {good} good batches in the ledger, got {stored}")
    return taken_s, checked
