"""A flood of refused messages: bounded work for its sender, and nothing lost for anybody.

A signature that is checked and does not hold is counted as `bad-signature`, so the counts tell how
much was checked.
"""

import asyncio

import pytest

from cloud_sync import topics
from cloud_sync.signing import SigningKey
from cloud_sync.transport import Delivery, Message
from gateway.fair import SHARE_MAX, FairQueue
from gateway.flood import (
    BURST,
    EVIDENCE_MAX,
    EVIDENCE_MS,
    PER_S,
    SENDERS_MAX,
    STRANGERS_BURST,
    Flood,
)
from gateway.ingest import Incoming
from gateway.store import StoreError
from tests.gateway.estate import (
    DAY_MS,
    MIDNIGHT_MS,
    Device,
    Estate,
    a_day,
    a_readout,
    kwh,
    opened,
)

NOW_MS = MIDNIGHT_MS + 400 * DAY_MS


def forged(device: Device, count: int) -> list[Incoming]:
    """Messages under a device's key whose signature does not hold."""
    (good,) = a_day(Device(device.name, b"1" * 32), batches=1)
    sound = device.key.seal(b"content", device.topic)
    assert good.topic == device.topic
    return [
        Incoming(device.topic, sound[:-3] + number.to_bytes(3, "big")) for number in range(count)
    ]


def test_of_a_flood_so_many_signatures_are_checked_and_no_more(estate: Estate) -> None:
    outcome = estate.take(*forged(estate.edge, 1000), now_ms=NOW_MS)
    assert outcome.counts["refused"] == 1000
    assert estate.refused() == {"bad-signature": BURST, "flood": 1000 - BURST}
    kept = [row for row in estate.store.quarantine.kept() if row.reason == "flood"]
    assert [row.topic for row in kept] == [estate.edge.topic]


def test_a_flood_that_goes_on_is_checked_once_a_second_and_kept_once_a_minute(
    estate: Estate,
) -> None:
    minutes = 3
    seconds = minutes * EVIDENCE_MS // 1000
    for second in range(seconds):
        estate.take(*forged(estate.edge, 100), now_ms=NOW_MS + second * 1000)
    counts = estate.refused()
    assert counts["bad-signature"] <= BURST + seconds * PER_S
    assert sum(counts.values()) == seconds * 100
    kept = list(estate.store.quarantine.kept("flood"))
    assert len(kept) == minutes


def test_another_device_beside_it_loses_nothing(estate: Estate) -> None:
    good = a_day(estate.edge)
    bad = forged(estate.other, 20 * len(good))
    mixed = [one for at, batch in enumerate(good) for one in (*bad[at * 20 : at * 20 + 20], batch)]
    outcome = estate.take(*mixed, now_ms=NOW_MS)
    assert outcome.counts["batches"] == len(good)
    assert opened(outcome)["edge-1"].through == len(good)


def test_the_good_ones_of_a_flooded_device_get_no_receipt_and_come_again(estate: Estate) -> None:
    good = a_day(estate.edge, batches=4)
    outcome = estate.take(*forged(estate.edge, 200), *good, now_ms=NOW_MS)
    assert outcome.receipts == []
    later = estate.take(*good, now_ms=NOW_MS + 1000)
    assert opened(later)["edge-1"].through == len(good)


def test_good_messages_cost_nothing(estate: Estate) -> None:
    good = a_day(estate.edge)
    for _ in range(5):
        estate.take(*good, now_ms=NOW_MS)
    assert estate.refused() == {}


def test_a_group_that_is_done_once_more_is_paid_for_once(estate: Estate) -> None:
    """What speaks twice writes the audit log, and so has its group done once more alone."""
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010))))
    twins = [Device().sign(a_readout(MIDNIGHT_MS, kwh(2000 + at))) for at in range(40)]
    for _ in range(3):  # a burst of 64 pays for two of them, and then none is left
        assert estate.take(*twins).counts == {"refused": 40}
    assert estate.refused() == {"sequence-reused": 80, "flood": 40}


@pytest.mark.sqlite_only("a full disk is played by the largest number of pages")
def test_a_group_that_is_tried_again_after_a_full_disk_is_paid_for_once(estate: Estate) -> None:
    bad, large = forged(estate.edge, int(BURST) + 6), Incoming("else", bytes(200_000))
    sql = estate.store.database.connection
    sql.execute("PRAGMA max_page_count = 1")
    for _ in range(2):
        with pytest.raises(StoreError, match="full"):
            estate.take(*bad, large)
    sql.execute("PRAGMA max_page_count = 100000")
    estate.take(*bad, large)
    assert estate.refused() == {"bad-signature": BURST, "flood": 6, "unknown-topic": 1}


def test_a_multitude_of_made_up_senders_is_bounded_together(estate: Estate) -> None:
    key = SigningKey.from_seed(b"u" * 32)
    names = [f"nobody-{number}" for number in range(1000)]
    crowd = [
        Incoming(topics.batch_topic(name), key.seal(b"x", topics.batch_topic(name)))
        for name in names
    ]
    good = a_day(estate.edge, batches=4)
    outcome = estate.take(*crowd, *good, now_ms=NOW_MS)
    assert estate.refused() == {"unknown-key": STRANGERS_BURST, "flood": 1000 - STRANGERS_BURST}
    assert len(list(estate.store.quarantine.kept("flood"))) <= EVIDENCE_MAX * 20
    assert opened(outcome)["edge-1"].through == 4


def test_a_revoked_device_is_set_back_like_any_other(estate: Estate) -> None:
    with estate.store.transaction() as sql:
        sql.execute(
            "INSERT INTO device_revocation (device_no, revoked_at_ms, by, why, takes_backlog)"
            " SELECT device_no, 1, 'Orlova', 'stolen', 0 FROM device WHERE name = 'edge-1'"
        )
        estate.store.book.touch()
    estate.take(*a_day(estate.edge), now_ms=NOW_MS)
    assert estate.refused() == {"key-not-valid": BURST, "flood": 96 - BURST}


def test_the_memory_of_senders_is_bounded() -> None:
    flood = Flood()
    for number in range(SENDERS_MAX + 1):
        topic = topics.batch_topic(f"edge-{number}")
        for _ in range(int(BURST)):
            flood.refused(topic, NOW_MS)
    assert flood.hears(topics.batch_topic("edge-0"), NOW_MS)
    assert not flood.hears(topics.batch_topic("edge-1"), NOW_MS)


def test_who_is_turned_away_is_told_apart_counted_and_not_forgotten() -> None:
    flood, topic = Flood(), topics.batch_topic("edge-1")
    assert not flood.turns_away(topic, b"", 0), "nobody has refused it yet"
    for _ in range(int(BURST)):
        flood.refused(topic, 0)
    for number in range(SENDERS_MAX + 1):
        flood.refused(topics.batch_topic(f"another-{number}"), 0)
        assert flood.turns_away(topic, b"message", 0)
    unheard = flood.told()
    assert unheard.messages == SENDERS_MAX + 1
    assert [row.topic for row in unheard.rows] == [topic]
    assert not flood.turns_away(topic, b"", int(1000 / PER_S)), "a token a second"


def delivery(device: str, payload: bytes) -> Delivery:
    return Delivery(Message(topics.batch_topic(device), payload), lambda: None)


class TestQueue:
    async def test_each_sender_has_its_turn(self) -> None:
        queue = FairQueue(1000)
        for number in range(5):
            await queue.put(delivery("loud", b"%d" % number))
        await queue.put(delivery("quiet", b"q"))
        got = [(await queue.get()).message.payload for _ in range(6)]
        assert got == [b"0", b"q", b"1", b"2", b"3", b"4"]

    async def test_no_sender_has_more_than_its_share(self) -> None:
        queue = FairQueue(1000)
        loud = delivery("loud", b"")
        taken = [await queue.put(loud) for _ in range(SHARE_MAX + 5)]
        assert taken == [True] * SHARE_MAX + [False] * 5
        assert await queue.put(delivery("quiet", b""))

    async def test_while_it_is_full_the_next_waits_for_a_place(self) -> None:
        queue = FairQueue(1)
        await queue.put(delivery("one", b"1"))
        waiting = asyncio.create_task(queue.put(delivery("two", b"2")))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert (await queue.get()).message.payload == b"1"
        assert await waiting
        assert (await queue.get()).message.payload == b"2"
