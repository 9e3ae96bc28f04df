"""The flood benchmark measures what it says."""

import json

from click.testing import CliRunner

from gateway.flood import BURST
from simulators.bench_flood import FLOODERS, flood


def test_the_benchmark_prints_one_object() -> None:
    arguments = ["--batches", "20", "--times", "30", "--pairs", "2", "--json"]
    result = CliRunner().invoke(flood, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    measured = json.loads(result.stdout)
    assert (measured["good"], measured["forged"]) == (20, 600)
    assert 0 < measured["forged_checked"] < 600
    assert 0 < measured["ratio_min"] <= measured["ratio"] <= measured["ratio_max"]
    assert measured["forged"] > FLOODERS * BURST
