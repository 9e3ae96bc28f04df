"""V-SEQ: the chain of one device, as far as it is stored.

Batches may come in any order: what fits is stored, gaps are told in the receipt and filled later.
A batch fits if its number is free and the links to its stored neighbours hold in both
directions. The same bytes again are a repeat; other bytes under a stored number are refused.
"""

from bisect import bisect_right
from collections.abc import Mapping
from enum import Enum, auto

from cloud_sync.batch import GENESIS
from cloud_sync.receipt import RANGES_MAX
from gateway.model import Link
from gateway.quarantine import Reason, Refusal
from gateway.store import Range

# Separate stretches above a gap. A drain from below and a road that loses every other message
# make a few dozen; more are put off until gaps below are filled, so a chain's memory is bounded.
STRETCHES_MAX = 1024


class Placing(Enum):
    """What to do with a sound batch."""

    STORE = auto()
    REPEAT = auto()
    """Stored already: acknowledge it again."""
    PUT_OFF = auto()
    """One stretch too many: not stored, not refused; the edge will send it again."""


class Chain:
    """The stored stretches of a device's chain, ascending, and the hash at their end."""

    def __init__(self, ranges: list[Range], tail: bytes) -> None:
        self.ranges = ranges
        self.tail = tail

    @property
    def top(self) -> int:
        """The highest stored sequence number, 0 before the first."""
        return self.ranges[-1][1] if self.ranges else 0

    @property
    def through(self) -> int:
        """The last sequence number up to which nothing is missing."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] == 1 else 0

    @property
    def also(self) -> tuple[Range, ...]:
        """The stored ranges above `through`, as many as a receipt tells."""
        above = self.ranges[1:] if self.through else self.ranges
        return tuple(above[:RANGES_MAX])

    @property
    def missing(self) -> tuple[Range, ...]:
        """The gaps between what is stored, as many as a receipt tells."""
        ends = [self.through, *(last for _, last in self.also)]
        return tuple((end + 1, first - 1) for end, (first, _) in zip(ends, self.also, strict=False))

    def place(self, sequence: int, link: Link, near: Mapping[int, Link]) -> Placing:
        """Judge a batch; `near` holds the stored links of its number and of both neighbours.

        Raises Refusal `sequence-reused` or `chain-broken`.
        """
        if sequence == self.top + 1:
            _join(sequence, expected=self.tail, previous=link.previous)
            return Placing.STORE
        stored = near.get(sequence)
        if stored is not None:
            return _again(sequence, stored, link)
        before, after = near.get(sequence - 1), near.get(sequence + 1)
        if before is not None or sequence == 1:
            expected = GENESIS if before is None else before.hash
            _join(sequence, expected=expected, previous=link.previous)
        if after is not None:
            _join(sequence + 1, expected=link.hash, previous=after.previous)
        alone = before is None and after is None
        return Placing.PUT_OFF if alone and len(self.ranges) >= STRETCHES_MAX else Placing.STORE

    def add(self, sequence: int, link: Link) -> None:
        """Note that a batch is stored now."""
        if sequence > self.top:
            self.tail = link.hash
            if self.ranges and sequence == self.top + 1:
                self.ranges[-1] = (self.ranges[-1][0], sequence)
                return
        at = bisect_right(self.ranges, (sequence, sequence))
        first = last = sequence
        if at < len(self.ranges) and self.ranges[at][0] == sequence + 1:
            last = self.ranges.pop(at)[1]
        if at and self.ranges[at - 1][1] == sequence - 1:
            at -= 1
            first = self.ranges.pop(at)[0]
        self.ranges.insert(at, (first, last))


def _again(sequence: int, stored: Link, link: Link) -> Placing:
    if stored.hash == link.hash:
        return Placing.REPEAT
    raise Refusal(
        Reason.SEQUENCE_REUSED,
        f"batch {sequence} is stored with hash {stored.hash.hex()}, "
        f"another came with {link.hash.hex()}",
    )


def _join(sequence: int, *, expected: bytes, previous: bytes) -> None:
    if previous != expected:
        raise Refusal(
            Reason.CHAIN_BROKEN,
            f"batch {sequence} names {previous.hex()} as the one before, "
            f"batch {sequence - 1} is {expected.hex()}",
        )
