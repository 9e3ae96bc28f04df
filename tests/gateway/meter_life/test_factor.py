"""Factors are exact, and lines add up however a register's way is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.meter_life import factor

FACTORS = st.one_of(
    st.integers(1, 10_000).map(str),
    st.builds(lambda n, d: f"{n}/{d}", st.integers(1, 9_999), st.integers(1, 9_999)),
    st.decimals("0.000001", 9, places=6, allow_nan=False).map(lambda value: f"{value:f}"),
)


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("40", "40"),
        ("40.0", "40"),
        ("1,5", "3/2"),
        ("1/3200", "1/3200"),
        ("10/4", "5/2"),
        ("1", "1"),
    ],
)
def test_a_factor_has_one_form(text: str, one: str) -> None:
    assert factor.canonical(text) == one


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1e3", "1/0", "0/5", "a", "1/2/3", "99999999", "٤"]
)
def test_what_is_no_factor_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="expected a factor like 40"):
        factor.canonical(text)


@pytest.mark.parametrize(
    ("way", "turns", "digits", "times", "used"),
    [
        ((100_00, 103_50), 0, 8, "40", 140_00),
        ((0, 3_200), 0, 8, "1/3200", 1),
        ((3_199, 3_201), 0, 8, "1/3200", 1),
        ((3_200, 6_399), 0, 8, "1/3200", 0),
        # Over the last digit: 999 900 to 100 of six digits is 200, times 40.
        ((999_900, 100), 1, 6, "40", 8_000),
        ((999_900, 100), 1, 6, "1", 200),
        ((5, 7), 0, 8, "3/2", 10 - 7),
    ],
)
def test_positions_are_rounded_down_not_differences(
    way: tuple[int, int], turns: int, digits: int, times: str, used: int
) -> None:
    assert factor.used(*way, turns=turns, digits=digits, factor=times) == used


@given(
    FACTORS,
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 2)), min_size=1, max_size=8),
    st.integers(0, 10**9),
)
def test_lines_add_up_over_any_cut(
    times: str, digits: int, cuts: list[tuple[int, int]], start: int
) -> None:
    """A way over marks with turns of the dial between them is billed the same in one line."""
    full = 10**digits
    marks = [start % full, *(mantissa % full for mantissa, _ in cuts)]
    turns = [count for _, count in cuts]
    parts = [
        factor.used(before, after, turns=count, digits=digits, factor=times)
        for before, after, count in zip(marks, marks[1:], turns, strict=False)
    ]
    whole = factor.used(marks[0], marks[-1], turns=sum(turns), digits=digits, factor=times)
    assert sum(parts) == whole


@given(FACTORS, st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_position_is_less_than_one_unit_below_the_exact_one(times: str, x: int, y: int) -> None:
    exact = factor.parse(factor.canonical(times))
    assert 0 <= x * exact - factor.volume(x, times) < 1
    assert (x <= y) <= (factor.volume(x, times) <= factor.volume(y, times))
