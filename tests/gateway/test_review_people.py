"""Who may decide how much: asking, two persons, stretches of readings; and what the log holds."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Resource, Unit
from gateway import audit
from gateway.model import Flag, State
from gateway.review.reference import Reference
from gateway.review.words import Kind, Read, ReviewError
from gateway.rules.subject import Dial as RuleDial
from gateway.rules.subject import advance
from tests.gateway.office import FAST, FELL, LIMITS, OBIS, Office, a_town
from tests.gateway.town import Dial, Town, local
from tests.servers.ledgers import unguard


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(a_town(tmp_path))


def test_what_is_asked_stays_open_until_the_reading_is_decided_on(office: Office) -> None:
    photo = office.decide(Kind.ASK_PHOTO, FELL)
    visit = office.decide(Kind.INSPECT, FELL)
    tasks = office.queue.tasks(None, 10)
    assert [(one.number, one.act, one.dwelling) for one in tasks] == [
        (photo.number, "ask-photo", "12"),
        (visit.number, "inspect", "12"),
    ]
    waiting = {row.captured_at_ms: row.open for row in office.queue.waiting(None, 10)}
    assert waiting == {FAST: (), FELL: (photo.number, visit.number)}
    assert office.states()[1][1] == State.SUSPECT
    office.decide(Kind.REJECT, FELL)
    assert office.queue.tasks(None, 10) == []


@pytest.mark.parametrize(
    ("limit", "done"),
    [("89880.00", True), ("89879.99", False), ("600", False), ("0", False)],
)
def test_one_person_may_move_the_value_up_to_the_limit(
    office: Office, limit: str, done: bool
) -> None:
    limits = {(Resource.ELECTRICITY, Unit.KWH): Decimal(limit)}
    assert office.decide(Kind.ACCEPT, FAST, limits=limits).done is done
    assert (office.states()[-1][1] == State.ACCEPTED) is done


def test_a_unit_without_a_limit_takes_two(office: Office) -> None:
    assert not office.decide(Kind.ACCEPT, FAST, limits={}).done
    assert office.decide(Kind.REJECT, FELL, limits={}).done


def test_another_person_confirms_and_nobody_confirms_alone(office: Office) -> None:
    proposal = office.decide(Kind.ACCEPT, FAST, limits=LIMITS)
    assert [(one.number, one.proposed) for one in office.queue.tasks(None, 9)] == [
        (proposal.number, True)
    ]
    assert office.waiting() == ["90000.00 V-RATE", "110.00 V-NEG"]
    with pytest.raises(ReviewError, match="another person must confirm"):
        office.confirm(proposal.number, " ИВАНОВА ")
    done = office.confirm(proposal.number, "Петров")
    assert (done.done, done.moved) == (True, Decimal("89880.00"))
    assert office.states()[-1][1] == State.ACCEPTED
    assert office.queue.tasks(None, 9) == []
    with pytest.raises(ReviewError, match=f"is settled: decision {done.number}"):
        office.confirm(proposal.number, "Сидоров")
    acts = [(one.act.actor, one.act.act) for one in office.store.audit.entries()]
    assert acts == [("Иванова", "review propose accept"), ("Петров", "review confirm accept")]


def test_a_later_decision_settles_a_proposal(office: Office) -> None:
    proposal = office.decide(Kind.ACCEPT, FAST, limits=LIMITS)
    office.decide(Kind.INSPECT, FAST)
    assert len(office.queue.tasks(None, 9)) == 2
    rejected = office.decide(Kind.REJECT, FAST, actor="Петров")
    with pytest.raises(ReviewError, match=f"decision {rejected.number} came after it"):
        office.confirm(proposal.number, "Петров")
    assert office.queue.tasks(None, 9) == []


def test_a_proposal_does_not_end_what_was_asked(office: Office) -> None:
    asked = office.decide(Kind.INSPECT, FAST)
    office.decide(Kind.ACCEPT, FAST, limits=LIMITS)
    assert asked.number in [one.number for one in office.queue.tasks(None, 9)]


def test_a_proposed_replacement_is_kept_with_its_value_and_carried_out_as_read(
    office: Office,
) -> None:
    read = Read(Decimal("999.00"), local(9, 28), "акт 3", bytes(range(32)))
    proposal = office.decide(Kind.REPLACE, FELL, read=read, limits=LIMITS, now_ms=local(9, 28, 1))
    assert (proposal.done, len(office.states())) == (False, 3)
    office.town.now_ms = local(9, 29)
    office.confirm(proposal.number, "Петров")
    assert office.states()[-1] == (99_900, State.ACCEPTED, 0)
    taken = office.queue.story(Reference("A1", OBIS, local(9, 28)))
    assert taken is not None
    assert taken.decisions[-1].document_sha256 == bytes(range(32)).hex()


def test_a_proposal_that_no_longer_fits_is_refused_when_confirmed(office: Office) -> None:
    office.town.read("A1", local(9, 26), 12_500)
    office.town.send()
    read = Read(Decimal("999.00"), local(9, 28), "акт 3")
    proposal = office.decide(Kind.REPLACE, FELL, read=read, limits=LIMITS, now_ms=local(9, 29))
    office.town.read("A1", local(9, 30), 12_700)
    office.town.send()
    with pytest.raises(ReviewError, match=r"would fall from 999\.00"):
        office.confirm(proposal.number, "Петров")
    assert office.states()[1][1] == State.SUSPECT


# A stretch of readings -----------------------------------------------------------------------


@pytest.fixture
def blocked(tmp_path: Path) -> Office:
    """One value too high was accepted, and every true one after it waits."""
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.read("A1", local(9, 2), 99_000)
    for day in range(3, 10):
        town.read("A1", local(9, day), 10_000 + 100 * day)
    town.send()
    return Office(town)


def test_a_stretch_of_readings_is_accepted_with_one_order(blocked: Office) -> None:
    blocked.decide(Kind.REJECT, local(9, 2))
    decided = blocked.decide(Kind.ACCEPT, local(9, 3), through_ms=local(9, 8))
    assert (decided.readings, decided.moved) == (6, Decimal("8.00"))
    assert [state for _, state, _ in blocked.states()] == [3, 0, 0, 0, 0, 0, 0, 1]
    assert audit.check(blocked.store.audit.entries()).number == 7
    assert blocked.queue.disagreements() == []


def test_a_stretch_is_decided_whole_or_not_at_all(blocked: Office) -> None:
    with pytest.raises(ReviewError, match=r"would fall from 990\.00"):
        blocked.decide(Kind.ACCEPT, local(9, 3), through_ms=local(9, 9))
    assert [state for _, state, _ in blocked.states()] == [0, 1, 1, 1, 1, 1, 1, 1]
    assert blocked.decide(Kind.REJECT, local(9, 4), through_ms=local(9, 9)).readings == 6
    assert [state for _, state, _ in blocked.states()] == [0, 1, 3, 3, 3, 3, 3, 3]


def test_small_steps_of_a_stretch_count_together_for_the_limit(blocked: Office) -> None:
    blocked.decide(Kind.REJECT, local(9, 2))
    five = {(Resource.ELECTRICITY, Unit.KWH): Decimal(5)}
    proposal = blocked.decide(Kind.ACCEPT, local(9, 3), through_ms=local(9, 9), limits=five)
    assert (proposal.done, proposal.moved) == (False, Decimal("9.00"))
    confirmed = blocked.confirm(proposal.number, "Петров")
    assert (confirmed.readings, confirmed.moved) == (7, Decimal("9.00"))


# The log and the ledger -----------------------------------------------------------------------


def test_every_decision_is_in_the_log_with_before_and_after(office: Office) -> None:
    office.decide(Kind.ASK_PHOTO, FELL)
    office.decide(Kind.REPLACE, FELL, read=Read(Decimal("131.50"), local(9, 25, 2), "акт 17"),
                  now_ms=local(9, 26))  # fmt: skip
    asked, replaced = (entry.act for entry in office.store.audit.entries())
    assert asked.subject == replaced.subject == "A1/1-0:1.8.0@2026-09-24T21:00:00Z"
    assert (asked.before, asked.act) == ("110.00 kWh suspect", "review ask-photo")
    assert asked.after == "110.00 kWh suspect; the resident is asked for a photo"
    assert replaced.before == "110.00 kWh suspect"
    assert replaced.after == (
        "110.00 kWh dismissed; 131.50 kWh read at 2026-09-24T23:00:00Z (акт 17)"
    )
    assert (replaced.actor, replaced.via, replaced.why) == ("Иванова", "test", "причина")
    assert audit.check(office.store.audit.entries()).number == 2


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        ("UPDATE reading SET state = 0 WHERE mantissa = 11000", "in spite of V-NEG"),
        ("UPDATE reading SET state = 1 WHERE mantissa = 9000000", "the ledger has it in 1"),
        ("UPDATE reading SET mantissa = 1 WHERE batch_no = 0", "took a reading at the meter"),
        ("UPDATE decision SET actor = 'Петров' WHERE decision_no = 1", "audit entry 1"),
    ],
)
def test_a_ledger_that_was_changed_by_hand_disagrees_with_what_was_decided(
    office: Office, tamper: str, said: str
) -> None:
    office.decide(Kind.REPLACE, FAST, read=Read(Decimal("131.50"), local(9, 25, 2), "акт"),
                  now_ms=local(9, 26))  # fmt: skip
    assert office.queue.disagreements() == []
    sql = office.town.store.database.connection
    unguard(sql, "decision")
    sql.execute(tamper)
    (found,) = office.queue.disagreements()
    assert said in found


ORDERS = st.lists(
    st.tuples(st.sampled_from(Kind), st.integers(0, 11), st.integers(0, 400)), max_size=14
)
VALUES = st.lists(st.integers(0, 999), min_size=4, max_size=12)


@given(values=VALUES, orders=ORDERS)
@settings(max_examples=40, deadline=None)
def test_whatever_is_decided_accepted_readings_rise_and_everything_stays(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], orders: list[tuple[Kind, int, int]]
) -> None:
    """Any orders over any readings, on a small dial that rolls over often."""
    town = Town(tmp_path_factory.mktemp("town"))
    dial = Dial(digits=3, initial=0)
    town.install("A1", town.point("P1"), dial)
    for day, value in enumerate(values, 2):
        town.read("A1", local(9, day), value, dial)
    town.send()
    office = Office(town)
    original = {row[:2]: row[2] for row in _rows(town)}
    made = 0
    for turn, (act, place, value) in enumerate(orders):
        at_ms = local(9, place % len(values) + 2)
        read = None
        if act is Kind.REPLACE:
            read = Read(Decimal(value).scaleb(-2), local(9, 14, turn), "акт")
        try:
            office.decide(act, at_ms, read=read, now_ms=local(9, 20))
            made += 1
        except ReviewError:
            continue
    rows = _rows(town)
    assert original.items() <= {row[:2]: row[2] for row in rows}.items()
    _assert_rising([(row[2], row[4]) for row in rows if row[3] == State.ACCEPTED], dial)
    assert office.queue.disagreements() == []
    assert audit.check(office.store.audit.entries()).number == made
    totals = town.store.ledger.totals()
    assert sum(totals.get(name, 0) for name in ("accepted", "suspect", "rejected")) == len(values)
    town.store.close()


def _rows(town: Town) -> list[tuple[int, int, int, int, int]]:
    return town.store.database.connection.execute(
        "SELECT captured_at_ms, copy, mantissa, state, flags FROM reading ORDER BY 1, 2"
    ).fetchall()


def _assert_rising(accepted: list[tuple[int, int]], dial: Dial) -> None:
    shape = RuleDial(Unit.KWH, dial.exponent, dial.digits, 1, Resource.ELECTRICITY)
    before = dial.initial
    for mantissa, flags in accepted:
        way = advance(before, mantissa, shape)
        assert way.delta >= 0
        assert bool(flags & Flag.ROLLED) is way.rolled
        before = mantissa
