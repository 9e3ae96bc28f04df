"""A broker in memory with the failures of a real one, behind the door MQTT stands behind.

What is modelled is MQTT 5 with QoS 1 as `cloud_sync.mqtt` uses it: a publish returns after the
PUBACK, every connection starts clean, messages for a reader wait in a bounded queue, retained
messages, a last will, and a second connection of one client id ending the first.

What can go wrong is one record, `Faults`. The worst of it is `lose`: acknowledged and then gone,
as brokers do when they are killed or their queue is full. A client that crashes loses what had
arrived but was not looked at yet.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from cloud_sync.transport import Delivery, Disconnected, Message

# What waits for one reader before the broker drops; mosquitto's default max_queued_messages.
QUEUE_MAX = 1000
# One way through the network and the broker; a mobile link's usual figure.
LATENCY_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How often things go wrong, as probabilities per message."""

    lose: float = 0.0
    """Acknowledged to the sender, delivered to nobody."""
    corrupt: float = 0.0
    """One bit of the payload turned over on its way."""
    duplicate: float = 0.0
    reorder: float = 0.0
    """Held back for up to `hold_s_max`, overtaken by what comes later."""
    hold_s_max: float = 120.0
    disconnect: float = 0.0
    """The connection breaks during a publish, before or after the broker had it."""


@dataclass
class Counters:
    """What the broker did, for a person and for the digest of a world."""

    published: int = 0
    lost: int = 0
    corrupted: int = 0
    duplicated: int = 0
    reordered: int = 0
    disconnected: int = 0
    overflowed: int = 0


class Connection:
    """One connection: a `cloud_sync.transport.Transport` to the broker in memory."""

    def __init__(self, broker: "Broker", client_id: str, will: Message | None) -> None:
        self.client_id = client_id
        self.will = will
        self.filters: list[str] = []
        self._broker = broker
        self._arrived: deque[Message] = deque()
        self._wakeup = asyncio.Event()
        self._ended: str | None = None

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns after the PUBACK, or raises Disconnected, which tells nothing of the message."""
        await self._travel()
        self._broker.take(self, Message(topic, payload), retain=retain)
        await self._travel()

    async def subscribe(self, topic: str) -> None:
        """Ask for messages of a topic filter; what is retained comes at once."""
        await self._travel()
        if topic not in self.filters:
            self.filters.append(topic)
        for message in self._broker.retained_for(topic):
            self.arrive(message)

    async def messages(self) -> AsyncIterator[Message]:
        """The messages of all subscriptions, until the connection ends."""
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            self._check()
            self._wakeup.clear()
            await self._wakeup.wait()

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """The same for a collector; a session is clean, so nothing is ever delivered again."""
        async for message in self.messages():
            yield Delivery(message, _nothing)

    def arrive(self, message: Message) -> bool:
        """Hand one message to the client; False where too many wait for it already."""
        if len(self._arrived) >= QUEUE_MAX:
            return False
        self._arrived.append(message)
        self._wakeup.set()
        return True

    def end(self, why: str) -> None:
        """Break the connection; every call on it raises Disconnected from now on."""
        if self._ended is None:
            self._ended = why
            self._arrived.clear()
            self._wakeup.set()

    async def _travel(self) -> None:
        self._check()
        await asyncio.sleep(LATENCY_S)
        self._check()

    def _check(self) -> None:
        if self._ended is not None:
            raise Disconnected(self._ended)


class Broker:
    """The broker: connections, retained messages, and its own bad luck."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self._random = random
        self.faults = faults
        self.counters = Counters()
        self.watch: list[Callable[[Message], None]] = []
        """Called with every message a client published, before anything happens to it."""
        self._up = True
        self._connections: dict[str, Connection] = {}
        self._retained: dict[str, bytes] = {}

    @asynccontextmanager
    async def connect(
        self, client_id: str, *, will: Message | None = None
    ) -> AsyncIterator[Connection]:
        """One connection of a client; Disconnected while the broker is down."""
        await asyncio.sleep(LATENCY_S)
        if not self._up:
            raise Disconnected("connection refused: the broker is down")
        if client_id in self._connections:
            self._cut(self._connections[client_id], "taken over by a newer connection")
        connection = self._connections[client_id] = Connection(self, client_id, will)
        orderly = False
        try:
            yield connection
            orderly = True
        finally:
            self._cut(connection, "closed", orderly=orderly)

    def down(self) -> None:
        """Stop: every connection ends, nobody can connect; what is retained stays."""
        self._up = False
        for connection in list(self._connections.values()):
            self._cut(connection, "the broker went down")

    def up(self) -> None:
        """Start again."""
        self._up = True

    def cut(self, client_id: str) -> None:
        """A client is gone without a word."""
        connection = self._connections.get(client_id)
        if connection is not None:
            self._cut(connection, "the client was killed")

    def take(self, sender: Connection, message: Message, *, retain: bool) -> None:
        """One message from a client, with everything that may happen to it."""
        self.counters.published += 1
        for watch in self.watch:
            watch(message)
        if self._happens(self.faults.disconnect):
            self.counters.disconnected += 1
            had_it = self._random.random() < 0.5
            if had_it:
                self._pass_on(message, retain=retain)
            self._cut(sender, "the connection broke")
        else:
            self._pass_on(message, retain=retain)

    def retained_for(self, topic_filter: str) -> list[Message]:
        """What a new subscription gets at once."""
        items = sorted(self._retained.items())
        return [Message(topic, data) for topic, data in items if matches(topic_filter, topic)]

    def _pass_on(self, message: Message, *, retain: bool) -> None:
        if self._happens(self.faults.lose):
            self.counters.lost += 1
            return
        message = self._perhaps_corrupted(message)
        if retain:
            self._retained[message.topic] = message.payload
        self._deliver_or_hold(message)
        if self._happens(self.faults.duplicate):
            self.counters.duplicated += 1
            self._deliver_or_hold(message)

    def _deliver_or_hold(self, message: Message) -> None:
        if self._happens(self.faults.reorder):
            self.counters.reordered += 1
            hold_s = self._random.uniform(0.0, self.faults.hold_s_max)
            asyncio.get_running_loop().call_later(hold_s, self._deliver, message)
        else:
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        for connection in self._connections.values():
            wanted = any(matches(f, message.topic) for f in connection.filters)
            if wanted and not connection.arrive(message):
                self.counters.overflowed += 1

    def _perhaps_corrupted(self, message: Message) -> Message:
        if not message.payload or not self._happens(self.faults.corrupt):
            return message
        self.counters.corrupted += 1
        return Message(message.topic, flip_bit(message.payload, self._random))

    def _cut(self, connection: Connection, why: str, *, orderly: bool = False) -> None:
        connection.end(why)
        if self._connections.get(connection.client_id) is connection:
            del self._connections[connection.client_id]
            if connection.will is not None and not orderly:
                self._retained[connection.will.topic] = connection.will.payload
                self._deliver(connection.will)

    def _happens(self, probability: float) -> bool:
        # No number is drawn for what cannot happen, so switching one fault off keeps the others.
        return probability > 0 and self._random.random() < probability


def _nothing() -> None:
    """What this broker does about a message that is done with."""


def flip_bit(data: bytes, random: Random) -> bytes:
    """`data` with one bit turned over."""
    at = random.randrange(len(data) * 8)
    damaged = bytearray(data)
    damaged[at // 8] ^= 1 << at % 8
    return bytes(damaged)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic filter covers a topic (MQTT 5, 4.7)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(
        w in ("+", level) for w, level in zip(wanted, levels, strict=True)
    )
