"""A period closed again: which claims stay chosen, and which are chosen anew."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.claims.model import Claim, enter
from gateway.handoff.event import event_maker
from gateway.opening import Incoming
from gateway.reopening import Person, reopen_period
from gateway.review import decisions
from gateway.review.words import Kind, Order
from gateway.sql.claims import SqlClaimStore
from tests.gateway.claims.given import CLAIMS, DAYS, Said, closed, give, listed, to_decide
from tests.gateway.office import ANY, Office
from tests.gateway.town import HOUSE, Town, local

END = local(10, 1)


def test_a_loser_counts_where_the_winner_is_rejected_and_the_period_closed_again(
    town: Town,
) -> None:
    give(town, Said("photo", 24, "331"), Said("resident", 24, "330"))
    assert closed(town).source == "photo"
    office = Office(town)
    reference, brought = to_decide(town, 1, local(10, 1, 2))
    order = Order(Kind.REJECT, reference, "Иванова", "test", "чужой счётчик")
    decisions.decide(office.store, order, local(10, 1, 2), ANY, bring=brought)
    reopen(town)
    again = closed(town, now_ms=local(10, 1, 4))
    assert (again.source, again.closing_value) == ("resident", Decimal(330))


def reopen(town: Town) -> None:
    person = Person("Иванова", "test", "фото не того счётчика")
    event_of = event_maker("urn:plomba:gateway:test")
    reopen_period(
        town.ledger, HOUSE, "2026-09", person, local(10, 1, 3), targets=(), event_of=event_of
    )


def test_closed_again_a_period_chooses_anew_and_keeps_what_was_said_before(town: Town) -> None:
    give(town, Said("resident", 24, "339"))
    assert closed(town).source == "resident"
    reopen(town)
    assert [row.standing for row in listed(town)] == ["open"]
    photo = Said("photo", 24, "339.25").claim(7)
    enter(SqlClaimStore(town.store.database), [photo], local(10, 1, 3))
    again = closed(town, now_ms=local(10, 1, 4))
    assert (again.source, again.closing_value) == ("photo", Decimal("339.25"))
    assert [row.standing for row in listed(town)] == ["lost", "chosen"]
    told = town.store.database.connection.execute(
        "SELECT claim_no, revision, outcome FROM claim_decision ORDER BY decision_no"
    )
    assert told.fetchall() == [(1, 1, "chosen"), (2, 2, "chosen"), (1, 2, "lost")]


def test_what_a_person_decided_of_a_claim_stands_when_a_period_is_reopened(town: Town) -> None:
    give(town, Said("resident", 24, "330"))
    closed(town)
    reference, brought = to_decide(town, 1, local(10, 1, 2))
    order = Order(Kind.ACCEPT, reference, "Иванова", "test", "звонили жильцу")
    decisions.decide(Office(town).store, order, local(10, 1, 2), ANY, bring=brought)
    reopen(town)
    photo = Said("photo", 24, "339.25").claim(7)
    enter(SqlClaimStore(town.store.database), [photo], local(10, 1, 3))
    assert closed(town, now_ms=local(10, 1, 4)).source == "resident"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=CLAIMS, days=DAYS, cut=st.integers(0, 8))
def test_closed_again_a_period_is_as_if_it_had_been_closed_only_now(
    tmp_path_factory: pytest.TempPathFactory, said: list[Said], days: list[int], cut: int
) -> None:
    """Whatever of readings and claims came before the first closing, and whatever after."""

    def line_of(cuts: list[int]) -> tuple[object, ...]:
        town = Town(tmp_path_factory.mktemp("town"))
        town.install("A1", town.point("P1"))
        coming: list[Claim | Incoming] = []
        for day in sorted(days):
            town.read("A1", local(9, day, 0, 1), 10_000 + 1000 * (day - 1))
            coming.append(town.seal())
        coming += [one.claim(number) for number, one in enumerate(said)]
        coming = coming[1::2] + coming[::2]
        for first, last in pairwise([0, *cuts, len(coming)]):
            if first:
                closed(town, now_ms=local(10, 1, 2))
                reopen(town)
            for one in coming[first:last]:
                if isinstance(one, Claim):
                    enter(SqlClaimStore(town.store.database), [one], local(10, 1, 1))
                else:
                    town.ingest.process([one], local(10, 1, 1))
        line = closed(town, now_ms=local(10, 1, 4))
        states = sorted((row.reference, row.standing, row.reason) for row in listed(town))
        rows = town.store.database.connection.execute(
            "SELECT captured_at_ms, copy, mantissa, state, flags, rule, detail FROM reading"
            " LEFT JOIN verdict USING (register_no, captured_at_ms, copy) ORDER BY 1, 2, 6, 7"
        ).fetchall()
        town.store.close()
        return line.source, line.closing_value, line.closing_at_ms, line.method, states, rows

    assert line_of([]) == line_of([min(cut, len(days) + len(said)) or 1])
