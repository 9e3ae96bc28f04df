"""Norms and heating seasons are entered whole or not at all, and may be corrected."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.csv_lines import RegistryError
from gateway.norms import Norm, Season, import_norms, import_seasons
from gateway.sql.norms import NormLedger
from tests.gateway.town import HOUSE, Town

NORMS = "house,account,register,unit,since,amount"
AMOUNT = "a month's amount like 4.2, with at most 6 decimals"
SEASONS = "house,starts_on,ends_on"


@pytest.fixture
def norms(tmp_path: Path) -> NormLedger:
    town = Town(tmp_path)
    town.point("P1", "12")
    town.house("Садовая 12")
    return NormLedger(town.store.database.connection)


def csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def refusal(importing: Callable[[], object]) -> list[str]:
    with pytest.raises(RegistryError) as refused:
        importing()
    return [str(problem) for problem in refused.value.problems]


def test_norms_are_entered_once_and_corrected(norms: NormLedger) -> None:
    house, own = f"{HOUSE},,8-0:1.0.0,m3,2026-01,6.5", f"{HOUSE},40112,8-0:1.0.0,m3,2026-01,4.2"
    assert import_norms(norms, csv(NORMS, house, own)) == {"new": 2, "changed": 0, "same": 0}
    again = import_norms(norms, csv(NORMS, house, own.replace("4.2", "5")))
    assert again == {"new": 0, "changed": 1, "same": 1}
    assert norms.all_norms() == [
        Norm(HOUSE, "", "8-0:1.0.0", "m3", "2026-01", Decimal("6.5")),
        Norm(HOUSE, "40112", "8-0:1.0.0", "m3", "2026-01", Decimal(5)),
    ]


def test_every_bad_norm_is_named_and_nothing_entered(norms: NormLedger) -> None:
    lines = (
        "Нигде 1,,8-0:1.0.0,m3,2026-01,1",
        "Садовая 12,40112,8-0:1.0.0,m3,2026-01,1",
        f"{HOUSE},,8-0:1,m3,2026-01,1",
        f"{HOUSE},,8-0:1.0.0,kW,2026-01,1",
        f"{HOUSE},,8-0:1.0.0,m3,2026-13,1",
        f"{HOUSE},,8-0:1.0.0,m3,2026-01,-1",
        f"{HOUSE},,8-0:1.0.0,m3,2026-01,1,",
        f"{HOUSE},,9-0:1.0.0,m3,2026-01,1",
        f"{HOUSE},,9-0:1.0.0,m3,2026-01,2",
    )
    assert refusal(lambda: import_norms(norms, csv(NORMS, *lines))) == [
        "line 2, column house: expected a house of the registry, got 'Нигде 1'",
        "line 3, column account: expected an account of Садовая 12, or nothing, got '40112'",
        "line 4, column register: expected an OBIS code like 8-0:1.0.0, got '8-0:1'",
        "line 5, column unit: expected one of GJ, Gcal, HCA, kWh, kvarh, m3, t, got 'kW'",
        "line 6, column since: expected the first period it holds for, like 2026-10, got '2026-13'",
        f"line 7, column amount: expected {AMOUNT}, got '-1'",
        "line 8: expected one field per column, got 7 fields instead of 6",
        "line 10: expected each subject once, got the one of line 9 again",
    ]
    assert norms.all_norms() == []


def test_a_season_that_goes_on_may_be_ended(norms: NormLedger) -> None:
    last, this = f"{HOUSE},2025-10-05,2026-04-20", f"{HOUSE},2026-10-01,"
    assert import_seasons(norms, csv(SEASONS, last, this))["new"] == 2
    ended = import_seasons(norms, csv(SEASONS, f"{this}2027-05-01"))
    assert ended == {"new": 0, "changed": 1, "same": 0}
    assert norms.all_seasons()[1] == Season(HOUSE, date(2026, 10, 1), date(2027, 5, 1))


NOT_ENDED = "expected a season after that of 2025-10-05 has ended, got 2026-04-20"
NO_DAY = "expected a day from 1900-01-01 to 2999-12-31"
TOO_EARLY = "expected a day not before the first one, or nothing while the season goes on"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Нигде 1,2026-10-01,", "column house: expected a house of the registry, got 'Нигде 1'"),
        (f"{HOUSE},осень,", "column starts_on: expected a day like 2026-10-31, got 'осень'"),
        # Nobody could close the house any more: there is no midnight after that day, or before.
        (f"{HOUSE},2026-10-01,9999-12-31", f"column ends_on: {NO_DAY}, got '9999-12-31'"),
        (f"{HOUSE},0001-01-01,", f"column starts_on: {NO_DAY}, got '0001-01-01'"),
        (f"{HOUSE},2026-10-01,2026-09-30", f"column ends_on: {TOO_EARLY}, got '2026-09-30'"),
        (f"{HOUSE},2026-04-20,", f"column starts_on: {NOT_ENDED}"),
    ],
)
def test_what_is_wrong_with_a_season_is_said(norms: NormLedger, line: str, said: str) -> None:
    import_seasons(norms, csv(SEASONS, f"{HOUSE},2025-10-05,2026-04-20"))
    assert refusal(lambda: import_seasons(norms, csv(SEASONS, line))) == [f"line 2, {said}"]
    assert len(norms.all_seasons()) == 1
