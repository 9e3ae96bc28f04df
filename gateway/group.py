"""One group of ingest on its way: what is refused, what is counted, what is answered.

Opening and placing raise a Refusal for what is not to be stored; it becomes a row of the
quarantine here and touches nothing else of the group.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from cloud_sync import receipt as wire_receipt
from cloud_sync import topics
from cloud_sync.signing import SigningKey
from gateway import quarantine, rules
from gateway.chain import Placing
from gateway.chains import Group
from gateway.clones import TWICE, Twice
from gateway.flood import REFUSED_TOO_OFTEN, Flood, Paid
from gateway.judge import Judge
from gateway.layout import Layouts
from gateway.opening import Incoming, Keyring, Opened, Sound, open_batch, parse
from gateway.quarantine import Reason, Refusal
from gateway.store import BatchRow, QuarantineRow

_COUNTED_AS = {
    Placing.STORE: "batches",
    Placing.REPEAT: "repeated_batches",
    Placing.PUT_OFF: "put_off_batches",
}


class Work:
    """What a group has come to; `alone` in the ledger, in its `turn` are the devices it has."""

    def __init__(
        self,
        group: Sequence[Incoming],
        sounds: Sequence[Sound | None],
        now_ms: int,
        flood: Flood,
        *,
        alone: bool = False,
    ) -> None:
        self._group = group
        self._sounds = sounds
        self._flood = flood
        self._paid: list[Paid] = []
        self._unheard = 0
        self.now_ms = now_ms
        self.alone = alone
        self.turn: set[int] = set()
        self.twice: list[Twice] = []
        self.refused: list[QuarantineRow] = []
        self.receipts: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()

    def open(self, keyring: Keyring, layouts: Layouts) -> list[Opened]:
        """The sound batches, each device's in the order of their numbers."""
        parsed = []
        for incoming, sound in zip(self._group, self._sounds, strict=True):
            if not self._hears(incoming):
                continue
            try:
                parsed.append(parse(incoming, sound))
            except Refusal as refusal:
                self.refuse(incoming, refusal)
        keys = keyring.load({item.sealed.key_id for item in parsed})
        opened = []
        for item in parsed:
            incoming = Incoming(item.topic, item.message)
            stranger = item.sealed.key_id not in keys
            # Asked again where something that stood before it in the group was refused.
            if (stranger or self.refused) and not self._hears(incoming, stranger=stranger):
                continue
            try:
                opened.append(open_batch(item, keys, layouts, self.now_ms))
            except Refusal as refusal:
                self.refuse(incoming, refusal)
        return sorted(opened, key=lambda item: (item.device_no, item.batch.sequence))

    def place(self, opened: Sequence[Opened], chains: Group, judge: Judge) -> Iterator[Opened]:
        """The batches that are to be stored."""
        for item in opened:
            try:
                placing = chains.place(item)
                if placing is Placing.STORE:
                    judge.admit(item.device_no, item.batch)
            except Refusal as refusal:
                topic = topics.batch_topic(item.batch.device)
                self.refuse(Incoming(topic, item.message), refusal)
                if refusal.reason in TWICE:
                    self.twice.append(Twice(item.device_no, item.batch.sequence, item.batch.boot))
                continue
            self.counts[_COUNTED_AS[placing]] += 1
            if placing is Placing.STORE:
                chains.add(item)
                yield item

    def answer(self, opened: Sequence[Opened], chains: Group, key: SigningKey) -> None:
        """Seal a receipt for every device heard."""
        devices = {item.device_no: item.batch.device for item in opened}
        for receipt in chains.receipts(devices, self.now_ms):
            topic = topics.receipt_topic(receipt.device)
            self.receipts[topic] = key.seal(wire_receipt.encode(receipt), topic)

    def undo(self) -> None:
        """Give back what was paid: nothing of the group is stored, and it is done once more."""
        self._flood.undone(self._paid, self._unheard)

    def _hears(self, incoming: Incoming, *, stranger: bool = False) -> bool:
        topic, message = incoming
        heard = self._flood.hears(topic, self.now_ms, stranger=stranger)
        if not heard:
            self._flood.unheard(topic, message, self.now_ms, REFUSED_TOO_OFTEN)
            self._unheard += 1
        return heard

    def refuse(self, incoming: Incoming, refusal: Refusal) -> None:
        """Keep a message that is not stored, and have its sender pay for it."""
        stranger = refusal.reason is Reason.UNKNOWN_KEY
        self._flood.refused(incoming.topic, self.now_ms, stranger=stranger)
        self._paid.append(Paid(incoming.topic, stranger))
        row = quarantine.evidence(incoming.topic, incoming.payload, refusal, self.now_ms)
        self.refused.append(row)
        self.counts["refused"] += 1


def batch_row(batch_no: int, item: Opened, work: Work) -> BatchRow:
    """The row of a batch to be stored."""
    batch = item.batch
    return BatchRow(
        batch_no=batch_no,
        device_no=item.device_no,
        sequence=batch.sequence,
        hash=item.link.hash,
        previous=item.link.previous,
        key_id=item.key_id,
        signed_at_ms=batch.signed_at_ms,
        clock_state=batch.clock_state,
        boot=batch.boot,
        uptime_ms=batch.uptime_ms,
        received_at_ms=work.now_ms,
        rules_version=rules.VERSION,
        reading_count=batch.reading_count,
        message=item.message,
    )
