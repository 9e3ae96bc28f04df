from decimal import Decimal

import pytest

from gateway.resident_web import dial
from gateway.resident_web.ports import NotDone
from tests.gateway.resident_web.memory import HEAT, WATER


def test_a_register_has_black_cells_and_red_ones() -> None:
    cells = dial.cells(WATER, (0, 0, 1, None, 3, 4, None, 6))
    assert [cell.red for cell in cells] == [False] * 5 + [True] * 3
    assert [cell.value for cell in cells] == ["0", "0", "1", "", "3", "4", "", "6"]
    assert [cell.first for cell in cells].index(True) == 3
    assert sum(cell.first for cell in cells) == 1
    assert dial.shape(HEAT) == (4, 3)
    assert dial.shape(WATER._replace(exponent=0, digits=6)) == (6, 0)


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("00123456", "123.456"),
        ("00123   ", "123"),
        ("  123456", "123.456"),
        ("001234  ", "123.4"),
        ("00000000", "0.000"),
    ],
)
def test_cells_are_a_value(digits: str, value: str) -> None:
    form = {f"d{at}": one.strip() for at, one in enumerate(digits)}
    found = dial.value_of(WATER, dial.given(WATER, form))
    assert found == Decimal(value)
    assert found.as_tuple() == Decimal(value).as_tuple()._replace(digits=found.as_tuple().digits)


@pytest.mark.parametrize("digits", ["        ", "     123", "0 123456", "00123 56", "001 3   "])
def test_a_digit_missing_in_between_is_asked_for(digits: str) -> None:
    form = {f"d{at}": one.strip() for at, one in enumerate(digits)}
    with pytest.raises(NotDone):
        dial.value_of(WATER, dial.given(WATER, form))


@pytest.mark.parametrize("odd", ["12", "x", "٣", "-", "<"])
def test_a_cell_holds_one_digit(odd: str) -> None:
    with pytest.raises(NotDone):
        dial.given(WATER, {"d0": odd})


@pytest.mark.parametrize("odd", ["", "1e9", "-1", "1.", ".5", "1.2.3", "9" * 30, "NaN", "١"])
def test_what_the_pages_never_wrote_is_not_taken(odd: str) -> None:
    with pytest.raises(NotDone):
        dial.parsed(odd)
