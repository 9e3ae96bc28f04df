"""Ingest: verify, validate, store, and only then answer.

Messages are taken in groups; a group is one transaction and costs a handful of statements
whatever it holds. What is refused goes into the quarantine in the same transaction and touches
nothing else. After the commit each device heard gets one signed, cumulative receipt: it is made
from what is stored, so a repeat after a lost receipt is simply acknowledged again.

Everything remembered between groups is a cache of the store. It is dropped when the registry
changes, also from another process, and when a transaction fails.
"""

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from cloud_sync import receipt as wire_receipt
from cloud_sync import topics
from cloud_sync.signing import SigningKey
from gateway import clones, quarantine, rules
from gateway.audit import AuditPort
from gateway.boots import Boots
from gateway.chain import Placing
from gateway.chains import Chains, Group
from gateway.clones import TWICE, ClonePort
from gateway.docket import Docket
from gateway.flood import Flood
from gateway.judge import Judge, Signed
from gateway.opening import Incoming, Keyring, Opened, open_batch, parse
from gateway.quarantine import Reason, Refusal
from gateway.rules.parameters import TABLE, Table
from gateway.store import BatchRow, QuarantineRow, Store
from gateway.tracks import Tracks

__all__ = ["Incoming", "Ingest", "Outcome"]

# One commit is one fsync of some milliseconds; 100 batches of 100 readings make it a small part
# of the work, and a receipt is late by less than a second.
GROUP_MESSAGES_MAX = 100
# A group's bytes are held several times over while it is worked on.
GROUP_BYTES_MAX = 8 * 1024 * 1024


class Outcome(NamedTuple):
    """What became of the messages.

    `receipts` are (topic, sealed bytes), to be published retained. `counts` is what the totals
    grew by: `batches` stored, `repeated_batches`, `put_off_batches`; their readings `accepted`,
    `suspect`, `rejected`, `repeated` (stored before with the same value) and `waited` (in relative
    time, entered later); `refused` messages.
    """

    receipts: list[tuple[str, bytes]]
    counts: Counter[str]


class IngestStore(Store, Protocol):
    """The store with whom a cloned device is told to."""

    @property
    def clones(self) -> ClonePort:
        """Devices that speak from two places."""

    @property
    def audit(self) -> AuditPort:
        """The log of acts."""


class Ingest:
    """The way of batches into `store`; receipts are signed with `key`.

    `table` holds the numbers of the rules.
    """

    def __init__(self, store: IngestStore, key: SigningKey, table: Table = TABLE) -> None:
        self._store = store
        self._table = table
        self._key = key
        self._keyring = Keyring(store.registry)
        self._chains = Chains(store.ledger)
        self._boots = Boots(store.ledger)
        self._tracks = Tracks(store, table)
        self._revision = -1
        self.flood = Flood()

    def process(self, messages: Sequence[Incoming], now_ms: int) -> Outcome:
        """Store what is sound, quarantine the rest, answer; StoreError leaves nothing half done."""
        receipts: dict[str, bytes] = {}
        counts: Counter[str] = Counter()
        for group in _groups(messages):
            try:
                with _uncollected(), self._store.transaction():
                    work = self._work(group, now_ms)
            except BaseException:
                self._forget()
                raise
            receipts |= work.receipts
            counts += work.counts
        return Outcome(list(receipts.items()), counts)

    def _work(self, group: Sequence[Incoming], now_ms: int) -> "_Work":
        revision = self._store.registry.revision()
        if revision != self._revision:
            self._forget()
            self._revision = revision
        work = _Work(group, now_ms, self.flood)
        opened = work.open(self._keyring)
        if opened:
            self._enter(work, opened)
        if work.twice:
            clones.tell(self._store.clones, self._store.audit, work.twice, now_ms)
        self._store.quarantine.add(work.refused)
        self._note_unheard(work)
        self._store.ledger.count(work.counts)
        return work

    def _note_unheard(self, work: "_Work") -> None:
        """Count what was not looked at since the last group, and keep what is kept of it."""
        count, rows = self.flood.told()
        if not count:
            return
        self._store.quarantine.add(rows)
        if count > len(rows):
            self._store.quarantine.add_unkept(Reason.FLOOD, count - len(rows))
        work.counts["refused"] += count

    def _enter(self, work: "_Work", opened: list[Opened]) -> None:
        ledger = self._store.ledger
        docket = Docket(ledger, self._table, work.now_ms)
        judge = Judge(self._tracks, docket, self._table, work.now_ms)
        judge.expect([item.batch for item in opened])
        chains = self._chains.group(opened)
        tops = chains.tops(opened)
        stored = list(enumerate(work.place(opened, chains, judge), ledger.next_batch_no()))
        ledger.add_batches([_batch_row(batch_no, item, work) for batch_no, item in stored])
        chains.write()
        self._boots.load(item for _, item in stored)
        placed = self._boots.place(stored)
        work.counts["waited"] = self._boots.wait(stored)
        for batch_no, item in stored:
            start_ms, sequence = self._boots.start_ms(item), item.batch.sequence
            leads = sequence > tops[item.device_no]
            tops[item.device_no] = max(sequence, tops[item.device_no])
            judge.enter(Signed(item.device_no, batch_no, item.batch, start_ms, leads))
        for signed in self._boots.waited(placed):
            judge.expect([each.batch for each in signed])
            for each in signed:
                judge.enter(each, relative_only=True)
        docket.finish()
        work.counts.update(docket.counts)
        work.answer(opened, chains, self._key)

    def _forget(self) -> None:
        for cache in (self._keyring, self._chains, self._boots, self._tracks):
            cache.clear()
        self._revision = -1


class _Work:
    """One group on its way: what is refused, what is counted, what is answered."""

    def __init__(self, group: Sequence[Incoming], now_ms: int, flood: Flood) -> None:
        self._group = group
        self._flood = flood
        self.now_ms = now_ms
        self.twice: list[Opened] = []
        self.refused: list[QuarantineRow] = []
        self.receipts: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()

    def open(self, keyring: Keyring) -> list[Opened]:
        """The sound batches, each device's in the order of their numbers."""
        parsed = []
        for incoming in self._group:
            if not self._hears(incoming):
                continue
            try:
                parsed.append(parse(incoming))
            except Refusal as refusal:
                self._refuse(incoming, refusal)
        keys = keyring.load({item.sealed.key_id for item in parsed})
        opened = []
        for item in parsed:
            incoming = Incoming(item.topic, item.message)
            # Asked again: what stood before it in the group may have been refused.
            if not self._hears(incoming, stranger=item.sealed.key_id not in keys):
                continue
            try:
                opened.append(open_batch(item, keys, self.now_ms))
            except Refusal as refusal:
                self._refuse(incoming, refusal)
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
                self._refuse(Incoming(topic, item.message), refusal)
                if refusal.reason in TWICE:
                    self.twice.append(item)
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

    def _hears(self, incoming: Incoming, *, stranger: bool = False) -> bool:
        topic, message = incoming
        heard = self._flood.hears(topic, self.now_ms, stranger=stranger)
        if not heard:
            why = "its sender was refused too often"
            self._flood.unheard(topic, message, self.now_ms, why)
        return heard

    def _refuse(self, incoming: Incoming, refusal: Refusal) -> None:
        stranger = refusal.reason is Reason.UNKNOWN_KEY
        self._flood.refused(incoming.topic, self.now_ms, stranger=stranger)
        row = quarantine.evidence(incoming.topic, incoming.payload, refusal, self.now_ms)
        self.refused.append(row)
        self.counts["refused"] += 1


_COUNTED_AS = {
    Placing.STORE: "batches",
    Placing.REPEAT: "repeated_batches",
    Placing.PUT_OFF: "put_off_batches",
}


def _batch_row(batch_no: int, item: Opened, work: _Work) -> BatchRow:
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


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector out of a group.

    A group makes some hundred thousand objects that die by their counts, without a cycle among
    them; walking over them again and again was a tenth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _groups(messages: Sequence[Incoming]) -> Iterator[list[Incoming]]:
    group: list[Incoming] = []
    size = 0
    for message in messages:
        if group and (
            len(group) >= GROUP_MESSAGES_MAX or size + len(message.payload) > GROUP_BYTES_MAX
        ):
            yield group
            group, size = [], 0
        group.append(message)
        size += len(message.payload)
    if group:
        yield group
