"""The stopwatch of a visit: sixty meters within ten minutes, and what that is made of."""

import json

from click.testing import CliRunner

from simulators.__main__ import main
from simulators.bench_visit import LAST_S, LOOK_S, NAME_S, OPEN_S, SEAL_S, measure


def test_sixty_meters_take_less_than_ten_minutes() -> None:
    result = measure(60)
    assert result.meters == 60
    assert result.total_s < 600
    assert result.look_s == 60 * (LOOK_S + SEAL_S)
    parts = result.open_s + result.check_s + result.look_s + result.waited_s + result.finish_s
    assert abs(parts + result.after_search_s - result.total_s) < 1
    assert (result.open_s, result.finish_s) == (OPEN_S + NAME_S, LAST_S)


def test_looking_while_the_search_goes_on_is_what_makes_it_quick() -> None:
    result = measure(60)
    assert result.one_after_the_other_s - result.total_s > result.search_s / 2
    assert result.first_meter_s < 10


def test_the_same_visit_takes_the_same_time() -> None:
    assert measure(4, look_s=1) == measure(4, look_s=1)


def test_the_command() -> None:
    result = CliRunner().invoke(main, ["bench", "visit", "--meters", "4", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["meters"] == 4
    assert "min)" in CliRunner().invoke(main, ["bench", "visit", "--meters", "2"]).output
