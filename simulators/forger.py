"""A forger at the broker: hears everything, says anything, and has no device's key.

It stands where a broken-in broker or a thief of its passwords would stand. What it can do without
a key is try to pass off what it heard as something else: bytes changed, moved to another topic,
said again, signed by a key of its own under a device's name, or plain rubbish. It also forges
what edges believe in: receipts.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random

import msgspec

from cloud_sync import batch, receipt, signing, topics
from cloud_sync.batch import Batch
from cloud_sync.receipt import Receipt
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Disconnected, Message, Transport
from drivers.reading import Readout, RegisterValue
from simulators.network import flip_bit

# What it remembers to work on; old messages are as good as new ones for a replay.
HEARD_MAX = 50
# How long it stays away when it is cut off.
AWAY_S = 600.0
# How much a forged reading claims more than the true one.
CLAIM = 7
# How far ahead of a batch it heard it numbers its own: in its place, after it, or beyond all.
_AHEAD = (0, 1, 2, 1_000, 2_000)


class Forger:
    """Runs tricks one after another; `forged` are the messages it made that nobody may store."""

    def __init__(
        self,
        random: Random,
        devices: Sequence[str],
        now_ms: Callable[[], int],
        key: SigningKey | None = None,
    ) -> None:
        self._random = random
        self._devices = tuple(devices)
        self._now_ms = now_ms
        self._key = key or SigningKey.from_seed(random.randbytes(32))
        self._heard: deque[Message] = deque(maxlen=HEARD_MAX)
        self.forged: set[bytes] = set()
        self.tricks = 0

    async def run(
        self, connect: Callable[[], AbstractAsyncContextManager[Transport]], every_s: float
    ) -> None:
        """Listen, and deceive every `every_s` on average, until cancelled."""
        while True:
            try:
                async with connect() as transport, asyncio.TaskGroup() as group:
                    group.create_task(self._listen(transport), name="forger listens")
                    group.create_task(self._deceive(transport, every_s), name="forger deceives")
            except* Disconnected:
                pass  # Even a forger is cut off now and then, and comes back.
            await asyncio.sleep(AWAY_S)

    async def _listen(self, transport: Transport) -> None:
        await transport.subscribe("plomba/#")
        async for message in transport.messages():
            self._heard.append(message)

    async def _deceive(self, transport: Transport, every_s: float) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / every_s))
            message = self._random.choice(self._tricks())(self._random.choice(self._devices))
            if message is None:
                continue
            self.tricks += 1
            await transport.publish(message.topic, message.payload, retain=self._retained(message))

    def _retained(self, message: Message) -> bool:
        return message.topic.endswith("/receipt")

    def _tricks(self) -> tuple[Callable[[str], Message | None], ...]:
        return (
            self._rubbish,
            self._oversized,
            self._unknown_device,
            self._changed,
            self._moved,
            self._said_again,
            self._own_key,
            self._stolen_key_id,
            self._receipt_for_all,
            self._receipt_said_again,
        )

    def _rubbish(self, device: str) -> Message:
        size = self._random.randint(0, 300)
        return self._forged(topics.batch_topic(device), self._random.randbytes(size))

    def _oversized(self, device: str) -> Message:
        size = signing.MESSAGE_BYTES_MAX + 1
        return self._forged(topics.batch_topic(device), bytes(size))

    def _unknown_device(self, device: str) -> Message | None:
        """A true batch under the name of a device that nobody knows."""
        heard = self._pick("batch", device)
        return heard and Message(topics.batch_topic("nobody"), heard.payload)

    def _changed(self, device: str) -> Message | None:
        heard = self._pick("batch", device)
        return heard and self._forged(heard.topic, flip_bit(heard.payload, self._random))

    def _moved(self, device: str) -> Message | None:
        """One device's batch on another one's topic."""
        heard = self._pick("batch", device)
        others = [other for other in self._devices if other != device]
        if heard is None or not others:
            return None
        return Message(topics.batch_topic(self._random.choice(others)), heard.payload)

    def _said_again(self, device: str) -> Message | None:
        """A replay is no forgery: it is to be stored once, as if the broker had doubled it."""
        return self._pick("batch", device)

    def _own_key(self, device: str) -> Message | None:
        """A batch with better numbers, sealed with the forger's key."""
        payload = self._claims(device)
        if payload is None:
            return None
        topic = topics.batch_topic(device)
        return self._forged(topic, self._key.seal(payload, topic))

    def _stolen_key_id(self, device: str) -> Message | None:
        """The same under the key id of the device: the signature is the forger's all the same."""
        payload, heard = self._claims(device), self._pick("batch", device)
        if payload is None or heard is None:
            return None
        topic = topics.batch_topic(device)
        mine = self._key.seal(payload, topic)
        theirs = signing.parse(heard.payload).key_id
        return self._forged(topic, mine.replace(self._key.public.key_id, theirs))

    def _receipt_for_all(self, device: str) -> Message:
        """Tells an edge that everything is stored, so that it would forget what is not."""
        claim = Receipt(1, device, 10**6, self._random.randbytes(32), (), (), self._now_ms())
        topic = topics.receipt_topic(device)
        return Message(topic, self._key.seal(receipt.encode(claim), topic))

    def _receipt_said_again(self, device: str) -> Message | None:
        return self._pick("receipt", device)

    def _pick(self, kind: str, device: str) -> Message | None:
        topic = f"plomba/v1/{device}/{kind}"
        sound = [heard for heard in self._heard if heard.topic == topic and _parses(heard)]
        return self._random.choice(sound) if sound else None

    def _claims(self, device: str) -> bytes | None:
        """The payload of a batch it heard, under another number, with more on every register."""
        heard = self._pick("batch", device)
        if heard is None:
            return None
        true = batch.decode(signing.parse(heard.payload).payload)
        false: Batch = msgspec.structs.replace(
            true,
            sequence=true.sequence + self._random.choice(_AHEAD),
            previous=batch.chain_hash(heard.payload),
            readouts=tuple(map(_inflated, true.readouts)),
        )
        return batch.encode(false)

    def _forged(self, topic: str, payload: bytes) -> Message:
        self.forged.add(payload)
        return Message(topic, payload)


def _inflated(readout: Readout) -> Readout:
    values: list[RegisterValue] = [
        msgspec.structs.replace(value, mantissa=value.mantissa + CLAIM) for value in readout.values
    ]
    return msgspec.structs.replace(readout, values=tuple(values))


def _parses(message: Message) -> bool:
    """Whether it can be worked on; what else the broker carries may be rubbish, its own too."""
    try:
        signing.parse(message.payload)
    except signing.SealError:
        return False
    return not message.topic.endswith("/batch") or _decodes(message)


def _decodes(message: Message) -> bool:
    try:
        batch.decode(signing.parse(message.payload).payload)
    except ValueError:
        return False
    return True
