"""At least once, until a receipt says so: what an edge sends when, and what it may forget.

No I/O, no clock, no randomness of its own: the caller says what time it is (on a clock that is
never set, such as the event loop's), asks `next` what to publish and hands every message from the
receipt topic to `on_receipt`.

Two lanes share one window of batches that wait for a receipt. What was just taken goes at once;
everything older is the backlog, lowest number first and at a bounded rate. Each lane has places
of its own in the window and they take turns, so neither can starve the other. A batch whose
receipt does not come is sent again after a time that doubles until any receipt comes.

Only a receipt sealed by the pinned gateway key for this device's topic counts, and only if the
hash it names stands in this device's own history: a gateway that knows another history (a copied
key, a restored card) never makes this device forget its own.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from cloud_sync import receipt, signing, topics
from cloud_sync.batch import GENESIS
from cloud_sync.receipt import Range, Receipt
from cloud_sync.wire import WireError

# Places in the window. 24 batches of a backlog under way keep a mobile link of a second's round
# trip busy at the default rate; 8 fresh ones are a minute of an agent with eight busy lines.
BACKLOG_WINDOW = 24
FRESH_WINDOW = 8
# What is older than this is news no longer and waits its turn among the backlog.
FRESH_MS = 60_000
# A six-hour outage of a device that polls every minute drains in half a minute, and ten thousand
# such devices at once stay below what one collector verifies.
BACKLOG_PER_S = 12.0
# A receipt follows its commit within a second; half a minute without one is a lost message.
RECEIPT_MS = 30_000
RECEIPT_MS_MAX = 600_000
# On connecting, the retained receipt comes first and spares sending what is stored already; and
# devices that come back together do not begin their drain together.
DRAIN_DELAY_MS = (500, 5_000)
# A receipt may call missing what was merely behind it on the road, or at another collector. Where
# receipts take longer than that anyway, twice as long as they take: a gateway that is behind would
# otherwise be sent everything again, and be further behind for it.
OVERTAKEN_MS = 3_000
OVERTAKEN_TIMES = 2
# How much of the longest wait is still believed after each shorter one.
_FADE = 7 / 8


class SpoolPort(Protocol):
    """What delivery needs of a spool (see edge/spool.py)."""

    @property
    def head(self) -> int:
        """The last number given."""

    @property
    def through(self) -> int:
        """Up to which number everything has been acknowledged."""

    def waiting(self, *, after: int = 0, limit: int) -> Sequence[int]:
        """The lowest numbers above `after` that wait for a receipt."""

    def message(self, sequence: int) -> bytes | None:
        """The bytes of a waiting batch."""

    def hash_of(self, sequence: int) -> bytes | None:
        """The hash of a batch of this history, where it is still known."""

    def acknowledge(self, through: int, also: Iterable[Range] = ()) -> int:
        """Let go of what is covered; the readings let go."""


class Outgoing(NamedTuple):
    """One batch to publish."""

    sequence: int
    topic: str
    message: bytes


@dataclass
class _Sent:
    at_ms: int
    fresh: bool
    again: bool


class Sender:
    """One device's side of the road."""

    def __init__(
        self,
        spool: SpoolPort,
        *,
        device: str,
        gateway_key: signing.VerifyKey,
        random: Random,
        backlog_per_s: float = BACKLOG_PER_S,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Batches `sent` and `resent`, `receipts` accepted, and how many of those were `old`."""
        self.refused: Counter[str] = Counter()
        """Messages on the receipt topic that did not count, by their reason."""
        self._spool = spool
        self._batch_topic = topics.batch_topic(device)
        self._receipt_topic = topics.receipt_topic(device)
        self._device = device
        self._gateway_key = gateway_key
        self._random = random
        self._pause_ms = 1000 / backlog_per_s
        self._sent: dict[int, _Sent] = {}
        self._seen: deque[tuple[int, int]] = deque(maxlen=FRESH_WINDOW)
        self._again: set[int] = set()
        self._backlog_from_ms = 0.0
        self._receipt_ms = RECEIPT_MS
        self._took_ms = 0.0
        self._fresh_was_last = False

    def on_connected(self, now_ms: int) -> None:
        """A new connection: whatever was under way on the last one may be lost."""
        self._again.update(self._sent)
        self._sent.clear()
        self._backlog_from_ms = now_ms + self._random.uniform(*DRAIN_DELAY_MS)

    def on_appended(self, sequence: int, now_ms: int) -> None:
        """A batch was just taken: it goes before the backlog."""
        self._seen.append((sequence, now_ms))

    def next(self, now_ms: int) -> Outgoing | None:
        """What to publish now, counted as under way; None if nothing may go yet."""
        self._expire(now_ms)
        lanes = [self._fresh, self._backlog]
        if self._fresh_was_last:
            lanes.reverse()
        for lane in lanes:
            outgoing = lane(now_ms)
            if outgoing is not None:
                return outgoing
        return None

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until `next` could give something by itself; None: only after an event."""
        moments = [sent.at_ms + self._receipt_ms for sent in self._sent.values()]
        if self._backlog_places() and self._not_under_way():
            moments.append(int(self._backlog_from_ms) + 1)
        return max(min(moments) - now_ms, 0) if moments else None

    def awaits_fresh(self) -> bool:
        """Whether something that was just taken has not been acknowledged yet."""
        return bool(self._seen) or any(sent.fresh for sent in self._sent.values())

    def on_receipt(self, message: bytes, now_ms: int) -> int:
        """Take a message from the receipt topic; how many readings it let go of.

        A message that does not count changes nothing but its counter; it is never an error, for
        anyone who reaches the broker could cause it.
        """
        told = self._verified(message)
        if told is None or not self._tied(told):
            return 0
        self.counters["receipts"] += 1
        self._receipt_ms = RECEIPT_MS
        gone = self._spool.acknowledge(told.through, told.also)
        covered = ((0, told.through), *told.also)
        arrived = {n: sent for n, sent in self._sent.items() if _within(n, covered)}
        self._sent = {n: sent for n, sent in self._sent.items() if n not in arrived}
        self._again = {n for n in self._again if not _within(n, covered)}
        self._send_missing(told.missing, now_ms)
        self._learn(arrived.values(), now_ms)
        return gone

    def _send_missing(self, missing: Sequence[Range], now_ms: int) -> None:
        overtaken_ms = max(OVERTAKEN_MS, OVERTAKEN_TIMES * self._took_ms)
        for number, sent in list(self._sent.items()):
            if _within(number, missing) and now_ms - sent.at_ms >= overtaken_ms:
                self._again.add(number)
                del self._sent[number]

    def _learn(self, arrived: Iterable[_Sent], now_ms: int) -> None:
        """How long receipts take; one of a batch sent twice does not say which it answers."""
        waits = [now_ms - sent.at_ms for sent in arrived if not sent.again]
        if waits:
            self._took_ms = max(*waits, _FADE * self._took_ms)

    def _fresh(self, now_ms: int) -> Outgoing | None:
        while self._seen and now_ms - self._seen[0][1] > FRESH_MS:
            self._seen.popleft()
        if sum(sent.fresh for sent in self._sent.values()) >= FRESH_WINDOW:
            return None
        while self._seen:
            sequence, _ = self._seen.popleft()
            outgoing = None if sequence in self._sent else self._take(sequence, now_ms, fresh=True)
            if outgoing is not None:
                return outgoing
        return None

    def _backlog(self, now_ms: int) -> Outgoing | None:
        if now_ms < self._backlog_from_ms or not self._backlog_places():
            return None
        # A row that turns out damaged gives nothing: the next one goes.
        for sequence in self._not_under_way():
            outgoing = self._take(sequence, now_ms, fresh=False)
            if outgoing is not None:
                pause_ms = self._pause_ms * self._random.uniform(0.5, 1.5)
                self._backlog_from_ms = max(self._backlog_from_ms, now_ms) + pause_ms
                return outgoing
        return None

    def _take(self, sequence: int, now_ms: int, *, fresh: bool) -> Outgoing | None:
        message = self._spool.message(sequence)
        if message is None:
            return None
        self._sent[sequence] = _Sent(now_ms, fresh, sequence in self._again)
        self._fresh_was_last = fresh
        self.counters["sent"] += 1
        if sequence in self._again:
            self.counters["resent"] += 1
        self._again.discard(sequence)
        return Outgoing(sequence, self._batch_topic, message)

    def _backlog_places(self) -> int:
        return BACKLOG_WINDOW - sum(not sent.fresh for sent in self._sent.values())

    def _not_under_way(self) -> list[int]:
        """The lowest waiting numbers of the backlog; the window bounds how far to look."""
        taken = {number for number, _ in self._seen} | self._sent.keys()
        waiting = self._spool.waiting(limit=len(taken) + 1)
        return [number for number in waiting if number not in taken]

    def _expire(self, now_ms: int) -> None:
        late = [n for n, sent in self._sent.items() if now_ms - sent.at_ms >= self._receipt_ms]
        if late:
            self._receipt_ms = min(2 * self._receipt_ms, RECEIPT_MS_MAX)
        for number in late:
            del self._sent[number]
        self._again.update(late)

    def _verified(self, message: bytes) -> Receipt | None:
        try:
            sealed = signing.parse(message)
            if sealed.key_id != self._gateway_key.key_id:
                self.refused["unknown-key"] += 1
                return None
            self._gateway_key.verify(sealed, self._receipt_topic)
            told = receipt.decode(sealed.payload)
        except signing.SealError as error:
            self.refused[error.reason] += 1
            return None
        except WireError:
            self.refused["malformed"] += 1
            return None
        if told.device != self._device:
            self.refused["wrong-device"] += 1
            return None
        return told

    def _tied(self, told: Receipt) -> bool:
        """Whether the receipt speaks of this device's own history."""
        last = max((told.through, *(end for _, end in told.also)))
        if last > self._spool.head:
            self.refused["other-history"] += 1
            return False
        if told.through < self._spool.through:
            # Repeated, overtaken, or from a gateway that went back to a backup. The histories
            # were tied further up already, and what it says is stored above needs no second tie.
            self.counters["old"] += 1
            return True
        known = self._spool.hash_of(told.through) if told.through else GENESIS
        if known == told.through_hash:
            return True
        self.refused["other-history" if known else "untied"] += 1
        return False


def _within(number: int, ranges: Iterable[Range]) -> bool:
    return any(first <= number <= last for first, last in ranges)


class Backoff:
    """How long to wait before the next try: doubling, bounded, and never in step with others."""

    # A broker that restarts is back within seconds; one that is away for long is not hammered.
    FIRST_S = 1.0
    LIMIT_S = 120.0
    # A connection that held this long was a good one; a shorter one may be a fight over a name.
    GOOD_S = 30.0

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next_s = self.FIRST_S

    def after(self, lasted_s: float) -> float:
        """Seconds to wait after a connection, or a failed try, that lasted `lasted_s`."""
        if lasted_s >= self.GOOD_S:
            self._next_s = self.FIRST_S
        wait_s = self._next_s * self._random.uniform(0.5, 1.0)
        self._next_s = min(2 * self._next_s, self.LIMIT_S)
        return wait_s
