"""Closing by contracts' windows, over the real ledger: which reading ends a period, and how."""

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.closing import ClosingError
from gateway.closing_records import ClosingLine
from gateway.contract_csv import import_contracts
from gateway.csv_lines import RegistryError
from gateway.sql.contracts import ContractLedger
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town, local

HEAD = "house,resource,since,first_day,last_day,next_month,cutoff\n"
WATER = Dial("8-0:1.0.0", "m3", -3, 8, 0)
CROSSING = "15,3,yes,reading"
SIX = "20,25,no,reading"
SIX_DRAWN = "20,25,no,interpolated"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    town.install("W1", town.point("P1", resource="cold-water"), WATER)
    return town


def agree(town: Town, *rows: str, house: str = HOUSE) -> dict[str, int]:
    """Contracts from September on, one for each `resource,since,first,last,next_month,cutoff`."""
    text = HEAD + "".join(f"{house},{row}\n" for row in rows)
    with town.store.transaction() as connection:
        return import_contracts(ContractLedger(connection), text.encode())


def read(town: Town, *readings: tuple[int, int]) -> None:
    for at_ms, mantissa in readings:
        town.read("W1", at_ms, mantissa, WATER)
        town.send()


def closed(town: Town, month: int) -> ClosingLine:
    (line,) = town.close(f"2026-{month:02d}", now_ms=local(month + 1, 5)).lines
    return line


# The contract, the readings of October (day, hour, m3), and how the October line ends: method,
# closing value, day and hour. September closed with 1 m3.
ENDS = [
    # The reading at the closing instant, or just after it.
    (SIX, [(22, 7, 9), (26, 0, 10)], ("actual", 10, (10, 26, 0))),
    (CROSSING, [(31, 7, 12), (32, 0, 13), (33, 0, 14)], ("actual", 13, (11, 1, 0))),
    # The one of the window that is nearest to it, before or after.
    (SIX, [(12, 7, 6), (22, 7, 9), (24, 7, 10)], ("actual", 10, (10, 24, 7))),
    (CROSSING, [(20, 7, 9), (33, 7, 14)], ("actual", 14, (11, 2, 7))),
    (CROSSING, [(30, 7, 12), (34, 7, 15)], ("actual", 12, (10, 30, 7))),
    # Two as near: the earlier one.
    (CROSSING, [(31, 0, 12), (33, 0, 14)], ("actual", 12, (10, 31, 0))),
    # None in the window: what was read before it in the period, as without a contract.
    (SIX, [(12, 7, 6)], ("actual", 6, (10, 12, 7))),
    # None in the period at all, but one after it: a line to that.
    (SIX, [(36, 0, 17)], ("interpolated", Decimal("12.429"), (10, 26, 0))),
    # A reading after the window is the next period's.
    (SIX, [(22, 7, 9), (27, 7, 11)], ("actual", 9, (10, 22, 7))),
    # Drawn: readings on both sides of the instant.
    (SIX_DRAWN, [(25, 0, 9), (27, 0, 11)], ("interpolated", 10, (10, 26, 0))),
    (SIX_DRAWN, [(12, 0, 6), (40, 0, 20)], ("interpolated", 13, (10, 26, 0))),
    # One at the instant ends a drawn period too, and without a later one the last reading does.
    (SIX_DRAWN, [(25, 0, 9), (26, 0, 10), (27, 0, 11)], ("actual", 10, (10, 26, 0))),
    (SIX_DRAWN, [(22, 7, 9)], ("actual", 9, (10, 22, 7))),
]  # fmt: skip


@pytest.mark.parametrize(("contract", "readings", "expected"), ENDS)
def test_how_a_period_with_a_window_ends(
    town: Town,
    contract: str,
    readings: Sequence[tuple[int, int, int]],
    expected: tuple[str, int | Decimal, tuple[int, int, int]],
) -> None:
    agree(town, f",2026-10,{contract}")
    read(town, (local(10, 1), 1000))
    assert closed(town, 9).closing_at_ms == local(10, 1)
    read(town, *((local(10, 1) + (day - 1) * DAY_MS + hour * HOUR_MS, value * 1000)
                 for day, hour, value in readings))  # fmt: skip
    line = closed(town, 10)
    method, value, moment = expected
    assert (line.method, line.closing_value) == (method, Decimal(value))
    assert line.closing_at_ms == local(*moment)
    assert line.consumption == Decimal(value) - 1


def test_a_drawn_line_says_between_what_it_lies(town: Town) -> None:
    agree(town, f",2026-09,{SIX_DRAWN}")
    read(town, (local(9, 25), 9000), (local(9, 27), 11_000))
    line = closed(town, 9)
    assert line.reason == (
        "no reading where the period ends; the end of the period lies on a line between"
        " 2026-09-24 21:00 UTC and 2026-09-26 21:00 UTC"
    )
    assert (line.method, line.source) == ("interpolated", "")


def test_a_drawn_period_over_a_rollover_counts_the_register_once(town: Town) -> None:
    agree(town, f",2026-09,{SIX_DRAWN}")
    dial = Dial("8-0:1.0.0", "m3", -3, 5, 99_000)
    town.install("W2", town.point("P2", "13", "cold-water"), dial)
    for at_ms, mantissa in [(local(9, 10), 99_900), (local(9, 20), 300), (local(9, 28), 700)]:
        town.read("W2", at_ms, mantissa, dial)
        town.send()
    line = next(one for one in town.close(now_ms=local(10, 5)).lines if one.point == "P2")
    # 0.3 on the 20th, 0.7 on the 28th: 0.6 when the 25th ends. From 99.000 that is 1.600.
    assert (line.closing_value, line.consumption, line.rollovers) == (
        Decimal("0.600"), Decimal("1.600"), 1,
    )  # fmt: skip


def test_a_period_cannot_be_closed_before_its_window_is_over(town: Town) -> None:
    agree(town, f",2026-09,{CROSSING}")
    read(town, (local(10, 1), 1000))
    with pytest.raises(ClosingError, match="not over before 2026-10-04T00:00"):
        town.close(now_ms=local(10, 3, 23))
    assert town.close(now_ms=local(10, 4)).period == "2026-09"


def test_a_house_first_read_after_its_instant_begins_with_the_next_period(town: Town) -> None:
    agree(town, f",2026-09,{SIX}")
    read(town, (local(9, 28), 500), (local(10, 26), 1000))
    first = town.close(now_ms=local(11, 1))
    assert first.period == "2026-10"
    (line,) = first.lines
    assert (line.opening_at_ms, line.consumption) == (local(9, 1), Decimal(1))


def test_a_reading_that_came_after_the_closing_counts_in_the_next_period(town: Town) -> None:
    agree(town, f",2026-09,{SIX}")
    read(town, (local(9, 22), 1000))
    assert closed(town, 9).closing_value == 1
    read(town, (local(9, 25), 2000), (local(10, 26), 5000))
    october = closed(town, 10)
    assert (october.opening_at_ms, october.consumption) == (local(9, 22), Decimal(4))


def test_contracts_of_one_resource_leave_the_others_alone(town: Town) -> None:
    agree(town, f"electricity,2026-09,{SIX}")
    power = Dial()
    town.install("E1", town.point("P2", "13"), power)
    for at_ms, value in [(local(9, 26), 20_000), (local(10, 1), 21_000)]:
        town.read("E1", at_ms, value, power)
        town.read("W1", at_ms, value, WATER)
        town.send()
    lines = {one.point: one.closing_at_ms for one in town.close(now_ms=local(10, 2)).lines}
    assert lines == {"P1": local(10, 1), "P2": local(9, 26)}


BAD = [
    ("nowhere,,2026-09,20,25,no,reading", "column house"),
    (f"{HOUSE},steam,2026-09,20,25,no,reading", "column resource"),
    (f"{HOUSE},,2026-13,20,25,no,reading", "column since"),
    (f"{HOUSE},,2026-09,0,25,no,reading", "column first_day"),
    (f"{HOUSE},,2026-09,20,32,no,reading", "column last_day"),
    (f"{HOUSE},,2026-09,20,25,maybe,reading", "column next_month"),
    (f"{HOUSE},,2026-09,20,25,no,guessed", "column cutoff"),
    (f"{HOUSE},,2026-09,20,15,no,reading", "expected a day not before 20, or yes"),
    (f"{HOUSE},,2026-09,15,15,yes,reading", "before 15, when its window begins"),
    (f"{HOUSE},,2026-09,15,99,yes,reading", "before 15, when its window begins"),
    (f"{HOUSE},,2026-09,20,25,no", "one field per column"),
]


def test_every_bad_line_of_a_file_is_named_and_nothing_is_entered(town: Town) -> None:
    good = f"{HOUSE},,2026-09,20,25,no,reading\n"
    text = HEAD + good + "".join(f"{line}\n" for line, _ in BAD) + good
    with town.store.transaction() as connection:
        with pytest.raises(RegistryError) as refused:
            import_contracts(ContractLedger(connection), text.encode())
        assert ContractLedger(connection).all_contracts() == []
    for number, (_, said) in enumerate(BAD, 3):
        assert any(
            said in line for line in str(refused.value).splitlines() if f"line {number}" in line
        ), said
    assert f"line {3 + len(BAD)}" in str(refused.value)


def test_a_file_may_be_entered_again_and_correct_what_is_not_closed(town: Town) -> None:
    assert agree(town, f",2026-09,{SIX}") == {"new": 1, "changed": 0, "same": 0}
    assert agree(town, f",2026-09,{SIX}") == {"new": 0, "changed": 0, "same": 1}
    assert agree(town, f",2026-09,{SIX_DRAWN}") == {"new": 0, "changed": 1, "same": 0}
    read(town, (local(9, 26), 1000))
    closed(town, 9)
    assert agree(town, f",2026-09,{SIX_DRAWN}") == {"new": 0, "changed": 0, "same": 1}
    with pytest.raises(RegistryError, match="a period after 2026-09, the last one closed"):
        agree(town, f",2026-09,{SIX}")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(9, 12),
            st.sampled_from([CROSSING, SIX, SIX_DRAWN, "1,25,no,reading", "99,3,yes,interpolated"]),
        ),
        max_size=3,
        unique_by=lambda row: row[0],
    ),
    st.lists(st.integers(0, 24 * 120), min_size=1, max_size=25, unique=True),
)
def test_whatever_contracts_and_readings_nothing_is_billed_twice_or_lost(
    agreed: list[tuple[int, str]], hours: list[int]
) -> None:
    """A register that runs a litre an hour: the lines follow each other and add up to its way."""
    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder))
        town.install("W1", town.point("P1", resource="cold-water"), WATER)
        agree(town, *(f",2026-{month:02d},{contract}" for month, contract in agreed))
        start = local(9, 1)
        read(town, *((start + hour * HOUR_MS, hour) for hour in sorted(hours)))
        lines: list[ClosingLine] = []
        for month in (9, 10, 11):
            try:
                closing = town.close(f"2026-{month:02d}", now_ms=local(month + 1, 5))
            except ClosingError:
                assert not lines
                continue
            lines += closing.lines
        for before, after in pairwise(lines):
            assert (after.opening_at_ms, after.opening_value) == (
                before.closing_at_ms, before.closing_value,
            )  # fmt: skip
        measured = [one for one in lines if one.method in {"actual", "interpolated", "carried"}]
        assert sum(one.consumption for one in measured) == (
            measured[-1].closing_value if measured else 0
        )


def test_a_reading_of_the_window_comes_before_a_nearer_one_outside_of_it(town: Town) -> None:
    agree(town, ",2026-09,28,20,yes,reading")
    read(town, (local(9, 25), 9000), (local(10, 19), 20_000))
    (line,) = town.close("2026-09", now_ms=local(10, 21)).lines
    assert (line.closing_at_ms, line.method) == (local(10, 19), "actual")


def test_a_period_that_ends_before_the_last_one_was_read_bills_nothing(town: Town) -> None:
    """October is closed by a reading of 3 November; by the new contract November ends before it."""
    agree(town, f",2026-10,{CROSSING}", ",2026-11,1,2,no,reading")
    read(town, (local(10, 1), 1000))
    closed(town, 9)
    read(town, (local(11, 3, 7), 12_000), (local(11, 20), 17_000))
    assert closed(town, 10).closing_at_ms == local(11, 3, 7)
    november = closed(town, 11)
    assert november.consumption == 0
    assert november.closing_at_ms == local(11, 3, 7)


def test_an_average_is_over_periods_as_their_contract_cuts_them(town: Town) -> None:
    agree(town, f",2026-09,{SIX}")
    read(town, *((local(month, 26), (month - 8) * 10_000) for month in (9, 10, 11)))
    for month in (9, 10, 11):
        assert closed(town, month).method == "actual"
    (december,) = town.close("2026-12", now_ms=local(12, 31) + DAY_MS).lines
    assert (december.method, december.consumption) == ("average", Decimal(10))


def test_days_read_in_the_next_period_count_in_the_average_as_well(town: Town) -> None:
    """Read on the 3rd each month, within the window: a litre an hour makes 744 in December."""
    agree(town, f",2026-09,{CROSSING}")
    start = local(9, 1)
    times = [local(month, 3) for month in (10, 11, 12)]
    read(town, *((at_ms, (at_ms - start) // HOUR_MS) for at_ms in times))
    for month in (9, 10, 11):
        assert closed(town, month).closing_at_ms == local(month + 1, 3)
    (december,) = town.close("2026-12", now_ms=local(12, 31) + 5 * DAY_MS).lines
    # By months of 30, 31 and 30 days and two days of December it is 93 days in 3.06 months; the
    # part of December that nobody read has 29 days.
    months = Fraction(3) + Fraction(2, 31)
    assert december.method == "average"
    assert december.consumption * 1000 == round(Fraction(93 * 24) / months * Fraction(29, 31))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([CROSSING, SIX, SIX_DRAWN]),
    st.lists(st.integers(0, 24 * 62), min_size=2, max_size=8, unique=True),
    st.randoms(use_true_random=False),
)
def test_in_which_order_readings_arrive_makes_no_difference(
    contract: str, hours: list[int], random: Random
) -> None:
    told = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            town = Town(Path(folder))
            town.install("W1", town.point("P1", resource="cold-water"), WATER)
            agree(town, f",2026-09,{contract}")
            read(town, (local(9, 1, 1), 1))
            read(town, *((local(9, 1) + hour * HOUR_MS, hour) for hour in hours if hour > 1))
            lines = [line for month in (9, 10) for line in town.close(
                f"2026-{month:02d}", now_ms=local(month + 1, 5)).lines]  # fmt: skip
            told.append([line._replace(closed_at_ms=0) for line in lines])
        random.shuffle(hours)
    assert told[0] == told[1]
