"""The road at its worst, nothing leaves early, everything leaves in the end."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from cloud_sync import delivery, receipt
from cloud_sync.batch import chain_hash
from cloud_sync.delivery import Outgoing
from cloud_sync.signing import SigningKey
from tests.cloud_sync.road import ListSpool, a_receipt, a_sender


class RoadMachine(RuleBasedStateMachine):
    """A road that drops, doubles and reorders, a gateway that forgets nothing it has said it has.

    Batches in `up` and receipts in `down` are on their way: they may arrive, arrive more than
    once, in any order, or never.
    """

    up = Bundle("up")
    down = Bundle("down")

    @initialize()
    def begin(self) -> None:
        self.spool = ListSpool()
        self.sender = a_sender(self.spool)
        self.now_ms = 0
        self.stored: dict[int, bytes] = {}
        self.told: set[int] = set()
        self.sender.on_connected(0)

    @rule(count=st.integers(1, 5))
    def take_readings(self, count: int) -> None:
        for _ in range(count):
            self.sender.on_appended(self.spool.append(), self.now_ms)

    @rule(by_ms=st.integers(1, 100_000))
    def wait(self, by_ms: int) -> None:
        self.now_ms += by_ms

    @rule()
    def reconnect(self) -> None:
        self.sender.on_connected(self.now_ms)

    @rule(target=up)
    def send(self) -> Outgoing | None:
        return self.sender.next(self.now_ms)

    @rule(outgoing=up)
    def arrive_up(self, outgoing: Outgoing | None) -> None:
        if outgoing is not None:
            self.stored[outgoing.sequence] = outgoing.message

    @rule(outgoing=consumes(up))
    def drop_up(self, outgoing: Outgoing | None) -> None:
        pass

    @rule(target=down)
    def answer(self) -> bytes:
        through = next(n for n in range(10**6) if n + 1 not in self.stored)
        also = tuple((n, n) for n in sorted(self.stored) if n > through)[: receipt.RANGES_MAX]
        last = max(self.stored, default=0)
        missing = tuple((n, n) for n in range(1, last) if n not in self.stored)
        return a_receipt(self.spool, through, also=also, missing=missing[: receipt.RANGES_MAX])

    @rule(message=down)
    def arrive_down(self, message: bytes) -> None:
        self.sender.on_receipt(message, self.now_ms)

    @rule(message=consumes(down))
    def drop_down(self, message: bytes) -> None:
        pass

    @rule(through=st.integers(1, 20))
    def forge(self, through: int) -> None:
        stranger = SigningKey.from_seed(bytes([1] * 32))
        self.sender.on_receipt(a_receipt(self.spool, through, key=stranger), self.now_ms)

    @invariant()
    def nothing_leaves_before_it_is_stored(self) -> None:
        gone = set(range(1, self.spool.head + 1)) - self.spool.held
        assert gone <= self.stored.keys()

    @invariant()
    def what_is_stored_is_what_was_signed(self) -> None:
        for number, message in self.stored.items():
            assert chain_hash(message) == self.spool.hashes[number - 1]

    @invariant()
    def the_window_is_bounded(self) -> None:
        assert len(self.sender._sent) <= delivery.BACKLOG_WINDOW + delivery.FRESH_WINDOW

    def teardown(self) -> None:
        """Once the road is good everything arrives, and leaves the spool."""
        until_ms = self.now_ms + 3_600_000
        self.sender.on_connected(self.now_ms)
        while self.spool.held:
            assert self.now_ms < until_ms, f"never sent: {self.spool.held}"
            outgoing = self.sender.next(self.now_ms)
            if outgoing is None:
                wait_ms = self.sender.wait_ms(self.now_ms)
                assert wait_ms is not None, f"nothing to wait for with {self.spool.held} held"
                self.now_ms += wait_ms
                continue
            self.arrive_up(outgoing)
            self.arrive_down(self.answer())


TestRoad = RoadMachine.TestCase
TestRoad.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
