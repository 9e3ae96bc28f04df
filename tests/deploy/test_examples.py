"""The example configurations are what the programs accept, once the marked places are filled in."""

import re
from pathlib import Path

from edge import config as edge_config
from gateway import config as gateway_config

DEPLOY = Path(__file__).parents[2] / "deploy"


def _filled_in(example: Path, folder: Path, values: dict[str, str]) -> Path:
    text = example.read_text("utf-8")
    for marked, value in values.items():
        assert marked in text
        text = text.replace(marked, value)
    assert not re.search(r'(?m)^[^#\n]*"<', text)
    filled = folder / example.name
    filled.write_text(text, "utf-8")
    return filled


def _uncommented(text: str) -> str:
    """The example with all that it offers: every comment line that is TOML."""
    return re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", text)


def test_the_agent_accepts_its_example_and_waits_for_meters(tmp_path: Path) -> None:
    example = DEPLOY / "raspberry-pi/edge.example.toml"
    config = edge_config.load(_filled_in(example, tmp_path, {}))
    assert [(line.name, line.meters) for line in config.lines] == [("rs485", ())]


def test_the_agent_accepts_all_that_its_example_offers(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(_uncommented((DEPLOY / "raspberry-pi/edge.example.toml").read_text("utf-8")))
    config = edge_config.load(path)
    assert config.device.meter_keys == Path("/etc/plomba/meter-keys.toml")
    assert [(line.name, len(line.meters)) for line in config.lines] == [("rs485", 1), ("mbus", 0)]


def test_the_gateway_accepts_its_example(tmp_path: Path) -> None:
    values = {"<the broker's name, as in its certificate>": "broker.example"}
    config = gateway_config.load(
        _filled_in(DEPLOY / "cloud/gateway.example.toml", tmp_path, values)
    )
    assert config.billing.target_names == ("files", "billing")
    assert config.broker is not None
    assert config.broker_rules is not None
    # The gateway comes in by the collectors' door, under a name that has rules there.
    assert config.broker.port == config.broker_rules.collectors.port
    assert config.broker.client_id in config.broker_rules.collector_names


def test_the_broker_listens_where_the_gateway_writes_and_nowhere_else(tmp_path: Path) -> None:
    words = dict(
        line.split(" ", 1)
        for line in (DEPLOY / "cloud/mosquitto.conf").read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    assert not words.keys() & {"listener", "port", "allow_anonymous", "bridge_address"}
    values = {"<the broker's name, as in its certificate>": "broker.example"}
    example = _filled_in(DEPLOY / "cloud/gateway.example.toml", tmp_path, values)
    rules = gateway_config.load(example).broker_rules
    assert rules is not None
    assert str(rules.directory) == words["include_dir"]
