"""The ingest benchmark measures what it says."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from simulators.bench_ingest import ingest


def measured(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(ingest, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_the_benchmark_prints_one_object(store: str) -> None:
    found = measured("--store", store, "--readings", "2000", "--batch", "25", "--workers", "1")
    assert (found["store"], found["batch"], found["readings"]) == (store, 25, 2000)
    rates = ("readings_per_s", "bare_insert_per_s", "batches_per_s", "verify_per_s", "cold_us")
    assert all(found[name] > 0 for name in (*rates, "ratio", "verify_share"))


def test_the_cost_in_large_ledgers_is_told_beside_that_in_small_ones() -> None:
    sizes = ("--rows-before", "10000", "--rows-before", "20000", "--workers", "0")
    found = measured("--readings", "1000", "--batch", "25", "--devices", "4", *sizes)
    assert [one["rows_before"] for one in found["ledgers"]] == [10_000, 20_000]
    assert all(one["us_per_reading"] > 0 and one["cold_us"] > 0 for one in found["ledgers"])
    assert found["registers"] == 100
    assert found["growth"] > 0
