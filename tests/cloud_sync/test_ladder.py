"""The ladder of a certificate's end: 90/30/7 days, in proportion for shorter lives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.ladder import DAY_MS, Step, is_due, step_of


@pytest.mark.parametrize(
    ("life_days", "left_days", "step"),
    [
        (397, 91, Step.VALID),
        (397, 90, Step.FIRST),
        (397, 30, Step.SECOND),
        (397, 7, Step.LAST),
        (397, 0, Step.EXPIRED),
        (397, -1, Step.EXPIRED),
        (90, 31, Step.VALID),
        (90, 30, Step.FIRST),
        (90, 10, Step.SECOND),
        (90, 2, Step.LAST),
        (27, 10, Step.VALID),
        (27, 9, Step.FIRST),
        (27, 3, Step.SECOND),
    ],
)
def test_steps(life_days: int, left_days: int, step: Step) -> None:
    assert step_of(0, life_days * DAY_MS, (life_days - left_days) * DAY_MS) is step


@given(st.integers(1, 5000 * DAY_MS), st.integers(-DAY_MS, 6000 * DAY_MS))
def test_before_the_second_step_of_any_life_renewal_is_due(life_ms: int, now_ms: int) -> None:
    if step_of(0, life_ms, now_ms) in (Step.SECOND, Step.LAST, Step.EXPIRED):
        assert is_due(0, life_ms, now_ms)


@given(st.integers(1, 5000 * DAY_MS), st.lists(st.integers(0, 6000 * DAY_MS), min_size=2))
def test_steps_only_go_down(life_ms: int, times: list[int]) -> None:
    order = list(Step)
    seen = [order.index(step_of(0, life_ms, now_ms)) for now_ms in sorted(times)]
    assert seen == sorted(seen)
