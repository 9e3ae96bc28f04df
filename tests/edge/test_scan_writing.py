"""Found meters in edge.toml: where a person would put them, and everything else as it was."""

import tomllib
from pathlib import Path

import pytest

from drivers.driver import Found
from edge.scan.writing import Entry, Unknown, WritingError, extend

TWO_LINES = """\
# The house at the corner.
[[lines]]
name = "rs485"   # the riser
url = "tcp://192.0.2.1:502"

[[lines.meters]]
serial = "1"
profile = "eastron_sdm120"
address = 1
# interval_s = 60

# Second door on the left.
[[lines]]
name = "mbus"
url = "tcp://192.0.2.2:10001"

[broker]   # of the city
host = "gateway.example"
ca = "ca.pem"
cert = "device.pem"
cert_key = "tls.key"
"""
EXAMPLE = Path(__file__).parents[2] / "deploy/raspberry-pi/edge.example.toml"
NEW = """
[[lines.meters]]
serial = "2"
profile = "eastron_sdm120"
address = 7
"""


def entry(line: str, serial: str, **remarks: str) -> Entry:
    keys: dict[str, str | int] = {"serial": serial, "profile": "eastron_sdm120", "address": 7}
    return Entry(line, Found("modbus", 7), keys, remarks)


def unknown(line: str, remark: str = "exception 2") -> Unknown:
    return Unknown(line, Found("mbus", "1234567801024004", identification="12345678"), remark)


def test_a_comment_may_hold_what_other_programs_take_for_an_end_of_line() -> None:
    text = f"# first\u2028second\x85\n{TWO_LINES}"
    assert extend(text, [entry("rs485", "2")], []).startswith("# first\u2028second\x85\n")


def test_nothing_found_changes_nothing() -> None:
    assert extend(TWO_LINES, [], []) == TWO_LINES


def test_a_meter_stands_behind_the_last_one_of_its_line_before_what_is_said_of_the_next() -> None:
    added = extend(TWO_LINES, [entry("rs485", "2", profile="fits too: x")], [])
    new = """
[[lines.meters]]
serial = "2"
profile = "eastron_sdm120"  # fits too: x
address = 7
"""
    here = "# interval_s = 60\n"
    assert added == TWO_LINES.replace(here, here + new)


def test_the_first_meters_of_a_line() -> None:
    added = extend(TWO_LINES, [entry("mbus", "2"), entry("mbus", "3")], [])
    new = """
[[lines.meters]]
serial = "2"
profile = "eastron_sdm120"
address = 7

[[lines.meters]]
serial = "3"
profile = "eastron_sdm120"
address = 7
"""
    here = 'url = "tcp://192.0.2.2:10001"\n'
    assert added == TWO_LINES.replace(here, here + new)


def test_a_meter_without_a_profile_is_a_comment_and_only_once() -> None:
    added = extend(TWO_LINES, [], [unknown("mbus", "no profile\n\x00fits")])
    comment = (
        "\n# found by plomba-edge scan on mbus, no profile: mbus 1234567801024004, "
        "12345678: no profile fits\n"
    )
    here = 'url = "tcp://192.0.2.2:10001"\n'
    assert added == TWO_LINES.replace(here, here + comment)
    assert extend(added, [], [unknown("mbus", "said otherwise")]) == added


def test_a_meter_that_has_a_profile_by_now_takes_the_place_of_its_comment() -> None:
    commented = extend(TWO_LINES, [], [unknown("mbus")])
    known = entry("mbus", "12345678")._replace(found=unknown("mbus").found)
    added = extend(commented, [known], [])
    assert "no profile" not in added
    assert 'serial = "12345678"' in added


def test_a_meter_in_the_example_stands_before_what_it_offers() -> None:
    example = EXAMPLE.read_text("utf-8")
    added = extend(example, [entry("rs485", "2")], [])
    assert added.replace(NEW, "", 1) == example
    assert added.index(NEW) < added.index("# A meter by hand")


@pytest.mark.parametrize("text", [TWO_LINES.rstrip("\n"), TWO_LINES.replace("\n", "\r\n")])
def test_other_ways_to_end_a_line(text: str) -> None:
    added = extend(text, [entry("rs485", "2"), entry("mbus", "3")], [unknown("rs485")])
    assert added.splitlines() == extend(TWO_LINES, *FOUND).splitlines()
    assert added.count("\r\n") in {0, added.count("\n")}


FOUND = ([entry("rs485", "2"), entry("mbus", "3")], [unknown("rs485")])


def test_lines_apart_from_their_meters() -> None:
    text = '[[lines]]\nname = "a"\n[broker]\nhost = "b"\n[[lines.meters]]\nserial = "1"\n'
    lines = tomllib.loads(extend(text, [entry("a", "2")], []))["lines"]
    assert [meter["serial"] for meter in lines[0]["meters"]] == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        'lines = [{name = "a"}]\n',
        '[[lines]]\nname = "a"\nmeters = [{serial = "1"}]\n',
        '[[lines]]\nname = "a"\nmeters = []\n',
    ],
)
def test_what_cannot_be_extended_is_refused(text: str) -> None:
    with pytest.raises(WritingError, match="by hand"):
        extend(text, [entry("a", "2")], [])
