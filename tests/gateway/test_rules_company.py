"""What the registers of one answer say of each other: V-TOU, V-SIB, V-SWAP; and V-DEC."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Readout, RegisterValue, Source, Unit
from gateway import rules
from gateway.model import Level
from gateway.rules import inactive, siblings, slip, swapped, tariffs
from gateway.rules.subject import History
from gateway.rules.usage import PERIOD_MS
from tests.gateway.estate import HOUR_MS, MIDNIGHT_MS, QUARTER_MS, Estate, a_readout, kwh
from tests.gateway.rule_cases import (
    DIAL,
    NOON,
    T1,
    T2,
    TOTAL,
    a_candidate,
    after,
    assert_the_screen_decides_as_the_rules,
    findings_of,
    shown,
    with_others,
    with_tariffs,
)


@pytest.mark.parametrize(
    ("one", "two", "total", "agree"),
    [
        (100, 50, 150, True),
        (100, 50, 151, True),
        (100, 50, 153, True),  # three registers: three units of the last digit
        (100, 50, 154, False),
        (100, 50, 147, True),
        (100, 50, 146, False),
        (999_999, 2, 1, True),  # the total passed its last digit, its tariffs did not
        (0, 2, 1, True),
        (0, 5, 1, False),
    ],
)
def test_tariffs_add_up_to_the_total(one: int, two: int, total: int, agree: bool) -> None:
    company = with_others(shown(T2, two), shown(TOTAL, total))
    found = tariffs.check(a_candidate(one, company=company), History())
    assert (found is None) == agree
    if found is not None:
        assert (found.severity, found.quality) == ("E", "3.6.9")


def test_what_they_were_apart_at_the_installation_is_granted() -> None:
    company = with_others(shown(T2, 50), shown(TOTAL, 1150, initial=1000))
    assert tariffs.check(a_candidate(100, company=company), History()) is None
    company = with_others(shown(T2, 50), shown(TOTAL, 150, initial=1000))
    assert tariffs.check(a_candidate(100, company=company), History()) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"shown": (shown(TOTAL, 900),)},
        {"shown": (shown(T2, 50),)},
        {"absent": ("1-0:1.8.3",)},
        {"strange": ("1-0:1.8.3",)},
        {"initial": None},
        {"shown": (shown(T2, 50, initial=None), shown(TOTAL, 900))},
        {"shown": (shown("1-0:2.8.2", 50), shown("1-0:2.8.0", 900))},
    ],
    ids=["one-tariff", "no-total", "absent", "strange", "own-begin", "its-begin", "export"],
)
def test_what_cannot_be_compared_is_not(changes: dict[str, object]) -> None:
    company = with_others(shown(T2, 50), shown(TOTAL, 900), **changes)
    assert tariffs.check(a_candidate(100, company=company), History()) is None


def test_maxima_of_tariffs_do_not_add_up() -> None:
    company = with_others(shown("1-0:1.6.2", 50), shown("1-0:1.6.0", 50))
    assert tariffs.check(a_candidate(50, obis="1-0:1.6.1", company=company), History()) is None


def test_tariffs_say_what_was_compared() -> None:
    company = with_others(shown(T2, 50), shown(TOTAL, 200))
    (found,) = rules.judge(a_candidate(100, company=company), History())
    assert found.detail == (
        "tariffs 1.00 kWh + 0.50 kWh and total 2.00 kWh are -0.50 kWh further apart than at the "
        "installation, at most 0.03 kWh are rounding"
    )


@pytest.mark.parametrize(
    ("source", "absent", "expected"),
    [
        (Source.DAILY, (), None),
        (Source.DAILY, (T2,), "read without 1-0:1.8.2 of the same meter"),
        (Source.ON_DEMAND, (TOTAL, T2), "read without 1-0:1.8.0, 1-0:1.8.2 of the same meter"),
        (Source.COMMISSIONING, (T2,), "read without 1-0:1.8.2 of the same meter"),
        (Source.INTERVAL, (T2,), None),
    ],
)
def test_siblings(source: Source, absent: tuple[str, ...], expected: str | None) -> None:
    company = with_others(source=source, absent=absent)
    found = siblings.check(a_candidate(5, company=company), History())
    assert (found and found.detail) == expected


@pytest.mark.parametrize(
    ("before", "came", "meant"),
    [
        (12_345, 123_460, 12_346),  # ten times too much
        (1_234, 123_500, 1_235),
        (123, 123_999, 123),
        (123_456, 12_346, 123_460),  # a digit lost, and with it what stood in it
        (123_456, 12_345, 123_456),
        (123_456, 1_234, 123_456),
        (123_456, 123, 123_456),
        (123_456, 12, None),  # four places
        (123_456, 20_000, None),  # 200 000 is not about 123 456
        (12_345, 12_346, None),  # nothing is wrong
        (12_345, 12_000, None),
        (0, 900_000, None),
        (12_345, -123_450, None),
    ],
)
def test_decimal_slips(before: int, came: int, meant: int | None) -> None:
    found = slip.check(a_candidate(came), after(before))
    assert (found is None) == (meant is None)
    if found is not None and meant is not None:
        assert (found.severity, found.quality) == ("W", "2.5.258")
        assert f"may be {DIAL.text(meant)} with the decimal point" in found.detail


def test_a_slip_expects_the_usual_use() -> None:
    """Ten weeks without readings: the value fits only what the weeks before make expected."""
    openings = tuple(Level(NOON - (14 - week) * PERIOD_MS, 1000 * week) for week in range(5))
    alone = History(before=openings[-1])
    known = alone._replace(openings=openings)
    slow = DIAL._replace(rate_max_per_h=20)
    value = a_candidate(140_100, dial=slow)
    assert slip.check(value, alone) is None
    found = slip.check(value, known)
    assert found is not None
    assert found.detail.endswith("to the right; expected about 140.00 kWh")


def test_a_slip_is_beside_the_error_that_blocks() -> None:
    found = rules.judge(a_candidate(123_460), after(12_345))
    assert [one[:2] for one in found] == [("V-RATE", "E"), ("V-DEC", "W")]


@pytest.mark.parametrize(
    ("mine", "its", "hinted"),
    [
        ((5000, 2001), (2000, 5001), True),
        ((2000, 5001), (5000, 2001), True),
        ((5000, 5001), (2000, 2001), False),  # both in order
        ((5000, 2001), (2000, 2001), False),  # the other's value is not mine
        ((5000, 2001), (2000, 9000), False),
        ((5000, 1999), (2000, 5001), False),  # mine is not the other's
    ],
)
def test_swaps(mine: tuple[int, int], its: tuple[int, int], hinted: bool) -> None:
    company = with_others(shown(T2, its[1], before=its[0]))
    found = swapped.check(a_candidate(mine[1], company=company), after(mine[0]))
    assert (found is not None) == hinted


def test_another_unit_or_an_unknown_level_is_no_swap() -> None:
    other = shown(T2, 5001, before=2000)
    for one in (other._replace(dial=DIAL._replace(unit=Unit.KVARH)), other._replace(before=None)):
        company = with_others(one)
        assert swapped.check(a_candidate(2001, company=company), after(5000)) is None


REMOVED = Level(NOON, 5000)


@pytest.mark.parametrize(
    ("final", "at_ms", "mantissa", "counted"),
    [
        (REMOVED, NOON + 1, 5000, None),
        (REMOVED, NOON + 1, 5001, "0.01 kWh"),
        (REMOVED, NOON, 5020, "0.20 kWh"),
        (REMOVED, NOON - 1, 5020, None),  # before it was removed
        (REMOVED, NOON + 1, 4000, None),
        (REMOVED._replace(mantissa=999_990), NOON + 1, 10, "0.20 kWh"),  # over the last digit
        (None, NOON + 1, 9000, None),  # it stands
    ],
)
def test_a_removed_meter_that_counts_on(
    final: Level | None, at_ms: int, mantissa: int, counted: str | None
) -> None:
    found = inactive.check(DIAL, final, Level(at_ms, mantissa))
    assert (found is None) == (counted is None)
    if found is not None:
        assert (found.severity, found.quality) == ("E", "3.6.2")
        assert found.detail.startswith(f"counted {counted} on since it was removed with ")


def test_a_removed_meter_is_rejected_and_found_to_count_on(tmp_path: Path) -> None:
    estate = with_tariffs(tmp_path / "ledger.db")
    finals = {TOTAL: 3010, T1: 2005, T2: 1005}
    with estate.store.transaction():
        estate.store.book.remove("A-3-E", MIDNIGHT_MS + QUARTER_MS, finals)
    estate.take(
        estate.edge.sign(reading(0, *three(3010, 2005, 1005)), reading(1, *three(3015, 2010, 1005)))
    )
    assert findings_of(estate, T1) == [("V-SIG", "E"), ("V-INACT", "E")]
    assert findings_of(estate, T2) == [("V-SIG", "E")]
    assert [row[5] for row in estate.rows()] == [0, 2] * 3


def three(total: int, one: int, two: int) -> tuple[RegisterValue, ...]:
    return kwh(total, TOTAL), kwh(one, T1), kwh(two, T2)


def reading(turn: int, *values: RegisterValue, source: Source = Source.INTERVAL) -> Readout:
    return a_readout(MIDNIGHT_MS + turn * QUARTER_MS, *values, meter="E3", source=source)


def test_registers_that_do_not_add_up_are_all_in_doubt(tmp_path: Path) -> None:
    estate = with_tariffs(tmp_path / "ledger.db")
    estate.take(
        estate.edge.sign(
            reading(0, *three(3010, 2005, 1005)),
            reading(1, *three(3040, 2015, 1015)),
            reading(2, *three(3040, 2025, 1015)),
        )
    )
    for register in (TOTAL, T1, T2):
        assert findings_of(estate, register) == [("V-TOU", "E")]
    assert [row[5] for row in estate.rows()] == [0, 1, 0] * 3


def test_a_late_answer_is_added_up_too(tmp_path: Path) -> None:
    estate = with_tariffs(tmp_path / "ledger.db")
    early = estate.edge.sign(reading(0, *three(3010, 2005, 1001)))
    estate.take(estate.edge.sign(reading(1, *three(3040, 2015, 1025))))
    estate.take(early)
    assert findings_of(estate, T1) == [("V-TOU", "E")]


def test_a_daily_answer_without_a_register_is_flagged(tmp_path: Path) -> None:
    estate = with_tariffs(tmp_path / "ledger.db")
    whole = three(3010, 2005, 1005)
    estate.take(
        estate.edge.sign(
            reading(0, *whole, source=Source.DAILY),
            reading(1, kwh(3011, TOTAL)),
            reading(2, kwh(3012, TOTAL), kwh(2006, T1), source=Source.DAILY),
        )
    )
    assert findings_of(estate, TOTAL) == findings_of(estate, T1) == [("V-SIB", "W")]
    assert findings_of(estate, T2) == []
    assert {row[5] for row in estate.rows()} == {0}


@pytest.mark.parametrize("near", [False, True], ids=["far", "near"])
def test_exchanged_tariffs_are_asked_about(estate: Estate, near: bool) -> None:
    """Near each other only the higher one falls; the lower one's step is possible."""
    high = 1300 if near else 90_000
    low = 1200
    connection = estate.store.database.connection
    connection.execute("UPDATE installation_value SET initial_mantissa = ?", (low - 5,))
    estate.take(
        estate.edge.sign(a_readout(MIDNIGHT_MS + 300 * HOUR_MS, kwh(high), kwh(low, T2))),
        estate.edge.sign(a_readout(MIDNIGHT_MS + 301 * HOUR_MS, kwh(low + 1, T2), kwh(high + 1))),
        estate.edge.sign(a_readout(MIDNIGHT_MS + 302 * HOUR_MS, kwh(high + 2, T2), kwh(low + 2))),
    )
    assert ("V-SWAP", "W") in estate.verdicts()
    assert ("V-NEG", "E") in estate.verdicts()


Step = tuple[int, str, str, int, Source]
STEPS = st.lists(
    st.tuples(
        st.integers(0, 30),  # the quarter of an hour
        st.sampled_from(["whole", "no-total", "no-T2", "coarse", "wrong-unit", "stranger"]),
        st.sampled_from(["true", "true", "total-off", "swapped", "shifted"]),
        st.integers(0, 60),
        st.sampled_from([Source.INTERVAL, Source.DAILY]),
    ),
    max_size=20,
)


def values(shape: str, fault: str, level: int) -> list[RegisterValue]:
    one, two = 2000 + level, 1000 + level // 2
    total = 3000 + level + level // 2 + (5 if fault == "total-off" else 0)
    if fault == "swapped":
        one, two = two, one
    if fault == "shifted":
        one *= 10
    mine = [kwh(total, TOTAL), kwh(one, T1), kwh(two, T2)]
    if shape == "no-total":
        return mine[1:]
    if shape == "no-T2":
        return mine[:2]
    if shape == "coarse":
        return [*mine[:2], RegisterValue(T2, two // 10, -1, Unit.KWH)]
    if shape == "wrong-unit":
        return [*mine[:2], RegisterValue(T2, two, -2, Unit.KVARH)]
    return [*mine, kwh(7, "1-0:1.8.3")] if shape == "stranger" else mine


def entered(
    estate: Estate, steps: Sequence[Step], clock_error_s: int, *, restarts: bool = False
) -> Estate:
    level = 10
    for quarter, shape, fault, step, source in steps:
        level += step
        # Some quarters are weeks apart, so that weeks of use are judged too.
        at_ms = MIDNIGHT_MS + quarter * QUARTER_MS + quarter // 3 * PERIOD_MS
        readout = a_readout(
            at_ms,
            *values(shape, fault, level),
            meter="E3",
            source=source,
            clock_error_s=clock_error_s,
        )
        estate.take(estate.edge.sign(readout))
        if restarts:
            estate.restart()
    return estate


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_the_screen_decides_as_the_rules_do_about_tariffs(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    assert_the_screen_decides_as_the_rules(
        tmp_path_factory.mktemp("estates"),
        lambda path, error_s: entered(with_tariffs(path), steps, error_s),
    )


@settings(max_examples=12, deadline=None)
@given(steps=STEPS)
def test_a_restart_changes_no_finding(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("estates")
    going = entered(with_tariffs(folder / "a.db"), steps, 1)
    restarted = entered(with_tariffs(folder / "b.db"), steps, 1, restarts=True)
    assert going.rows() == restarted.rows()
    going.store.close()
    restarted.store.close()


def test_a_verdict_says_which_version_of_the_rules_gave_it(estate: Estate) -> None:
    estate.take(estate.edge.sign(a_readout(MIDNIGHT_MS, kwh(999))))
    given = estate.store.database.connection.execute("SELECT rules_version FROM verdict").fetchall()
    assert given == [(rules.VERSION,)]
