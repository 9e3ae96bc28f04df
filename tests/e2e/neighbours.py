"""A device nobody attacks: one session, a batch at a time, the next one after its receipt.

It fails as soon as its connection ends or a receipt is not the gateway's word for its own chain.
"""

import asyncio
from collections.abc import Callable

from cloud_sync import batch, mqtt, receipt, signing, topics
from cloud_sync.mqtt import Settings
from cloud_sync.signing import VerifyKey
from drivers.reading import RegisterValue
from tests.gateway.estate import MIDNIGHT_MS, QUARTER_MS, Device, a_readout

# Some hundred batches in the whole siege.
PAUSE_S = 0.1
# A receipt that never comes would hold the test for ever.
RECEIPT_S = 90.0


class Neighbour:
    """Speaks until it is ended."""

    def __init__(
        self,
        device: Device,
        settings: Settings,
        gateway: VerifyKey,
        meter: str,
        value: Callable[[int], RegisterValue],
    ) -> None:
        self._device = device
        self._settings = settings
        self._gateway = gateway
        self._meter = meter
        self._value = value
        self._task: asyncio.Task[None] | None = None
        self._through = 0
        self._rests = False

    @property
    def name(self) -> str:
        return self._device.name

    @property
    def said(self) -> int:
        return len(self._device.sent)

    @property
    def receipted(self) -> int:
        """Through which number the gateway has said that it is stored."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
        return self._through

    def begin(self) -> None:
        self._task = asyncio.create_task(self._speak())

    async def rest(self) -> None:
        """Say no more, once the receipt for what was said last is there."""
        assert self._task is not None
        self._rests = True
        async with asyncio.timeout(RECEIPT_S):
            await self._task

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _speak(self) -> None:
        device = self._device
        topic = topics.receipt_topic(device.name)
        async with mqtt.connect(self._settings) as transport:
            await transport.subscribe(topic)
            arrived = aiter(transport.messages())
            while not self._rests:
                turn = len(device.sent)
                at_ms = MIDNIGHT_MS + turn * QUARTER_MS
                value = self._value(1001 + turn)
                await transport.publish(*device.sign(a_readout(at_ms, value, meter=self._meter)))
                while self._through < len(device.sent):
                    self._hear(await anext(arrived), topic)
                await asyncio.sleep(PAUSE_S)

    def _hear(self, message: tuple[str, bytes], topic: str) -> None:
        assert message[0] == topic
        sealed = signing.parse(message[1])
        self._gateway.verify(sealed, topic)
        told = receipt.decode(sealed.payload)
        assert told.through_hash == batch.chain_hash(self._device.sent[told.through - 1].payload)
        self._through = told.through
