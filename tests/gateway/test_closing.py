"""Closing over the real ledger and ingest: which readings count, and that it happens once."""

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.closing import ClosingError, close_next_due
from gateway.closing_records import Closing
from gateway.handoff.event import event_maker
from gateway.reopening import Person, reopen_period
from gateway.sql.billing import BillingLedger
from gateway.sql.closed import ClosedLedger
from gateway.sql.outbox import OutboxLedger
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town, local
from tests.servers.ledgers import open_store

pytestmark = pytest.mark.both_engines

MIDNIGHT = local(10, 1)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    return town


def test_the_read_at_midnight_closes_the_month_and_opens_the_next(town: Town) -> None:
    town.read("A1", local(9, 30, 12), 12_000)
    town.read("A1", MIDNIGHT + 4000, 12_100)
    town.read("A1", MIDNIGHT + HOUR_MS, 12_200)
    town.send()
    (september,) = town.close("2026-09").lines
    assert (september.line_id, september.method) == ("2026-09-000001", "actual")
    assert (september.opening_value, september.closing_value) == (Decimal(100), Decimal(121))
    assert september.closing_at_ms == MIDNIGHT + 4000
    assert september.consumption == Decimal(21)
    town.read("A1", local(10, 31, 23), 20_000)
    town.send()
    (october,) = town.close(now_ms=local(11, 1, 1)).lines
    assert (october.opening_value, october.opening_at_ms) == (Decimal(121), MIDNIGHT + 4000)
    assert october.consumption == Decimal(79)


def test_without_a_read_at_midnight_the_last_one_before_it_closes(town: Town) -> None:
    town.read("A1", local(9, 30, 12), 12_000)
    town.read("A1", MIDNIGHT + HOUR_MS, 12_200)
    town.send()
    (line,) = town.close("2026-09").lines
    assert (line.closing_at_ms, line.closing_value) == (local(9, 30, 12), Decimal(120))


def test_a_suspect_reading_closes_nothing(town: Town) -> None:
    town.read("A1", local(9, 29), 12_000)
    town.read("A1", local(9, 30), 11_000)
    town.read("A1", MIDNIGHT, 90_000_000)
    town.send()
    (line,) = town.close("2026-09").lines
    assert (line.closing_at_ms, line.closing_value) == (local(9, 29), Decimal(120))


def test_a_month_without_readings_is_carried_and_made_up_for_later(town: Town) -> None:
    town.read("A1", MIDNIGHT, 12_000)
    town.send()
    town.close("2026-09")
    (october,) = town.close("2026-10", now_ms=local(11, 2)).lines
    assert (october.method, october.consumption) == ("carried", 0)
    assert october.reason == (
        "no accepted reading in the period; less than 3 measured months for an average;"
        " no norm applies: see registry norms"
    )
    assert (october.opening_value, october.closing_value) == (Decimal(120), Decimal(120))
    town.read("A1", local(11, 30), 15_000)
    town.send()
    (november,) = town.close("2026-11", now_ms=local(12, 1, 1)).lines
    assert (november.method, november.consumption) == ("actual", Decimal(30))


def test_a_reading_that_came_after_its_month_was_closed_is_billed_in_the_next(town: Town) -> None:
    town.read("A1", local(9, 20), 12_000)
    town.send()
    town.close("2026-09", now_ms=local(10, 1, 2))
    town.read("A1", local(9, 30), 13_000)
    town.read("A1", local(10, 31), 14_000)
    town.send()
    (october,) = town.close("2026-10", now_ms=local(11, 1, 1)).lines
    assert october.consumption == Decimal(20)


def test_a_rollover_is_billed_once_also_when_a_late_reading_falls_into_it(tmp_path: Path) -> None:
    town = Town(tmp_path)
    dial = Dial(digits=6, initial=990_000)
    town.install("A1", town.point("P1"), dial)
    town.read("A1", local(9, 10), 995_000, dial)
    town.read("A1", local(9, 20), 2_000, dial)
    town.send()
    town.read("A1", local(9, 15), 1_000, dial)
    town.read("A1", local(9, 12), 999_000, dial)
    town.read("A1", local(9, 25), 3_000, dial)
    town.send()
    (line,) = town.close("2026-09", now_ms=MIDNIGHT).lines
    assert (line.consumption, line.rollovers) == (Decimal(130), 1)


@pytest.mark.parametrize("gap_ms", [0, HOUR_MS])
def test_after_a_removal_at_a_period_s_end_the_next_line_is_the_new_meter_s(
    town: Town, gap_ms: int
) -> None:
    town.read("A1", local(9, 20), 12_000)
    town.send()
    town.remove("A1", MIDNIGHT, 12_500)
    town.install("A2", 1, Dial(initial=700), at_ms=MIDNIGHT + gap_ms)
    (september,) = town.close(now_ms=MIDNIGHT + HOUR_MS).lines
    assert september.reason == "closed by the act of the meter's removal"
    town.read("A2", local(11, 1), 3_200)
    town.send()
    (october,) = town.close(now_ms=local(11, 1) + HOUR_MS).lines
    assert (october.opening_meter, october.opening_value) == ("A2", Decimal(7))
    assert (october.consumption, october.method) == (Decimal(25), "actual")


def test_an_exchange_adds_both_meters(town: Town) -> None:
    town.read("A1", local(9, 9), 12_000)
    town.remove("A1", local(9, 10), final=12_500)
    town.install("B2", 1, Dial(initial=300), at_ms=local(9, 10))
    town.read("B2", MIDNIGHT, 1_300)
    town.send()
    (line,) = town.close("2026-09").lines
    assert line.consumption == Decimal(25 + 10)
    assert (line.opening_meter, line.closing_meter) == ("A1", "B2")
    assert line.reason == "the meter was exchanged once"


def test_every_register_of_every_point_has_one_line_and_what_is_not_billed_has_none(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    tariffs = (Dial(), Dial(obis="1-0:1.8.1"), Dial(obis="1-0:1.8.2"), Dial("1-0:1.7.0", "kW"))
    town.install("A1", town.point("P1"), *tariffs)
    town.install("A2", town.point("P2", None))
    town.read("A1", MIDNIGHT, 12_000)
    town.send()
    lines = town.close("2026-09").lines
    assert [(line.point, line.register, line.account) for line in lines] == [
        ("P1", "1-0:1.8.0", "40112"),
        ("P1", "1-0:1.8.1", "40112"),
        ("P1", "1-0:1.8.2", "40112"),
        ("P2", "1-0:1.8.0", None),
    ]
    assert [line.line_id for line in lines] == [f"2026-09-{n:06d}" for n in range(1, 5)]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda town: town.close("2026-09", now_ms=MIDNIGHT - 1), "is not over before 2026-10-01"),
        (lambda town: [town.close("2026-09"), town.close("2026-09")], "already closed"),
        (lambda town: [town.close("2026-09"), town.close("2026-08")], "already closed"),
        (
            lambda town: [town.close("2026-09"), town.close("2026-11", now_ms=local(12, 2))],
            "2026-10 of house Лесная 5 is still open",
        ),
    ],
)
def test_what_cannot_be_closed_is_refused_in_words(
    town: Town, act: Callable[[Town], object], said: str
) -> None:
    town.read("A1", MIDNIGHT, 12_000)
    town.send()
    with pytest.raises(ClosingError, match=said):
        act(town)


def test_a_house_without_readings_has_nothing_to_close(town: Town) -> None:
    with pytest.raises(ClosingError, match="no accepted reading yet"):
        town.close()


def test_a_house_that_began_at_midnight_has_no_month_before(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"), at_ms=MIDNIGHT)
    town.read("A1", MIDNIGHT + 5000, 10_000)
    town.send()
    assert town.close(now_ms=local(11, 2)).period == "2026-10"


def test_two_who_close_at_once_make_one_set_of_lines(town: Town, tmp_path: Path) -> None:
    town.read("A1", MIDNIGHT, 12_000)
    town.send()
    outcomes: list[object] = []

    def close() -> None:
        rival = Town.__new__(Town)
        rival.targets, rival.now_ms = town.targets, town.now_ms
        rival.ledger = BillingLedger(open_store(tmp_path / "ledger.sqlite").database)
        try:
            outcomes.append(rival.close("2026-09"))
        except ClosingError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, Closing) for outcome in outcomes) == 1
    assert len(list(ClosedLedger(town.store.database).closed("2026-09", None))) == 1
    assert len(OutboxLedger(town.store.database).due("erp", local(10, 2))) == 1


def test_what_fails_while_closing_leaves_nothing_behind(town: Town) -> None:
    town.read("A1", MIDNIGHT, 12_000)
    town.send()
    town.targets = ("erp", "erp")  # the second delivery of an event to one target is refused
    with pytest.raises(Exception, match=r"UNIQUE|unique constraint"):
        town.close("2026-09")
    town.targets = ("erp",)
    assert len(town.close("2026-09").lines) == 1


def test_a_gateway_that_was_away_closes_every_month_in_order_after_its_grace(town: Town) -> None:
    town.read("A1", MIDNIGHT, 12_000)
    town.read("A1", local(11, 1), 13_000)
    town.send()
    closed = []

    def close_at(now_ms: int) -> Closing | None:
        return close_next_due(
            town.ledger,
            now_ms,
            grace_ms=HOUR_MS,
            targets=(),
            event_of=event_maker("urn:plomba:gateway:test"),
        )

    assert close_at(MIDNIGHT + HOUR_MS - 1) is None
    while closing := close_at(local(11, 1, 1)):
        closed.append((closing.house, closing.period, len(closing.lines)))
    assert closed == [(HOUSE, "2026-09", 1), (HOUSE, "2026-10", 1)]


def test_numbers_of_lines_go_on_over_the_houses_of_a_period(town: Town) -> None:
    town.house("Садовая 12")
    town.install("C3", town.point("S1", "7", house_no=2))
    town.read("A1", MIDNIGHT, 12_000)
    town.read("C3", MIDNIGHT, 12_000)
    town.send()
    closed = [town.close("2026-09")]
    while closing := close_next_due(
        town.ledger,
        MIDNIGHT + DAY_MS,
        grace_ms=0,
        targets=(),
        event_of=event_maker("urn:plomba:gateway:test"),
    ):
        closed.append(closing)
    ids = [line.line_id for one in closed for line in one.lines]
    assert ids == ["2026-09-000001", "2026-09-000002"]


def test_the_house_furthest_behind_is_closed_first_and_the_closed_are_not_asked(
    town: Town,
) -> None:
    town.house("Садовая 12")
    town.install("C3", town.point("S1", "7", house_no=2))
    for serial in ("A1", "C3"):
        town.read(serial, MIDNIGHT, 12_000)
        town.read(serial, local(11, 1), 13_000)
    town.send()
    town.close("2026-09")
    assert next_closed(town, local(11, 2)) == ("Садовая 12", "2026-09")
    assert next_closed(town, local(11, 2)) == (HOUSE, "2026-10")
    with town.ledger.closing() as transaction:
        assert [one.name for one in transaction.houses_behind("2026-10")] == ["Садовая 12"]
    assert next_closed(town, local(11, 2)) == ("Садовая 12", "2026-10")
    assert next_closed(town, local(11, 2)) is None
    person = Person("Orlova", "test", "the act came late")
    event_of = event_maker("urn:plomba:gateway:test")
    reopen_period(
        town.ledger, HOUSE, "2026-10", person, local(11, 2), targets=(), event_of=event_of
    )
    assert next_closed(town, local(11, 2)) == (HOUSE, "2026-10")


def next_closed(town: Town, now_ms: int) -> tuple[str, str] | None:
    closing = close_next_due(
        town.ledger,
        now_ms,
        grace_ms=0,
        targets=(),
        event_of=event_maker("urn:plomba:gateway:test"),
    )
    return None if closing is None else (closing.house, closing.period)
