"""What was handed over against what was closed: it adds up, or the line that does not is named."""

import json
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from gateway.__main__ import main
from gateway.config import LEDGER_FILE, WebConfig
from gateway.handoff import target
from gateway.handoff.pump import Pump
from gateway.handoff.reconcile import DWELLINGS, HOUSE, Kind, Statement, reconcile
from gateway.handoff.target import Answer, DueEvent, State
from gateway.sql.outbox import OutboxLedger
from gateway.sql.pull import PullLedger
from gateway.sql.reconcile import ReconcileLedger
from tests.gateway.test_api import Browser
from tests.gateway.town import DAY_MS, Dial, Town, local
from tests.gateway.town import HOUSE as LESNAYA
from tests.servers.ledgers import create_app

NOW_MS = local(10, 2)
WATER = Dial("8-0:1.0.0", "m3", -3)
ELECTRICITY = Kind("electricity", "kWh", DWELLINGS)
COMMON = Kind("electricity", "kWh", HOUSE)
COLD = Kind("cold-water", "m3", DWELLINGS)


class Billing:
    """Refuses water, is down for the house's meter, takes the rest."""

    name = "erp"

    async def deliver(self, events: list[DueEvent]) -> list[Answer]:
        return [self._answer(event.payload) for event in events]

    def _answer(self, payload: bytes) -> Answer:
        if b"cold-water" in payload:
            return target.refused("HTTP 422 no such account")
        return target.failed("HTTP 503") if b"P-H" in payload else target.ACKNOWLEDGED


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Two flats and the house's meter in September: 10, 20 and 35 kWh, 1.5 m3."""
    town = Town(tmp_path)
    for serial, point, dwelling, value in (
        ("A1", "P1", "12", 11_000),
        ("A2", "P2", "13", 12_000),
        ("H", "P-H", None, 13_500),
    ):
        town.install(serial, town.point(point, dwelling))
        town.read(serial, local(10, 1), value)
    town.install("W1", town.point("P3", resource="cold-water"), WATER)
    town.read("W1", local(10, 1), 11_500, WATER)
    town.send()
    town.close("2026-09", now_ms=NOW_MS)
    return town


def statement(town: Town) -> Statement:
    found = ReconcileLedger(town.store.database.connection)
    return reconcile(found.book("2026-09", None), "2026-09", None)


async def delivered(town: Town) -> None:
    await Pump(OutboxLedger(town.store.database), [Billing()], Random(1)).once(NOW_MS)


async def test_sent_is_accepted_refused_and_pending_to_the_last_digit(town: Town) -> None:
    await delivered(town)
    found = statement(town)
    assert found.problems == ()
    assert (found.records, found.sums) == (
        4,
        {ELECTRICITY: Decimal(30), COMMON: Decimal(35), COLD: Decimal("1.5")},
    )
    (erp,) = found.targets
    assert {state: (share.records, share.sums) for state, share in erp.shares.items()} == {
        State.ACKNOWLEDGED: (2, {ELECTRICITY: Decimal(30)}),
        State.REFUSED: (1, {COLD: Decimal("1.5")}),
        State.PENDING: (1, {COMMON: Decimal(35)}),
        State.LEFT_OUT: (0, {}),
    }
    assert erp.reasons == {"HTTP 422 no such account": 1}


def test_a_reopened_period_adds_up_with_what_it_took_back(town: Town) -> None:
    town.reopen("2026-09", NOW_MS)
    found = statement(town)
    assert (found.records, found.problems) == (8, ())
    assert set(found.sums.values()) == {Decimal(0)}
    town.close("2026-09", now_ms=NOW_MS + 1)
    found = statement(town)
    assert (found.records, found.problems) == (12, ())
    assert found.sums[ELECTRICITY] == Decimal(30)


def test_a_pull_client_is_a_target_that_acknowledges_by_cursor(town: Town) -> None:
    with town.store.transaction() as connection:
        PullLedger(connection).add("1c", NOW_MS)
        PullLedger(connection).acknowledge("1c", 3, NOW_MS)
    pulled, erp = statement(town).targets
    assert (pulled.target, erp.target) == ("1c", "erp")
    counts = {state: share.records for state, share in pulled.shares.items() if share.records}
    assert counts == {State.ACKNOWLEDGED: 3, State.PENDING: 1}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            "UPDATE written_line SET consumption_mantissa = 1001 WHERE line_id = '2026-09-000002'",
            "electricity of dwellings: the ledger has 30.01 kWh, 30.00 were handed over",
        ),
        (
            "DELETE FROM delivery WHERE event_no = 2",
            "erp: 1 of 4 events were never put before it, the first is 2026-09-000002",
        ),
        (
            "UPDATE event SET event_id = 'x' WHERE event_no = 3",
            "1 never handed over, the first is 2026-09-000003",
        ),
    ],
)
def test_what_does_not_add_up_is_named(town: Town, damage: str, said: str) -> None:
    with town.store.transaction() as connection:
        connection.execute(damage)
    assert said in statement(town).problems


GCAL = Kind("heat", "Gcal", DWELLINGS)


class Choosy:
    """Takes electricity, refuses heat, has no place for water."""

    name = "erp"

    async def deliver(self, events: list[DueEvent]) -> list[Answer]:
        return [self._answer(event.payload) for event in events]

    def _answer(self, payload: bytes) -> Answer:
        if b'"heat"' in payload:
            return target.refused("no heat")
        return target.left_out("no place") if b"-water" in payload else target.ACKNOWLEDGED


async def test_factors_roles_units_and_answers_add_up(tmp_path: Path) -> None:
    town = Town(tmp_path)
    tariffs = [Dial("1-0:1.8.0"), Dial("1-0:1.8.1"), Dial("1-0:1.8.2")]
    reactive, given = Dial("1-0:3.8.0", "kvarh"), Dial("1-0:2.8.0")
    heat = Dial("6-0:1.0.0", "Gcal", -3)
    for serial, dials, resource, values in (
        ("F", [Dial(), reactive], "electricity", (11_000, 10_400)),
        ("T", tariffs, "electricity", (11_500, 11_000, 10_500)),
        ("X", [Dial(), given], "electricity", (10_300, 10_700)),
        ("B", [Dial()], "electricity", (10_200,)),
        ("W", [WATER], "cold-water", (11_500,)),
        ("Q", [heat], "heat", (10_250,)),
    ):
        town.install(serial, town.point(serial, serial, resource), *dials)
        for dial, value in zip(dials, values, strict=True):
            town.read(serial, local(10, 1), value, dial)
    with town.store.transaction() as connection:
        connection.execute("UPDATE installation SET factor = '40' WHERE installation_no = 1")
        connection.execute("INSERT INTO point_relation VALUES (4, 'behind', 1, ?, NULL)", (1,))
    town.send()
    closed = town.close("2026-09", now_ms=NOW_MS)
    roles = {(one.point, one.register): (one.role, one.behind) for one in closed.lines}
    assert roles["T", "1-0:1.8.0"] == ("check", None)
    assert roles["X", "1-0:2.8.0"] == ("export", None)
    assert roles["B", "1-0:1.8.0"] == ("billed", "F")
    await Pump(OutboxLedger(town.store.database), [Choosy()], Random(1)).once(NOW_MS)
    found = statement(town)
    power = {
        # 10 by a factor of 40, 10 + 5 of two tariffs, 3 taken, 2 behind the first.
        ELECTRICITY: Decimal(400 + 15 + 3 + 2),
        Kind("electricity", "kvarh", DWELLINGS): Decimal(160),
    }
    assert (found.problems, found.records) == ((), 10)
    assert found.sums == power | {COLD: Decimal("1.5"), GCAL: Decimal("0.25")}
    (erp,) = found.targets
    assert {state: (share.records, share.sums) for state, share in erp.shares.items()} == {
        State.ACKNOWLEDGED: (8, power),
        State.REFUSED: (1, {GCAL: Decimal("0.25")}),
        State.PENDING: (0, {}),
        State.LEFT_OUT: (1, {COLD: Decimal("1.5")}),
    }
    assert erp.reasons == {"no heat": 1, "no place": 1}


def test_a_correction_counts_in_the_period_it_was_written_in(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.install("A1", town.point("P1"))
    for month, value in ((10, 11_000), (11, 12_000), (12, 13_000)):
        town.read("A1", local(month, 1), value)
        town.send()
        town.close(now_ms=local(month, 2))
    new_year = local(12, 1) + 31 * DAY_MS
    (estimated,) = town.close("2026-12", now_ms=new_year + DAY_MS).lines
    town.read("A1", new_year + 31 * DAY_MS, 15_000)
    town.send()
    closed = town.close("2027-01", now_ms=new_year + 32 * DAY_MS)
    ((line,), (correction,)) = closed.lines, closed.corrections
    ledger = ReconcileLedger(town.store.database.connection)
    december, january = (
        reconcile(ledger.book(period, None), period, None) for period in ("2026-12", "2027-01")
    )
    assert december.problems == january.problems == ()
    assert december.sums == {ELECTRICITY: estimated.consumption}
    assert january.sums == {ELECTRICITY: line.consumption + correction.difference}
    # The register's way of two months, whatever was estimated in between.
    assert december.sums[ELECTRICITY] + january.sums[ELECTRICITY] == Decimal(20)


def run(town: Town, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["reconcile", *arguments, "--data", str(town.folder)])


async def test_the_command_says_it_and_fails_where_it_does_not_add_up(town: Town) -> None:
    await delivered(town)
    told = json.loads(run(town, "--json").stdout)
    assert (told["adds_up"], told["targets"][0]["sent"]) == (True, 4)
    assert told["targets"][0]["refused"]["sums"] == [
        {"resource": "cold-water", "unit": "m3", "whose": "dwellings", "amount": "1.500"}
    ]
    shown = run(town, "2026-09", "--house", LESNAYA)
    assert (shown.exit_code, "it adds up" in shown.stdout) == (0, True)
    with town.store.transaction() as connection:
        connection.execute("DELETE FROM delivery WHERE event_no = 1")
    failed = run(town)
    assert failed.exit_code == 1
    assert "does not add up: erp: 1 of 4 events" in failed.stderr
    assert "has no closing lines" in run(town, "2026-10").stderr


@pytest.mark.parametrize(("language", "said"), [("ru", "сходится"), ("en", "adds up")])
async def test_the_page_shows_both_sides(town: Town, language: str, said: str) -> None:
    await delivered(town)
    site = Browser(create_app(town.folder / LEDGER_FILE, lambda: NOW_MS, WebConfig()))
    answer = await site.ask("GET", f"/reconciliation?lang={language}")
    assert answer.status_code == 200
    assert said in answer.text
    assert "HTTP 422 no such account" in answer.text
    missing = await site.ask("GET", "/reconciliation?period=2026-1x")
    assert missing.status_code == 404
