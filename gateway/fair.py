"""A bounded queue in which every sender has its turn, whatever the others send.

Senders are served one message each in turn, so a device that talks much waits for itself. None
may fill the queue: beyond its share a message is not taken. While the queue is full, `put` waits,
and the broker holds the senders back.
"""

import asyncio
from collections import OrderedDict, deque

from cloud_sync.transport import Delivery
from gateway.flood import sender_of

# An edge has at most 32 batches on their way; what is more is sent again in vain.
SHARE_MAX = 100


class FairQueue:
    """At most `capacity` messages, `SHARE_MAX` of one sender."""

    def __init__(self, capacity: int) -> None:
        self._waiting: OrderedDict[str, deque[Delivery]] = OrderedDict()
        self._places = asyncio.Semaphore(capacity)
        self._filled = asyncio.Semaphore(0)

    async def put(self, delivery: Delivery) -> bool:
        """Add a message, when there is a place; False if its sender has its share waiting."""
        sender = sender_of(delivery.message.topic)
        if len(self._waiting.get(sender, ())) >= SHARE_MAX:
            return False
        await self._places.acquire()
        self._waiting.setdefault(sender, deque()).append(delivery)
        self._filled.release()
        return True

    async def get(self) -> Delivery:
        """The next message of the sender whose turn it is."""
        await self._filled.acquire()
        sender, line = self._waiting.popitem(last=False)
        delivery = line.popleft()
        if line:
            self._waiting[sender] = line
        self._places.release()
        return delivery
