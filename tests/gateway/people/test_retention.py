"""What is kept for a time goes when the time is over, the log says so, and its chain holds."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from drivers.reading import from_ms
from gateway import audit
from gateway.audit import Act
from gateway.people.retention import DAY_MS, ROWS_MAX, TERMS, Kept, apply, term
from gateway.review.words import Kind
from gateway.sql.audit import SqlAudit
from gateway.sql.people import PeopleLedger, overwriting
from gateway.sql.review import SqlQueue
from tests.gateway.claims.given import Said, give
from tests.gateway.office import FELL, Office, a_town
from tests.gateway.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Refused bytes, a claim and a decision, all of the same day."""
    town = a_town(tmp_path)
    town.ingest.process([town.seal_forged()], town.now_ms)
    give(town, Said("photo", 28, "125"))
    Office(town).decide(Kind.REJECT, FELL)
    yield town
    town.store.close()


def after(town: Town, days: int) -> dict[Kept, int]:
    with overwriting(town.store.database):
        return apply(PeopleLedger(town.store.database), town.now_ms + days * DAY_MS)


def texts(town: Town, query: str) -> list[object]:
    return [row[0] for row in town.store.database.connection.execute(query)]


@pytest.mark.parametrize("one", TERMS, ids=lambda one: one.kept.name.lower())
def test_each_kind_has_a_dated_term_with_its_reason(one: object) -> None:
    kept = next(row for row in TERMS if row is one)
    assert term(kept.kept, date(2026, 6, 1)) == kept
    assert kept.days >= 365
    assert kept.mark in {"S", "M", "P"}
    assert kept.why


def test_a_later_row_counts_from_its_day_on() -> None:
    shorter = TERMS[0]._replace(days=30, valid_from=date(2027, 1, 1))
    terms = (*TERMS, shorter)
    assert term(shorter.kept, date(2026, 12, 31), terms).days == 365
    assert term(shorter.kept, date(2027, 1, 1), terms).days == 30


def test_evidence_of_refusals_goes_after_a_year_and_its_hash_stays(town: Town) -> None:
    assert after(town, 364) == {}
    assert after(town, 366) == {Kept.QUARANTINE: 1}
    assert texts(town, "SELECT evidence FROM quarantine") == [b""]
    assert len(texts(town, "SELECT sha256 FROM quarantine")[0]) == 32  # type: ignore[arg-type]
    assert after(town, 366) == {}


def test_what_claims_refer_to_goes_and_their_values_stay(town: Town) -> None:
    before = texts(town, "SELECT mantissa FROM claim")
    assert after(town, 1600)[Kept.CLAIMS] == 1
    assert texts(town, "SELECT actor FROM claim") == ["expired"]
    assert texts(town, "SELECT mantissa FROM claim") == before


def test_a_reason_that_went_before_the_log_s_is_no_disagreement(town: Town) -> None:
    """Reasons of reviews go after four years, the log's own words for them after five."""
    for days in (1500, 1900):
        after(town, days)
        assert SqlQueue(town.store.database.connection).disagreements() == []


def test_texts_of_the_log_go_after_five_years_and_the_chain_holds(town: Town) -> None:
    log = SqlAudit(town.store.database.connection)
    with town.store.transaction():
        for _ in range(ROWS_MAX + 1):
            log.append(Act(town.now_ms, "Иванова", "test", "review", "A1", "x", "y", "Петрова"))
    noted = audit.check(log.entries())
    first, second = after(town, 1827), after(town, 1827)
    assert (first[Kept.AUDIT], second[Kept.AUDIT]) == (ROWS_MAX, 2)  # and the decision
    assert after(town, 1827) == {}
    assert audit.check(log.entries(), noted).number == noted.number + 2
    assert "Петрова" not in {entry.act.why for entry in log.entries()}
    assert {entry.act.actor for entry in log.entries()} == {"Иванова", "gateway"}
    assert from_ms(log.newest(1)[0].act.at_ms).year == 2031
