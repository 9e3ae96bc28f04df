"""Closing with claims over the real ledger: who is believed, who is compared, who must look."""

from decimal import Decimal
from pathlib import Path

import pytest

from drivers.reading import Resource, Unit
from gateway.claims.model import ClaimSource, enter
from gateway.review import decisions
from gateway.review.words import Kind, Order, ReviewError
from gateway.sql.claims import SqlClaimStore
from tests.gateway.claims.given import Said, automatic, closed, give, listed, to_decide
from tests.gateway.office import Office
from tests.gateway.town import DAY_MS, HOUR_MS, Dial, Town, local

END = local(10, 1)


def test_without_an_automatic_reading_the_claim_closes_the_line(town: Town) -> None:
    give(town, Said("resident", 24, "330"))
    line = closed(town)
    assert (line.method, line.source, line.closing_value) == ("actual", "resident", Decimal(330))
    assert line.consumption == Decimal(230)
    assert line.reason == "closed by the resident's figure (r0)"
    assert [row.standing for row in listed(town)] == ["chosen"]


@pytest.mark.parametrize(
    ("said", "source", "value", "lost"),
    [
        # The best source first, whichever is newer by no more than it is fresh.
        ((Said("resident", 26, "352"), Said("photo", 25, "340")), "photo", "340", ["lost"]),
        ((Said("gis-zhkh", 25, "341"), Said("inspection", 24, "339")), "inspection", "339",
         ["lost"]),
        ((Said("resident", 25, "341"), Said("gis-zhkh", 25, "341")), "resident", "341", ["lost"]),
        # Of one source the newest; of one instant what was said last.
        ((Said("resident", 20, "290"), Said("resident", 24, "330")), "resident", "330",
         ["lost"]),
        # A lesser source that comes when the better one is stale follows it.
        ((Said("inspection", 5, "140"), Said("resident", 24, "330")), "resident", "330", []),
        # What cannot be is not believed, and the next best is.
        ((Said("photo", 24, "33"), Said("resident", 24, "330")), "resident", "330",
         ["in review"]),
    ],
)  # fmt: skip
def test_policy(
    town: Town, said: tuple[Said, ...], source: str, value: str, lost: list[str]
) -> None:
    give(town, *said)
    line = closed(town)
    assert (line.source, line.closing_value) == (source, Decimal(value))
    assert [row.standing for row in listed(town) if row.standing != "chosen"] == lost


def test_a_house_where_people_alone_read_is_closed_in_its_turn(town: Town) -> None:
    give(town, Said("resident", 24, "330"))
    (line,) = town.close(now_ms=local(10, 1, 2)).lines
    assert (line.period, line.source) == ("2026-09", "resident")


def test_losers_are_kept_with_why_they_lost(town: Town) -> None:
    give(town, Said("resident", 25, "341.5"), Said("photo", 24, "339.25"))
    closed(town)
    resident, photo = listed(town)
    assert resident.reason == "the photo of 2026-09-24 (claim-2) is believed"
    assert (resident.value, photo.value) == (Decimal("341.5"), Decimal("339.25"))
    assert photo.reason == "no automatic reading since 2026-08-31"


@pytest.mark.parametrize(
    ("value", "state"),
    [
        # 240 kWh were used since the line before, at noon of the 25th 345.00 stands: of them 2 %
        # are 4.90, and a figure in whole units is anything up to the next.
        ("345", "agrees"), ("345.00", "agrees"), ("340.10", "agrees"), ("349.80", "agrees"),
        ("340", "agrees"), ("339", "in review"), ("350", "in review"), ("34.5", "in review"),
    ],
)  # fmt: skip
def test_beside_automatic_readings_a_claim_is_compared_and_replaces_none(
    town: Town, value: str, state: str
) -> None:
    automatic(town, 25, 26, 27, 30)
    town.read("A1", END, 40_000)
    town.send()
    give(town, Said("resident", 25, value))
    line = closed(town)
    assert (line.source, line.closing_value) == ("automatic", Decimal(400))
    assert [row.standing for row in listed(town)] == [state]


def test_a_contradiction_waits_for_a_person_and_names_both_values(town: Town) -> None:
    automatic(town, 25, 26)
    give(town, Said("inspection", 25, "310"))
    closed(town)
    (waiting,) = Office(town).queue.waiting(None, 10)
    assert (waiting.rule, waiting.value) == ("V-SRC", Decimal(310))
    assert waiting.detail == (
        "the inspection of 2026-09-25 (claim-1) says 310.00 kWh, the automatic readings say "
        "344.99 kWh then: 34.00 kWh apart, 4.89 kWh are tolerated; a visit is due (ПП 354 п. 61)"
    )


def test_a_little_used_meter_is_compared_by_the_unit(town: Town) -> None:
    town.read("A1", local(9, 24), 10_010)
    town.read("A1", local(9, 26), 10_030)
    town.send()
    give(town, Said("resident", 25, "101.02", 0), Said("photo", 25, "101.25", 0))
    closed(town)
    assert [row.standing for row in listed(town)] == ["agrees", "in review"]


def test_a_fresh_automatic_reading_makes_a_claim_unneeded(town: Town) -> None:
    automatic(town, 28)
    give(town, Said("resident", 30, "395"))
    assert closed(town).closing_value == Decimal(370)
    (row,) = listed(town)
    assert (row.standing, row.reason) == (
        "unneeded", "the automatic reading of 2026-09-27 is fresh enough",
    )  # fmt: skip


def test_a_claim_closes_where_the_meter_fell_silent_early(town: Town) -> None:
    automatic(town, 2, 3)
    give(town, Said("resident", 24, "330"))
    line = closed(town)
    assert (line.source, line.closing_value) == ("resident", Decimal(330))


def test_a_whole_number_just_below_the_last_reading_is_that_reading(town: Town) -> None:
    town.read("A1", local(9, 2), 12_345)
    town.send()
    give(town, Said("resident", 24, "123"))
    line = closed(town)
    assert (line.source, line.closing_value) == ("resident", Decimal("123.45"))
    assert listed(town)[0].value == Decimal(123)


def test_an_impossible_claim_closes_nothing_and_waits(town: Town) -> None:
    automatic(town, 10)
    give(town, Said("resident", 24, "33"))
    assert closed(town).closing_value == Decimal(190)
    (waiting,) = Office(town).queue.waiting(None, 10)
    assert waiting.rule == "V-NEG"


def test_an_unconfirmed_claim_holds_no_automatic_reading_back(town: Town) -> None:
    """A photo that reads too high must not block the meter until it has passed it."""
    give(town, Said("photo", 24, "900"))
    assert closed(town).closing_value == Decimal(900)
    town.read("A1", local(10, 2), 41_000)
    town.read("A1", local(11, 1), 71_000)
    outcome = town.send()
    assert (outcome.counts["accepted"], outcome.counts["suspect"]) == (2, 0)
    october = closed(town, "2026-10", local(11, 1, 2))
    assert (october.closing_value, october.consumption) == (Decimal(710), Decimal(-190))
    (waiting,) = Office(town).queue.waiting(None, 10)
    assert waiting.rule == "V-SRC"


def test_an_automatic_reading_of_the_very_instant_of_a_claim_is_stored(town: Town) -> None:
    give(town, Said("resident", 24, "330", 0))
    closed(town)
    town.read("A1", local(9, 24), 33_000)
    assert town.send().counts["accepted"] == 1


def test_an_inspection_makes_good_what_was_submitted(town: Town) -> None:
    """П. 61: the difference goes out with the bill of the period of the inspection."""
    give(town, Said("resident", 24, "330"))
    assert closed(town).consumption == Decimal(230)
    give(town, Said("inspection", 20, "310", month=10), now_ms=local(11, 1, 1))
    october = closed(town, "2026-10", local(11, 1, 2))
    assert (october.source, october.consumption) == ("inspection", Decimal(-20))
    assert october.reason == (
        "closed by the inspection (r0); "
        "makes good what was submitted before and what was found (ПП 354 п. 61)"
    )


def test_a_claim_after_the_closing_belongs_to_the_next_period_and_corrects_an_estimate(
    town: Town,
) -> None:
    town.read("A1", END, 40_000)
    town.read("A1", local(10, 31, 12), 71_000)
    town.read("A1", local(11, 30, 12), 101_000)
    town.send()
    for period, month in (("2026-09", 10), ("2026-10", 11), ("2026-11", 12)):
        closed(town, period, local(month, 1, 2))
    january = local(12, 31) + DAY_MS
    december = closed(town, "2026-12", january + 2 * HOUR_MS)
    assert december.method == "average"
    late = Said("resident", 25, "1250", month=12)
    give(town, late, now_ms=january + 20 * DAY_MS)
    closing = town.close("2027-01", now_ms=january + 32 * DAY_MS)
    (correction,) = closing.corrections
    assert (correction.period, correction.method) == ("2026-12", "actual")
    assert correction.closing_value == Decimal(1250)
    assert "closed by the resident's figure (r0)" in correction.reason


def test_a_claim_past_the_end_of_the_dial_counts_the_end_once(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial(digits=6, initial=990_000)
    town.install("A1", town.point("P1"), dial)
    town.read("A1", local(9, 2), 995_000, dial)
    town.send()
    give(town, Said("resident", 24, "13"))
    september = closed(town)
    assert (september.consumption, september.rollovers) == (Decimal(113), 1)
    # The resident had read the rolling last digit one too high.
    town.read("A1", local(10, 1, 3), 1_200, dial)
    town.read("A1", local(11, 1), 2_000, dial)
    assert town.send().counts["suspect"] == 0
    october = closed(town, "2026-10", local(11, 1, 2))
    assert (october.consumption, october.rollovers) == (Decimal(7), 0)
    assert [row.standing for row in listed(town)] == ["confirmed"]


def test_giving_it_again_changes_nothing(town: Town) -> None:
    said = Said("resident", 24, "330")
    assert len(give(town, said).taken) == 1
    again = give(town, said)
    assert (again.taken, len(again.repeated)) == ((), 1)


REFUSED = [
    ({"serial": "B9"}, "no meter 'B9' is registered"),
    ({"obis": "1-0:2.8.0"}, "has no register 1-0:2.8.0"),
    ({"at_ms": local(10, 2)}, "expected a time that has been"),
    ({"at_ms": local(8, 20)}, "stood at no metering point"),
    ({"value": Decimal("330.125")}, "counts by 0.01 kWh"),
    ({"value": Decimal(1_000_000)}, "at most the 8 digits"),
    ({"value": Decimal(-1)}, "expected a value like"),
    ({"value": Decimal("1e999999")}, "expected a value like"),
    ({"value": Decimal("NaN")}, "expected a value like"),
    ({"reference": "x" * 200}, "1 to 128 characters"),
    ({"by": ""}, "the name of who gave it"),
]


@pytest.mark.parametrize(("changes", "why"), REFUSED)
def test_what_could_not_have_been_read_is_refused(
    town: Town, changes: dict[str, object], why: str
) -> None:
    claim = Said("resident", 24, "330").claim(0)._replace(**changes)  # type: ignore[arg-type]
    made = enter(SqlClaimStore(town.store.database), [claim], local(10, 1, 1))
    ((refused, said),) = made.refused
    assert refused == claim
    assert why in said


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial("8-0:1.0.0", "m3", -3, 8, 90_000)
    town.install("A1", town.point("P1", resource="cold-water"), dial)
    town.read("A1", local(9, 2), 100_000, dial)
    town.send()
    said = (
        Said("photo", 24, "112.350"), Said("resident", 24, "113"),
        Said("inspection", 25, "112.900"), Said("resident", 24, "131", 13),
    )  # fmt: skip
    claims = [one.claim(number)._replace(obis=dial.obis) for number, one in enumerate(said)]
    enter(SqlClaimStore(town.store.database), claims, local(10, 1, 1))
    line = closed(town)
    assert (line.source, line.closing_value) == ("inspection", Decimal("112.900"))
    assert line.consumption == Decimal("22.9")
    states = [row.standing for row in listed(town)]
    assert states == ["lost", "lost", "chosen", "in review"]


def test_a_claim_after_the_window_is_for_the_next_period(town: Town) -> None:
    """П. 31: what is given after the 25th is not used for this month."""
    contract = "INSERT INTO contract VALUES (1, 1, NULL, '2026-09', 20, 25, 0, 'reading')"
    with town.store.transaction() as sql:
        sql.execute(contract)
    give(town, Said("resident", 27, "330"))
    assert closed(town).method == "carried"
    assert listed(town)[0].standing == "open"
    give(town, Said("resident", 23, "620", month=10), now_ms=local(11, 1, 1))
    town.close("2026-10", now_ms=local(11, 1, 2))
    assert {row.standing for row in listed(town)} == {"chosen"}


@pytest.mark.parametrize(("value", "state"), [("345.00", "agrees"), ("400.00", "in review")])
def test_a_claim_of_the_very_instant_of_a_reading_is_compared_with_that(
    town: Town, value: str, state: str
) -> None:
    town.read("A1", local(9, 25, 12), 34_500)
    town.send()
    give(town, Said("resident", 25, value))
    line = closed(town)
    assert (line.source, line.closing_value) == ("automatic", Decimal(345))
    assert [row.standing for row in listed(town)] == [state]


def test_of_an_exchanged_meter_each_claim_is_judged_by_its_own_meter(town: Town) -> None:
    """The old one is read by a photo before it goes, the new one by a resident after."""
    noon_ms = local(9, 15, 12)
    town.remove("A1", noon_ms, final=24_000)
    town.install("A2", 1, Dial(initial=500), at_ms=noon_ms)
    claims = [
        Said("photo", 10, "190").claim(1),
        Said("resident", 15, "240", 12).claim(2),
        Said("resident", 24, "95").claim(3)._replace(serial="A2"),
        # Of the very instant of the exchange, and of the old one after it.
        Said("photo", 15, "5", 12).claim(4)._replace(serial="A2"),
        Said("photo", 16, "250").claim(5),
    ]
    made = enter(SqlClaimStore(town.store.database), claims, local(10, 1, 1))
    assert [one.claim.reference for one in made.refused] == ["r5"]
    assert "stood at no metering point" in made.refused[0].why
    line = closed(town)
    assert (line.closing_meter, line.closing_value, line.source) == ("A2", Decimal(95), "resident")
    assert line.consumption == Decimal(140) + Decimal(90)


@pytest.mark.parametrize("source", list(ClaimSource))
def test_the_same_figure_of_several_sources_is_several_claims_and_one_reading(
    town: Town, source: ClaimSource
) -> None:
    others = [one for one in ClaimSource if one is not source]
    give(town, *(Said(one.value, 24, "330") for one in (source, *others)))
    assert closed(town).closing_value == Decimal(330)
    rows = listed(town)
    assert sorted(row.standing for row in rows) == ["chosen", "lost", "lost", "lost"]
    assert next(row.source for row in rows if row.standing == "chosen") == "inspection"


@pytest.mark.parametrize(
    ("above", "done", "standing"),
    [(Decimal(600), True, "accepted"), (Decimal(100), False, "in review")],
)
def test_a_claim_that_moves_too_much_takes_two_people(
    town: Town, above: Decimal, done: bool, standing: str
) -> None:
    give(town, Said("resident", 24, "330"))
    store, limits = Office(town).store, {(Resource.ELECTRICITY, Unit.KWH): above}
    reference, brought = to_decide(town, 1, local(9, 28))
    order = Order(Kind.ACCEPT, reference, "Иванова", "test", "звонили жильцу")
    decided = decisions.decide(store, order, local(9, 28), limits, bring=brought)
    assert (decided.done, listed(town)[0].standing) == (done, standing)
    if not done:
        with pytest.raises(ReviewError, match="another person"):
            decisions.confirm(store, decided.number, (" ИВАНОВА ", "test", "да"), local(9, 28))
        decisions.confirm(store, decided.number, ("Петрова", "test", "да"), local(9, 28))
        assert listed(town)[0].standing == "accepted"
    assert len(list(store.audit.entries())) == (1 if done else 2)
    assert closed(town).closing_value == Decimal(330)
