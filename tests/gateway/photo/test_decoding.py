"""Scores made by hand: what a row of wheels says together, and how far an expectation reaches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gateway.photo.decoding import CLASSES, EMPTY, POSITIONS, SURE_MIN, Scores, decode
from gateway.photo.mask import Kind, Mask, Prior
from gateway.photo.reading import Reading


def wheels(*positions: float, spread: float = 1.0) -> Scores:
    """Wheels seen at these positions, each by so many tenths more or less."""
    tenths = np.array(positions)[:, None] * 10
    away = (np.arange(POSITIONS) - tenths + 50) % POSITIONS - 50
    likely = np.exp(-((away / spread) ** 2) / 2)
    cells = len(positions)
    return Scores(
        likely / likely.sum(axis=1, keepdims=True),
        np.full((cells, CLASSES), 1 / CLASSES),
        np.ones(cells),
    )


def display(*classes: int, sure: float = 0.99) -> Scores:
    cells = len(classes)
    digits = np.full((cells, CLASSES), (1 - sure) / (CLASSES - 1))
    digits[np.arange(cells), classes] = sure
    blank = np.full((cells, POSITIONS), 1 / POSITIONS)
    return Scores(blank, digits, np.ones(cells))


def torn(scores: Scores, cell: int, likely: dict[int, float]) -> Scores:
    """The same wheels, one of which may stand at several digits."""
    seen = scores.wheels.copy()
    seen[cell] = 1e-6
    for digit, much in likely.items():
        seen[cell, digit * 10] = much
    return scores._replace(wheels=seen / seen.sum(axis=1, keepdims=True))


def read(scores: Scores, prior: Prior | None = None, kind: Kind = Kind.ODOMETER) -> Reading:
    return decode(scores, Mask(kind, len(scores.found), 0), prior)


@pytest.mark.parametrize(
    ("positions", "value"),
    [
        ((1, 2, 3), 123),
        ((1.7, 9.7, 9.65), 199),  # half-turned by the nines to their right
        ((1.5, 9.5, 9.5), 199),
        ((2.0, 9.95, 9.9), 200),  # the last wheel has as good as arrived
        ((0.6, 9.6, 9.6), 99),
        ((9.6, 9.6, 9.6), 999),
        ((4.0, 3.5), 43),  # the last wheel turns alone
        ((4.1, 0.0), 40),  # play
        ((3.9, 0.2), 40),
    ],
)
def test_wheels_carry(positions: tuple[float, ...], value: int) -> None:
    assert read(wheels(*positions, spread=0.6)).likeliest == value


def test_clear_wheels_are_shown() -> None:
    reading = read(wheels(0, 4, 2, 7.3))
    assert reading.mantissa == 427
    assert all(cell.sure >= SURE_MIN for cell in reading.cells)


def test_wheels_that_contradict_each_other_are_left_open() -> None:
    assert read(wheels(1.5, 4.0, 2.0)).cells[0].digit is None


def test_an_unclear_digit_is_left_open_and_the_others_are_not() -> None:
    reading = read(torn(wheels(1, 2, 3), 1, {2: 0.6, 7: 0.4}))
    assert [cell.digit for cell in reading.cells] == [1, None, 3]
    assert reading.mantissa is None
    assert reading.likeliest == 123


def test_what_is_expected_decides_between_digits_that_look_alike() -> None:
    scores = torn(wheels(1, 2, 3), 1, {2: 0.55, 7: 0.45})
    assert read(scores).mantissa is None
    assert read(scores, Prior(170, 180)).mantissa == 173


def test_what_is_expected_never_overrules_a_clear_picture() -> None:
    reading = read(wheels(1, 2, 3), Prior(170, 180))
    assert reading.mantissa == 123


def test_what_is_only_expected_is_never_shown_as_read() -> None:
    blind = wheels(1, 2, 3)
    blind.wheels[1] = 1 / POSITIONS
    reading = read(blind, Prior(171, 179))
    assert [cell.digit for cell in reading.cells] == [1, None, 3]
    assert reading.cells[1].sure < SURE_MIN


def test_the_picture_must_favour_what_is_shown() -> None:
    scores = torn(wheels(1, 2, 3), 1, {2: 0.8, 7: 0.2})
    shown = [cell.digit for cell in read(scores, Prior(170, 180)).cells]
    assert shown == [1, None, 3]


@pytest.mark.parametrize("prior", [Prior(990, 1010), Prior(990, 10)])
def test_a_register_may_have_passed_its_end(prior: Prior) -> None:
    scores = torn(wheels(0, 0, 5), 0, {0: 0.45, 8: 0.55})
    assert read(scores, prior).mantissa == 5


def test_a_range_as_wide_as_the_dial_says_nothing() -> None:
    scores = torn(wheels(1, 2, 3), 1, {2: 0.6, 7: 0.4})
    assert read(scores, Prior(0, 10_000)) == read(scores)


def test_empty_places_before_a_display_s_first_digit_are_noughts() -> None:
    assert read(display(EMPTY, EMPTY, 4, 0), kind=Kind.LCD).mantissa == 40


def test_a_place_right_of_a_digit_is_not_empty() -> None:
    reading = read(display(4, EMPTY, 2), kind=Kind.LCD)
    assert reading.mantissa is None


def test_scores_of_other_cells_than_the_mask_has_are_refused() -> None:
    with pytest.raises(ValueError, match="4 cells, the scores are of 3"):
        decode(wheels(1, 2, 3), Mask(Kind.ODOMETER, 4, 0))


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (5, POSITIONS)),
    arrays(np.float64, (5, CLASSES)),
    st.sampled_from(Kind),
    st.none() | st.builds(Prior, st.integers(), st.integers()),
)
def test_any_scores_decode(
    wheel: np.ndarray, digits: np.ndarray, kind: Kind, prior: Prior | None
) -> None:
    reading = decode(Scores(wheel, digits, np.ones(5)), Mask(kind, 3, 2), prior)
    assert len(reading.cells) == 5
    for cell in reading.cells:
        assert 0 <= cell.sure <= 1
        assert cell.digit in (None, cell.best)
