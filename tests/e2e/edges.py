"""Edges for tests of the cloud side: a real spool, sender and uplink each, with made-up readings.

    async with running(edges):                  # each keeps its connection and drains its spool
        edge.take()                             # one reading, sealed and on the disk
        await edge.receipted(edge.spool.head)   # until a receipt let everything up to there go

Only meters and the poller are missing; what an edge may forget, and when it sends what again, is
decided as on a real one.
"""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from cloud_sync import batch, mqtt, state, topics
from cloud_sync.delivery import Sender
from cloud_sync.signing import SigningKey, VerifyKey
from cloud_sync.state import DeviceState
from cloud_sync.transport import Message
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from edge.spool import Spool
from edge.uplink import Uplink
from gateway.wiring import system_clock

SPOOL_BYTES = 64 * 1024 * 1024


class Edge:
    """One device."""

    def __init__(
        self, folder: Path, name: str, gateway_key: VerifyKey, settings: mqtt.Settings
    ) -> None:
        self.name = name
        self.key = SigningKey.generate()
        self.spool = Spool(folder / name, max_bytes=SPOOL_BYTES, durability="off")
        self.sender = Sender(self.spool, device=name, gateway_key=gateway_key, random=Random(name))
        self.uplink = Uplink(
            device=name,
            sender=self.sender,
            dial=functools.partial(mqtt.connect, settings),
            random=Random(name),
            report=lambda: DeviceState(state="online"),
        )

    def take(self) -> int:
        """One reading of its one meter, as a batch; the batch's number."""

        def seal(sequence: int, previous: bytes) -> bytes:
            return self._seal(sequence, previous, system_clock())

        sequence = self.spool.append(seal, readings=1)
        self.uplink.on_appended(sequence)
        return sequence

    def _seal(self, sequence: int, previous: bytes, now_ms: int) -> bytes:
        value = RegisterValue("1-0:1.8.0", 10_000 + sequence, -2, Unit.KWH)
        readout = Readout(
            meter=f"m-{self.name}",
            captured_at_ms=now_ms,
            clock_state=ClockState.SYNCHRONISED,
            clock_error_s=1,
            status=0,
            source=Source.INTERVAL,
            evidence=Evidence.of(b"%d" % sequence),
            values=(value,),
        )
        content = batch.Batch(
            version=1,
            device=self.name,
            sequence=sequence,
            previous=previous,
            signed_at_ms=now_ms,
            clock_state=ClockState.SYNCHRONISED,
            clock_error_s=1,
            boot=bytes(8),
            uptime_ms=time.monotonic_ns() // 1_000_000,
            software="plomba test",
            readouts=(readout,),
        )
        return self.key.seal(batch.encode(content), topics.batch_topic(self.name))

    async def receipted(self, sequence: int, within_s: float = 120.0) -> None:
        """Until a receipt covers everything up to a batch."""
        async with asyncio.timeout(within_s):
            while self.spool.through < sequence:  # noqa: ASYNC110 - a spool tells nobody
                await asyncio.sleep(0.05)


def settings_of(
    name: str,
    doors: Sequence[tuple[str, int]],
    tls: mqtt.Tls,
    protocol: mqtt.ProtocolName = "5",
) -> mqtt.Settings:
    """As edge/app.py makes them of a configuration."""
    (host, port), *also = doors
    return mqtt.Settings(
        host=host,
        port=port,
        also=tuple(also),
        protocol=protocol,
        client_id=mqtt.client_id(name, protocol, tls),
        tls=tls,
        will=Message(topics.state_topic(name), state.encode(state.OFFLINE)),
    )


@asynccontextmanager
async def running(edges: Sequence[Edge]) -> AsyncIterator[None]:
    """The uplinks of the edges, until the end."""
    tasks = [asyncio.create_task(edge.uplink.run()) for edge in edges]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for edge in edges:
            edge.spool.close()


@asynccontextmanager
async def taking(edges: Sequence[Edge], every_s: float) -> AsyncIterator[None]:
    """A reading of each edge again and again."""

    async def take() -> None:
        while True:
            for edge in edges:
                edge.take()
            await asyncio.sleep(every_s)

    task = asyncio.create_task(take())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
