"""The bus bench in virtual time, where only what we do ourselves can cost anything."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from simulators import bench_bus
from simulators.bench_bus import SETTINGS, Setting

RATIO_MAX = 1.10


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_round_takes_hardly_longer_than_its_bytes(setting: Setting) -> None:
    result = bench_bus.measure(setting, rounds=6, virtual=True)
    assert result.ratio <= RATIO_MAX
    assert result.missed == 0


@pytest.mark.parametrize("dead", [0, 29])
def test_dead_meters_cost_the_others_no_reading(dead: int) -> None:
    setting = replace(SETTINGS[0], dead=dead)
    assert bench_bus.measure(setting, rounds=3, virtual=True).missed == 0


def test_meters_that_begin_late_are_no_waste_of_ours() -> None:
    quick = bench_bus.measure(SETTINGS[0], rounds=2, virtual=True)
    slow = bench_bus.measure(replace(SETTINGS[0], turnaround_s=0.1), rounds=2, virtual=True)
    assert slow.wire_s > quick.wire_s
    assert slow.ratio <= RATIO_MAX


def test_the_command_prints_one_object() -> None:
    result = CliRunner().invoke(bench_bus.bus, ["--virtual", "--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["ratio"] == max(found[setting.name]["ratio"] for setting in SETTINGS)
    assert found["ratio"] <= RATIO_MAX
