"""Periods as a person meets them: the commands, and why a register has no line."""

import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import gateway.sql
from drivers.reading import Resource
from gateway.closing_records import House
from gateway.contracts import Calendar, Contract, Cutoff
from gateway.period_book import Carried, PeriodState, book, without_line
from gateway.sql.periods import PeriodLedger
from tests.gateway.shell import refusal, run, said
from tests.gateway.test_corrections import WATER
from tests.gateway.town import HOUSE, Dial, Town, local

MOSCOW = ZoneInfo("Europe/Moscow")
CALENDAR = Calendar(MOSCOW)
TOTAL = ("1-0:1.8.0", "kWh")
# What writes them, numbers them, takes them back or follows one that was, and the hand-off, which
# delivers, refuses and adds up what belongs to withdrawn closings too.
PAST_THE_VIEWS = {
    "acts.py", "billing.py", "claims.sql", "disputes.sql", "estimates.py", "explain.py",
    "explain.sql", "gis.sql", "outbox.py", "people.py", "people.sql", "periods.py", "reconcile.sql",
    "review.sql", "trace.py", "withdrawing.py",
}  # fmt: skip
CONTRACTS = f"""house,resource,since,first_day,last_day,next_month,cutoff
{HOUSE},,2026-09,20,25,no,reading
"""


def carried(
    installed_ms: int | None, removed_ms: int | None = None, obis: str | None = TOTAL[0]
) -> Carried:
    unit = None if obis is None else TOTAL[1]
    return Carried("P1", Resource.ELECTRICITY, obis, unit, installed_ms, removed_ms)


# What the registry says of a point without a line in September, and the reason that is stated.
REASONS = [
    ([carried(None, None, None)], None, "no meter is known"),
    ([carried(local(8, 1), None, None)], None, "its meter has no register that is billed"),
    ([carried(local(10, 2))], TOTAL[0], "from 2026-10-02 on, after the period ended"),
    ([carried(local(7, 1), local(8, 5))], TOTAL[0], "its last meter was removed on 2026-08-05"),
    (
        [carried(local(6, 1), local(7, 1)), carried(local(7, 1), local(8, 20))],
        TOTAL[0],
        "its last meter was removed on 2026-08-20",
    ),
    ([carried(local(8, 1))], TOTAL[0], "came into the registry after the period was closed"),
]


@pytest.mark.parametrize(("rows", "register", "why"), REASONS)
def test_what_has_no_line_has_a_reason(rows: list[Carried], register: str | None, why: str) -> None:
    (found,) = without_line(rows, set(), CALENDAR, "2026-09")
    assert (found.point, found.register) == ("P1", register)
    assert why in found.why


def test_what_has_a_line_needs_no_reason() -> None:
    rows = [carried(local(8, 1)), carried(local(8, 1), obis="1-0:2.8.0")]
    lines = {("P1", *TOTAL)}
    assert [one.register for one in without_line(rows, lines, CALENDAR, "2026-09")] == ["1-0:2.8.0"]


def test_every_register_of_a_house_has_a_line_or_a_reason(tmp_path: Path) -> None:
    """A meter never read, one removed, one exchanged for fewer tariffs, a point without any."""
    town = Town(tmp_path)
    second = Dial("1-0:1.8.2")
    town.install("NEVER", town.point("P-never", "1"))
    town.install("GONE", town.point("P-gone", "2"))
    two = town.point("P-two", "3")
    town.install("TWO", two, Dial("1-0:1.8.1"), second)
    town.point("P-bare", "4")
    town.install("LATER", town.point("P-later", "5"), at_ms=local(11, 2))
    town.install("WATCHED", town.point("P-watched", "6"), Dial("1-0:31.7.0", "A", -2, 8, 0))
    town.read("TWO", local(9, 20), 10_500, Dial("1-0:1.8.1"))
    town.send()
    town.close("2026-09", now_ms=local(10, 2))
    town.remove("GONE", local(10, 10), 10_300)
    town.remove("TWO", local(10, 10), 10_900)
    town.install("ONE", two, Dial("1-0:1.8.1"), at_ms=local(10, 10))
    town.close("2026-10", now_ms=local(11, 2))
    town.close("2026-11", now_ms=local(12, 2))
    house = House(1, HOUSE, "Europe/Moscow")
    found = PeriodLedger(town.store.database.connection)
    views = {one.period: one for one in book(
        found, house, CALENDAR, "2026-12", now_ms=local(12, 3), limit=9
    )}  # fmt: skip
    assert {period: one.state for period, one in views.items()} == {
        "2026-12": PeriodState.OPEN,
        "2026-11": PeriodState.CLOSED,
        "2026-10": PeriodState.CLOSED,
        "2026-09": PeriodState.CLOSED,
    }
    everything = {
        ("P-never", TOTAL[0]), ("P-gone", TOTAL[0]), ("P-two", "1-0:1.8.1"),
        ("P-two", "1-0:1.8.2"), ("P-bare", None), ("P-later", TOTAL[0]), ("P-watched", None),
    }  # fmt: skip
    told = {}
    for period, view in views.items():
        if view.closed is None:
            continue
        lines = {(point, obis) for point, obis, _ in found.with_line(view.closed.closing_no)}
        missing = {(one.point, one.register) for one in view.without_line}
        assert lines | missing == everything
        assert not lines & missing
        told[period] = missing
    assert told == {
        "2026-09": {("P-bare", None), ("P-watched", None), ("P-later", TOTAL[0])},
        "2026-10": {("P-bare", None), ("P-watched", None), ("P-later", TOTAL[0])},
        "2026-11": {
            ("P-bare", None), ("P-watched", None), ("P-gone", TOTAL[0]), ("P-two", "1-0:1.8.2"),
        },
    }  # fmt: skip


def test_open_periods_say_what_stands_in_the_way(tmp_path: Path) -> None:
    crossing = Contract("2026-09", 15, 3, next_month=True, cutoff=Cutoff.READING)
    calendar = Calendar(MOSCOW, {None: [crossing]})
    house = House(1, HOUSE, "Europe/Moscow")
    town = Town(tmp_path)
    town.point("P1")
    empty = PeriodLedger(town.store.database.connection)
    now_ms = local(11, 2)
    november, october, september = book(empty, house, calendar, "2026-09", now_ms=now_ms, limit=9)
    assert (september.state, september.blocks) == (PeriodState.DUE, ())
    assert october.blocks == (
        "not over before 2026-11-04T00:00+03:00", "2026-09 is to be closed first",
    )  # fmt: skip
    assert november.blocks[0] == "not over before 2026-12-04T00:00+03:00"
    (days,) = october.windows
    assert (days.opens_ms, days.ends_ms) == (local(10, 15), local(11, 4))
    assert days.closing_ms == local(11, 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A house read where its contract's September ends, and a point without a meter."""
    folder = tmp_path / "data"
    said("init", "--data", folder)
    town = Town(folder, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    town.point("P2", "13")
    town.read("W1", local(9, 26), 4000, WATER)
    town.read("W1", local(10, 1), 5000, WATER)
    town.send()
    town.store.close()
    return folder


def entered(data: Path, text: str) -> Path:
    file = data / "contracts.csv"
    file.write_text(text, encoding="utf-8")
    return file


def shown(data: Path) -> dict[str, dict[str, Any]]:
    """What `periods --json` says, by period."""
    told = said("periods", HOUSE, "--data", data, "--json")
    return {one["period"]: one for one in map(json.loads, told.splitlines())}


def test_contracts_are_entered_once_and_by_somebody(data: Path) -> None:
    asked = ("registry", "contracts", entered(data, CONTRACTS), "--by", "Orlova", "--data", data)
    assert "1 new, 0 changed, 0 same" in said(*asked)
    assert "0 new, 0 changed, 1 same" in said(*asked)
    acts = [json.loads(one) for one in said("audit", "list", "--data", data, "--json").splitlines()]
    assert [(one["actor"], one["act"]) for one in acts[1:]] == [("Orlova", "enter-contracts")]
    refused = run(*asked[:2], entered(data, CONTRACTS.replace("20,25", "25,20")), *asked[3:])
    assert refused.exit_code == 1
    assert "line 2, column last_day: expected a day not before 25" in refused.stderr


def test_a_period_from_its_window_to_its_second_closing(data: Path) -> None:
    said("registry", "contracts", entered(data, CONTRACTS), "--data", data)
    september = shown(data)["2026-09"]
    assert (september["state"], september["blocks"]) == ("due", [])
    said("close-period", "2026-09", "--data", data)
    september = shown(data)["2026-09"]
    assert (september["state"], september["revision"]) == ("closed", 1)
    assert september["lines"] == {"actual": 1}
    assert september["without_line"] == [
        {"point": "P2", "register": None, "why": "no meter is known"}
    ]
    water, power = september["windows"]
    assert power["resource"] == "electricity"
    assert water == {
        "resource": "cold-water",
        "opens_at": "2026-09-20T00:00+03:00",
        "ends_at": "2026-09-26T00:00+03:00",
        "is_open": False,
        "closing_at": "2026-09-26T00:00+03:00",
        "cutoff": "reading",
    }
    why = ("--why", "the act came late", "--by", "Orlova")
    told = said("reopen", HOUSE, "2026-09", *why, "--data", data)
    assert told == f"{HOUSE}: 2026-09 is open again, 1 records withdrawn\n"
    assert "only the newest" not in told
    assert "has no closed period" in refusal("reopen", HOUSE, "2026-09", *why, "--data", data)
    september = shown(data)["2026-09"]
    assert september["state"] == "due"
    (taken,) = september["withdrawn"]
    assert (taken["revision"], taken["by"], taken["why"]) == (1, "Orlova", "the act came late")
    said("close-period", "2026-09", "--data", data)
    assert shown(data)["2026-09"]["revision"] == 2
    gone = said("trace", "2026-09-000001", "--data", data)
    assert "by Orlova: the act came late; 2026-09-000001-r2 stands instead" in gone
    assert "replaces  2026-09-000001, which was withdrawn" in said(
        "trace", "2026-09-000001-r2", "--data", data
    )
    assert "closed (revision 2)" in said("periods", "--data", data)
    said("export", "csv", "--period", "2026-09", "--out", data / "out.csv", "--data", data)
    lines = (data / "out.csv").read_text(encoding="utf-8").splitlines()
    assert [one.split(",")[0] for one in lines] == ["line_id", "2026-09-000001-r2"]


def test_an_unknown_house_is_refused(data: Path) -> None:
    assert "no house is called 'nowhere'" in refusal("periods", "nowhere", "--data", data)


def test_only_writing_and_following_a_withdrawn_line_go_past_the_views() -> None:
    """Whoever reads lines reads what stands; these few say why they look at everything."""
    sqlite = Path(gateway.sql.__file__).parent
    naming = {
        file.name
        for file in [*sqlite.glob("*.py"), *sqlite.glob("*.sql")]
        if re.search(r"written_(closing|line|correction)", file.read_text(encoding="utf-8"))
    }
    assert naming <= PAST_THE_VIEWS, sorted(naming - PAST_THE_VIEWS)
