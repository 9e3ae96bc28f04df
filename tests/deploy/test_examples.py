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
    assert not re.search(r'"<', text)
    filled = folder / example.name
    filled.write_text(text, "utf-8")
    return filled


def test_the_agent_accepts_its_example(tmp_path: Path) -> None:
    values = {
        '<as printed on the dial>"\nprofile': '10000001"\nprofile',
        "<a name from the list of supported meters>": "itron_cyble_cold",
    }
    config = edge_config.load(
        _filled_in(DEPLOY / "raspberry-pi/edge.example.toml", tmp_path, values)
    )
    assert [meter.profile for line in config.lines for meter in line.meters] == [
        "eastron_sdm630",
        "itron_cyble_cold",
    ]


def test_the_gateway_accepts_its_example(tmp_path: Path) -> None:
    values = {"<the broker's name, as in its certificate>": "broker.example"}
    config = gateway_config.load(
        _filled_in(DEPLOY / "cloud/gateway.example.toml", tmp_path, values)
    )
    assert config.billing.target_names == ("files", "billing")
