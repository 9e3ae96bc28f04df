"""What a visit changes is billed as if a person had entered it, and rights follow by themselves."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from cloud_sync import topics, visit, visit_road
from cloud_sync.visit import Exchange, Level, Visit
from drivers.reading import Resource, Unit
from gateway import registry
from gateway.closing_records import Closing
from gateway.identity import revoking
from gateway.identity.revoking import Revocation
from gateway.identity.wired import ledger_of
from gateway.registry import NewMeter
from gateway.sql.broker import SpeakersLedger
from gateway.sql.visits import SqlOffice
from gateway.visits.keeping import Keeper
from gateway.visits.model import Why
from tests.gateway.identity.town_hall import OFFICE, SOURCE
from tests.gateway.town import (
    DEVICE,
    DEVICE_KEY,
    GATEWAY_KEY,
    HOUR_MS,
    HOUSE,
    Town,
    local,
)
from tests.gateway.visits.installer import Site, install, when

OBIS = "1-0:1.8.0"
EXCHANGED = local(9, 16, 12)
FINAL, FIRST = 14_000, 500


def a_town(folder: Path) -> Town:
    folder.mkdir()
    town = Town(folder)
    town.install("A1", town.point("P1"))
    for day in range(2, 16):
        town.read("A1", local(9, day), 10_000 + 250 * day)
    town.send()
    return town


def by_hand(town: Town) -> None:
    registry.exchange_meter(
        town.store,
        "P1",
        old="A1",
        finals={OBIS: Decimal(FINAL).scaleb(-2)},
        new=NewMeter("A9", "SDM120", {OBIS: Decimal(FIRST).scaleb(-2)}),
        at_ms=EXCHANGED,
    )


def level(mantissa: int) -> Level:
    return Level(OBIS, mantissa, -2, Unit.KWH, 8)


def by_a_visit(town: Town, number: int = 1) -> str:
    """Its outcome."""
    new = install(
        "A9", "P1", resource=Resource.ELECTRICITY, levels=(level(FIRST),), at=when(EXCHANGED),
        model="SDM120",
    )  # fmt: skip
    event = Exchange("A1", (level(FINAL),), "read", "", new)
    record = Visit(
        version=1, device=DEVICE, number=number, kind="visit", house=HOUSE, installer="Петров",
        started=when(EXCHANGED - HOUR_MS), ended=when(EXCHANGED + HOUR_MS), software="test",
        checks=(), events=(event,), remarks="",
    )  # fmt: skip
    body = DEVICE_KEY.seal(visit.encode(record), topics.visit_topic(DEVICE))
    keeper = Keeper(SqlOffice(town.store), GATEWAY_KEY)
    answer = keeper.take(body, SOURCE, max(town.now_ms, EXCHANGED + HOUR_MS))
    (told,) = visit_road.opened_answer(answer, DEVICE, GATEWAY_KEY.public).events
    return told.text or told.outcome


def read_on(town: Town) -> None:
    for day in range(17, 31):
        town.read("A9", local(9, day), FIRST + 100 * (day - 16))
    town.read("A9", local(10, 1), 2_000)
    town.send()


def closed(folder: Path, exchange: Callable[[Town], object], *, late: bool) -> Closing:
    """September with an exchange on the 16th that becomes known then, or after its readings."""
    town = a_town(folder)
    if not late:
        exchange(town)
    read_on(town)
    if late:
        exchange(town)
    closing = town.close(now_ms=local(10, 1, 2))
    town.store.close()
    return closing


@pytest.mark.parametrize("late", [False, True], ids=["in-time", "after-its-readings"])
def test_an_exchange_from_a_visit_is_billed_like_one_entered_by_hand(
    tmp_path: Path, late: bool
) -> None:
    by_visit = closed(tmp_path / "visit", by_a_visit, late=late)
    entered = closed(tmp_path / "hand", by_hand, late=False)
    assert [one.as_text() for one in by_visit.lines] == [one.as_text() for one in entered.lines]
    # 14000 - 10000 of the old meter, 2000 - 500 of the new one, in hundredths.
    assert sum(line.consumption for line in by_visit.lines) == Decimal("55.00")


def test_one_in_a_closed_period_waits_for_a_person(tmp_path: Path) -> None:
    town = a_town(tmp_path / "town")
    town.read("A1", local(10, 1), 15_000)
    town.send()
    town.close(now_ms=local(10, 1, 2))
    town.now_ms = local(10, 1, 3)
    assert "closed already" in by_a_visit(town)
    row = SqlOffice(town.store).visits.visit(DEVICE, 1)
    assert row is not None
    assert [step.code for step in row.steps] == [Why.PERIOD_CLOSED]
    town.store.close()


def test_rights_at_the_broker_are_the_devices_and_need_no_visit(site: Site) -> None:
    """The rules are made from devices' keys: a new meter needs no new right, a revoked one none."""
    speakers = SpeakersLedger(site.estate.store.database.connection)
    before = speakers.speaking()
    site.bring(install())
    assert speakers.speaking() == before == ["edge-1", "edge-2"]
    with site.store.transaction():
        revoking.revoke(
            ledger_of(site.estate.store), "edge-2", Revocation(OFFICE, "замена"), local(11, 20)
        )
    assert speakers.speaking() == ["edge-1"]
