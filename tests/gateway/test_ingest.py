"""What ingest stores, in which order whatever, and what it answers."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_sync import batch as wire_batch
from cloud_sync import signing
from cloud_sync.batch import GENESIS
from drivers.reading import ClockState, RegisterValue, Unit
from gateway import registry
from gateway.ingest import Incoming, Ingest
from gateway.store import StoreError
from gateway.tracks import FOUND_MAX
from tests.gateway.estate import (
    GATEWAY_KEY,
    MIDNIGHT_MS,
    QUARTER_MS,
    Device,
    Estate,
    a_day,
    a_readout,
    csv,
    kwh,
    litres,
    opened,
)

pytestmark = pytest.mark.both_engines


def test_a_sound_batch_is_stored_accepted_and_acknowledged(estate: Estate) -> None:
    message = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010), kwh(5, "1-0:1.8.2")))
    outcome = estate.take(message)
    assert outcome.counts == {"batches": 1, "accepted": 2}
    assert [row[4:6] for row in estate.rows()] == [(1010, 0), (5, 0)]
    receipt = opened(outcome)["edge-1"]
    assert (receipt.through, receipt.also, receipt.missing) == (1, (), ())
    assert receipt.through_hash == wire_batch.chain_hash(message.payload)
    assert estate.verdicts() == []


def test_the_stored_evidence_is_the_bytes_that_came(estate: Estate) -> None:
    message = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    estate.take(message)
    (kept,) = estate.store.database.connection.execute("SELECT message FROM batch").fetchone()
    sealed = signing.parse(kept)
    estate.edge.key.public.verify(sealed, message.topic)
    assert kept == message.payload


def test_a_running_ingest_sees_a_change_of_the_registry(estate: Estate) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010))))
    registry.end_device_key(estate.store, estate.edge.key.public.key_id, MIDNIGHT_MS + 1)
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS + QUARTER_MS, kwh(1020))))
    assert estate.refused() == {"key-not-valid": 1}


def test_a_repeat_is_stored_once_and_acknowledged_again(estate: Estate) -> None:
    message = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    first = estate.take(message)
    again = estate.take(message, message)
    assert again.counts == {"repeated_batches": 2}
    assert opened(again) == opened(first)
    assert len(estate.rows()) == 1


def test_a_repeat_after_a_crash_between_commit_and_receipt_is_acknowledged(
    estate: Estate,
) -> None:
    messages = a_day(estate.edge, batches=4)
    lost = estate.take(*messages)
    before = estate.rows()
    estate.restart()
    again = estate.take(*messages)
    assert opened(again) == opened(lost)
    assert estate.rows() == before


@pytest.mark.sqlite_only("a full disk is played by the largest number of pages")
def test_a_group_that_cannot_be_committed_leaves_nothing(estate: Estate) -> None:
    messages = a_day(estate.edge, batches=4)
    estate.take(messages[0])
    estate.store.database.connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="full"):
        estate.take(*messages[1:], *(Incoming("else", bytes(200_000)) for _ in range(20)))
    estate.store.database.connection.execute("PRAGMA max_page_count = 100000")
    assert len(estate.rows()) == 3
    outcome = estate.take(*messages)
    assert outcome.counts == {"batches": 3, "repeated_batches": 1, "accepted": 9}
    assert opened(outcome)["edge-1"].through == 4


def test_a_gap_is_asked_for_and_closed(estate: Estate) -> None:
    messages = a_day(estate.edge, batches=7)
    outcome = estate.take(messages[0], messages[3], messages[5], messages[6])
    receipt = opened(outcome)["edge-1"]
    assert (receipt.through, receipt.also, receipt.missing) == (
        1,
        ((4, 4), (6, 7)),
        ((2, 3), (5, 5)),
    )
    assert receipt.through_hash == wire_batch.chain_hash(messages[0].payload)
    receipt = opened(estate.take(messages[4], messages[2], messages[1]))["edge-1"]
    assert (receipt.through, receipt.also, receipt.missing) == (7, (), ())
    assert {row[5] for row in estate.rows()} == {0}


def test_a_chain_may_be_heard_from_its_middle_first(estate: Estate) -> None:
    messages = a_day(estate.edge, batches=3)
    receipt = opened(estate.take(messages[1]))["edge-1"]
    assert (receipt.through, receipt.through_hash) == (0, GENESIS)
    assert (receipt.also, receipt.missing) == (((2, 2),), ((1, 1),))


def test_a_sequence_number_with_other_content_is_refused(estate: Estate) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010))))
    twin = Device()
    outcome = estate.take(twin.sign(a_readout(MIDNIGHT_MS, kwh(2000))))
    assert outcome.counts == {"refused": 1}
    assert estate.refused() == {"sequence-reused": 1}
    assert [row[4] for row in estate.rows()] == [1010]
    assert opened(outcome)["edge-1"].through == 1


@pytest.mark.parametrize("stored_first", [0, 2], ids=["before it", "after it"])
def test_a_batch_that_does_not_join_its_neighbour_is_refused(
    estate: Estate, stored_first: int
) -> None:
    messages = a_day(estate.edge, batches=3)
    estate.take(messages[stored_first])
    twin = Device()
    a_day(twin, start_ms=MIDNIGHT_MS + 1, batches=3)
    outcome = estate.take(twin.sent[1])
    assert outcome.counts == {"refused": 1}
    assert estate.refused() == {"chain-broken": 1}


def test_the_first_batch_must_begin_the_chain(estate: Estate) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010)), previous=b"x" * 32))
    assert estate.refused() == {"chain-broken": 1}


def test_an_unregistered_meter_is_kept_and_rejected(estate: Estate) -> None:
    outcome = estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(77), meter="X9")))
    assert outcome.counts == {"batches": 1, "rejected": 1}
    assert [(row[0], row[4], row[5]) for row in estate.rows()] == [("X9", 77, 2)]
    assert estate.verdicts() == [("V-SIG", "E")]


def test_registering_a_meter_that_was_seen_before_makes_its_next_reading_count(
    estate: Estate,
) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(77), meter="X9")))
    line = (
        "A,Lenina 1,Europe/Moscow,102,2,A-2-E,dwelling,electricity,X9,SDM120,1-0:1.8.1,kWh,-2,8,"
        "13.8,2026-10-01,0,edge-1"
    )
    registry.import_csv(estate.store, csv(line))
    at_ms = MIDNIGHT_MS + QUARTER_MS
    outcome = estate.take(estate.edge.sign(a_readout(at_ms, kwh(78), meter="X9")))
    assert outcome.counts == {"batches": 1, "accepted": 1}
    assert [row[5] for row in estate.rows()] == [2, 0]


def test_a_meter_of_another_device_is_kept_and_rejected(estate: Estate) -> None:
    message = estate.other.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    assert estate.take(message).counts == {"batches": 1, "rejected": 1}
    assert estate.verdicts() == [("V-SIG", "E")]


def test_a_foreign_device_cannot_take_the_place_of_a_reading(estate: Estate) -> None:
    estate.take(estate.other.sign(a_readout(MIDNIGHT_MS, kwh(1010))))
    outcome = estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1010))))
    assert outcome.counts == {"batches": 1, "accepted": 1}
    assert sorted(row[5] for row in estate.rows()) == [0, 2]


def test_a_device_cannot_bring_any_number_of_unknown_registers(estate: Estate) -> None:
    def flood(start: int) -> Incoming:
        return estate.edge.sign(
            *(a_readout(MIDNIGHT_MS, kwh(1), meter=f"X{start + at}") for at in range(500))
        )

    for start in range(0, FOUND_MAX, 500):
        assert estate.take(flood(start)).counts["rejected"] == 500
    assert estate.take(flood(FOUND_MAX)).counts == {"refused": 1}
    assert estate.refused() == {"too-many-unknown-registers": 1}
    known = Device()
    known.sent = estate.edge.sent[:-1]
    sound = known.sign(a_readout(MIDNIGHT_MS, kwh(1010)))
    assert estate.take(sound).counts == {"batches": 1, "accepted": 1}


def test_relative_time_waits_and_is_placed_when_the_clock_is_known(estate: Estate) -> None:
    boot = b"boot-one"
    early = estate.edge.sign(
        a_readout(30_000, kwh(1010), clock_state=ClockState.RELATIVE),
        clock_state=ClockState.RELATIVE,
        signed_at_ms=31_000,
        uptime_ms=31_000,
        boot=boot,
    )
    assert estate.take(early).counts == {"batches": 1, "waited": 1}
    assert estate.rows() == []
    later = estate.edge.sign(
        a_readout(MIDNIGHT_MS, kwh(1020)),
        signed_at_ms=MIDNIGHT_MS + 1000,
        uptime_ms=901_000,
        boot=boot,
    )
    assert estate.take(later).counts == {"batches": 1, "accepted": 2}
    assert [row[2:7] for row in estate.rows()] == [
        (MIDNIGHT_MS - 870_000, 0, 1010, 0, 2),
        (MIDNIGHT_MS, 0, 1020, 0, 0),
    ]
    assert estate.verdicts() == [("V-TIME", "W")]
    assert opened(estate.take(early, later))["edge-1"].through == 2
    assert len(estate.rows()) == 2


def test_what_is_remembered_is_not_forgotten_while_a_group_is_entered(estate: Estate) -> None:
    """One meter more than may be remembered, when a batch that waited is entered with others."""
    estate.ingest = Ingest(estate.store, GATEWAY_KEY, meters_max=1)
    relative = ClockState.RELATIVE
    early = estate.edge.sign(
        a_readout(30_000, kwh(1010), clock_state=relative), clock_state=relative, uptime_ms=31_000
    )
    later = estate.edge.sign(
        a_readout(MIDNIGHT_MS, kwh(1020)),
        a_readout(MIDNIGHT_MS, litres(4), meter="W1"),
        uptime_ms=901_000,
    )
    fallen = estate.edge.sign(a_readout(MIDNIGHT_MS + QUARTER_MS, kwh(1015)))
    for message in (early, later, fallen):
        estate.take(message)
    assert estate.states() == [0, 0, 1]


def test_relative_time_of_another_boot_keeps_waiting(estate: Estate) -> None:
    early = estate.edge.sign(
        a_readout(30_000, kwh(1010), clock_state=ClockState.RELATIVE),
        clock_state=ClockState.RELATIVE,
        boot=b"boot-one",
    )
    later = estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1020)), boot=b"boot-two")
    assert estate.take(early, later).counts == {"batches": 2, "waited": 1, "accepted": 1}
    assert len(estate.rows()) == 1


def test_relative_time_that_comes_after_the_clock_was_known_is_placed_at_once(
    estate: Estate,
) -> None:
    known = estate.edge.sign(
        a_readout(MIDNIGHT_MS, kwh(1010)), signed_at_ms=MIDNIGHT_MS, uptime_ms=600_000
    )
    relative = estate.edge.sign(
        a_readout(900_000, kwh(1020), clock_state=ClockState.RELATIVE),
        clock_state=ClockState.RELATIVE,
    )
    estate.take(known)
    estate.restart()
    estate.take(relative)
    assert [row[2] for row in estate.rows()] == [MIDNIGHT_MS, MIDNIGHT_MS + 300_000]


def test_positions_name_the_reading_within_its_batch(estate: Estate) -> None:
    estate.take(
        estate.edge.sign(
            a_readout(MIDNIGHT_MS, kwh(1010), kwh(5, "1-0:1.8.2")),
            a_readout(5_000, kwh(1), meter="X9", clock_state=ClockState.RELATIVE),
            a_readout(MIDNIGHT_MS, litres(4), meter="W1"),
            boot=b"boot-one",
            clock_state=ClockState.UNSYNCHRONISED,
        )
    )
    assert {(row[1], row[9]) for row in estate.rows()} == {
        ("1-0:1.8.1", 0),
        ("1-0:1.8.2", 1),
        ("8-0:1.0.0", 3),
    }


def test_totals_add_up_with_what_is_stored(estate: Estate) -> None:
    messages = a_day(estate.edge, batches=20)
    estate.take(*messages, messages[3], Incoming("else", b""))
    estate.take(estate.other.sign(a_readout(MIDNIGHT_MS, kwh(1))))
    totals = estate.store.ledger.totals()
    assert totals["batches"] == 21
    assert totals["accepted"] + totals.get("suspect", 0) + totals["rejected"] == len(estate.rows())
    assert (totals["repeated_batches"], totals["refused"]) == (1, 1)


def _shuffled_day(edge: Device) -> list[Incoming]:
    """A day with every doubt that does not depend on what came before."""
    messages = list(a_day(edge, batches=24))
    at_ms = MIDNIGHT_MS + 24 * QUARTER_MS
    unsure = ClockState.UNSYNCHRONISED
    messages += [
        edge.sign(a_readout(at_ms, RegisterValue("1-0:1.8.1", 5, 0, Unit.KVARH))),
        edge.sign(a_readout(at_ms, kwh(3), meter="X9")),
        edge.sign(a_readout(at_ms, kwh(1800), clock_state=unsure), clock_state=unsure),
        edge.sign(a_readout(at_ms + QUARTER_MS, kwh(1900)), a_readout(MIDNIGHT_MS, kwh(1001))),
    ]
    return messages


def _without_evidence(estate: Estate) -> list[tuple[object, ...]]:
    """A value that two batches carry stands by the one that came first.

    So does V-ORD there, which goes by the chain; of every other reading it is compared.
    """
    twice = ("E1", "1-0:1.8.1", MIDNIGHT_MS)
    return [row[:7] + (() if row[:3] == twice else row[10:]) for row in estate.rows()]


@pytest.mark.both_engines(False)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 12), restarts=st.booleans())
def test_any_order_and_repetition_ends_in_the_same_ledger(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cuts: int, restarts: bool
) -> None:
    folder = tmp_path_factory.mktemp("day")
    straight, shuffled = Estate(folder / "a.db"), Estate(folder / "b.db")
    day = _shuffled_day(straight.edge)
    expected = opened(straight.take(*day))
    chance = random.Random(seed)
    road = day + chance.choices(day, k=len(day) // 2)
    chance.shuffle(road)
    size = max(1, len(road) // cuts)
    for start in range(0, len(road), size):
        last = shuffled.take(*road[start : start + size])
        if restarts:
            shuffled.restart()
    assert _without_evidence(shuffled) == _without_evidence(straight)
    assert opened(last) == expected
    straight.store.close()
    shuffled.store.close()
