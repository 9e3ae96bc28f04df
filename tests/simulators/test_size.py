"""The sizes a fleet needs are a measured price, multiplied."""

import json

import pytest
from click.testing import CliRunner

from simulators import size
from simulators.size import Spent


def test_a_fleets_needs_are_the_price_of_its_readings() -> None:
    cost = Spent(readings=1000, disk=100_000, log=200_000, messages=60_000, cpu_s=0.01)
    assert size.priced(cost) == {
        "bytes_per_reading": 100.0,
        "of_it_signed_messages": 60.0,
        "log_bytes_per_reading": 200.0,
        "cpu_us_per_reading": 10.0,
    }
    # A million meters each quarter of an hour: 96 million readings a day of 100 bytes.
    assert size.needs(1_000_000, 1, 900, cost) == {
        "meters": 1_000_000,
        "readings_per_s": 1111.1,
        "disk_gb_per_year": 3504.0,
        "log_gb_per_day": 19.2,
        "cores": 0.011,
        "cores_with_headroom": 0.033,
    }


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_the_price_is_measured_in_a_real_ledger(store: str) -> None:
    arguments = ["--store", store, "--readings", "4000", "--batch", "8", "--json"]
    result = CliRunner().invoke(size.size, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    # A signed reading is some dozens of bytes, and its row comes to that.
    assert 30 < told["of_it_signed_messages"] < told["bytes_per_reading"] < 1000
    assert (told["log_bytes_per_reading"] > 0) == (store == "postgres")
    assert [fleet["meters"] for fleet in told["fleets"]] == [1_000, 100_000, 1_000_000]
    assert told["cpu_us_per_reading"] > 0
