"""The list of quality codes: what is in it, and that everything we say is."""

import re
from pathlib import Path

import pytest

from gateway import quality, rules
from gateway.model import State

RULES = Path(rules.__file__).parent
CODE = re.compile(r'"(\d+\.\d+\.\d+)"')


def test_every_code_that_a_rule_gives_is_in_the_list() -> None:
    given = {code for file in RULES.glob("*.py") for code in CODE.findall(file.read_text("utf-8"))}
    assert {"3.6.0", "3.6.9", "2.5.258"} <= given
    assert given <= quality.CODES.keys()


@pytest.mark.parametrize(
    ("code", "elsewhere"),
    [
        ("2.0.0", (("A",), (14,), ("220",), 192, "M")),
        ("3.0.1", (("A",), (17, 18, 19), ("220",), 192, "M")),
        ("2.5.258", (("S",), (10,), (), 0, None)),
        ("2.5.259", (("N",), (), (), 500, None)),
        ("2.5.256", (("reason 96",), (10,), (), 0, None)),
        ("3.6.0", (("reason 45",), (10,), (), 0, None)),
        ("3.6.9", (("reason 45",), (10,), (), 0, None)),
        ("3.7.0", (("64", "66"), (7,), (), None, "O")),
        ("3.8.0", (("E", "S", "F"), (8, 9), ("67", "STS Z32", "STS Z40"), None, "O")),
        ("3.10.1", (("A",), (18,), ("220",), None, "M")),
        ("3.11.0", (("V", "12"), (11, 12, 13, 15), (), None, None)),
        ("3.4.130", (("67", "reason 75"), (14,), (), 192, "M")),
        ("1.3.1", (("reason 60", "reason 63", "reason 70", "reason 39"), (), (), 0, None)),
        ("1.1.9", (("reason 86", "reason 89"), (), (), 0, None)),
        ("1.2.32", (("reason 79",), (), (), None, None)),
        ("3.8.1001", (("63",), (8,), ("67",), None, "N")),
    ],
)
def test_what_others_call_it(code: str, elsewhere: tuple[object, ...]) -> None:
    """AEMO, ESPI, MSCONS, Sparkplug, ГИС ЖКХ."""
    assert quality.CODES[code][2:] == elsewhere


def test_the_parts_of_a_code_are_those_of_the_standard() -> None:
    """Systems 0 to 5; categories 0 to 8 and 10 to 12; from 1001 on an index is a vendor's own."""
    for code in quality.CODES:
        system, category, _ = (int(part) for part in code.split("."))
        assert system in range(6)
        assert category in {*range(9), 10, 11, 12}
    assert [code for code in quality.CODES if int(code.split(".")[2]) > 1000] == ["3.8.1001"]


def test_a_reading_keeps_all_its_codes() -> None:
    assert quality.codes(State.ACCEPTED, []) == ["3.0.1"]
    assert quality.codes(State.ACCEPTED, ["3.6.1", "3.6.5"]) == ["3.0.1", "3.6.1", "3.6.5"]
    assert quality.codes(State.SUSPECT, ["3.6.4", "2.5.258"]) == ["2.5.258", "3.6.4"]
