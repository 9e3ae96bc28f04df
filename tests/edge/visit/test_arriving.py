"""First readings on their way, seen from a real spool."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync import batch, topics
from cloud_sync.batch import Batch
from drivers.reading import ClockState, Evidence, Readout, RegisterValue, Source, Unit
from edge import spool
from edge.spool import Spool
from edge.visit.arriving import arrival, head_of
from edge.visit.core import VisitError
from tests.edge.visit.site import DEVICE, KEY, START_MS


def put(store: Spool, *serials: str) -> int:
    """One signed batch with these meters."""
    readouts = tuple(
        Readout(
            serial,
            START_MS,
            ClockState.SYNCHRONISED,
            1,
            0,
            Source.ON_DEMAND,
            Evidence.of(b"\1"),
            (RegisterValue("8-0:1.0.0", 5, -3, Unit.M3),),
        )
        for serial in serials
    )

    def seal(sequence: int, previous: bytes) -> bytes:
        made = Batch(
            1, DEVICE, sequence, previous, START_MS, ClockState.SYNCHRONISED, 1, b"boot-one", 0,
            "plomba", readouts,
        )  # fmt: skip
        return KEY.seal(batch.encode(made), topics.batch_topic(DEVICE))

    return store.append(seal, readings=len(readouts))


def test_readings_are_on_their_way_until_the_receipt(tmp_path: Path) -> None:
    store = Spool(tmp_path, max_bytes=2**24)
    put(store, "old", "1")
    after = head_of(tmp_path)
    assert arrival(tmp_path, ["1", "2"], after).meters == {"1": "not-read", "2": "not-read"}
    put(store, "old", "1")
    seen = arrival(tmp_path, ["1", "2"], after)
    assert (seen.meters, seen.first) == ({"1": "waiting", "2": "not-read"}, None)
    last = put(store, "2")
    put(store, "1", "2")
    seen = arrival(tmp_path, ["1", "2"], after)
    assert seen.first is not None
    assert (seen.first.sequence, seen.is_accepted) == (last, False)
    store.acknowledge(2)
    assert arrival(tmp_path, ["1", "2"], after).meters == {"1": "accepted", "2": "waiting"}
    store.acknowledge(4)
    seen = arrival(tmp_path, ["1", "2"], after)
    assert seen.is_accepted
    assert seen.first is not None
    assert seen.first.sequence == last
    store.close()


def test_without_a_spool_nothing_was_read(tmp_path: Path) -> None:
    assert head_of(tmp_path) == 0
    assert arrival(tmp_path, ["1"], 0).meters == {"1": "not-read"}


def test_a_spool_that_is_just_being_made_has_nothing_yet(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / spool.FILE)) as db:
        db.execute("CREATE TABLE something (one INTEGER)")
        assert arrival(tmp_path, ["1"], 0).meters == {"1": "not-read"}
        db.execute("CREATE TABLE batch (sequence INTEGER, message BLOB)")
        db.execute("INSERT INTO batch VALUES (1, x'00')")
        db.commit()
        assert arrival(tmp_path, ["1"], 0).meters == {"1": "not-read"}


def test_a_spool_that_does_not_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / spool.FILE).write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(VisitError, match="cannot look into"):
        arrival(tmp_path, ["1"], 0)
    with pytest.raises(VisitError, match="set it aside"):
        head_of(tmp_path)
