"""Readings that came before their meter was known to be read by their device: entered after all.

A device delivers within minutes of a visit, and its record may wait for days for a person. Until it
is applied the readings are stored as rejected (V-SIG). Then the batches that hold them are judged
once more, only for the meters of its events and from their instants on, as late readings by all the
rules. What was rejected stays beside it as the evidence of that; nothing enters twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from cloud_sync import batch as wire_batch
from cloud_sync import signing
from cloud_sync.batch import Batch
from drivers.reading import ClockState, Readout
from gateway.docket import Docket
from gateway.judge import Judge, Signed
from gateway.panel import Panels
from gateway.rules.parameters import TABLE, Table
from gateway.tracks import Tracks
from gateway.visits.ports import Office

# Their bytes and readings are in memory together, as in an ingest group.
AT_ONCE = 100


def enter(
    office: Office,
    device_no: int,
    since_ms: Mapping[str, int],
    now_ms: int,
    *,
    table: Table = TABLE,
) -> Counter[str]:
    """Enter what `device_no` has read of meters, each since its time; how many values of each."""
    store, visits = office.store, office.visits
    counts: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    serials, first_ms = since_ms.keys(), min(since_ms.values(), default=0)
    tracks = Tracks(store, table)
    tracks.keep_bounds(now_ms)
    stands = visits.stands(device_no)
    after = 0
    while rows := visits.rejected(
        device_no, serials, since_ms=first_ms, after=after, limit=AT_ONCE
    ):
        docket = Docket(store.ledger, table, now_ms)
        judge = Judge(tracks, Panels(tracks), docket, table, now_ms)
        judge.expect(serials)
        for row in rows:
            batch = wire_batch.decode(signing.parse(row.message).payload)
            start_ms = stands.get(batch.boot)
            signed = Signed(device_no, row.batch_no, batch, start_ms, leads=False)
            wanted = list(_wanted(batch, since_ms, start_ms))
            judge.again(signed, wanted)
            for _, readout in wanted:
                judged[readout.meter] += len(readout.values)
            visits.changed(row.batch_no)
        docket.finish()
        counts += docket.counts
        after = rows[-1].batch_no
    del counts["repeated"]
    store.ledger.count(counts)
    return judged


def _wanted(
    batch: Batch, since_ms: Mapping[str, int], start_ms: int | None
) -> Iterator[tuple[int, Readout]]:
    position = 0
    for readout in batch.readouts:
        at_ms: int | None = readout.captured_at_ms
        if readout.clock_state is ClockState.RELATIVE:
            at_ms = None if start_ms is None else readout.captured_at_ms + start_ms
        # One whose time is not known yet waits for it, and is judged by the registry of then.
        begins_ms = since_ms.get(readout.meter)
        if begins_ms is not None and at_ms is not None and at_ms >= begins_ms:
            yield position, readout
        position += len(readout.values)
