"""Has the gateway the first readings of the new meters? Seen from the spool, changing nothing.

A batch leaves the waiting ones only when the gateway's receipt for it was verified
(`cloud_sync/delivery.py`), so what stands among the acknowledged has arrived.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from cloud_sync import batch, signing
from cloud_sync.batch import chain_hash
from cloud_sync.signing import SealError
from cloud_sync.visit import First
from cloud_sync.wire import WireError
from edge import spool, spool_file
from edge.visit.core import VisitError

# The first round of a device with 500 slow meters is some tens of batches of a minute each.
BATCHES_MAX = 200

Standing = Literal["not-read", "waiting", "accepted"]


class Arrival(NamedTuple):
    """Where the first reading of each new meter is, by serial, and the batch that completes them.

    `first` is known once all were read; `is_accepted` says that the gateway has all of them.
    """

    meters: Mapping[str, Standing]
    first: First | None

    @property
    def is_accepted(self) -> bool:
        """Whether the gateway has a reading of every new meter."""
        return all(one == "accepted" for one in self.meters.values())


def arrival(state_dir: Path, serials: Collection[str], after: int) -> Arrival:
    """How far the first readings of `serials` in the batches above `after` are."""
    meters: dict[str, Standing] = dict.fromkeys(serials, "not-read")
    first: First | None = None
    for number, is_accepted, message in _batches(state_dir, after):
        fresh = [
            serial
            for serial in _serials(message)
            if meters.get(serial) == "not-read" or (is_accepted and meters.get(serial) == "waiting")
        ]
        for serial in fresh:
            if meters[serial] == "not-read":
                first = First(number, chain_hash(message))
            meters[serial] = "accepted" if is_accepted else "waiting"
        if all(one == "accepted" for one in meters.values()):
            break
    return Arrival(meters, None if "not-read" in meters.values() else first)


def head_of(state_dir: Path) -> int:
    """The last batch number given, 0 without a spool."""
    try:
        found = spool.glance(state_dir)
    except spool.SpoolError as error:
        raise VisitError(str(error)) from error
    return 0 if found is None else found.state.head


def _batches(state_dir: Path, after: int) -> list[tuple[int, bool, bytes]]:
    path = state_dir / spool.FILE
    if not path.exists():
        return []
    try:
        return spool_file.since(path, after, BATCHES_MAX)
    except spool_file.READ_ERRORS as error:
        if not spool_file.is_damage(error):
            # Busy for an instant: the next look sees it.
            return []
        raise VisitError(f"cannot look into {path} now: {error}") from error


def _serials(message: bytes) -> set[str]:
    """The meters in a signed batch of this device; none in bytes that were spoiled on the disk."""
    try:
        return {one.meter for one in batch.decode(signing.parse(message).payload).readouts}
    except (SealError, WireError):
        return set()
