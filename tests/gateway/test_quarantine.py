"""The quarantine keeps evidence, within its bounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.quarantine import TOPIC_KEPT_CHARS, Reason, Refusal, evidence
from gateway.sql.quarantine import BYTES_MAX, ROWS_MAX
from gateway.sql.store import SqlStore
from gateway.store import QuarantineRow
from tests.servers.ledgers import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_store(tmp_path / "ledger.db", "off")
    yield store
    store.close()


def a_row(message: bytes, reason: Reason = Reason.MALFORMED) -> QuarantineRow:
    return evidence("topic", message, Refusal(reason, "detail"), now_ms=5)


def test_a_row_says_what_came_and_why_not(store: SqlStore) -> None:
    store.quarantine.add([a_row(b"bytes")])
    (row,) = store.quarantine.kept()
    assert row == a_row(b"bytes")
    assert (row.reason, row.detail, row.size) == ("malformed", "detail", 5)


def test_the_newest_come_first(store: SqlStore) -> None:
    store.quarantine.add([a_row(b"1"), a_row(b"2")])
    store.quarantine.add([a_row(b"3")])
    assert [row.evidence for row in store.quarantine.kept()] == [b"3", b"2", b"1"]


def test_the_oldest_of_the_same_reason_give_way(store: SqlStore) -> None:
    store.quarantine.add([a_row(b"else", Reason.UNKNOWN_KEY)])
    store.quarantine.add([a_row(b"%d" % n) for n in range(ROWS_MAX)])
    store.quarantine.add([a_row(b"last"), a_row(b"very last")])
    kept = [row.evidence for row in store.quarantine.kept("malformed")]
    assert len(kept) == ROWS_MAX
    assert (kept[0], kept[-1]) == (b"very last", b"2")
    assert store.quarantine.counts() == {
        "malformed": (ROWS_MAX + 2, 2),
        "unknown-key": (1, 0),
    }


def test_large_messages_are_bounded_by_their_bytes(store: SqlStore) -> None:
    large = bytes(256 * 1024)
    for _ in range(70):
        store.quarantine.add([a_row(large)])
    kept = list(store.quarantine.kept())
    assert sum(len(row.evidence) for row in kept) <= BYTES_MAX
    assert len(kept) == BYTES_MAX // len(large)
    assert store.quarantine.counts() == {"malformed": (70, 70 - len(kept))}


def test_a_long_topic_is_cut() -> None:
    row = evidence("t" * 60_000, b"", Refusal(Reason.UNKNOWN_TOPIC, ""), 5)
    assert len(row.topic) == TOPIC_KEPT_CHARS
