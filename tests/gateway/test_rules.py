"""The rules, one by one and through ingest: what each finds, and what it lets pass."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import ClockState, RegisterValue, Resource, Unit
from gateway import rules
from gateway.model import Level, Severity
from gateway.rules import unit
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Candidate, History, advance
from tests.gateway.estate import (
    DAY_MS,
    HOUR_MS,
    MIDNIGHT_MS,
    QUARTER_MS,
    Device,
    Estate,
    a_readout,
    kwh,
    litres,
)
from tests.gateway.rule_cases import (
    DIAL,
    NOON,
    a_candidate,
    after,
    assert_the_screen_decides_as_the_rules,
)

LIMITS = TABLE.limits(Resource.ELECTRICITY, NOON)
AHEAD_MS_MAX = LIMITS.ahead_ms
NOTHING = History()
INSTALLED_MS = MIDNIGHT_MS - 31 * DAY_MS  # as registered, with 10.00 kWh


def found(candidate: Candidate, history: History = NOTHING) -> list[tuple[str, Severity]]:
    return [finding[:2] for finding in rules.judge(candidate, history)]


def test_a_first_reading_has_nothing_against_it() -> None:
    assert found(a_candidate(5)) == []


@pytest.mark.parametrize(
    ("mantissa", "history", "expected"),
    [
        (1000, after(1000), []),
        (2380, after(1000), []),
        (2381, after(1000), []),  # cut off at the last digit, see rate.py
        (2382, after(1000), [("V-RATE", "E")]),
        (999, after(1000), [("V-NEG", "E")]),
        (-1, History(), [("V-NEG", "E")]),
        (999_999, History(), []),
        (1_000_000, History(), [("V-ROLL", "E")]),
        (5, after(999_990), [("V-ROLL", "W")]),
        (5, after(900_001), [("V-ROLL", "W"), ("V-RATE", "E")]),
        (5, after(900_000), [("V-NEG", "E")]),
        (100_000, after(999_999), [("V-NEG", "E")]),
        (7, History(copies=(7,)), [("V-DUP", "E")]),
    ],
)
def test_values(mantissa: int, history: History, expected: list[tuple[str, str]]) -> None:
    assert found(a_candidate(mantissa), history) == expected


def test_a_late_reading_is_judged_against_both_neighbours() -> None:
    history = History(before=Level(NOON - HOUR_MS, 1000), after=Level(NOON + HOUR_MS, 1010))
    assert found(a_candidate(1005), history) == []
    assert found(a_candidate(1011), history) == [("V-NEG", Severity.ERROR)]
    assert found(a_candidate(999), history) == [("V-NEG", Severity.ERROR)]
    short = History(before=Level(NOON - DAY_MS, 1000), after=Level(NOON + 1000, 2000))
    assert found(a_candidate(1001), short) == [("V-RATE", Severity.ERROR)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"now_ms": NOON - AHEAD_MS_MAX}, []),
        ({"now_ms": NOON - AHEAD_MS_MAX - 1}, ["E"]),
        ({"clock_state": ClockState.UNSYNCHRONISED}, ["E"]),
        ({"clock_state": ClockState.INFORMATIVE}, []),
        ({"clock_state": ClockState.RELATIVE}, ["W"]),
        ({"clock_error_s": 9}, []),
        ({"clock_error_s": 10}, ["W"]),
    ],
)
def test_times(changes: dict[str, object], expected: list[str]) -> None:
    assert [(rule, sev) for rule, sev in found(a_candidate(5, **changes))] == [
        ("V-TIME", severity) for severity in expected
    ]


def test_a_register_that_stands_still_is_noticed_once() -> None:
    since_ms = NOON - LIMITS.still_ms

    def history(before_ms: int) -> History:
        return History(before=Level(before_ms, 5), unchanged_since_ms=since_ms)

    assert found(a_candidate(5), history(NOON - HOUR_MS)) == [("V-ZERO", Severity.WARNING)]
    assert found(a_candidate(5, NOON - 1), history(NOON - HOUR_MS)) == []
    assert found(a_candidate(5, NOON + HOUR_MS), history(NOON)) == []
    assert found(a_candidate(6), history(NOON - HOUR_MS)) == []


@pytest.mark.parametrize(
    ("value", "mantissa"),
    [
        (RegisterValue("1-0:1.8.0", 5, -2, Unit.KWH), 5),
        (RegisterValue("1-0:1.8.0", 5, 0, Unit.KWH), 500),
        (RegisterValue("1-0:1.8.0", -5, 1, Unit.KWH), -5000),
        (RegisterValue("1-0:1.8.0", 50, -3, Unit.KWH), None),
        (RegisterValue("1-0:1.8.0", 5, -2, Unit.KVARH), None),
        (RegisterValue("1-0:1.8.0", 10**16, 0, Unit.KWH), None),
    ],
)
def test_units(value: RegisterValue, mantissa: int | None) -> None:
    assert unit.canonical(value, DIAL) == mantissa
    assert (unit.check(value, DIAL) is None) == (mantissa is not None)


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_the_way_between_two_values_leads_from_one_to_the_other(earlier: int, later: int) -> None:
    delta, rolled = advance(earlier, later, DIAL)
    assert (earlier + delta) % DIAL.capacity == later
    assert rolled == (delta >= 0 and later < earlier)


@pytest.mark.parametrize(
    ("mantissa", "exponent", "text"),
    [(5, -2, "0.05 kWh"), (-12345, -2, "-123.45 kWh"), (7, 0, "7 kWh"), (7, 2, "700 kWh")],
)
def test_a_dial_is_written_as_a_person_reads_it(mantissa: int, exponent: int, text: str) -> None:
    assert DIAL._replace(exponent=exponent).text(mantissa) == text


def sign(device: Device, *levels: tuple[int, int]) -> list[object]:
    return [device.sign(a_readout(MIDNIGHT_MS + at, kwh(value))) for at, value in levels]


def test_a_decrease_is_suspect_and_does_not_become_the_new_level(estate: Estate) -> None:
    levels = [(0, 1100), (QUARTER_MS, 1050), (2 * QUARTER_MS, 1090), (3 * QUARTER_MS, 1110)]
    estate.take(*sign(estate.edge, *levels))  # type: ignore[arg-type]
    assert estate.states() == [0, 1, 1, 0]
    assert estate.verdicts() == [("V-NEG", "E"), ("V-NEG", "E")]


def test_more_than_physically_possible_is_suspect(estate: Estate) -> None:
    levels = [(0, 1100), (QUARTER_MS, 1446), (2 * QUARTER_MS, 1447 + 690)]
    estate.take(*sign(estate.edge, *levels))  # type: ignore[arg-type]
    assert estate.states() == [0, 0, 1]
    assert estate.verdicts() == [("V-RATE", "E")]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("value", "state"), [(1000, 0), (1001, 0), (999, 1), (1002, 1)])
def test_the_value_it_was_installed_with_counts_for_that_very_instant(
    estate: Estate, value: int, state: int, late: bool
) -> None:
    first = estate.edge.sign(a_readout(INSTALLED_MS, kwh(value)))
    second = estate.edge.sign(a_readout(INSTALLED_MS + DAY_MS, kwh(1001)))
    for message in (second, first) if late else (first, second):
        estate.take(message)
    assert estate.states() == [state, 0]


def test_what_is_read_at_the_instant_of_installation_is_the_level_from_then_on(
    estate: Estate,
) -> None:
    estate.take(estate.edge.sign(a_readout(INSTALLED_MS, kwh(1001))))
    estate.take(estate.edge.sign(a_readout(INSTALLED_MS + 1000, kwh(1000))))
    assert estate.states() == [0, 1]


def test_a_value_below_the_one_it_was_installed_with_is_suspect(estate: Estate) -> None:
    estate.take(*sign(estate.edge, (0, 999)))  # type: ignore[arg-type]
    assert estate.verdicts() == [("V-NEG", "E")]


def test_a_rollover_is_accepted_and_flagged_once(estate: Estate) -> None:
    top = 10**8
    connection = estate.store.database.connection
    connection.execute("UPDATE installation_value SET initial_mantissa = ?", (top - 100,))
    levels = [(0, top - 50), (QUARTER_MS, top - 10), (2 * QUARTER_MS, 5), (3 * QUARTER_MS, 30)]
    estate.take(*sign(estate.edge, *levels))  # type: ignore[arg-type]
    assert [row[6] for row in estate.rows()] == [0, 0, 1, 0]
    assert estate.verdicts() == [("V-ROLL", "W")]


@pytest.mark.parametrize("late", [99_999_990, 2], ids=["before", "after"])
def test_a_late_reading_beside_a_rollover_keeps_one_flag(estate: Estate, late: int) -> None:
    connection = estate.store.database.connection
    connection.execute("UPDATE installation_value SET initial_mantissa = ?", (10**8 - 100,))
    first, middle, last = sign(
        estate.edge, (0, 10**8 - 50), (QUARTER_MS, late), (2 * QUARTER_MS, 5)
    )
    estate.take(first, last)  # type: ignore[arg-type]
    estate.take(middle)  # type: ignore[arg-type]
    assert estate.states() == [0, 0, 0]
    assert [row[6] for row in estate.rows()] == ([0, 0, 1] if late > 50 else [0, 1, 0])


def test_a_different_value_for_the_same_instant_is_a_conflict(estate: Estate) -> None:
    estate.take(*sign(estate.edge, (0, 1100), (0, 1101), (0, 1100)))  # type: ignore[arg-type]
    assert [row[3:6] for row in estate.rows()] == [(0, 1100, 0), (1, 1101, 1)]
    assert estate.verdicts() == [("V-DUP", "E")]
    assert estate.store.ledger.totals()["repeated"] == 1


def test_another_unit_is_stored_as_it_came_and_suspect(estate: Estate) -> None:
    wrong = RegisterValue("1-0:1.8.1", 5, -2, Unit.KVARH)
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, wrong)))
    assert estate.verdicts() == [("V-UOM", "E")]
    assert estate.states() == [1]
    assert estate.store.database.connection.execute(
        "SELECT g.unit, g.exponent, r.mantissa FROM reading r JOIN register g USING (register_no)"
    ).fetchall() == [("kvarh", -2, 5)]


def test_a_coarser_value_is_brought_to_the_registers_power_of_ten(estate: Estate) -> None:
    whole = RegisterValue("1-0:1.8.1", 11, 0, Unit.KWH)
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, whole)))
    assert [row[4:6] for row in estate.rows()] == [(1100, 0)]


def test_a_future_reading_is_suspect_and_the_present_goes_on(estate: Estate) -> None:
    now_ms = MIDNIGHT_MS + HOUR_MS
    levels = [(0, 1100), (DAY_MS, 1200), (QUARTER_MS, 1110), (2 * QUARTER_MS, 1120)]
    estate.take(*sign(estate.edge, *levels), now_ms=now_ms)  # type: ignore[arg-type]
    assert estate.states() == [0, 0, 0, 1]
    assert estate.verdicts() == [("V-TIME", "E")]


def test_an_unset_clock_is_suspect(estate: Estate) -> None:
    unset = ClockState.UNSYNCHRONISED
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(1100), clock_state=unset)))
    assert estate.verdicts() == [("V-TIME", "E")]
    assert estate.states() == [1]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_stuck_meter_is_noticed_once_and_stays_accepted(estate: Estate, restarts: bool) -> None:
    for hour in range(0, 24 * 8, 6):
        reading = a_readout(MIDNIGHT_MS + hour * HOUR_MS, kwh(1100 if hour < 24 * 7 else 1101))
        estate.take(estate.edge.sign(reading))
        if restarts:
            estate.restart()
    assert set(estate.states()) == {0}
    assert estate.verdicts() == [("V-ZERO", "W")]


def test_a_flat_on_holiday_has_no_stuck_water_meter(estate: Estate) -> None:
    for day in range(14):
        estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS + day * DAY_MS, litres(5), meter="W1")))
    assert estate.verdicts() == []


def test_a_finding_says_what_was_compared(estate: Estate) -> None:
    estate.take(*sign(estate.edge, (0, 1100), (QUARTER_MS, 1050)))  # type: ignore[arg-type]
    (detail,) = estate.store.database.connection.execute("SELECT detail FROM verdict").fetchone()
    assert detail == "fell from 11.00 kWh to 10.50 kWh"


READINGS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 3), st.integers(-60, 400)), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(steps=READINGS)
def test_whatever_comes_accepted_readings_are_possible_together(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]
) -> None:
    estate = Estate(tmp_path_factory.mktemp("estate") / "ledger.db")
    level = 1500
    for number, (quarter, fault, step) in enumerate(steps):
        level += step
        value = [
            kwh(level),
            kwh(level),
            RegisterValue("1-0:1.8.1", level, -3, Unit.KWH),
            RegisterValue("1-0:1.8.1", level, -2, Unit.KVARH),
        ][fault]
        estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS + quarter * 60_000 + number, value)))
    silent = [row for row in estate.rows() if row[10] is None]
    assert all(row[5] == 0 for row in silent)
    accepted = [row for row in estate.rows() if row[5] == 0]
    for (_, _, at, _, low, *_), (_, _, later, _, high, *_) in itertools.pairwise(accepted):
        assert 0 <= high - low <= 1 + 1380 * (later - at) / HOUR_MS  # type: ignore[operator]
    assert len(estate.rows()) == len(steps)
    estate.store.close()


def _entered(estate: Estate, steps: list[tuple[int, int, int]], clock_error_s: int) -> Estate:
    level = 1500
    for quarter, fault, step in steps:
        level += step
        value = kwh(level) if fault else RegisterValue("1-0:1.8.1", level, -2, Unit.KVARH)
        at_ms = MIDNIGHT_MS + quarter * QUARTER_MS
        message = estate.edge.sign(a_readout(at_ms, value, clock_error_s=clock_error_s))
        estate.take(message, now_ms=MIDNIGHT_MS + 30 * QUARTER_MS)
    return estate


@settings(max_examples=60, deadline=None)
@given(steps=READINGS)
def test_the_screen_decides_as_the_rules_do(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]
) -> None:
    assert_the_screen_decides_as_the_rules(
        tmp_path_factory.mktemp("estates"),
        lambda path, error_s: _entered(Estate(path), steps, clock_error_s=error_s),
    )
