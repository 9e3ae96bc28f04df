"""Readings that keep coming while servers die: real groups through a real Ingest, in a thread.

with Flow(place) as flow:              # registers a device and begins to send
    flow.wait(10)                      # until ten more groups were receipted
    ...                                # kill what you like; a group that failed comes again
    flow.wait(10)
flow.judge(place)                      # receipted lost 0, doubled 0, the chain whole
"""

import threading
import time
from types import TracebackType
from typing import Self

from gateway import registry
from gateway.ingest import Incoming, Ingest
from gateway.sql.engine import Place
from gateway.sql.store import SqlStore, open_store
from gateway.store import StoreError
from tests.gateway.estate import (
    GATEWAY_KEY,
    LINES,
    MIDNIGHT_MS,
    QUARTER_MS,
    Device,
    a_readout,
    csv,
    kwh,
    opened,
)

# Small groups, so that a kill finds one under way, and many of them.
GROUP = 4
READINGS_PER_BATCH = 2
WAIT_S = 60.0
PAUSE_S = 0.05


class Flow:
    """One device's batches, in order, group after group until told to end."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.device = Device()
        self.groups = 0
        self.failures = 0
        self.receipted = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._trouble: BaseException | None = None

    def __enter__(self) -> Self:
        store = open_store(self._place)
        registry.import_csv(store, csv(*LINES))
        registry.add_device_key(store, self.device.name, self.device.key.public, 0)
        store.close()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "a group neither failed nor ended"

    def wait(self, groups: int) -> None:
        """Until so many more groups were receipted."""
        ends_s, before = time.monotonic() + WAIT_S, self.groups
        while self.groups < before + groups:
            assert self._trouble is None, repr(self._trouble)
            assert time.monotonic() < ends_s, "no group was receipted"
            time.sleep(0.005)

    def wait_for_failure(self, since: int) -> None:
        """Until a group failed after there were `since` failures."""
        ends_s = time.monotonic() + WAIT_S
        while self.failures <= since:
            assert self._trouble is None, repr(self._trouble)
            assert time.monotonic() < ends_s, "no group failed"
            time.sleep(0.005)

    def _run(self) -> None:
        try:
            store = open_store(self._place)
            ingest = Ingest(store, GATEWAY_KEY)
            while not self._end.is_set():
                self._deliver(ingest, [self._next() for _ in range(GROUP)])
            store.close()
        except BaseException as error:  # noqa: BLE001 - told by `wait`, in the test's own thread
            self._trouble = error

    def _deliver(self, ingest: Ingest, group: list[Incoming]) -> None:
        """As devices do: until it is receipted."""
        now_ms = MIDNIGHT_MS + len(self.device.sent) * QUARTER_MS
        while not self._end.is_set():
            try:
                outcome = ingest.process(group, now_ms)
            except StoreError:
                self.failures += 1
                time.sleep(PAUSE_S)
                continue
            self.receipted = opened(outcome)[self.device.name].through
            self.groups += 1
            return

    def _next(self) -> Incoming:
        turn = len(self.device.sent)
        at_ms = MIDNIGHT_MS + turn * QUARTER_MS
        values = kwh(1001 + 30 * turn), kwh(1 + 7 * turn, "1-0:1.8.2")
        return self.device.sign(a_readout(at_ms, *values))

    def judge(self, place: Place) -> None:
        """Every receipted batch is there once with its readings, and follows the one before."""
        store = open_store(place)
        try:
            assert self.receipted >= GROUP
            _judge(store, self.receipted)
        finally:
            store.close()


def _judge(store: SqlStore, receipted: int) -> None:
    sql = store.database.connection
    stored = sql.execute("SELECT sequence, hash, previous FROM batch ORDER BY sequence").fetchall()
    sequences = [row[0] for row in stored]
    assert sequences == list(range(1, len(stored) + 1)), "lost or doubled batches"
    assert len(stored) >= receipted, f"{receipted} receipted, {len(stored)} stored"
    hashes = [bytes(row[1]) for row in stored]
    assert [bytes(row[2]) for row in stored[1:]] == hashes[:-1], "the chain is not whole"
    (readings,) = sql.execute("SELECT count(*) FROM reading").fetchone()
    assert readings == READINGS_PER_BATCH * len(stored)
