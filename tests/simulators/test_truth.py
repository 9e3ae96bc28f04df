"""The ground truth: pure, exact, growing where it must, and eventful where it is told to be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.reading import Unit
from simulators.truth import (
    DAY_HOURS,
    DAY_MS,
    ELECTRIC_DAY,
    GRAINS,
    HOUR_MS,
    NIGHT_HOURS,
    WATER_DAY,
    Flow,
    Register,
    Span,
)

ORIGIN_MS = 20_700 * DAY_MS
PER_DAY = 1_000 * GRAINS


def a_flow(seed: str = "s", **changes: object) -> Flow:
    fields: dict[str, object] = {
        "seed": seed,
        "per_day": PER_DAY,
        "weights": ELECTRIC_DAY,
        "origin_ms": ORIGIN_MS,
    }
    return Flow(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any field


def a_register(**changes: object) -> Register:
    fields: dict[str, object] = {
        "obis": "1-0:1.8.0",
        "unit": Unit.KWH,
        "exponent": -2,
        "digits": 8,
        "flows": (a_flow(),),
    }
    return Register(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any field


@given(st.lists(st.integers(0, 60 * DAY_MS), min_size=2), st.integers(0, 100))
def test_a_flow_never_falls(offsets_ms: list[int], steady: int) -> None:
    flow = a_flow(steady=steady, holidays=range(5, 9))
    totals = [flow.total(ORIGIN_MS + offset_ms) for offset_ms in sorted(offsets_ms)]
    assert totals == sorted(totals)


@given(st.integers(0, 40 * DAY_MS))
def test_the_order_of_asking_changes_nothing(offset_ms: int) -> None:
    asked_far_first = a_flow()
    asked_far_first.total(ORIGIN_MS + 60 * DAY_MS)
    assert asked_far_first.total(ORIGIN_MS + offset_ms) == a_flow().total(ORIGIN_MS + offset_ms)


@given(st.integers(0, 40 * DAY_MS))
def test_both_tariffs_together_are_all_that_flowed(offset_ms: int) -> None:
    at_ms = ORIGIN_MS + offset_ms
    parts = [a_flow(hours=hours).total(at_ms) for hours in (DAY_HOURS, NIGHT_HOURS)]
    # Each of the two rounds down once per day; a grain is a ten thousandth of the last digit.
    days = offset_ms // DAY_MS + 1
    assert 0 <= a_flow().total(at_ms) - sum(parts) <= days


def test_a_tariff_stands_still_outside_its_hours() -> None:
    night = a_flow(hours=NIGHT_HOURS)
    at_7, at_23 = ORIGIN_MS + 7 * HOUR_MS, ORIGIN_MS + 23 * HOUR_MS
    assert night.total(at_7) == night.total(at_23) < night.total(at_23 + HOUR_MS)
    day = a_flow(hours=DAY_HOURS)
    assert day.total(ORIGIN_MS) == day.total(at_7) < day.total(at_7 + HOUR_MS)


def test_seeds_differ_and_repeat() -> None:
    at_ms = ORIGIN_MS + 30 * DAY_MS
    assert a_flow("a").total(at_ms) == a_flow("a").total(at_ms)
    assert a_flow("a").total(at_ms) != a_flow("b").total(at_ms)


def test_a_day_is_within_half_of_the_average() -> None:
    flow = a_flow()
    days = [flow.total(ORIGIN_MS + d * DAY_MS) for d in range(101)]
    amounts = [later - earlier for earlier, later in pairwise(days)]
    assert PER_DAY // 2 <= min(amounts) < max(amounts) <= PER_DAY * 3 // 2


def test_nobody_at_home_uses_next_to_nothing() -> None:
    flow = a_flow(holidays=range(10, 12))
    away = flow.total(ORIGIN_MS + 12 * DAY_MS) - flow.total(ORIGIN_MS + 10 * DAY_MS)
    assert 0 < away < PER_DAY // 5


def test_a_leak_flows_at_night_too() -> None:
    tight, leaking = (a_flow(weights=WATER_DAY, steady=share) for share in (0, 30))
    from_ms, to_ms = ORIGIN_MS + HOUR_MS, ORIGIN_MS + 5 * HOUR_MS
    assert tight.total(to_ms) == tight.total(from_ms)
    assert leaking.total(to_ms) > leaking.total(from_ms)


def test_a_register_rolls_over_and_the_count_goes_on() -> None:
    register = a_register(digits=4, initial=9_900)
    at_ms = ORIGIN_MS + DAY_MS
    assert register.counted(at_ms) > 9_999
    assert register.shown(at_ms) == register.counted(at_ms) - 10_000


def test_a_stuck_register_keeps_its_last_value() -> None:
    stuck_ms = ORIGIN_MS + 3 * DAY_MS
    register = a_register(stuck_from_ms=stuck_ms)
    assert register.shown(stuck_ms - DAY_MS) < register.shown(stuck_ms)
    assert register.shown(stuck_ms) == register.shown(stuck_ms + 20 * DAY_MS)


def test_back_flow_takes_away_exactly_what_it_says() -> None:
    span = Span(ORIGIN_MS + DAY_MS, ORIGIN_MS + DAY_MS + HOUR_MS)
    back = a_register(initial=100, backwards=span, backwards_by=50_000)
    plain = a_register(initial=100)
    assert back.grains(span.start_ms) == plain.grains(span.start_ms)
    assert back.grains(span.end_ms) == plain.grains(span.end_ms) - 50_000
    assert back.grains(span.end_ms + DAY_MS) == plain.grains(span.end_ms + DAY_MS) - 50_000


def test_nonsense_is_shown_but_never_counted() -> None:
    span = Span(ORIGIN_MS + DAY_MS, ORIGIN_MS + DAY_MS + HOUR_MS)
    register = a_register(nonsense=span, nonsense_by=5_000_000)
    assert register.shown(span.start_ms) == register.counted(span.start_ms) + 5_000_000
    assert register.shown(span.end_ms) == register.counted(span.end_ms)
