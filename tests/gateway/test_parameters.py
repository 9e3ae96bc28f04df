"""The dated table of the rules' numbers: what it holds, and how a new date takes over."""

from datetime import date
from pathlib import Path

import pytest

from drivers.reading import Resource
from gateway.ingest import Ingest
from gateway.model import FOREVER_MS
from gateway.rules.parameters import EVER, ROWS, TABLE, Limits, Mark, Parameter, Table
from tests.gateway.estate import DAY_MS, GATEWAY_KEY, MIDNIGHT_MS, Estate, a_readout, kwh

HOUR_MS = 3_600_000
TURN_MS = 1_793_664_000_000  # 2026-11-03T00:00:00Z
TIGHTER = Parameter(
    "V-ZERO", "still_ms", Resource.ELECTRICITY, date(2026, 11, 3), DAY_MS, Mark.PROPOSED, "a test"
)


@pytest.mark.parametrize("resource", [None, *Resource])
def test_every_resource_has_every_number(resource: Resource | None) -> None:
    limits = TABLE.limits(resource, 0)
    # By how much two meters may differ is nothing, unless somebody allows it.
    assert all(value > 0 for value in limits._replace(main_units=1))


def test_the_numbers_are_those_of_the_rule_set() -> None:
    water = TABLE.limits(Resource.COLD_WATER, 0)
    assert water == Limits(
        ahead_ms=60_000,
        clock_error_s=9,
        still_ms=21 * DAY_MS,
        usage_factor=3,
        usage_periods_min=3,
        usage_empty_divisor=10,
        slip_places=3,
        slip_tolerance_percent=5,
        silent_ms=36 * HOUR_MS,
        coverage_percent=95,
        gap_linear_ms=HOUR_MS,
        gap_even_ms=2 * HOUR_MS,
        gap_even_last_ms=DAY_MS,
        like_days=3,
        like_days_back=28,
        spike_percent=180,
        outlier_reach=3,
        outlier_tenths=30,
        noise_permille=150,
        sum_units=2,
        main_units=0,
        main_permille=20,
        main_units_min=100,
        estimated_in_a_row=3,
    )


def test_every_row_says_where_it_is_from_and_stands_once() -> None:
    assert all(row.source and row.rule.startswith("V-") for row in ROWS)
    keys = [(row.name, row.resource, row.valid_from) for row in ROWS]
    assert len(set(keys)) == len(keys)
    assert {row.name for row in ROWS} == set(Limits._fields)


def test_a_later_row_takes_over_at_its_date_and_for_its_resource_alone() -> None:
    table = Table((*ROWS, TIGHTER))
    still = [table.limits(Resource.ELECTRICITY, at).still_ms for at in (TURN_MS - 1, TURN_MS)]
    assert still == [3 * DAY_MS, DAY_MS]
    assert table.limits(Resource.GAS, TURN_MS) == TABLE.limits(Resource.GAS, TURN_MS)
    assert table.epoch(TURN_MS - 1) == (0, TURN_MS)
    assert table.epoch(TURN_MS) == (TURN_MS, FOREVER_MS)


def test_a_general_row_does_not_displace_a_resources_own() -> None:
    general = TIGHTER._replace(resource=None)
    table = Table((*ROWS, general))
    assert table.limits(Resource.ELECTRICITY, TURN_MS).still_ms == 3 * DAY_MS
    assert table.limits(None, TURN_MS).still_ms == DAY_MS


def test_a_number_that_is_not_there_is_named() -> None:
    late = [row._replace(valid_from=date(2026, 11, 3)) for row in ROWS if row.name == "still_ms"]
    rest = [row for row in ROWS if row.name != "still_ms"]
    with pytest.raises(ValueError, match="need still_ms for gas at 5 ms: add rows"):
        Table([*rest, *late]).limits(Resource.GAS, 5)


def test_what_a_whole_readout_is_asked_cannot_differ_by_resource() -> None:
    row = Parameter("V-TIME", "ahead_ms", Resource.GAS, EVER, 1, Mark.PROPOSED, "a test")
    with pytest.raises(ValueError, match="ahead_ms is one number for all resources, got gas"):
        Table((*ROWS, row))


@pytest.mark.parametrize("late", [False, True], ids=["as-it-goes", "afterwards"])
def test_a_reading_is_judged_by_the_numbers_of_its_capture_time(tmp_path: Path, late: bool) -> None:
    """Two days still before the new limit are in order, one day still after it is not."""
    estate = Estate(tmp_path / "ledger.db")
    estate.ingest = Ingest(estate.store, GATEWAY_KEY, Table((*ROWS, TIGHTER)))
    for hour in range(0, 73, 6):
        at_ms = MIDNIGHT_MS + hour * HOUR_MS
        value = 1100 if at_ms < TURN_MS + HOUR_MS else 1101
        now_ms = MIDNIGHT_MS + 400 * DAY_MS if late else at_ms
        estate.take(estate.edge.sign(a_readout(at_ms, kwh(value))), now_ms=now_ms)
    before = estate.verdicts()
    estate.take(
        estate.edge.sign(a_readout(MIDNIGHT_MS + 5 * DAY_MS, kwh(1101))),
        now_ms=MIDNIGHT_MS + 400 * DAY_MS,
    )
    assert before == []
    assert estate.verdicts() == [("V-ZERO", "W")]
