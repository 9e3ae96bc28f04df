"""Acts are entered whole or not at all, once, logged, and charged by one person up to a limit."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.reading import Resource, Unit
from gateway.acts.entering import Desk, Limits, confirm, enter
from gateway.acts.model import Act, Charge, Kind
from gateway.audit import check
from gateway.csv_lines import RegistryError
from gateway.norms import import_norms
from gateway.sql.acts import ActLedger
from gateway.sql.audit import SqlAudit
from gateway.sql.norms import NormLedger
from tests.gateway.town import HOUSE, Dial, Town, local

COLUMNS = "kind,number,made_on,made_by,account,point,register,capacity_per_h,begun_on"
REFUSED = "access-refused,12,2026-11-03,Петров,40112,,,,"
INSPECTED = "inspection,9,2026-09-20,Петров,40112,P1,,,"
BYPASSED = "interference,17,2026-11-15,Петров,40112,P1,1-0:1.8.0,1.5,"
LIMITS: Limits = {(Resource.ELECTRICITY, Unit.KWH): Decimal(2016)}
NOW_MS = local(11, 16)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("E1", town.point("P1"), Dial())
    town.install("W1", town.point("P2", resource="cold-water"), Dial("8-0:1.0.0", "m3", -3))
    town.install("E2", town.point("P3", "13"), Dial())
    return town


def desk(town: Town, person: str = "Иванова") -> Desk:
    connection = town.store.database.connection
    return Desk(ActLedger(connection), SqlAudit(connection), person, "test", NOW_MS)


def entered(
    town: Town, *lines: str, person: str = "Иванова", limits: Limits = LIMITS
) -> dict[str, int]:
    with town.store.transaction():
        return enter(desk(town, person), "\n".join([COLUMNS, *lines]).encode(), limits)


def refusal(act: Callable[[], object]) -> list[str]:
    with pytest.raises(RegistryError) as refused:
        act()
    return str(refused.value).splitlines()


def charges(town: Town) -> list[Charge]:
    return list(desk(town).acts.charges(None))


def test_acts_are_entered_once_and_logged(town: Town) -> None:
    counts = {"new": 2, "same": 0, "charged": 0, "to confirm": 0}
    assert entered(town, REFUSED, INSPECTED) == counts
    assert entered(town, INSPECTED, REFUSED) == counts | {"new": 0, "same": 2}
    inspected, refused = desk(town).acts.acts({"40112"})
    assert refused == Act(
        *(Kind.REFUSED, "12", date(2026, 11, 3), "Петров", "40112", "", "", None, None)
    )
    assert inspected.point == "P1"
    log = list(desk(town).audit.entries())
    check(log)
    assert [(one.act.actor, one.act.act, one.act.subject) for one in log] == [
        ("Иванова", "act inspection", "account 40112, P1"),
        ("Иванова", "act access-refused", "account 40112"),
    ]


def test_every_bad_line_is_named_and_nothing_entered(town: Town) -> None:
    lines = (
        "refused,1,2026-11-03,Петров,40112,,,,",
        REFUSED.replace("40112", "999"),
        REFUSED.replace("2026-11-03", "2026-11-17"),
        REFUSED.replace("2026-11-03", "вчера"),
        REFUSED.replace("40112,", "40112,P3"),
        REFUSED.replace("Петров", ""),
        REFUSED[:-1] + ",2026-11-01",
        BYPASSED.replace("P1", ""),
        BYPASSED.replace("1-0:1.8.0", "8-0:1.0.0"),
        BYPASSED.replace("1.5", "0"),
        BYPASSED.replace("1.5", "0.0001"),
        BYPASSED.replace("1.5", "NaN"),
        f"{BYPASSED}2026-11-15",
        f"{REFUSED},",
    )
    told = refusal(lambda: entered(town, *lines))
    assert [line.split(":")[0] for line in told] == [
        "line 2, column kind",
        "line 3, column account",
        "line 4, column made_on",
        "line 5, column made_on",
        "line 6, column point",
        "line 7, column made_by",
        "line 8, column begun_on",
        "line 9, column point",
        "line 10, column register",
        "line 11, column capacity_per_h",
        "line 12, column capacity_per_h",
        "line 13, column capacity_per_h",
        "line 14, column begun_on",
        "line 15",
    ]
    assert told[2] == (
        "line 4, column made_on: expected a day that has been, until 2026-11-16, got '2026-11-17'"
    )
    assert (
        told[6] == "line 8, column begun_on: expected nothing for access-refused, got '2026-11-01'"
    )
    assert desk(town).acts.acts({"40112"}) == []


def test_an_act_is_not_said_otherwise(town: Town) -> None:
    entered(town, REFUSED)
    told = refusal(lambda: entered(town, REFUSED.replace("Петров", "Сидоров")))
    assert told == ["line 2: expected what was said before of act 12 of 2026-11-03, got other"]


def test_a_charge_within_the_limit_takes_one_person(town: Town) -> None:
    # The check before comes later in the file, and is seen all the same: 1.5 · 24 · 56.
    assert entered(town, BYPASSED, INSPECTED)["charged"] == 1
    (charge,) = charges(town)
    assert (charge.charge_id, charge.amount, charge.first_on) == (
        *("x-000001", Decimal("2016.0")),
        date(2026, 9, 20),
    )
    assert (charge.confirmed_by, charge.charged_in) == ("Иванова", None)
    *_, logged = desk(town).audit.entries()
    assert (logged.act.act, logged.act.subject) == ("act charge", "x-000001")
    assert logged.act.why == charge.reason


def test_a_charge_above_the_limit_takes_another_person(town: Town) -> None:
    assert entered(town, BYPASSED)["to confirm"] == 1
    (charge,) = charges(town)
    assert (charge.amount, charge.confirmed_by) == (Decimal("3312.0"), None)
    own = refusal(lambda: confirm(desk(town, " иванова "), "x-000001", "верно"))
    assert own == ["charge x-000001 is Иванова's own: another person must confirm it"]
    assert confirm(desk(town, "Орлов"), "x-000001", "акт проверен").confirmed_by == "Орлов"
    again = refusal(lambda: confirm(desk(town, "Орлов"), "x-000001", "ещё раз"))
    assert again == ["no charge x-000001 waits for another person: see charges list"]
    *_, logged = desk(town).audit.entries()
    assert (logged.act.actor, logged.act.act, logged.act.after) == (
        *("Орлов", "act confirm"),
        "3312.0 kWh for act 17",
    )


def test_what_has_no_limit_takes_two(town: Town) -> None:
    assert entered(town, BYPASSED, INSPECTED, limits={})["to confirm"] == 1


def test_without_capacity_it_is_ten_norms_or_nothing(town: Town) -> None:
    by_norm = "interference,18,2026-11-01,Петров,40112,P2,8-0:1.0.0,,2026-10-01"
    told = refusal(lambda: entered(town, REFUSED, by_norm))
    expected = "expected units an hour, as P2 has no norm in 2026-10, got ''"
    assert told == [f"line 3, column capacity_per_h: {expected}"]
    # All or nothing: not even the other act.
    assert desk(town).acts.acts({"40112"}) == []
    norms = f"house,account,register,unit,since,amount\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5\n"
    with town.store.transaction():
        import_norms(NormLedger(town.store.database.connection), norms.encode())
    assert entered(town, by_norm)["to confirm"] == 1
    (charge,) = charges(town)
    assert (charge.method, charge.amount, charge.unit) == ("norm", Decimal(65), "m3")


def test_acts_and_charges_are_never_rewritten(town: Town) -> None:
    entered(town, BYPASSED, INSPECTED)
    sql = town.store.database.connection
    for statement in (
        "UPDATE act SET number = '18'",
        "DELETE FROM act",
        "UPDATE interference_charge SET amount = '1'",
    ):
        with pytest.raises(Exception, match="only"):
            sql.execute(statement)
