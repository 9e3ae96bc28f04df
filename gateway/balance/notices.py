"""What meters say of themselves, gathered from the stored batches as they come.

The ledger's readings carry no meter status: it stands in the signed batches. They are decoded
once, in order of arrival and behind ingest, so that ingest pays nothing; where the gathering
stands is kept with what it found, so a gateway killed in between goes on where it was. An hour of
one meter with one status is one row, however often it was said: an hour, because months end with
an hour in nearly every time zone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from cloud_sync import batch, signing
from drivers.reading import ClockState
from gateway.balance.hints import WATCHED

# A thousand readings of status: some tens of milliseconds between two groups of ingest.
BATCHES_PER_STEP = 100
_HOUR_MS = 3_600_000


class Stored(NamedTuple):
    """A stored batch."""

    batch_no: int
    device_no: int
    message: bytes


class Notice(NamedTuple):
    """A status said by one meter in one batch and hour.

    `boot` is set where the times are in ms since that boot, else empty.
    """

    meter: str
    device_no: int
    boot: bytes
    hour: int
    status: int
    first_ms: int
    last_ms: int
    times: int
    batch_no: int


class NoticePort(Protocol):
    """What gathering asks of storage."""

    def transaction(self) -> AbstractContextManager[object]:
        """All or nothing, durable when it ends."""

    def unheard(self, limit: int) -> list[Stored]:
        """The next stored batches that were not gathered from, in order of their numbers."""

    def add(self, notices: Sequence[Notice], up_to_batch_no: int) -> None:
        """Add to what was said, and remember how far the batches were heard."""


def gather(store: NoticePort) -> int:
    """Hear the next batches; how many they were, 0 when there is nothing new."""
    with store.transaction():
        heard = store.unheard(BATCHES_PER_STEP)
        if heard:
            found = [notice for one in heard for notice in notices(one)]
            store.add(found, heard[-1].batch_no)
        return len(heard)


def notices(stored: Stored) -> Iterator[Notice]:
    """What the meters of one batch say of themselves; nothing, nearly always.

    The batch was verified before it was stored, so it decodes.
    """
    content = batch.decode(signing.parse(stored.message).payload)
    said: dict[tuple[str, bytes, int, int], list[int]] = {}
    watched = int(WATCHED)
    for readout in content.readouts:
        status = readout.status & watched
        if status:
            boot = content.boot if readout.clock_state is ClockState.RELATIVE else b""
            key = (readout.meter, boot, readout.captured_at_ms // _HOUR_MS, status)
            said.setdefault(key, []).append(readout.captured_at_ms)
    for (meter, boot, hour, status), times in said.items():
        yield Notice(
            meter, stored.device_no, boot, hour, status, min(times), max(times), len(times),
            stored.batch_no,
        )  # fmt: skip
