"""What a person typed beside what the meter said."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.visit import Level
from drivers.reading import Unit
from edge.visit import dial
from edge.visit.dial import Other

WATER = Level("8-0:1.0.0", 123_456, -3, Unit.M3, 8)
LIGHT = (
    Level("1-0:1.8.1", 1_000_050, -2, Unit.KWH, 8),
    Level("1-0:1.8.2", 500_025, -2, Unit.KWH, 8),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123.456", "123.456"),
        ("00123,45", "123.45"),
        (" 1 234,5 ", "1234.5"),
        ("1\u00a0234", "1234"),
        ("-5", "-5"),
        ("0", "0"),
    ],
)
def test_dials_are_read_as_they_are_written(text: str, value: str) -> None:
    assert dial.typed(text, WATER).value == Decimal(value)


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1e5", "12-", "--1", "9" * 33, "٣", "1,", ",5"])
def test_what_is_no_number_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(dial.NotANumber, match="expected a number"):
        dial.typed(text, WATER)


@pytest.mark.parametrize(
    ("seen", "codes"),
    [
        ("123,4", []),
        ("123.45", []),
        ("999.9", ["another-meter", "differs"]),
        ("1234.56", ["decimal-point", "differs"]),
        ("123456", ["decimal-point", "differs"]),
        ("4.115", ["factor", "differs"]),
        ("500", ["differs"]),
        ("516.9", ["unit", "differs"]),
    ],
)
def test_a_difference_is_named(seen: str, codes: list[str]) -> None:
    others = [Other("7", [Level("8-0:1.0.0", 9999, -1, Unit.M3)])]
    looked = dial.look((WATER,), {WATER.obis: seen}, others)
    assert [hint.code for hint in looked.hints] == codes
    assert looked.agrees is (not codes)


def test_every_register_that_was_seen_must_agree() -> None:
    good = {"1-0:1.8.1": "10000,5", "1-0:1.8.2": "5000,2"}
    assert dial.look(LIGHT, good).agrees
    assert not dial.look(LIGHT, good | {"1-0:1.8.2": "10000"}).agrees
    assert (
        dial.look(LIGHT, good | {"1-0:1.8.2": " "}).levels
        == dial.look(LIGHT, {"1-0:1.8.1": "10000,5"}).levels
    )


def test_nothing_seen_does_not_agree() -> None:
    assert not dial.look(LIGHT, {}).agrees


def test_a_register_the_meter_does_not_have_is_refused() -> None:
    with pytest.raises(dial.NotANumber, match="no register"):
        dial.look(LIGHT, {"9-9:9.9.9": "1"})


def test_only_counters_are_shown() -> None:
    power = Level("1-0:1.7.0", 5, 0, Unit.KW)
    assert dial.shown([*LIGHT, power]) == LIGHT


@given(text=st.text(max_size=40))
def test_any_text_is_a_level_or_refused(text: str) -> None:
    try:
        level = dial.typed(text, WATER)
    except dial.NotANumber:
        return
    assert level.obis == WATER.obis
