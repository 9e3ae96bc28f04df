"""Decisions over the real ledger and ingest: what counts after each, and what is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from drivers.reading import ClockState
from gateway.model import Flag, State
from gateway.review import decisions
from gateway.review.reference import Reference, parse
from gateway.review.words import Kind, Order, Read, ReviewError
from tests.gateway.office import ANY, FAST, FELL, GOOD, LIMITS, MIDNIGHT, OBIS, Office, a_town
from tests.gateway.town import DAY_MS, SINCE_MS, Dial, Town, local

pytestmark = pytest.mark.both_engines


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(a_town(tmp_path))


def test_suspects_wait_with_their_reasons_and_neighbours(office: Office) -> None:
    assert office.waiting() == ["90000.00 V-RATE", "110.00 V-NEG"]
    newest = office.queue.waiting(None, 1)[0]
    assert parse(newest.reference) == Reference("A1", OBIS, FAST)
    assert newest.before is not None
    assert (newest.before.value, newest.after, newest.open) == (Decimal("120.00"), None, ())
    assert office.queue.waiting("elsewhere", 9) == []


def test_an_accepted_suspect_counts_and_its_value_and_verdicts_stay(office: Office) -> None:
    decided = office.decide(Kind.ACCEPT, FAST)
    assert (decided.done, decided.moved) == (True, Decimal("89880.00"))
    assert office.states() == [(12_000, 0, 0), (11_000, 1, 0), (9_000_000, 0, 0)]
    story = office.queue.story(Reference("A1", OBIS, FAST))
    assert story is not None
    given = [(one.rule, one.severity, one.quality) for one in story.verdicts]
    assert given[0] == ("V-RATE", "E", "3.6.3")
    assert given[-1] == ("REVIEW", "W", "3.10.1")
    (line,) = office.town.close("2026-09", now_ms=local(10, 2)).lines
    assert line.closing_value == Decimal("90000.00")


def test_a_rejected_suspect_never_counts(office: Office) -> None:
    assert office.decide(Kind.REJECT, FELL).moved == 0
    assert office.decide(Kind.REJECT, FAST).moved == 0
    assert office.waiting() == []
    assert [state for _, state, _ in office.states()] == [0, State.DISMISSED, State.DISMISSED]
    (line,) = office.town.close("2026-09", now_ms=local(10, 2)).lines
    assert line.closing_value == Decimal("120.00")


def test_a_rejection_is_taken_back_by_another_decision(office: Office) -> None:
    office.decide(Kind.REJECT, GOOD)
    office.decide(Kind.ACCEPT, GOOD)
    assert office.states()[0] == (12_000, State.ACCEPTED, 0)
    assert office.town.store.ledger.totals()["accepted"] == 1
    assert len(list(office.store.audit.entries())) == 2
    assert office.queue.disagreements() == []


def test_the_running_totals_follow(office: Office) -> None:
    office.decide(Kind.ACCEPT, FAST)
    office.decide(Kind.REJECT, FELL)
    totals = office.town.store.ledger.totals()
    assert (totals["accepted"], totals["suspect"], totals["rejected"]) == (2, 0, 1)


def test_what_would_let_the_register_fall_is_refused_and_leaves_nothing(office: Office) -> None:
    before = office.states()
    with pytest.raises(ReviewError, match=r"would fall from 120\.00 kWh .* to 110\.00 kWh"):
        office.decide(Kind.ACCEPT, FELL)
    assert office.states() == before
    assert list(office.store.audit.entries()) == []


def test_a_wrong_accepted_reading_is_rejected_and_then_the_right_one_counts(office: Office) -> None:
    rejected = office.decide(Kind.REJECT, GOOD)
    assert rejected.moved == Decimal("20.00")
    assert office.decide(Kind.ACCEPT, FELL).moved == Decimal("10.00")
    (line,) = office.town.close("2026-09", now_ms=local(10, 2)).lines
    assert line.consumption == Decimal("10.00")


def test_a_running_gateway_judges_by_what_was_decided(office: Office) -> None:
    town = office.town
    office.decide(Kind.REJECT, GOOD)
    office.decide(Kind.ACCEPT, FELL)
    town.read("A1", local(9, 26), 11_500)
    town.send()
    assert office.states()[-1][:2] == (11_500, State.ACCEPTED)


def test_a_reading_that_was_taken_out_does_not_come_back_by_another_batch(office: Office) -> None:
    office.decide(Kind.REJECT, FELL)
    office.decide(Kind.REJECT, GOOD)
    office.town.read("A1", FELL, 11_000)
    office.town.send()
    assert [(m, s) for m, s, _ in office.states() if m == 11_000] == [(11_000, State.DISMISSED)]


@pytest.mark.parametrize(
    ("value", "after_ms", "rules"),
    [
        ("131.50", DAY_MS, []),
        ("90000.00", 10 * 60_000, ["V-RATE"]),
        ("1234500.00", DAY_MS, None),
        ("119.00", DAY_MS, None),
    ],
)
def test_a_value_read_at_the_meter_is_judged_and_blocked_only_by_what_is_accepted(
    office: Office, value: str, after_ms: int, rules: list[str] | None
) -> None:
    read = Read(Decimal(value), GOOD + after_ms, "акт 17")
    now_ms = GOOD + 2 * DAY_MS
    if rules is None:
        with pytest.raises(ReviewError, match=r"would fall|does not fit"):
            office.decide(Kind.REPLACE, FELL, read=read, now_ms=now_ms)
        return
    decided = office.decide(Kind.REPLACE, FELL, read=read, now_ms=now_ms)
    assert [one.rule for one in decided.told] == rules
    taken = office.queue.story(Reference("A1", OBIS, read.at_ms))
    assert taken is not None
    assert [(one.rule, one.severity) for one in taken.verdicts] == [
        ("REVIEW", "W"), *((rule, "W") for rule in rules),
    ]  # fmt: skip
    assert office.queue.disagreements() == []


def test_what_the_rules_say_is_told_of_a_proposal_too(office: Office) -> None:
    read = Read(Decimal("90000.00"), GOOD + 10 * 60_000, "акт 17")
    decided = office.decide(Kind.REPLACE, FELL, read=read, limits=LIMITS, now_ms=GOOD + DAY_MS)
    assert (decided.done, [one.rule for one in decided.told]) == (False, ["V-RATE"])


def test_a_value_read_at_the_meter_takes_the_place_of_a_suspect(office: Office) -> None:
    at_ms = local(9, 28)
    read = Read(Decimal("131.50"), at_ms, "акт 17", bytes(32))
    decided = office.decide(Kind.REPLACE, FELL, read=read, now_ms=local(9, 29))
    assert decided.moved == Decimal("11.50")
    assert office.states()[1][1] == State.DISMISSED
    taken = office.queue.story(Reference("A1", OBIS, at_ms))
    assert taken is not None
    assert taken.stored is None
    (verdict,) = taken.verdicts
    assert (verdict.rule, verdict.quality) == ("REVIEW", "3.4.131")
    assert "in place of 110.00 kWh: акт 17" in verdict.detail
    (told,) = taken.decisions
    assert (told.document, told.read_value) == ("акт 17", Decimal("131.50"))
    (line,) = office.town.close("2026-09", now_ms=local(10, 2)).lines
    assert (line.closing_value, line.closing_at_ms) == (Decimal("131.50"), at_ms)
    assert office.town.store.ledger.totals()["accepted"] == 1


def test_what_a_person_read_can_be_decided_on_like_any_other(office: Office) -> None:
    at_ms = local(9, 28)
    read = Read(Decimal("131.50"), at_ms, "фото 1")
    office.decide(Kind.REPLACE, FELL, read=read, now_ms=local(9, 29))
    assert office.decide(Kind.REJECT, at_ms, now_ms=local(9, 29)).moved == Decimal("11.50")
    totals = office.town.store.ledger.totals()
    assert (totals["accepted"], totals["rejected"], totals["inspected"]) == (1, 1, 1)
    assert office.queue.disagreements() == []


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (Read(Decimal("119.00"), local(9, 28), "a"), "would fall from 120.00"),
        (Read(Decimal("131.555"), local(9, 28), "a"), "digits below 1e-2"),
        (Read(Decimal(f"131.{'0' * 30}1"), local(9, 28), "a"), "digits below 1e-2"),
        (Read(Decimal("1e999999"), local(9, 28), "a"), "longer than 18 digits"),
        (Read(Decimal(10**6), local(9, 28), "a"), "does not fit a dial of 8 digits"),
        (Read(Decimal(-1), local(9, 28), "a"), "does not fit a dial"),
        (Read(Decimal(131), local(10, 9), "a"), "expected a time that has been"),
        (Read(Decimal(131), SINCE_MS - 1, "a"), "did not stand there"),
    ],
)
def test_a_value_no_such_meter_can_show_is_refused(office: Office, read: Read, said: str) -> None:
    before = office.states()
    with pytest.raises(ReviewError, match=said):
        office.decide(Kind.REPLACE, FELL, read=read, now_ms=local(9, 29))
    assert office.states() == before


def test_of_two_values_for_one_instant_one_counts(office: Office) -> None:
    office.town.read("A1", GOOD, 12_345)
    office.town.send()
    with pytest.raises(ReviewError, match="another value is accepted for the same instant"):
        office.decide(Kind.ACCEPT, GOOD, copy=1)
    office.decide(Kind.REJECT, GOOD)
    office.decide(Kind.ACCEPT, GOOD, copy=1)
    assert office.states()[:2] == [(12_000, State.DISMISSED, 0), (12_345, State.ACCEPTED, 0)]


def test_a_decision_about_a_closed_period_shows_in_the_next(office: Office) -> None:
    town = office.town
    (september,) = town.close("2026-09", now_ms=local(10, 2)).lines
    assert september.closing_value == Decimal("120.00")
    decided = office.decide(Kind.REJECT, GOOD, now_ms=local(10, 3))
    assert decided.line == september.line_id
    town.read("A1", local(10, 31), 11_800)
    town.send()
    (october,) = town.close("2026-10", now_ms=local(11, 2)).lines
    assert (october.opening_value, october.consumption) == (Decimal("120.00"), Decimal("-2.00"))


# What cannot be decided -----------------------------------------------------------------------


def test_what_is_done_or_not_there_is_refused(office: Office) -> None:
    office.decide(Kind.REJECT, FELL)
    for act in (Kind.REJECT, Kind.INSPECT, Kind.ASK_PHOTO):
        with pytest.raises(ReviewError, match="was taken out before"):
            office.decide(act, FELL)
    with pytest.raises(ReviewError, match="there is no reading A1/"):
        office.decide(Kind.ACCEPT, local(9, 1, 4))
    with pytest.raises(ReviewError, match="no decision 77 waits"):
        office.confirm(77, "Петров")
    order = Order(Kind.REJECT, Reference("A1", OBIS, FAST), "Иванова", "test", "  ")
    with pytest.raises(ReviewError, match="expected a reason"):
        decisions.decide(office.store, order, local(9, 29), ANY)


def test_a_reading_in_another_unit_can_only_be_rejected(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.read("A1", local(9, 20), 7, Dial(unit="m3"))
    town.send()
    office = Office(town)
    (waiting,) = office.queue.waiting(None, 9)
    assert "~" in waiting.reference
    name = parse(waiting.reference)
    order = Order(Kind.ACCEPT, name, "Иванова", "test", "причина")
    with pytest.raises(ReviewError, match="did not come as its register counts"):
        decisions.decide(office.store, order, local(9, 21), ANY)
    decisions.decide(office.store, order._replace(act=Kind.REJECT), local(9, 21), ANY)
    assert office.waiting() == []


def test_a_reading_of_a_meter_nobody_registered_is_not_ours_to_decide(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.read("Z9", local(9, 20), 7)
    town.send()
    office = Office(town)
    found = town.store.database.connection.execute("SELECT register_no FROM register").fetchone()
    order = Order(
        Kind.ACCEPT, Reference("Z9", OBIS, local(9, 20), 0, found[0]), "Иванова", "t", "причина"
    )
    with pytest.raises(ReviewError, match="is not ours to bill"):
        decisions.decide(office.store, order, local(9, 21), ANY)


# Rollovers ------------------------------------------------------------------------------------


def test_a_rollover_follows_what_counts(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial(digits=6, initial=990_000)
    town.install("A1", town.point("P1"), dial)
    town.read("A1", local(9, 10), 995_000, dial)
    town.read("A1", local(9, 20), 2_000, dial)
    town.read("A1", local(9, 15), 999_999, dial, clock_state=ClockState.UNSYNCHRONISED)
    town.read("A1", local(9, 16), 500, dial, clock_state=ClockState.UNSYNCHRONISED)
    town.send()
    office = Office(town)
    assert [state for _, state, _ in office.states()] == [0, 1, 1, 0]
    office.decide(Kind.ACCEPT, local(9, 16))
    assert [flags for _, _, flags in office.states()] == [0, 0, Flag.ROLLED, 0]
    office.decide(Kind.ACCEPT, local(9, 15))
    office.decide(Kind.REJECT, local(9, 16))
    assert [flags for _, _, flags in office.states()] == [0, 0, 0, Flag.ROLLED]
    (line,) = town.close("2026-09", now_ms=MIDNIGHT).lines
    assert (line.consumption, line.rollovers) == (Decimal(120), 1)


def test_the_witness_of_a_rollover_is_not_taken_out_before_what_stands_on_it(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    dial = Dial(digits=6, initial=990_000)
    town.install("A1", town.point("P1"), dial)
    for day, mantissa in ((10, 995_000), (11, 2_000), (20, 500_000)):
        town.read("A1", local(9, day), mantissa, dial)
    town.send()
    office = Office(town)
    with pytest.raises(ReviewError, match=r"would fall from 9950\.00 kWh .* to 5000\.00 kWh"):
        office.decide(Kind.REJECT, local(9, 11))


def test_a_corrected_capture_time_is_still_told_of_when_accepted(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.read("A1", local(9, 20), 12_000)
    town.send()
    # The device has run since a day before SINCE_MS, so this is 21 September.
    uptime_ms = local(9, 21) - SINCE_MS + DAY_MS
    town.read("A1", uptime_ms, 11_000, clock_state=ClockState.RELATIVE)
    town.now_ms = local(9, 22)
    town.send()
    office = Office(town)
    (row,) = office.queue.waiting(None, 9)
    office.decide(Kind.REJECT, local(9, 20))
    office.decide(Kind.ACCEPT, row.captured_at_ms)
    assert office.states()[-1][1:] == (State.ACCEPTED, Flag.CORRECTED)
