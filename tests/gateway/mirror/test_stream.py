"""The stream of changes tells everything that stands in the ledger, whatever brought it there."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from drivers.reading import ClockState
from gateway.review.words import Kind, Read
from tests.gateway.claims.given import Said, automatic, give
from tests.gateway.estate import HOUR_MS, MIDNIGHT_MS, Estate, a_day, a_readout, kwh
from tests.gateway.mirror.following import Follows, ledger_holds
from tests.gateway.office import FAST, FELL, GOOD, Office, a_town
from tests.gateway.town import Town, local
from tests.servers.ledgers import open_store


def test_what_was_stored_before_is_told_first(estate: Estate) -> None:
    estate.take(*a_day(estate.edge))
    follows = Follows(estate.store)
    assert follows.all() == ledger_holds(estate.store)
    assert len(follows.known) == 3 * 96
    assert follows.cursor().scan is None


def test_each_new_batch_is_told_and_nothing_else(estate: Estate) -> None:
    follows = Follows(estate.store)
    assert follows.all() == {}
    day = a_day(estate.edge)
    estate.take(*day[:40])
    assert follows.all() == ledger_holds(estate.store)
    told = follows.points
    estate.take(*day[40:41])
    follows.all()
    assert follows.points == told + 3


def test_a_follower_that_is_at_the_end_has_nothing_to_do(estate: Estate) -> None:
    estate.take(*a_day(estate.edge, batches=2))
    follows = Follows(estate.store)
    follows.all()
    assert not follows.step()


@pytest.mark.parametrize("seed", range(6))
def test_in_any_order_and_with_any_breaks_everything_is_told(estate: Estate, seed: int) -> None:
    random = Random(seed)
    strange = [estate.other.sign(a_readout(MIDNIGHT_MS + n, kwh(n), meter="ZZ9")) for n in range(5)]
    messages = [*a_day(estate.edge, batches=48), *strange]
    random.shuffle(messages)
    follows = Follows(estate.store, readings_max=random.choice([7, 50, 10_000]))
    while messages:
        count = random.randint(1, 12)
        estate.take(*messages[:count])
        del messages[:count]
        if random.random() < 0.5:
            follows.step()
    assert follows.all() == ledger_holds(estate.store)
    assert any(state for _, state in follows.known.values())


def test_what_waited_for_its_time_is_told_once_it_has_one(estate: Estate) -> None:
    boot = b"b" * 8
    waiting = estate.edge.sign(
        a_readout(5_000, kwh(1100), clock_state=ClockState.RELATIVE),
        boot=boot, clock_state=ClockState.RELATIVE, signed_at_ms=6_000, uptime_ms=6_000,
    )  # fmt: skip
    follows = Follows(estate.store)
    estate.take(waiting)
    assert follows.all() == {}
    at_ms = MIDNIGHT_MS + HOUR_MS
    estate.take(estate.edge.sign(
        a_readout(at_ms, kwh(1200)), boot=boot, signed_at_ms=at_ms, uptime_ms=3_600_000
    ))  # fmt: skip
    assert follows.all() == ledger_holds(estate.store)
    assert {value for value, _ in follows.known.values()} == {1100, 1200}


def test_what_people_decide_is_told(tmp_path: Path) -> None:
    town = a_town(tmp_path)
    follows = Follows(town.store)
    follows.all()
    office = Office(town)
    office.decide(Kind.REJECT, FELL)
    assert follows.all() == ledger_holds(town.store)
    document = Read(Decimal(125), FAST + 60_000, "акт 3", b"s" * 32)
    office.decide(Kind.REPLACE, FAST, read=document)
    assert follows.all() == ledger_holds(town.store)
    office.decide(Kind.REJECT, GOOD)
    assert follows.all() == ledger_holds(town.store)
    assert {state for _, state in follows.known.values()} == {0, 3}
    town.store.close()


def test_claims_are_told_and_so_is_that_they_were_taken_back(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    automatic(town, 1, 2)
    follows = Follows(town.store)
    follows.all()
    give(town, Said("photo", 28, "130"))
    for _ in range(2):
        town.close("2026-09", now_ms=local(10, 1, 2))
        claimed = [key for key in follows.all() if key.copy >= 1_000_000]
        assert len(claimed) == 1
        assert follows.known == ledger_holds(town.store)
        town.reopen("2026-09", local(10, 1, 3))
        assert follows.all() == ledger_holds(town.store)
        assert not any(key.copy >= 1_000_000 for key in follows.known)
    town.store.close()


def test_the_log_of_changes_is_cut_behind_its_followers(tmp_path: Path) -> None:
    town = a_town(tmp_path)
    follows = Follows(town.store)
    follows.all()
    office = Office(town)
    for act in (Kind.REJECT, Kind.ACCEPT, Kind.REJECT):
        office.decide(act, GOOD)
        assert follows.all() == ledger_holds(town.store)
    (left,) = town.store.database.connection.execute(
        "SELECT count(*) FROM reading_change"
    ).fetchone()
    assert left <= 1
    town.store.close()


def test_a_cursor_that_another_moved_is_not_moved_back(estate: Estate) -> None:
    follows = Follows(estate.store)
    follows.all()
    stale = follows.cursor()
    estate.take(*a_day(estate.edge, batches=3))
    follows.all()
    assert not follows.ledger.move("test", stale, stale._replace(sent=9))
    reopened = open_store(estate.path, "off")
    assert Follows(reopened).all() == {}
    reopened.close()
