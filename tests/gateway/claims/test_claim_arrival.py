"""In whatever order readings and claims arrive before a closing, its lines are the same."""

from decimal import Decimal
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.claims.model import enter
from gateway.claims.ports import CLAIM_COPIES
from gateway.ingest import Ingest
from gateway.sql.claims import SqlClaimStore
from tests.gateway.claims.given import CLAIMS, DAYS, Said, closed, give, listed
from tests.gateway.town import GATEWAY_KEY, Town, local

END = local(10, 1)


ARRIVALS = [
    lambda town: give(town, Said("resident", 24, "330")),
    lambda town: enter(
        SqlClaimStore(town.store.database),
        [Said("photo", 20, "290").claim(9)], local(10, 1, 1),
    ),
    lambda town: enter(
        SqlClaimStore(town.store.database),
        [Said("inspection", 3, "131").claim(8)], local(10, 1, 1),
    ),
    lambda town: town.ingest.process([town.early], local(10, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(len(ARRIVALS)))))
def test_any_order_of_arrival_gives_the_same_line(tmp_path: Path, order: tuple[int, ...]) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    town.read("A1", local(9, 2), 11_500)
    town.read("A1", local(9, 4), 13_500)
    town.early = town.seal()  # type: ignore[attr-defined]
    for number in order:
        ARRIVALS[number](town)
    line = closed(town)
    assert (line.source, line.closing_value) == ("resident", Decimal(330))
    states = {(row.source, row.standing) for row in listed(town)}
    assert states == {("resident", "chosen"), ("photo", "chosen"), ("inspection", "agrees")}


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    said=CLAIMS,
    days=DAYS,
    random=st.randoms(use_true_random=False),
)
def test_whatever_is_said_the_order_of_arrival_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, said: list[Said], days: list[int], random: Random
) -> None:
    def line_of(order: list[int]) -> tuple[object, ...]:
        town = Town(tmp_path_factory.mktemp("town"))
        town.install("A1", town.point("P1"))
        batches = []
        for day in sorted(days):
            town.read("A1", local(9, day, 0, 1), 10_000 + 1000 * (day - 1))
            batches.append(town.seal())
        store = SqlClaimStore(town.store.database)
        for number in order:
            if number < len(batches):
                town.ingest.process([batches[number]], local(10, 1, 1))
            else:
                claim = said[number - len(batches)].claim(number)
                enter(store, [claim], local(10, 1, 1))
        line = closed(town)
        suspects = town.store.ledger.totals().get("suspect", 0)
        states = sorted((row.reference, row.standing) for row in listed(town))
        town.store.close()
        return line.source, line.closing_value, line.closing_at_ms, line.method, states, suspects

    order = list(range(len(days) + len(said)))
    first = line_of(order)
    random.shuffle(order)
    assert line_of(order) == first
    assert first[-1] == 0


@pytest.mark.parametrize("claimed", [False, True])
def test_a_later_claim_hides_nothing_the_rules_find_after_a_restart(
    town: Town, *, claimed: bool
) -> None:
    """An automatic reading is in order although somebody has said something of a later time."""
    town.read("A1", local(9, 2), 11_500)
    town.send()
    if claimed:
        give(town, Said("resident", 24, "330"))
        closed(town)
        assert [row.standing for row in listed(town)] == ["chosen"]
    town.ingest = Ingest(town.store, GATEWAY_KEY)
    town.read("A1", local(9, 10), 11_500)
    town.send()
    found = town.store.database.connection.execute(
        "SELECT rule FROM verdict JOIN automatic_reading USING (register_no, captured_at_ms, copy)"
    )
    assert found.fetchall() == [("V-ZERO",)]


def test_every_reading_is_a_claim_or_automatic(town: Town) -> None:
    """The ledger and the names of readings tell them apart by one number."""
    give(town, Said("resident", 24, "330"))
    closed(town)
    town.read("A1", local(9, 24, 12), 33_000)
    town.send()
    asked = town.store.database.connection.execute
    assert asked("SELECT copy, claim_no FROM claim_reading").fetchall() == [(CLAIM_COPIES + 1, 1)]
    assert asked("SELECT copy FROM automatic_reading").fetchall() == [(0,)]
    asked("UPDATE reading SET copy = ? WHERE copy = 0", (CLAIM_COPIES - 1,))
    assert asked("SELECT copy FROM automatic_reading").fetchall() == [(CLAIM_COPIES - 1,)]
