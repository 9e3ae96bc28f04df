"""A spool in a list and a gateway's receipts: what delivery is tested with."""

from collections.abc import Iterable, Sequence
from random import Random

from cloud_sync import receipt, topics
from cloud_sync.batch import GENESIS, chain_hash
from cloud_sync.delivery import Sender
from cloud_sync.receipt import Range, Receipt
from cloud_sync.signing import SigningKey
from tests.cloud_sync.builders import DEVICE

GATEWAY = SigningKey.from_seed(bytes(32))
RECEIPTS = topics.receipt_topic(DEVICE)


class ListSpool:
    """A spool in a list: number n is at index n - 1, None once it was let go of."""

    def __init__(self) -> None:
        self.messages: list[bytes | None] = []
        self.hashes: list[bytes] = []
        self.through = 0

    def append(self, message: bytes | None = None) -> int:
        message = message or b"batch %d" % (self.head + 1)
        self.messages.append(message)
        self.hashes.append(chain_hash(message))
        return self.head

    @property
    def head(self) -> int:
        return len(self.messages)

    @property
    def held(self) -> set[int]:
        return {n for n, message in enumerate(self.messages, 1) if message is not None}

    def waiting(self, *, after: int = 0, limit: int) -> Sequence[int]:
        return sorted(n for n in self.held if n > after)[:limit]

    def message(self, sequence: int) -> bytes | None:
        return self.messages[sequence - 1]

    def hash_of(self, sequence: int) -> bytes | None:
        return self.hashes[sequence - 1] if 0 < sequence <= self.head else None

    def acknowledge(self, through: int, also: Iterable[Range] = ()) -> int:
        gone = [n for n in self.held if any(a <= n <= b for a, b in ((0, through), *also))]
        for number in gone:
            self.messages[number - 1] = None
        self.through = max(self.through, through)
        return len(gone)


def a_receipt(
    spool: ListSpool,
    through: int,
    *,
    also: tuple[Range, ...] = (),
    missing: tuple[Range, ...] = (),
    key: SigningKey = GATEWAY,
    topic: str = RECEIPTS,
    device: str = DEVICE,
    through_hash: bytes | None = None,
) -> bytes:
    known = spool.hash_of(through) if through else GENESIS
    told = Receipt(1, device, through, through_hash or known or bytes(32), also, missing, 0)
    return key.seal(receipt.encode(told), topic)


def a_sender(spool: ListSpool, *, seed: int = 0) -> Sender:
    return Sender(spool, device=DEVICE, gateway_key=GATEWAY.public, random=Random(seed))
