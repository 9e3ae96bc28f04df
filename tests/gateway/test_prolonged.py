"""V-EST: what is said of a register that was estimated for several periods in a row."""

import json
from pathlib import Path

import pytest

from drivers.reading import Resource
from gateway.rules import prolonged
from gateway.rules.parameters import TABLE
from gateway.sql.estimates import EstimateLedger
from tests.gateway.shell import said
from tests.gateway.test_corrections import WATER, Flat, three_months
from tests.gateway.town import Town

LIMITS = TABLE.limits(Resource.COLD_WATER, 0)


@pytest.mark.parametrize(("periods", "found"), [(0, False), (2, False), (3, True), (9, True)])
def test_three_periods_in_a_row_are_prolonged(periods: int, found: bool) -> None:
    assert (prolonged.check(periods, LIMITS) is not None) == found


def test_the_finding_names_both_numbers() -> None:
    finding = prolonged.check(4, LIMITS)
    assert finding is not None
    assert finding == ("V-EST", "W", "3.8.0", "estimated for 4 periods in a row, limit 3")


def a_flat(folder: Path) -> Flat:
    said("init", "--data", folder)
    town = Town(folder, targets=())
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return Flat(town, WATER)


def in_a_row(flat: Flat) -> list[tuple[str, int, bool]]:
    ledger = EstimateLedger(flat.town.store.database.connection)
    found = ledger.obligations(None, only_open=False, limit=100)
    return [(one.period, one.in_a_row, one.prolonged() is not None) for one in reversed(found)]


def test_the_run_is_counted_and_a_reading_ends_it(tmp_path: Path) -> None:
    flat = a_flat(tmp_path / "data")
    three_months(flat)
    for month in (12, 13, 14):
        flat.close(month)
    assert in_a_row(flat) == [("2026-12", 1, False), ("2027-01", 2, False), ("2027-02", 3, True)]
    flat.read((16, 60_000))
    flat.close(15)
    assert {row[1:] for row in in_a_row(flat)} == {(0, False)}
    flat.close(16)
    assert in_a_row(flat)[-1] == ("2027-04", 1, False)
    flat.town.store.close()


def test_the_command_lists_how_many_periods_in_a_row(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    flat = a_flat(folder)
    three_months(flat)
    for month in (12, 13, 14):
        flat.close(month)
    flat.town.store.close()
    first, *_ = said("estimates", "--open", "--data", folder, "--json").splitlines()
    assert json.loads(first)["in_a_row"] == "3"
    assert json.loads(first)["finding"] == "V-EST: estimated for 3 periods in a row, limit 3"
    assert "3 V-EST" in said("estimates", "--open", "--data", folder)
