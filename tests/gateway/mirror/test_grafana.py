"""Grafana's files are whole, and every question of the dashboard has an answer in the mirror."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.review.words import Kind
from tests.gateway.estate import DAY_MS, MIDNIGHT_MS, Estate, a_day, a_readout, kwh
from tests.gateway.mirror.test_mirror import mirrored
from tests.gateway.office import GOOD, Office, a_town
from tests.gateway.town import HOUSE
from tests.servers.victoria import Victoria, victoria

FOLDER = Path(__file__).parents[3] / "deploy/cloud/grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "plomba.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    """A mirror of a house's day, with a value that no float holds."""
    folder = tmp_path_factory.mktemp("grafana")
    with victoria(folder) as running:
        estate = Estate(folder / "ledger.db")
        estate.take(*a_day(estate.edge))
        estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS + DAY_MS, kwh(2**53 + 1))))
        mirrored(estate.store, running, "panels")
        estate.store.close()
        yield running


def filled(expression: str, gateway: str, house: str, meter: str) -> str:
    for name, value in (("gateway", gateway), ("house", house), ("meter", meter)):
        expression = expression.replace(f"${name}", value)
    return expression


def test_the_data_source_is_the_one_the_dashboard_asks() -> None:
    (source,) = yaml.safe_load((FOLDER / "datasource.yaml").read_text())["datasources"]
    asked = {json.dumps(one["datasource"]) for one in PANELS}
    asked |= {json.dumps(one["datasource"]) for one in DASHBOARD["templating"]["list"]}
    assert asked == {json.dumps({"type": source["type"], "uid": source["uid"]})}
    (provider,) = yaml.safe_load((FOLDER / "dashboards.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    assert len({one["id"] for one in PANELS}) == len(PANELS)


@pytest.mark.parametrize("panel", PANELS, ids=lambda one: one["title"])
def test_every_panel_has_an_answer(server: Victoria, panel: dict[str, Any]) -> None:
    (target,) = panel["targets"]
    expression = filled(target["expr"], "panels", "A", "E1")
    # This house has tariffs instead of a total.
    expression = expression.replace('obis=~"1-0:1.8.0"', 'obis=~"1-0:1.8.1"')
    assert server.query(expression, MIDNIGHT_MS + DAY_MS), expression


def test_the_panel_of_what_left_its_state_counts_it(tmp_path: Path, server: Victoria) -> None:
    town = a_town(tmp_path)
    mirrored(town.store, server, "left")
    Office(town).decide(Kind.REJECT, GOOD)
    mirrored(town.store, server, "left")
    (panel,) = [one for one in PANELS if one["title"].startswith("Left")]
    (answer,) = server.query(filled(panel["targets"][0]["expr"], "left", HOUSE, ""), GOOD + 60_000)
    assert answer["value"][1] == "1"  # type: ignore[index]
    town.store.close()


def test_the_lists_to_choose_from_name_a_label_of_the_mirror() -> None:
    for one in DASHBOARD["templating"]["list"]:
        assert one["query"].startswith("label_values(plomba_reading_value")
        assert one["query"].endswith(f", {one['name']})")
