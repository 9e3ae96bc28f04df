"""Who sends what is refused is heard less: a bounded number of checks for it, none for the rest.

A refused message costs its sender a token; a sender without tokens is not heard, before anything
of its message is looked at. A sender is whoever owns the topic, since a broker lets nobody else
publish there. Good messages cost nothing, and one that was not heard gets no receipt and comes
again. All messages of keys that nobody knows share one bucket: their names may be made up.

What was not heard is counted, and one message of a sender a minute is kept. Intake asks in the
event loop, ingest counts in the ledger's thread, so a lock stands around it all.
"""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from cloud_sync import topics
from gateway import quarantine
from gateway.bucket import Bucket
from gateway.quarantine import Reason, Refusal
from gateway.store import QuarantineRow

# A broken chain of an honest device is a window of 32 messages and their second try. A check is
# some 0.1 ms of a processor, so a second's flood costs no more than that second time and again.
BURST, PER_S = 64.0, 1.0
# A fleet whose keys are not entered yet; each is a row of the quarantine, nothing is verified.
STRANGERS_BURST, STRANGERS_PER_S = 256.0, 10.0
# About 3 MB; the sender refused longest ago is forgotten, and with it nothing but its debt.
SENDERS_MAX = 10_000
EVIDENCE_MS = 60_000
# Messages of up to 256 KiB wait here for the next group.
EVIDENCE_MAX = 16
REFUSED_TOO_OFTEN = "its sender was refused too often"


class Paid(NamedTuple):
    """A refusal that the sender who owns `topic` paid for; `stranger`: its key is unknown."""

    topic: str
    stranger: bool


class Unheard(NamedTuple):
    """How many messages were not heard since last asked, and what is kept of them."""

    messages: int
    rows: list[QuarantineRow]


class _Sender:
    def __init__(self, now_ms: int) -> None:
        self.bucket = Bucket(BURST, PER_S, now_ms / 1000)
        self.kept_at_ms: int | None = None


class Flood:
    """The debts of senders, and what was not heard of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._senders: OrderedDict[str, _Sender] = OrderedDict()
        self._strangers = Bucket(STRANGERS_BURST, STRANGERS_PER_S, 0.0)
        self._count = 0
        self._rows: list[QuarantineRow] = []

    def hears(self, topic: str, now_ms: int, *, stranger: bool = False) -> bool:
        """Whether a message is to be looked at; `stranger`: its key is known to be unknown."""
        with self._lock:
            sender = self._senders.get(sender_of(topic))
            if sender is not None and not sender.bucket.has(now_ms / 1000):
                return False
            return not stranger or self._strangers.has(now_ms / 1000)

    def turns_away(self, topic: str, message: bytes, now_ms: int) -> bool:
        """`hears` and, where it does not, `unheard` in one: a flood comes through here whole."""
        with self._lock:
            name = sender_of(topic)
            sender = self._senders.get(name)
            if sender is None or sender.bucket.has(now_ms / 1000):
                return False
            self._senders.move_to_end(name)
            self._keep(sender, topic, message, now_ms, REFUSED_TOO_OFTEN)
            return True

    def refused(self, topic: str, now_ms: int, *, stranger: bool = False) -> None:
        """A message was refused: its sender pays."""
        with self._lock:
            self._sender(topic, now_ms).bucket.take(now_ms / 1000)
            if stranger:
                self._strangers.take(now_ms / 1000)

    def unheard(self, topic: str, message: bytes, now_ms: int, why: str) -> None:
        """A message was not looked at."""
        with self._lock:
            self._keep(self._sender(topic, now_ms), topic, message, now_ms, why)

    def undone(self, paid: Iterable[Paid], unheard: int) -> None:
        """What was paid by a group that is done once more, and how many of it were not heard."""
        with self._lock:
            for topic, stranger in paid:
                self._sender(topic, 0).bucket.give()
                if stranger:
                    self._strangers.give()
            self._count -= unheard

    def told(self) -> Unheard:
        """What was not heard since this was asked last."""
        with self._lock:
            unheard = Unheard(self._count, self._rows)
            self._count, self._rows = 0, []
            return unheard

    def _keep(self, sender: _Sender, topic: str, message: bytes, now_ms: int, why: str) -> None:
        """Count a message that is not heard; one of its sender a minute is evidence."""
        self._count += 1
        kept_at_ms = sender.kept_at_ms
        young = kept_at_ms is not None and 0 <= now_ms - kept_at_ms < EVIDENCE_MS
        if young or len(self._rows) >= EVIDENCE_MAX:
            return
        sender.kept_at_ms = now_ms
        refusal = Refusal(Reason.FLOOD, why)
        self._rows.append(quarantine.evidence(topic, message, refusal, now_ms))

    def _sender(self, topic: str, now_ms: int) -> _Sender:
        name = sender_of(topic)
        sender = self._senders.pop(name, None) or _Sender(now_ms)
        self._senders[name] = sender
        if len(self._senders) > SENDERS_MAX:
            self._senders.popitem(last=False)
        return sender


def sender_of(topic: str) -> str:
    """The device that owns a topic; all topics of nobody are one sender, ''."""
    return topics.device_of(topic) or ""
