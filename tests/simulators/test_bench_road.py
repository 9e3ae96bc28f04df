"""The bench of the whole road, small: what it prints adds up, and the ledger holds it all."""

import json

import pytest
from click.testing import CliRunner

from simulators.__main__ import main


@pytest.mark.processes
@pytest.mark.mosquitto
@pytest.mark.timeout(600)
def test_two_collectors_on_one_server_take_a_fleet_and_every_program_is_told_of() -> None:
    words = ("bench", "road", "--store", "postgres", "--collectors", "2", "--devices", "10")
    result = CliRunner().invoke(main, [*words, "--meters", "4", "--seconds", "1", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    programs = {"postgres", "mosquitto", "collector-1", "collector-2", "fleet"}
    assert told["where"].keys() == programs
    assert all(one["rss_mb_begin"] > 1 for one in told["where"].values())
    assert told["fleet"]["batches_signed"] == told["fleet"]["batches_receipted"] > 0
    ledger = told["ledger"]
    assert [ledger[what] for what in ("lost", "doubled", "broken", "readings_missing")] == [0] * 4
    assert ledger["receipted"] * 4 == ledger["readings"]


def test_a_file_has_one_collector() -> None:
    result = CliRunner().invoke(main, ["bench", "road", "--collectors", "2"])
    assert result.exit_code == 2
    assert "--store postgres" in result.output
