"""Receipts on their way out: of each device the newest, which says all that the older ones said.

They wait here, and never does a group of ingest wait for them: the broker's acknowledgement of a
receipt may stand behind messages that are not read before the next group is stored. What waits is
bounded by the number of devices. A receipt that is lost is made again when its batch is repeated.
"""

import asyncio
from collections.abc import Iterable

from cloud_sync.transport import Transport

# As many publishes as `cloud_sync.mqtt` has under way at once.
ROUND = 64


class Replies:
    """The receipts that were not published yet, by topic."""

    def __init__(self) -> None:
        self._waiting: dict[str, bytes] = {}
        self._filled = asyncio.Event()

    def put(self, receipts: Iterable[tuple[str, bytes]]) -> None:
        """Have them published, in place of older ones on their topics."""
        for topic, sealed in receipts:
            self._waiting[topic] = sealed
            self._filled.set()

    async def run(self, transport: Transport) -> None:
        """Publish until cancelled; Disconnected when the connection has ended."""
        while True:
            await self._filled.wait()
            topics = list(self._waiting)[:ROUND]
            sent = [(topic, self._waiting.pop(topic)) for topic in topics]
            if not self._waiting:
                self._filled.clear()
            await asyncio.gather(*(transport.publish(*one, retain=True) for one in sent))
