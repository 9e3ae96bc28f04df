"""A device's books: what a receipt lets go of, and that it comes to rest on any road."""

from collections.abc import Callable
from random import Random

import pytest

from cloud_sync import receipt, topics
from cloud_sync.batch import GENESIS, chain_hash
from cloud_sync.delivery import Sender
from cloud_sync.receipt import Receipt
from cloud_sync.signing import SigningKey
from gateway.chain import Chain, Placing
from gateway.model import Link
from simulators.fleet.history import KEPT_MAX, History, Standing

GATEWAY = SigningKey.from_seed(bytes(32))
DEVICE = "fleet-000001"
BATCHES = 60


def history(receipted: Callable[[float, int], None] = lambda *_: None) -> History:
    return History(Standing(kept={}, above={}), lambda: 1.0, receipted)


def test_a_receipt_above_a_gap_is_remembered_until_the_gap_is_closed() -> None:
    gone: list[int] = []
    kept = history(lambda _, readings: gone.append(readings))
    for number in range(1, 6):
        kept.append(b"%d" % number, number)
    assert kept.acknowledge(1, [(3, 4)]) == 8
    assert kept.waiting(limit=9) == [2, 5]
    assert kept.hash_of(4) == chain_hash(b"4")
    assert kept.acknowledge(4) == 2
    assert (kept.through, kept.hash_of(4), kept.standing.above) == (4, chain_hash(b"4"), {})
    assert gone == [1, 3, 4, 2]


def test_it_is_full_at_its_bound() -> None:
    kept = history()
    for _ in range(KEPT_MAX):
        assert not kept.is_full()
        kept.append(b"a", 1)
    assert kept.is_full()


class Gateway:
    """The gateway's own chain, and receipts of it."""

    def __init__(self) -> None:
        self.chain = Chain([], GENESIS)
        self.links: dict[int, Link] = {}

    def take(self, sequence: int, message: bytes, previous: bytes) -> bytes:
        link = Link(chain_hash(message), previous)
        near = {n: self.links[n] for n in range(sequence - 1, sequence + 2) if n in self.links}
        if self.chain.place(sequence, link, near) is Placing.STORE:
            self.chain.add(sequence, link)
            self.links[sequence] = link
        through = self.chain.through
        told = Receipt(
            version=1,
            device=DEVICE,
            through=through,
            through_hash=self.links[through].hash if through else GENESIS,
            also=self.chain.also,
            missing=self.chain.missing,
            issued_at_ms=0,
        )
        return GATEWAY.seal(receipt.encode(told), topics.receipt_topic(DEVICE))


@pytest.mark.parametrize("seed", range(8))
def test_every_batch_is_receipted_on_a_road_that_loses_and_overtakes(seed: int) -> None:
    random = Random(seed)
    kept, gateway = history(), Gateway()
    sender = Sender(
        kept, device=DEVICE, gateway_key=GATEWAY.public, random=random, backlog_per_s=1000
    )
    messages = {number: b"%d %d" % (seed, number) for number in range(1, BATCHES + 1)}
    sender.on_connected(0)
    for now_ms in range(0, 4_000_000, 500):
        while kept.head < BATCHES and not kept.is_full():
            kept.append(messages[kept.head + 1], 1)
        sent = [one for _ in range(40) if (one := sender.next(now_ms)) is not None]
        random.shuffle(sent)
        for one in sent:
            if random.random() < 0.6:
                before = messages.get(one.sequence - 1)
                previous = GENESIS if before is None else chain_hash(before)
                told = gateway.take(one.sequence, one.message, previous)
                if random.random() < 0.6:
                    sender.on_receipt(told, now_ms)
        if kept.through == BATCHES:
            break
    assert (kept.through, kept.standing.kept, sender.refused) == (BATCHES, {}, {})
