"""edge.toml after a visit: what people wrote stays, what the visit changed is right."""

from pathlib import Path

import pytest

from drivers.driver import Found
from edge import config
from edge.config import ConfigError
from edge.scan.writing import WritingError
from edge.visit import configuring
from edge.visit.configuring import Coming
from tests.edge.visit.site import CONFIG, a_device

METERS = """
[[lines.meters]]
serial = "11223344"   # in the bathroom
profile = "itron_cyble_cold"
address = "11223344"

# The panel on the third floor.
[[lines.meters]]
serial = "22310042"
profile = "eastron_sdm120"   # grey one
address = 5
interval_s = 300
expect_id = "22310042"

[[lines]]
name = "attic"
url = "tcp://127.0.0.1:2"
"""


def coming(serial: str, address: int = 5, was: str = "", line: str = "house") -> Coming:
    found = Found("modbus", address, serial, profiles=("eastron_sdm120",))
    return Coming(line, found, serial, "eastron_sdm120", was)


def serials(conf: config.EdgeConfig) -> list[tuple[str, str]]:
    return [(line.name, meter.serial) for line, meter in conf.meters]


def test_an_exchanged_meter_takes_its_entry_with_what_stands_there(tmp_path: Path) -> None:
    path = a_device(tmp_path, CONFIG + METERS)
    conf = configuring.write(path, [coming("33", was="22310042")], ["22310042"])
    assert serials(conf) == [("house", "11223344"), ("house", "33")]
    meter = conf.lines[0].meters[1]
    assert (meter.expect_id, meter.interval_s) == ("33", 300)
    for kept in ("# grey one", "# The panel on the third floor.", "# in the bathroom"):
        assert kept in path.read_text()
    assert configuring.write(path, [coming("33", was="22310042")], ["22310042"]) == conf


def test_one_that_comes_on_another_line_leaves_its_old_entry_to_be_removed(tmp_path: Path) -> None:
    path = a_device(tmp_path, CONFIG + METERS)
    conf = configuring.write(path, [coming("33", was="22310042", line="attic")], ["22310042"])
    assert serials(conf) == [("house", "11223344"), ("attic", "33")]


def test_a_stand_in_gets_the_serial_of_its_dial(tmp_path: Path) -> None:
    path = a_device(tmp_path, CONFIG + METERS.replace('"22310042"', '"house-modbus-5"'))
    conf = configuring.write(path, [coming("44", was="house-modbus-5")], [])
    assert serials(conf) == [("house", "11223344"), ("house", "44")]


def test_the_last_meter_of_a_line_can_go(tmp_path: Path) -> None:
    path = a_device(tmp_path, CONFIG + METERS)
    assert serials(configuring.write(path, [], ["11223344", "22310042"])) == []
    assert serials(configuring.write(path, [coming("5")], ["22310042"])) == [("house", "5")]


def test_a_new_meter_at_a_taken_address_changes_nothing(tmp_path: Path) -> None:
    path = a_device(tmp_path, CONFIG + METERS)
    before = path.read_text()
    with pytest.raises(ConfigError, match="share the address 5"):
        configuring.write(path, [coming("33")], [])
    assert path.read_text() == before


def test_lines_written_in_another_way_are_left_to_people() -> None:
    text = 'lines = [{name = "a", url = "tcp://h:1", meters = [{serial = "1"}]}]\n'
    with pytest.raises(WritingError, match="by hand"):
        configuring.rewrite(text, {"1": {"serial": "2"}}, [])
    with pytest.raises(WritingError, match="cannot change this file"):
        configuring.rewrite("[[lines]]\nx = 1\n[[lines.meters]]\ny = 2\n", {}, ["1"])
