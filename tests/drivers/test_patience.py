"""How long a unit is waited for: short for the quick, long for the slow, full in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.patience import ANSWERS_MIN, MARGIN, WAIT_S_MIN, WAIT_TURNAROUNDS_MAX, Patience

TURNAROUND_S = 0.5


def after(*delays_s: float) -> Patience:
    patience = Patience()
    for delay_s in delays_s:
        patience.answered(delay_s)
    return patience


def test_an_unknown_unit_gets_the_whole_turnaround() -> None:
    assert Patience().wait_s(TURNAROUND_S) == TURNAROUND_S
    assert after(*[0.02] * (ANSWERS_MIN - 1)).wait_s(TURNAROUND_S) == TURNAROUND_S


def test_a_unit_that_was_quick_many_times_is_waited_for_shortly() -> None:
    assert after(*[0.02] * ANSWERS_MIN).wait_s(TURNAROUND_S) == WAIT_S_MIN
    assert after(*[0.09] * ANSWERS_MIN).wait_s(TURNAROUND_S) == pytest.approx(MARGIN * 0.09)


def test_one_slow_answer_counts_at_once_and_fades_slowly() -> None:
    patience = after(*[0.02] * ANSWERS_MIN, 0.12)
    assert patience.wait_s(TURNAROUND_S) == pytest.approx(MARGIN * 0.12)
    patience.answered(0.02)
    assert patience.wait_s(TURNAROUND_S) > MARGIN * 0.11
    for _ in range(50):
        patience.answered(0.02)
    assert patience.wait_s(TURNAROUND_S) == WAIT_S_MIN


def test_one_failure_brings_the_whole_turnaround_back() -> None:
    patience = after(*[0.02] * 50)
    patience.failed()
    assert patience.wait_s(TURNAROUND_S) == TURNAROUND_S


def test_a_late_answer_teaches_a_longer_wait_up_to_a_bound() -> None:
    patience = Patience()
    patience.late(0.45)
    assert patience.was_late
    assert patience.wait_s(TURNAROUND_S) == pytest.approx(MARGIN * 0.45)
    patience.late(5.0)
    assert patience.wait_s(TURNAROUND_S) == WAIT_TURNAROUNDS_MAX * TURNAROUND_S
    patience.answered(0.6)
    assert not patience.was_late


def test_a_line_faster_than_the_floor_keeps_its_own_turnaround() -> None:
    assert after(*[0.001] * 50).wait_s(0.03) == 0.03


@given(
    st.lists(
        st.tuples(st.sampled_from(("answered", "failed", "late")), st.floats(0, 60)), max_size=60
    )
)
def test_a_wait_is_always_within_its_bounds(history: list[tuple[str, float]]) -> None:
    patience = Patience()
    for what, delay_s in history:
        if what == "answered":
            patience.answered(delay_s)
        elif what == "late":
            patience.late(delay_s)
        else:
            patience.failed()
        wait_s = patience.wait_s(TURNAROUND_S)
        assert WAIT_S_MIN <= wait_s <= WAIT_TURNAROUNDS_MAX * TURNAROUND_S
        if what != "answered":
            assert wait_s >= TURNAROUND_S
