"""What a device of a fleet keeps: its place in its chain, and the batches that have no receipt yet.

It is the spool of the real edge (edge/spool.py) in memory, bounded: a device that has KEPT_MAX
batches waiting takes no further readings until one is receipted, and counts what is due meanwhile.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import msgspec

from cloud_sync.batch import GENESIS, chain_hash
from cloud_sync.delivery import BACKLOG_WINDOW, FRESH_WINDOW
from cloud_sync.receipt import Range

# As many as the sender has under way at once; what is due beyond is signed as places come free.
KEPT_MAX = BACKLOG_WINDOW + FRESH_WINDOW


class Kept(msgspec.Struct, array_like=True):
    """A batch that waits for its receipt. `sent_s` is when it was sent first, 0 before that."""

    message: bytes
    readings: int
    sent_s: float = 0.0


class Standing(msgspec.Struct, array_like=True):
    """A device between two runs."""

    head: int = 0
    head_hash: bytes = GENESIS
    through: int = 0
    through_hash: bytes = GENESIS
    next_ms: int = 0
    """When the next batch is due; 0 for a device that has never taken one."""
    kept: dict[int, Kept] = {}
    above: dict[int, bytes] = {}
    """Hashes of batches receipted above a gap."""


class History:
    """`cloud_sync.delivery.SpoolPort` in memory.

    `receipted` hears of each batch let go of: when it was sent first, and its readings.
    """

    __slots__ = ("_clock_s", "_receipted", "standing")

    def __init__(
        self,
        standing: Standing,
        clock_s: Callable[[], float],
        receipted: Callable[[float, int], None],
    ) -> None:
        self.standing = standing
        self._clock_s = clock_s
        self._receipted = receipted

    @property
    def head(self) -> int:
        """The last number given."""
        return self.standing.head

    @property
    def through(self) -> int:
        """Up to which number everything has been acknowledged."""
        return self.standing.through

    def is_full(self) -> bool:
        """Whether nothing more may be taken."""
        return len(self.standing.kept) >= KEPT_MAX

    def append(self, message: bytes, readings: int) -> None:
        """Keep the batch after the head."""
        standing = self.standing
        standing.head += 1
        standing.head_hash = chain_hash(message)
        standing.kept[standing.head] = Kept(message, readings)

    def waiting(self, *, after: int = 0, limit: int) -> Sequence[int]:
        """The lowest numbers above `after` that wait for a receipt."""
        return list(islice((number for number in self.standing.kept if number > after), limit))

    def message(self, sequence: int) -> bytes | None:
        """The bytes of a waiting batch, which is being sent."""
        kept = self.standing.kept.get(sequence)
        if kept is None:
            return None
        kept.sent_s = kept.sent_s or self._clock_s()
        return kept.message

    def hash_of(self, sequence: int) -> bytes | None:
        """The hash of a batch that waits, or was receipted last."""
        standing = self.standing
        if sequence == standing.head:
            return standing.head_hash
        if sequence == standing.through:
            return standing.through_hash
        kept = standing.kept.get(sequence)
        return standing.above.get(sequence) if kept is None else chain_hash(kept.message)

    def acknowledge(self, through: int, also: Iterable[Range] = ()) -> int:
        """Let go of what is covered; the readings let go."""
        standing = self.standing
        told = self.hash_of(through)
        if through > standing.through and told is not None:
            standing.through, standing.through_hash = through, told
        covered = ((0, through), *also)
        gone = [n for n in standing.kept if any(low <= n <= high for low, high in covered)]
        readings = 0
        for number in gone:
            kept = standing.kept.pop(number)
            if number > through:
                standing.above[number] = chain_hash(kept.message)
            self._receipted(kept.sent_s, kept.readings)
            readings += kept.readings
        for number in [number for number in standing.above if number <= through]:
            del standing.above[number]
        return readings
