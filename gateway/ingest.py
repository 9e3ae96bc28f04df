"""Ingest: verify, validate, store, and only then answer.

Messages are taken in groups; a group is one transaction and costs a handful of statements
whatever it holds. What is refused goes into the quarantine in the same transaction and touches
nothing else. After the commit each device heard gets one signed, cumulative receipt: it is made
from what is stored, so a repeat after a lost receipt is simply acknowledged again.

A group is entered in two steps, so that the next one is verified in worker processes while this
one is written: `prepare` asks nothing of the store and returns at once, `process_prepared` does
all the rest. `process` is both, group after group, in this way.

A message that meets a defect of ours costs nobody else anything: its group is entered in halves,
down to the message, which is set aside without a receipt. Its device keeps it, and sends it again
to a gateway that was mended.

Everything remembered between groups is a cache of the store. It is dropped when the registry
changes, also from another process, and when a transaction fails. Several collectors may write
one ledger beside each other: a group first takes its *turn* for its devices, and what is
remembered of a device is used only if nobody else has stored anything of it since (its stamp).
Where two still meet, the group is undone and done once more alone.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import structlog

from cloud_sync import signing
from cloud_sync.signing import SigningKey
from gateway import clones
from gateway.audit import AuditPort
from gateway.boots import Boots
from gateway.chains import Chains
from gateway.clones import ClonePort
from gateway.docket import Docket
from gateway.flood import EVIDENCE_MAX, Flood, Unheard
from gateway.group import Work, batch_row
from gateway.judge import Judge, Signed
from gateway.layout import Columns, Layouts
from gateway.opening import Incoming, Keyring, Opened, Sound, Taken
from gateway.panel import Panels
from gateway.quarantine import Reason, Refusal
from gateway.rules.parameters import TABLE, Table
from gateway.store import Crossed, Store, StoreError
from gateway.tracks import METERS_MAX, Tracks
from gateway.verify_worker import Task
from gateway.verifying import MESSAGES_MIN, Verifier

__all__ = ["Incoming", "Ingest", "Outcome", "Prepared"]

# One commit is one fsync of some milliseconds; 100 batches of 100 readings make it a small part
# of the work, and a receipt is late by less than a second.
GROUP_MESSAGES_MAX = 100
# A group's bytes are held several times over while it is worked on.
GROUP_BYTES_MAX = 8 * 1024 * 1024
# A stamp is some 100 bytes; forgetting them all only means that every device is loaded again.
STAMPS_MAX = 100_000

log = structlog.get_logger()


class Outcome(NamedTuple):
    """What became of the messages.

    `receipts` are (topic, sealed bytes), to be published retained. `counts` is what the totals
    grew by: `batches` stored, `repeated_batches`, `put_off_batches`; their readings `accepted`,
    `suspect`, `rejected`, `repeated` (stored before with the same value) and `waited` (in relative
    time, entered later); `refused` messages.
    """

    receipts: list[tuple[str, bytes]]
    counts: Counter[str]


class Prepared(NamedTuple):
    """Messages on their way, made by `Ingest.prepare`; to be entered once, in any later order.

    `verified` holds for the parts of each group what workers have found sound, or will have.
    """

    groups: list[list[Incoming]]
    verified: list[list[Future[list[Sound | None]]]]


class _NotAlone(Exception):
    """A group needs the ledger to itself."""


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

    `table` holds the numbers of the rules. With a `verifier`, messages are verified in its
    workers, without one in the calling thread. Of `meters_max` meters what is stored last is
    remembered; beyond it all of them are forgotten and loaded again.
    """

    def __init__(
        self,
        store: IngestStore,
        key: SigningKey,
        table: Table = TABLE,
        verifier: Verifier | None = None,
        meters_max: int = METERS_MAX,
    ) -> None:
        self._store = store
        self._table = table
        self._key = key
        self._verifier = verifier if verifier is not None and verifier.workers else None
        self._keyring = Keyring(store.registry)
        self._layouts = Layouts()
        self._chains = Chains(store.ledger)
        self._boots = Boots(store.ledger)
        self._tracks = Tracks(store, table, meters_max)
        self._panels = Panels(self._tracks)
        self._stamps: dict[int, int] = {}
        self._revision = -1
        self._unheard = Unheard(0, [])
        self.flood = Flood()

    def process(self, messages: Sequence[Incoming], now_ms: int) -> Outcome:
        """Store what is sound, quarantine the rest, answer; StoreError leaves nothing half done."""
        receipts: dict[str, bytes] = {}
        counts: Counter[str] = Counter()
        groups = _groups(messages)
        group = next(groups, None)
        ahead = None if group is None else self.prepare(group)
        while ahead is not None:
            prepared, group = ahead, next(groups, None)
            ahead = None if group is None else self.prepare(group)
            outcome = self.process_prepared(prepared, now_ms)
            receipts |= dict(outcome.receipts)
            counts += outcome.counts
        return Outcome(list(receipts.items()), counts)

    def prepare(self, messages: Sequence[Incoming]) -> Prepared:
        """Have messages verified in the workers while something else is done.

        Asks nothing of the store, waits for nothing and may be called in any thread. Hold one
        group ahead, not more: what is prepared is held in memory several times over.
        """
        groups = list(_groups(messages))
        return Prepared(groups, [self._ahead(group) for group in groups])

    def process_prepared(self, prepared: Prepared, now_ms: int) -> Outcome:
        """Like `process`, with what `prepare` made of the messages; in the ledger's thread."""
        receipts: dict[str, bytes] = {}
        counts: Counter[str] = Counter()
        for group, parts in zip(prepared.groups, prepared.verified, strict=True):
            for work in self._entered(group, _sounds(parts, len(group)), now_ms):
                receipts |= work.receipts
                counts += work.counts
        return Outcome(list(receipts.items()), counts)

    def _ahead(self, group: Sequence[Incoming]) -> list[Future[list[Sound | None]]]:
        if self._verifier is None or len(group) < MESSAGES_MIN:
            return []
        tasks = []
        for topic, message in group:
            key_id = signing.key_id_of(message)
            decode = not self._layouts.has((key_id, len(message)))
            tasks.append(Task(self._keyring.seen(key_id), topic, message, decode))
        return self._verifier.start(tasks)

    def _entered(
        self, group: Sequence[Incoming], sounds: Sequence[Sound | None], now_ms: int
    ) -> list[Work]:
        """The group, or its parts where something in it does what nobody foresaw."""
        try:
            return [self._enter_group(group, sounds, now_ms)]
        except StoreError:
            raise
        except Exception as error:
            log.exception("a defect: messages cannot be entered together", messages=len(group))
            if len(group) == 1:
                return [self._set_aside(group[0], error, now_ms)]
        half = len(group) // 2
        first = self._entered(group[:half], sounds[:half], now_ms)
        return first + self._entered(group[half:], sounds[half:], now_ms)

    def _set_aside(self, incoming: Incoming, error: Exception, now_ms: int) -> Work:
        work = Work([incoming], [None], now_ms, self.flood)
        # Its text may hold anything of the message.
        said = f"{type(error).__name__}; the gateway's log of that time says where"
        work.refuse(incoming, Refusal(Reason.UNFORESEEN, said))
        try:
            with self._store.ingesting():
                self._record(work)
        except BaseException:
            work.undo()
            raise
        self._unheard = Unheard(0, [])
        return work

    def _enter_group(
        self, group: Sequence[Incoming], sounds: Sequence[Sound | None], now_ms: int
    ) -> Work:
        work = Work(group, sounds, now_ms, self.flood)
        try:
            with _uncollected():
                try:
                    with self._store.ingesting():
                        self._work(work)
                except (Crossed, _NotAlone):
                    self._forget()
                    work.undo()
                    work = Work(group, sounds, now_ms, self.flood, alone=True)
                    with self._store.transaction():
                        self._work(work)
        except BaseException:
            self._forget()
            work.undo()
            raise
        self._unheard = Unheard(0, [])
        return work

    def _work(self, work: Work) -> None:
        revision = self._store.registry.revision()
        if revision != self._revision:
            self._forget()
            self._revision = revision
        opened = work.open(self._keyring, self._layouts)
        if opened:
            self._enter(work, opened)
        if work.twice:
            if not work.alone:
                raise _NotAlone  # the audit log has one writer
            clones.tell(self._store.clones, self._store.audit, work.twice, work.now_ms)
        self._record(work)

    def _record(self, work: Work) -> None:
        """What was refused, what was not heard, and the counts of both and of what is stored."""
        self._store.quarantine.add(work.refused)
        self._note_unheard(work)
        self._store.ledger.count(work.counts)

    def _note_unheard(self, work: Work) -> None:
        """Count what was not looked at since the last group, and keep what is kept of it."""
        told = self.flood.told()
        # Kept here until it is committed.
        rows = [*self._unheard.rows, *told.rows][:EVIDENCE_MAX]
        count = self._unheard.messages + told.messages
        self._unheard = Unheard(count, rows)
        if not count:
            return
        self._store.quarantine.add(rows)
        if count > len(rows):
            self._store.quarantine.add_unkept(Reason.FLOOD, count - len(rows))
        work.counts["refused"] += count

    def _enter(self, work: Work, opened: list[Opened]) -> None:
        ledger = self._store.ledger
        docket = Docket(ledger, self._table, work.now_ms)
        judge = Judge(self._tracks, self._panels, docket, self._table, work.now_ms)
        serials = _serials(item.batch for item in opened)
        self._tracks.keep_bounds(work.now_ms)
        self._begin(work, {item.device_no for item in opened}, serials)
        judge.expect(serials)
        chains = self._chains.group(opened)
        tops = chains.tops(opened)
        placed_here = list(work.place(opened, chains, judge))
        first_no = ledger.take_batch_nos(len(placed_here)) if placed_here else 0
        stored = list(enumerate(placed_here, first_no))
        ledger.add_batches([batch_row(batch_no, item, work) for batch_no, item in stored])
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
            serials = _serials(each.batch for each in signed)
            self._begin(work, set(), serials)
            judge.expect(serials)
            for each in signed:
                judge.enter(each, relative_only=True)
        docket.finish()
        work.counts.update(docket.counts)
        work.answer(opened, chains, self._key)
        if stored:
            self._stamps |= self._store.end_turn(sorted(work.turn))

    def _begin(self, work: Work, devices: set[int], serials: set[str]) -> None:
        """Take the turn for devices and for those that own the meters in their batches.

        Then forget what another collector may have added to.
        """
        if len(self._stamps) > STAMPS_MAX:
            self._stamps.clear()
        wanted = devices | self._tracks.owners(serials)
        fresh = sorted(wanted - work.turn)
        if not fresh:
            return
        if work.turn and not work.alone:
            raise _NotAlone  # a second turn in the middle could wait crosswise for ever
        work.turn |= wanted
        for device_no, stamp in self._store.turn(fresh).items():
            if self._stamps.get(device_no) != stamp:
                for cache in (self._chains, self._boots, self._panels, self._tracks):
                    cache.forget(device_no)
                self._stamps[device_no] = stamp

    def _forget(self) -> None:
        for cache in (self._keyring, self._chains, self._boots, self._panels, self._tracks):
            cache.clear()
        self._stamps.clear()
        self._revision = -1


def _serials(batches: Iterable[Taken]) -> set[str]:
    """The meters in batches."""
    serials: set[str] = set()
    for batch in batches:
        if isinstance(batch, Columns):
            serials |= batch.layout.meters
        else:
            serials.update([readout.meter for readout in batch.readouts])
    return serials


def _sounds(parts: Sequence[Future[list[Sound | None]]], count: int) -> Sequence[Sound | None]:
    """What the workers found; nothing where there are none, or where they were ended."""
    try:
        found = [sound for part in parts for sound in part.result()]
    except CancelledError:
        found = []
    return found or [None] * count


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
