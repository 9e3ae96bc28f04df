"""Two collectors on one PostgreSQL ledger, taking turns with the batches of the same devices."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random

import pytest

from cloud_sync import receipt as wire_receipt
from cloud_sync import signing
from drivers.reading import ClockState
from gateway.ingest import Ingest
from gateway.opening import Incoming
from gateway.postgres.place import Server
from gateway.sql.store import SqlStore, open_store
from tests.gateway import streams
from tests.servers import postgres

NOW_MS = streams.START_MS + 90 * streams.DAY_MS
# All that a ledger says, less the numbers of batches: they tell who was first.
DIGEST = {
    "readings": "SELECT r.register_no, r.captured_at_ms, r.copy, r.mantissa, r.state, r.flags,"
    " b.device_no, b.sequence, r.position FROM reading r JOIN batch b USING (batch_no)"
    " ORDER BY 1, 2, 3",
    "batches": "SELECT device_no, sequence, hash, previous, message FROM batch ORDER BY 1, 2",
    "verdicts": "SELECT register_no, captured_at_ms, copy, rule, detail FROM verdict"
    " ORDER BY 1, 2, 3, 4, 5",
    "chains": "SELECT device_no, first, last FROM chain_range ORDER BY 1, 2",
    "boots": "SELECT device_no, boot, started_at_ms FROM boot ORDER BY 1, 2",
    "accepted": "SELECT value FROM tally WHERE name IN ('accepted', 'batches') ORDER BY name",
}


@pytest.fixture
def place() -> Iterator[Server]:
    server = postgres.server()
    place = server.database()
    with closing(open_store(place, "off")) as store:
        streams.register(store)
    yield place
    server.drop(place)


def digest(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    look = store.database.connection.execute
    return {name: look(statement).fetchall() for name, statement in DIGEST.items()}


def alone(messages: Sequence[Incoming]) -> dict[str, list[tuple[object, ...]]]:
    server = postgres.server()
    place = server.database()
    with closing(open_store(place, "off")) as store:
        streams.register(store)
        Ingest(store, streams.GATEWAY_KEY).process(messages, NOW_MS)
        found = digest(store)
    server.drop(place)
    return found


class Collector:
    """One Ingest on a connection of its own."""

    def __init__(self, place: Server) -> None:
        self.store = open_store(place, "off")
        self.ingest = Ingest(self.store, streams.GATEWAY_KEY)

    def close(self) -> None:
        self.store.close()

    def collect(
        self, groups: Sequence[Sequence[Incoming]], barrier: threading.Barrier
    ) -> list[tuple[str, bytes]]:
        """Each group at the same moment as the other collector's."""
        receipts = []
        for group in groups:
            barrier.wait()
            receipts += self.ingest.process(group, NOW_MS).receipts
        return receipts


def parted(seed: int, messages: Sequence[Incoming]) -> list[list[list[Incoming]]]:
    """The batches of all devices dealt out to two, mixed up, some to both."""
    random = Random(seed)
    hands: list[list[Incoming]] = [[], []]
    for message in messages:
        hand = random.randrange(2)
        hands[hand].append(message)
        if random.random() < 0.2:
            hands[1 - hand].append(message)
    found = []
    for number, hand in enumerate(hands):
        mixed = sorted(hand, key=lambda _: random.random()) if seed % 2 else hand
        found.append(list(streams.groups(seed + number, mixed)))
    most = max(map(len, found))
    return [groups + [[]] * (most - len(groups)) for groups in found]


@pytest.fixture
def collectors(place: Server) -> Iterator[list[Collector]]:
    with closing(Collector(place)) as one, closing(Collector(place)) as other:
        yield [one, other]


@pytest.mark.parametrize("seed", range(4))
def test_both_together_store_what_one_would(collectors: list[Collector], seed: int) -> None:
    messages = streams.stream(seed, 40, streams.plain, (15, 15, 60))
    barrier = threading.Barrier(2, timeout=60)
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(one.collect, groups, barrier)
            for one, groups in zip(collectors, parted(seed, messages), strict=True)
        ]
        receipts = [receipt for each in running for receipt in each.result()]
    found, expected = digest(collectors[0].store), alone(messages)
    assert found["chains"] == [(1, 1, 40), (2, 1, 40)]
    for what, rows in expected.items():
        assert found[what] == rows, what
    # The last word to a device is that all of it is stored, whoever says it.
    throughs = [wire_receipt.decode(signing.parse(sealed).payload) for _, sealed in receipts]
    assert {one.device for one in throughs if one.through == 40} == {"one", "two"}


def test_what_another_collector_stored_since_is_known(collectors: list[Collector]) -> None:
    """In turns, batch by batch: a stale cache would break the chain or doubt the reading."""
    messages = streams.stream(9, 30, streams.plain, (15,))
    for number, message in enumerate(messages):
        counts = collectors[number // 3 % 2].ingest.process([message], NOW_MS).counts
        assert +counts == {"batches": 1, "accepted": counts["accepted"]}
    found = digest(collectors[0].store)
    for what, rows in alone(messages).items():
        assert found[what] == rows, what


def sealed(device: streams.Device, state: ClockState, *serials: str) -> Incoming:
    device.now_ms += 15 * streams.MINUTE_MS
    readouts = [streams.readout(device, serial, names=(streams.DAY,)) for serial in serials]
    if state is ClockState.RELATIVE:
        at_ms = device.now_ms - device.booted_ms
        readouts = [
            streams.changed(one, clock_state=state, captured_at_ms=at_ms) for one in readouts
        ]
    return device.seal(readouts, state)


def test_a_group_that_writes_the_audit_log_has_the_ledger_to_itself(
    collectors: list[Collector],
) -> None:
    first, second = collectors
    device, clone = streams.Device("one"), streams.Device("one")
    known = ClockState.SYNCHRONISED
    clone.boot = b"anotherb"
    assert first.ingest.process([sealed(device, known, "M4")], NOW_MS).counts["batches"] == 1
    for collector, other in ((second, clone), (first, clone)):
        assert collector.ingest.process([sealed(other, known, "M1")], NOW_MS).counts["refused"]
    acts = [entry.act.act for entry in first.store.audit.entries()]
    assert acts.count("device cloned?") == 1
    assert first.ingest.process([sealed(device, known, "M4")], NOW_MS).counts["accepted"] == 2


def test_batches_that_waited_with_meters_of_another_device_are_entered_alone(
    collectors: list[Collector],
) -> None:
    first, second = collectors
    one, two = streams.Device("one"), streams.Device("two")
    waiting = sealed(one, ClockState.RELATIVE, "M4", "M6")
    assert first.ingest.process([waiting], NOW_MS).counts["waited"] == 3
    known = ClockState.SYNCHRONISED
    two.now_ms += streams.MINUTE_MS
    assert second.ingest.process([sealed(two, known, "M6")], NOW_MS).counts["accepted"] == 1
    counts = second.ingest.process([sealed(one, known, "M4")], NOW_MS).counts
    assert (counts["accepted"], counts["rejected"]) == (4, 1)
    assert first.ingest.process([sealed(two, known, "M6")], NOW_MS).counts["accepted"] == 1
