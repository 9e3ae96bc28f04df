"""The ingest benchmark measures what it says."""

import json

from click.testing import CliRunner

from simulators.bench_ingest import ingest


def test_the_benchmark_prints_one_object() -> None:
    arguments = ["--readings", "2000", "--batch", "25", "--json"]
    result = CliRunner().invoke(ingest, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    measured = json.loads(result.stdout)
    assert measured["readings"] == 2000
    assert measured["ratio"] > 0
    assert measured["readings_per_s"] > 0
    assert measured["bare_insert_per_s"] > 0
