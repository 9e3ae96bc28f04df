"""The benchmark of the ways into PostgreSQL measures each of them."""

import json

from click.testing import CliRunner

from simulators.bench_copy import copy


def test_the_benchmark_prints_a_share_for_each_way() -> None:
    result = CliRunner().invoke(copy, ["--rows", "4", "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    measured = json.loads(result.stdout)["4"]
    assert measured.pop("rows_per_s") > 0
    assert measured.pop("copy") == 1.0
    assert set(measured) == {"copy_to_temporary_and_insert", "arrays", "row_by_row"}
    assert min(measured.values()) > 0
