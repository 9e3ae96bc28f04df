"""What is sent when, and what may be forgotten: nothing before the gateway's verified word."""

import itertools
from random import Random

import pytest

from cloud_sync import delivery, topics
from cloud_sync.delivery import Backoff, Outgoing, Sender
from cloud_sync.signing import SigningKey
from tests.cloud_sync.builders import DEVICE, KEY, TOPIC
from tests.cloud_sync.road import GATEWAY, RECEIPTS, ListSpool, a_receipt, a_sender


def drain(sender: Sender, from_ms: int, to_ms: int) -> list[tuple[int, Outgoing]]:
    """Everything the sender gives in a stretch of time, asked every 10 ms."""
    given = []
    for now_ms in range(from_ms, to_ms, 10):
        while (outgoing := sender.next(now_ms)) is not None:
            given.append((now_ms, outgoing))
    return given


class TestSending:
    def test_a_fresh_batch_goes_at_once_and_once(self) -> None:
        spool = ListSpool()
        sender = a_sender(spool)
        sender.on_connected(0)
        sender.on_appended(spool.append(), 0)
        assert sender.next(0) == Outgoing(1, TOPIC, b"batch 1")
        assert sender.next(0) is None

    def test_the_backlog_waits_a_moment_for_the_retained_receipt(self) -> None:
        spool = ListSpool()
        for _ in range(3):
            spool.append()
        sender = a_sender(spool)
        sender.on_connected(0)
        assert sender.next(delivery.DRAIN_DELAY_MS[0] - 1) is None
        sender.on_receipt(a_receipt(spool, 3), 100)
        assert drain(sender, 0, 20_000) == []

    def test_the_backlog_goes_lowest_first_at_a_bounded_rate(self) -> None:
        spool = ListSpool()
        for _ in range(20):
            spool.append()
        sender = a_sender(spool)
        sender.on_connected(0)
        given = drain(sender, 0, 20_000)
        assert [outgoing.sequence for _, outgoing in given] == list(range(1, 21))
        took_s = (given[-1][0] - given[0][0]) / 1000
        assert 19 / delivery.BACKLOG_PER_S / 2 < took_s < 19 / delivery.BACKLOG_PER_S * 2

    def test_devices_that_come_back_together_do_not_drain_in_step(self) -> None:
        begins = set()
        for seed in range(20):
            spool = ListSpool()
            spool.append()
            sender = a_sender(spool, seed=seed)
            sender.on_connected(0)
            begins.add(drain(sender, 0, 20_000)[0][0])
        assert len(begins) > 15

    def test_without_receipts_the_windows_bound_what_is_under_way(self) -> None:
        spool = ListSpool()
        sender = a_sender(spool)
        for _ in range(100):
            spool.append()
        sender.on_connected(0)
        for _ in range(20):
            sender.on_appended(spool.append(), 0)
        given = drain(sender, 0, delivery.RECEIPT_MS - 1)
        assert len(given) == delivery.BACKLOG_WINDOW + delivery.FRESH_WINDOW
        fresh = [outgoing.sequence for _, outgoing in given if outgoing.sequence > 100]
        assert fresh == list(range(113, 121))

    def test_neither_fresh_readings_nor_the_backlog_starve(self) -> None:
        spool = ListSpool()
        for _ in range(1000):
            spool.append()
        sender = a_sender(spool)
        sender.on_connected(0)
        delays: list[int] = []
        appended_ms: dict[int, int] = {}
        for now_ms in range(0, 120_000, 20):
            if now_ms % 1000 == 0:
                appended_ms[spool.append()] = now_ms
                sender.on_appended(spool.head, now_ms)
            outgoing = sender.next(now_ms)
            if outgoing is not None and outgoing.sequence in appended_ms:
                delays.append(now_ms - appended_ms[outgoing.sequence])
            if now_ms % 500 == 0:
                # The gateway stores what was sent and says so.
                unknown = spool.held - sender._sent.keys()
                through = min(unknown, default=spool.head + 1) - 1
                also = tuple((n, n) for n in sorted(sender._sent) if n > through)
                sender.on_receipt(a_receipt(spool, through, also=also), now_ms)
        assert len(delays) == 120
        assert max(delays) <= 40
        assert not {n for n in spool.held if n <= 1000}

    def test_what_gets_no_receipt_is_sent_again_ever_more_rarely(self) -> None:
        spool = ListSpool()
        sender = a_sender(spool)
        sender.on_connected(0)
        sender.on_appended(spool.append(), 0)
        moments = [now_ms for now_ms, _ in drain(sender, 0, 600_000)]
        waits = [b - a for a, b in itertools.pairwise(moments)]
        assert waits[:4] == pytest.approx([30_000, 60_000, 120_000, 240_000], abs=10)
        assert sender.counters["resent"] == len(waits)

    def test_a_new_connection_sends_again_what_was_under_way(self) -> None:
        spool = ListSpool()
        sender = a_sender(spool)
        sender.on_connected(0)
        sender.on_appended(spool.append(), 0)
        assert sender.next(0) is not None
        sender.on_connected(1_000)
        assert [o.sequence for _, o in drain(sender, 1_000, 10_000)] == [1]

    def test_a_row_that_turns_out_damaged_does_not_hold_the_others(self) -> None:
        class Holed(ListSpool):
            def message(self, sequence: int) -> bytes | None:
                if sequence == 1:
                    self.messages[0] = None
                return super().message(sequence)

        spool = Holed()
        for _ in range(3):
            spool.append()
        sender = a_sender(spool)
        sender.on_connected(0)
        assert [o.sequence for _, o in drain(sender, 0, 10_000)] == [2, 3]

    def test_whoever_waits_as_told_misses_nothing_and_wakes_seldom_in_vain(self) -> None:
        spool = ListSpool()
        for _ in range(40):
            spool.append()
        sender = a_sender(spool)
        now_ms = 0
        sender.on_connected(now_ms)
        given = [False]
        while sum(given) < 60:
            wait_ms = sender.wait_ms(now_ms)
            assert wait_ms is not None
            now_ms += wait_ms
            given.append(sender.next(now_ms) is not None)
        in_vain = [
            not a and not b and not c for a, b, c in zip(given, given[1:], given[2:], strict=False)
        ]
        assert not any(in_vain)

    def test_with_nothing_under_way_there_is_nothing_to_wait_for(self) -> None:
        sender = a_sender(ListSpool())
        sender.on_connected(0)
        assert sender.next(0) is None
        assert sender.wait_ms(0) is None


class TestReceipts:
    @pytest.fixture
    def spool(self) -> ListSpool:
        spool = ListSpool()
        for _ in range(5):
            spool.append()
        return spool

    def test_what_a_receipt_covers_is_let_go_of(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        assert sender.on_receipt(a_receipt(spool, 2, also=((4, 4),)), 0) == 3
        assert spool.held == {3, 5}

    @pytest.mark.parametrize(
        ("reason", "changes"),
        [
            ("unknown-key", {"key": SigningKey.from_seed(bytes([9] * 32))}),
            ("unknown-key", {"key": KEY}),
            ("bad-signature", {"topic": topics.receipt_topic("edge-2")}),
            ("bad-signature", {"topic": topics.command_topic(DEVICE)}),
            ("wrong-device", {"device": "edge-2"}),
            ("other-history", {"through_hash": bytes([7] * 32)}),
            ("other-history", {"also": ((6, 6),)}),
        ],
    )
    def test_a_receipt_that_does_not_count_is_counted_and_changes_nothing(
        self, spool: ListSpool, reason: str, changes: dict[str, object]
    ) -> None:
        sender = a_sender(spool)
        assert sender.on_receipt(a_receipt(spool, 5, **changes), 0) == 0  # type: ignore[arg-type]
        assert sender.refused[reason] == 1
        assert spool.held == {1, 2, 3, 4, 5}

    def test_a_gateway_that_knows_more_than_was_ever_sent_knows_another_history(
        self, spool: ListSpool
    ) -> None:
        sender = a_sender(spool)
        longer = ListSpool()
        for _ in range(9):
            longer.append()
        assert sender.on_receipt(a_receipt(longer, 9), 0) == 0
        assert sender.refused["other-history"] == 1
        assert len(spool.held) == 5

    def test_any_changed_byte_of_a_receipt_makes_it_void(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        good = a_receipt(spool, 5)
        for at in range(len(good)):
            bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
            assert sender.on_receipt(bad, 0) == 0
        assert len(spool.held) == 5
        assert sender.refused.total() == len(good)

    @pytest.mark.parametrize("junk", [b"", b"x", bytes(10_000), b"{}"])
    def test_junk_on_the_receipt_topic_is_malformed(self, spool: ListSpool, junk: bytes) -> None:
        sender = a_sender(spool)
        assert sender.on_receipt(junk, 0) == 0
        assert sender.refused["malformed"] == 1

    def test_a_sealed_payload_that_is_no_receipt_is_malformed(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        assert sender.on_receipt(GATEWAY.seal(b"\x80", RECEIPTS), 0) == 0
        assert sender.refused["malformed"] == 1

    def test_an_old_receipt_repeats_only_what_was_stored_then(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        old = a_receipt(spool, 1, also=((3, 3),))
        sender.on_receipt(a_receipt(spool, 2), 0)
        assert sender.on_receipt(old, 0) == 1
        assert sender.counters["old"] == 1
        assert spool.through == 2
        assert spool.held == {4, 5}

    def test_missing_batches_are_sent_again_at_once(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        sender.on_connected(0)
        assert len(drain(sender, 0, 10_000)) == 5
        sender.on_receipt(a_receipt(spool, 1, also=((4, 5),), missing=((2, 3),)), 10_000)
        assert [o.sequence for _, o in drain(sender, 10_000, 15_000)] == [2, 3]

    def test_a_batch_just_sent_is_not_taken_for_missing(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        sender.on_connected(0)
        drain(sender, 0, 10_000)
        sender.on_connected(10_000)
        sent = drain(sender, 10_000, 17_000)
        last_ms, last = sent[-1]
        told = a_receipt(spool, 0, also=(), missing=((last.sequence, last.sequence),))
        sender.on_receipt(told, last_ms + 100)
        assert drain(sender, last_ms + 100, last_ms + 2_000) == []

    def test_where_receipts_take_long_what_is_missing_is_given_as_long_again(
        self, spool: ListSpool
    ) -> None:
        sender = a_sender(spool)
        sender.on_connected(0)
        (first, *_) = drain(sender, 0, 8_000)
        sender.on_receipt(a_receipt(spool, 1), first[0] + 10_000)
        begun_ms = first[0] + 10_000
        spool.append()
        drain(sender, begun_ms, begun_ms + 1_000)
        told = a_receipt(spool, 1, also=((6, 6),), missing=((2, 5),))
        sender.on_receipt(told, first[0] + 12_000)
        assert drain(sender, begun_ms + 2_000, begun_ms + 2_500) == []
        sender.on_receipt(told, first[0] + 25_000)
        again = drain(sender, begun_ms + 15_000, begun_ms + 17_000)
        assert [outgoing.sequence for _, outgoing in again] == [2, 3, 4, 5]

    def test_missing_ranges_of_any_size_cost_nothing(self, spool: ListSpool) -> None:
        sender = a_sender(spool)
        sender.on_receipt(a_receipt(spool, 5, missing=((6, 2**53 - 1),)), 0)
        assert spool.held == set()


class TestBackoff:
    def test_it_doubles_within_bounds_and_never_in_step(self) -> None:
        backoff = Backoff(Random(1))
        waits = [backoff.after(0.1) for _ in range(12)]
        for n, wait_s in enumerate(waits):
            full_s = min(Backoff.FIRST_S * 2**n, Backoff.LIMIT_S)
            assert full_s / 2 <= wait_s <= full_s
        assert len({Backoff(Random(seed)).after(0) for seed in range(20)}) == 20

    def test_a_good_connection_makes_it_start_over(self) -> None:
        backoff = Backoff(Random(1))
        for _ in range(8):
            backoff.after(0.1)
        assert backoff.after(3600) <= Backoff.FIRST_S
