"""V-ORD: a register's readings go forward in time along their device's chain, however they came."""

from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import ClockState
from gateway.opening import Incoming
from gateway.rules import order
from gateway.rules.order import Chained, Placed
from tests.gateway.estate import (
    HOUR_MS,
    MIDNIGHT_MS,
    QUARTER_MS,
    Estate,
    a_readout,
    kwh,
)
from tests.gateway.rule_cases import NOON, assert_the_screen_decides_as_the_rules

MINE = Placed(NOON, 0, Chained(1, 10, 0), disordered=False)


def placed(hours: int, *chained: int, disordered: bool = False) -> Placed:
    return Placed(NOON + hours * HOUR_MS, 0, Chained(*chained), disordered)


@pytest.mark.parametrize(
    ("later", "found"),
    [
        ([], False),
        ([placed(1, 1, 11, 0)], False),
        ([placed(1, 1, 9, 0)], True),  # chained earlier, captured later
        ([placed(1, 1, 10, 1)], False),  # within a batch places count
        ([placed(1, 1, 11, 0), placed(2, 1, 9, 0)], False),  # in order: none behind it can be
        ([placed(1, 1, 11, 0, disordered=True), placed(2, 1, 9, 0)], True),
        ([placed(1, 2, 9, 0)], False),  # another device's chain
    ],
)
def test_a_reading_is_out_of_order_after_one_that_shows_a_later_time(
    later: list[Placed], *, found: bool
) -> None:
    assert (order.check(MINE, later) is not None) == found


@pytest.mark.parametrize(
    ("earlier", "found"),
    [
        ([placed(-1, 1, 9, 0)], []),
        ([placed(-1, 1, 11, 0), placed(-2, 1, 12, 0), placed(-3, 1, 9, 0)], [-1, -2]),
        ([placed(-1, 1, 11, 0, disordered=True), placed(-2, 1, 12, 0)], [-2]),
        ([placed(-1, 2, 11, 0)], []),
    ],
)
def test_a_reading_that_comes_late_tells_of_those_chained_after_it(
    earlier: list[Placed], found: list[int]
) -> None:
    told = [(one.at_ms - NOON) // HOUR_MS for one, _ in order.contradicted(MINE, earlier)]
    assert told == found


def test_the_finding_names_both_batches_and_times() -> None:
    finding = order.check(MINE, [placed(1, 1, 9, 0)])
    assert finding is not None
    assert finding[:3] == ("V-ORD", "W", "1.4.128")
    assert finding.detail == (
        "chained as #10 and captured 1970-04-11T00:00:00Z, after #9 captured "
        "1970-04-11T01:00:00Z: the clock was set back"
    )


def signed(estate: Estate, *steps: tuple[int, int]) -> list[Incoming]:
    """Batches of one reading each: quarter of an hour and value."""
    return [
        estate.edge.sign(a_readout(MIDNIGHT_MS + at * QUARTER_MS, kwh(value)))
        for at, value in steps
    ]


def disordered(estate: Estate) -> list[int]:
    """The quarters of an hour whose readings have V-ORD."""
    rows = estate.store.database.connection.execute(
        "SELECT captured_at_ms FROM verdict WHERE rule = 'V-ORD' ORDER BY captured_at_ms"
    )
    return [(at_ms - MIDNIGHT_MS) // QUARTER_MS for (at_ms,) in rows]


@pytest.mark.parametrize("arrival", list(permutations(range(4))))
def test_late_batches_are_no_disorder(estate: Estate, arrival: tuple[int, ...]) -> None:
    messages = signed(estate, (0, 1100), (1, 1101), (2, 1102), (3, 1103))
    for number in arrival:
        estate.take(messages[number])
    assert disordered(estate) == []


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
@pytest.mark.parametrize("at_once", [False, True])
def test_a_clock_that_was_set_back_is_seen_in_whichever_order_it_came(
    estate: Estate, arrival: tuple[int, ...], at_once: bool
) -> None:
    messages = signed(estate, (0, 1100), (8, 1110), (4, 1105))
    if at_once:
        estate.take(*(messages[number] for number in arrival))
    else:
        for number in arrival:
            estate.take(messages[number])
    assert disordered(estate) == [4]
    assert estate.states() == [0, 0, 0]


def test_readings_of_one_batch_have_an_order_too(estate: Estate) -> None:
    later, earlier = (
        a_readout(MIDNIGHT_MS + at * QUARTER_MS, kwh(value)) for at, value in ((2, 1110), (1, 1105))
    )
    estate.take(estate.edge.sign(later, earlier))
    assert disordered(estate) == [1]


def test_a_reading_from_the_future_puts_nothing_after_it_out_of_order(estate: Estate) -> None:
    messages = signed(estate, (0, 1100), (400, 1101), (1, 1102), (2, 1103))
    estate.take(*messages, now_ms=MIDNIGHT_MS + HOUR_MS)
    assert estate.verdicts() == [("V-TIME", "E")]


def test_readings_in_relative_time_that_are_placed_later_are_in_order(estate: Estate) -> None:
    start_ms, relative = MIDNIGHT_MS, ClockState.RELATIVE
    waiting = estate.edge.sign(
        a_readout(60_000, kwh(1100), clock_state=relative), clock_state=relative, uptime_ms=61_000
    )
    known = estate.edge.sign(
        a_readout(start_ms + 120_000, kwh(1101)), signed_at_ms=start_ms + 121_000, uptime_ms=121_000
    )
    estate.take(waiting, known)
    assert estate.verdicts() == [("V-TIME", "W")]


@settings(max_examples=150, deadline=None)
@given(quarters=st.permutations(range(9)), data=st.data())
def test_v_ord_stands_with_the_same_readings_in_any_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, quarters: list[int], data: st.DataObject
) -> None:
    """Those and only those that are chained after one of a later time."""
    road = data.draw(st.permutations(range(len(quarters))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(quarters)), max_size=4)))
    repeated = data.draw(st.lists(st.sampled_from(road)))
    estate = Estate(tmp_path_factory.mktemp("estates") / "1.db")
    messages = signed(estate, *((at, 1100 + at) for at in quarters))
    for first, last in pairwise([0, *cuts, len(road)]):
        estate.take(*(messages[number] for number in (*road[first:last], *repeated)))
    expected = [at for place, at in enumerate(quarters) if at < max(quarters[:place], default=0)]
    assert disordered(estate) == sorted(expected)
    assert set(estate.states()) == {0}
    estate.store.close()


STEPS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 20)), min_size=1, max_size=10)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, data=st.data())
def test_the_screen_decides_as_the_rules_do_in_any_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    road = data.draw(st.permutations(range(len(steps))))
    cut = data.draw(st.integers(0, len(steps)))

    def lived(path: Path, error_s: int) -> Estate:
        estate = Estate(path)
        messages = [
            estate.edge.sign(
                a_readout(MIDNIGHT_MS + at * QUARTER_MS, kwh(1100 + value), clock_error_s=error_s)
            )
            for at, value in steps
        ]
        for part in (road[:cut], road[cut:]):
            estate.take(*(messages[number] for number in part))
        return estate

    assert_the_screen_decides_as_the_rules(tmp_path_factory.mktemp("estates"), lived)
