"""V-HILO: weeks of unusual use, by table and through ingest."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import rules
from gateway.ingest import Incoming
from gateway.model import Level
from gateway.rules import usage
from gateway.rules.subject import History
from gateway.rules.usage import PERIOD_MS
from tests.gateway.estate import DAY_MS, MIDNIGHT_MS, Estate, a_readout, kwh
from tests.gateway.rule_cases import DIAL, a_candidate

WEEK = 20
START_MS = WEEK * PERIOD_MS


def judged(*uses: int, every_ms: int = PERIOD_MS, first: int = 5000) -> tuple[str, str] | None:
    """What is found after weeks of those uses; the last of them is the one judged."""
    levels = [Level(START_MS, first)]
    for use in uses:
        before = levels[-1]
        levels.append(Level(before.at_ms + every_ms, (before.mantissa + use) % DIAL.capacity))
    *openings, last = levels
    history = History(before=openings[-1], openings=tuple(openings))
    found = usage.check(a_candidate(last.mantissa, last.at_ms), history)
    return None if found is None else (found.severity, found.quality)


HIGH, LOW = ("W", "3.6.5"), ("W", "3.6.6")


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ((100, 100, 100, 100), None),
        ((100, 100, 100, 300), None),  # three times as much is the limit itself
        ((100, 100, 100, 301), None),  # and one unit may be the cut off digit
        ((100, 100, 100, 302), HIGH),
        ((300, 300, 300, 100), None),  # a third
        ((300, 300, 300, 99), None),
        ((300, 300, 300, 98), LOW),
        ((300, 300, 300, 30), LOW),
        ((300, 300, 300, 29), None),  # under a tenth nobody was at home
        ((300, 300, 300, 0), None),
        ((100, 100, 302), None),  # only two weeks are known
        ((100, 100, 9, 302), None),  # and an empty one does not count
        ((100, 100, 9, 100, 302), HIGH),
        ((0, 0, 0, 100), None),
        ((0, 0, 0, 0, 100, 100, 900), None),  # mostly empty: nothing is usual
        ((1, 1, 1, 4), None),  # steps of a coarse register
        ((1, 1, 1, 5), HIGH),
        ((50, 150, 100, 302), HIGH),
    ],
)
def test_weeks(uses: tuple[int, ...], expected: tuple[str, str] | None) -> None:
    assert judged(*uses) == expected


def test_use_is_compared_by_the_day() -> None:
    """A week that lasted two, because a reading was lost, may use twice as much."""
    openings = tuple(Level(START_MS + week * PERIOD_MS, 100 * week) for week in range(4))
    history = History(before=openings[-1], openings=openings)
    at_ms = openings[-1].at_ms + 2 * PERIOD_MS
    assert usage.check(a_candidate(300 + 601, at_ms), history) is None
    assert usage.check(a_candidate(300 + 602, at_ms), history) is not None


def test_a_rollover_is_no_unusual_use() -> None:
    assert judged(100, 100, 100, 100, first=DIAL.capacity - 250) is None


def test_only_the_first_reading_of_a_week_is_judged() -> None:
    openings = tuple(Level(START_MS + week * PERIOD_MS, 100 * week) for week in range(4))
    history = History(before=openings[-1], openings=openings)
    assert usage.check(a_candidate(9000, openings[-1].at_ms + PERIOD_MS - 1), history) is None
    assert usage.check(a_candidate(9000, openings[-1].at_ms + PERIOD_MS), history) is not None


def test_the_finding_names_both_uses() -> None:
    levels = tuple(Level(START_MS + week * PERIOD_MS, 100 * week) for week in range(4))
    history = History(before=levels[-1], openings=levels)
    found = rules.judge(a_candidate(800, levels[-1].at_ms + PERIOD_MS, now_ms=2**50), history)
    assert [one.detail for one in found] == [
        "used 5.00 kWh in 7.0 days, a day more than 3 times the usual 3.00 kWh in 21.0 days"
    ]


def daily(estate: Estate, uses: list[int]) -> list[Incoming]:
    """A signed reading a day, each that much above the one before."""
    level, messages = 1000, []
    for day, use in enumerate(uses):
        level += use
        messages.append(estate.edge.sign(a_readout(MIDNIGHT_MS + day * DAY_MS, kwh(level))))
    return messages


def take_each(estate: Estate, messages: Iterable[Incoming], *, restarts: bool) -> None:
    for number, message in enumerate(messages):
        estate.take(message)
        if restarts and number % 5 == 0:
            estate.restart()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_week_of_much_is_noticed_once_and_stays_accepted(estate: Estate, restarts: bool) -> None:
    messages = daily(estate, [100] * 35 + [500] * 7 + [100] * 21)
    take_each(estate, messages, restarts=restarts)
    assert estate.verdicts() == [("V-HILO", "W")]
    assert set(estate.states()) == {0}


@settings(max_examples=6, deadline=None)
@given(order=st.permutations(range(10)), shift=st.integers(1, 6))
def test_what_is_remembered_of_the_weeks_is_what_the_ledger_says(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], shift: int
) -> None:
    """Weeks come torn apart, late days among them; a restart asks the ledger anew."""
    folder = tmp_path_factory.mktemp("weeks")
    going, restarted = Estate(folder / "a.db"), Estate(folder / "b.db")
    messages = daily(going, [100, 20, 300, 100, 100, 400, 90, 5] * 10)
    parts = [messages[place * 8 : place * 8 + 8] for place in order]
    road = [part[(at * shift) % 8] for part in parts for at in range(8)]
    take_each(going, road, restarts=False)
    take_each(restarted, road, restarts=True)
    assert going.rows() == restarted.rows()
    going.store.close()
    restarted.store.close()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_late_reading_may_open_its_week(estate: Estate, restarts: bool) -> None:
    """The sixth week, one of much, comes with its last day first."""
    uses = [100] * 35 + [500] * 6 + [100] * 8
    start_ms = (usage.period(MIDNIGHT_MS) + 1) * PERIOD_MS
    messages, level = [], 1001
    for day, use in enumerate(uses):
        messages.append(estate.edge.sign(a_readout(start_ms + day * DAY_MS, kwh(level))))
        level += use
    road = [*messages[:35], messages[41], *messages[35:41], *messages[42:]]
    take_each(estate, road, restarts=restarts)
    assert estate.verdicts() == [("V-HILO", "W")]
