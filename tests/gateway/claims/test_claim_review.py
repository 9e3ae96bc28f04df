"""People decide about claims as about any reading in doubt; the claim itself stays."""

from decimal import Decimal

import pytest

from gateway import evidence
from gateway.audit import Entry
from gateway.claims.model import ClaimError
from gateway.review import decisions
from gateway.review.rising import Limits
from gateway.review.story import story_lines
from gateway.review.words import Decided, Kind, Order, ReviewError
from gateway.sql.audit import SqlAudit
from gateway.sql.closed import ClosedLedger
from gateway.sql.trace import TraceLedger
from tests.gateway.claims.given import Said, automatic, closed, give, listed, to_decide
from tests.gateway.office import ANY, LIMITS, Office
from tests.gateway.town import Town, local

pytestmark = pytest.mark.both_engines


def decide(town: Town, act: Kind, number: int, limits: Limits = ANY) -> Decided:
    now_ms = local(10, 1, 1)
    reference, brought = to_decide(town, number, now_ms)
    order = Order(act, reference, "Иванова", "test", "звонила жильцу")
    return decisions.decide(Office(town).store, order, now_ms, limits, bring=brought)


def log(town: Town) -> list[Entry]:
    return list(SqlAudit(town.store.database.connection).entries())


def test_a_person_may_choose_another_claim_than_the_policy_would(town: Town) -> None:
    give(town, Said("photo", 24, "330"), Said("resident", 25, "345"))
    assert decide(town, Kind.REJECT, 1).done
    line = closed(town)
    assert (line.source, line.closing_value) == ("resident", Decimal(345))
    assert [row.standing for row in listed(town)] == ["rejected", "chosen"]
    assert listed(town)[0].value == Decimal(330)


def test_an_accepted_claim_closes_and_the_log_says_who(town: Town) -> None:
    automatic(town, 28)
    give(town, Said("resident", 30, "399"))
    assert decide(town, Kind.ACCEPT, 1).effect == 2900
    line = closed(town)
    assert (line.source, line.closing_value) == ("resident", Decimal(399))
    assert listed(town)[0].standing == "accepted"
    entry = log(town)[0]
    assert (entry.act.actor, entry.act.act) == ("Иванова", "review accept")
    assert Office(town).queue.disagreements() == []


def test_beyond_the_limit_it_takes_two(town: Town) -> None:
    automatic(town, 2)
    give(town, Said("resident", 24, "900"))
    made = decide(town, Kind.ACCEPT, 1, LIMITS)
    assert not made.done
    assert Office(town).confirm(made.number, "Сидоров").done
    assert closed(town).closing_value == Decimal(900)


def test_a_claim_below_what_counts_is_not_accepted(town: Town) -> None:
    automatic(town, 28)
    give(town, Said("resident", 30, "300"))
    with pytest.raises(ReviewError, match="the register would fall"):
        decide(town, Kind.ACCEPT, 1)
    assert listed(town)[0].standing == "open"
    assert closed(town).closing_value == Decimal(370)


def test_there_must_be_such_a_claim(town: Town) -> None:
    with pytest.raises(ClaimError, match="there is no claim-7"):
        decide(town, Kind.ACCEPT, 7)


def test_a_chosen_claim_can_still_be_rejected_and_the_next_line_makes_it_good(town: Town) -> None:
    give(town, Said("photo", 24, "900"))
    assert closed(town).closing_value == Decimal(900)
    assert decide(town, Kind.REJECT, 1).line == "2026-09-000001"
    town.read("A1", local(11, 1), 71_000)
    assert town.send().counts["suspect"] == 0
    assert closed(town, "2026-10", local(11, 1, 2)).closing_value == Decimal(710)


def test_the_story_of_a_reading_tells_of_the_claims_about_it(town: Town) -> None:
    automatic(town, 25, 26)
    give(town, Said("inspection", 25, "310"), Said("resident", 25, "345"))
    closed(town)
    reference, _ = to_decide(town, 1, local(10, 1, 1))
    found = Office(town).queue.story(reference)
    assert found is not None
    told = [text for name, text in story_lines(found) if name == "claim"]
    assert told[0].startswith(
        "claim-1 inspection: 310 kWh at 2026-09-25T09:00:00Z, given by Петров"
    )
    assert told[1].endswith("agrees: agrees with the automatic 344.99 kWh")
    assert dict(story_lines(found))["evidence"].endswith("no device has signed it")


def test_a_line_closed_by_a_claim_is_traced_to_it(town: Town) -> None:
    give(town, Said("resident", 24, "330"))
    line = closed(town)
    found = evidence.trace(TraceLedger(town.store.database), line.line_id)
    assert (found.stored, found.inspection) == (None, None)
    document = evidence.trace_document(found)["claim"]
    assert isinstance(document, dict)
    assert (document["claim"], document["value"], document["signed"]) == ("claim-1", "330", False)


def test_the_quality_of_a_claim_says_who_read_the_meter(town: Town) -> None:
    give(town, Said("resident", 24, "330"))
    closed(town)
    (one,) = ClosedLedger(town.store.database).closed("2026-09", None)
    assert [verdict.quality for verdict in one.verdicts] == ["3.4.130"]
