"""Lines by hand: each test is one thing that happens to a meter, with its sum worked out."""

from hypothesis import given
from hypothesis import strategies as st

from gateway import planning, settling
from gateway.billing import (
    CLOSING_TOLERANCE_MS,
    Facts,
    Installation,
    Mark,
    Method,
    ReadingKey,
    Settled,
)
from gateway.periods import Bounds

DAY = 86_400_000
MONTH = Bounds(100 * DAY, 130 * DAY)
NEXT = Bounds(130 * DAY, 160 * DAY)
OLD = Installation(1, exponent=-2, digits=8, installed_at_ms=90 * DAY, initial=1000)


def reading(at_ms: int, mantissa: int, register_no: int = 1) -> Mark:
    return Mark(register_no, at_ms, mantissa, ReadingKey(at_ms, 0))


def settled(
    installations: list[Installation],
    opening: Mark | None,
    *facts: Facts,
    bounds: Bounds = MONTH,
) -> Settled:
    return settling.settle(planning.plan(installations, opening, bounds), facts)


def test_the_first_line_opens_with_the_value_the_meter_was_installed_with() -> None:
    line = settled([OLD], None, Facts(reading(130 * DAY, 4200), 0))
    assert (line.opening.mantissa, line.closing.mantissa, line.consumption) == (1000, 4200, 3200)
    assert line.opening.reading is None
    assert (line.method, line.reason, line.exponent) == (Method.ACTUAL, "", -2)


def test_the_next_line_opens_where_the_last_one_closed() -> None:
    closing = reading(130 * DAY, 4200)
    line = settled([OLD], closing, Facts(reading(160 * DAY, 5000), 0), bounds=NEXT)
    assert (line.opening, line.consumption) == (closing, 800)


def test_without_an_accepted_reading_the_opening_stands_and_nothing_is_billed() -> None:
    opening = reading(99 * DAY, 1200)
    line = settled([OLD], opening, Facts(None, 0))
    assert (line.closing, line.consumption, line.method) == (opening, 0, Method.CARRIED)
    assert line.reason == "no accepted reading in the period"


def test_a_rollover_adds_the_whole_register() -> None:
    opening = reading(99 * DAY, 99_999_900)
    line = settled([OLD], opening, Facts(reading(130 * DAY, 300), 1))
    assert line.consumption == 400


def test_an_exchange_adds_both_meters() -> None:
    removed = OLD._replace(removed_at_ms=110 * DAY, final=5000)
    new = Installation(2, exponent=-2, digits=8, installed_at_ms=110 * DAY, initial=70)
    line = settled(
        [removed, new],
        reading(99 * DAY, 1200),
        Facts(reading(109 * DAY, 4900), 0),
        Facts(reading(130 * DAY, 370, register_no=2), 0),
    )
    assert line.consumption == (5000 - 1200) + (370 - 70)
    assert [segment.consumption for segment in line.segments] == [3800, 300]
    assert (line.method, line.reason) == (Method.ACTUAL, "the meter was exchanged once")


def test_an_exchange_for_a_finer_register_adds_at_the_finer_exponent() -> None:
    removed = OLD._replace(removed_at_ms=110 * DAY, final=1300)
    finer = Installation(2, exponent=-3, digits=8, installed_at_ms=110 * DAY, initial=0)
    line = settled([removed, finer], None, Facts(None, 0), Facts(reading(130 * DAY, 5, 2), 0))
    assert (line.consumption, line.exponent) == (3005, -3)


def test_a_register_that_rolled_over_just_before_its_removal_is_billed_whole() -> None:
    removed = OLD._replace(removed_at_ms=110 * DAY, final=40)
    before = Facts(reading(109 * DAY, 99_999_950), 0)
    line = settled([removed], reading(99 * DAY, 99_999_900), before)
    assert (line.consumption, line.segments[0].rollovers) == (140, 1)
    assert line.reason == "closed by the act of the meter's removal"


def test_a_removal_act_that_contradicts_the_readings_is_billed_as_it_says() -> None:
    removed = OLD._replace(removed_at_ms=110 * DAY, final=4800)
    line = settled([removed], reading(99 * DAY, 1200), Facts(reading(109 * DAY, 4900), 0))
    assert line.consumption == 3600


def test_a_new_meter_not_yet_read_closes_with_the_value_it_was_installed_with() -> None:
    removed = OLD._replace(removed_at_ms=110 * DAY, final=5000)
    new = Installation(2, exponent=-2, digits=8, installed_at_ms=110 * DAY, initial=70)
    line = settled([removed, new], reading(99 * DAY, 1200), Facts(None, 0), Facts(None, 0))
    assert (line.closing.register_no, line.closing.mantissa, line.consumption) == (2, 70, 3800)
    assert line.reason == "the meter was exchanged once; no accepted reading of the new meter"


def test_a_removed_meter_gets_its_last_line_once() -> None:
    removed = OLD._replace(removed_at_ms=110 * DAY, final=5000)
    last = settled([removed], reading(99 * DAY, 1200), Facts(None, 0))
    assert last.consumption == 3800
    assert planning.plan([removed], last.closing, NEXT) == ()


def test_a_removal_recorded_after_the_period_was_closed_is_billed_in_the_next() -> None:
    closed_with = reading(108 * DAY, 4000)
    removed = OLD._replace(removed_at_ms=110 * DAY, final=5000)
    new = Installation(2, exponent=-2, digits=8, installed_at_ms=110 * DAY, initial=0)
    closing = Facts(reading(160 * DAY, 900, register_no=2), 0)
    line = settled([removed, new], closed_with, Facts(None, 0), closing, bounds=NEXT)
    assert line.consumption == 1000 + 900


def test_a_removal_dated_before_the_reading_already_billed_is_made_good() -> None:
    billed = reading(130 * DAY, 5100)
    removed = OLD._replace(removed_at_ms=110 * DAY, final=5000)
    new = Installation(2, exponent=-2, digits=8, installed_at_ms=110 * DAY, initial=0)
    closing = Facts(reading(160 * DAY, 900, register_no=2), 0)
    line = settled([removed, new], billed, Facts(None, 0), closing, bounds=NEXT)
    assert line.consumption == -100 + 900


def test_a_meter_gone_before_the_first_line_was_billed_elsewhere() -> None:
    gone = OLD._replace(removed_at_ms=95 * DAY, final=9000)
    new = Installation(2, exponent=-2, digits=8, installed_at_ms=95 * DAY, initial=0)
    (span,) = planning.plan([gone, new], None, MONTH)
    assert span.installation == new


def test_a_meter_installed_after_the_end_has_no_line_yet() -> None:
    later = OLD._replace(installed_at_ms=130 * DAY)
    assert planning.plan([later], None, MONTH) == ()


def test_the_read_at_midnight_may_close_the_period_that_just_ended() -> None:
    (span,) = planning.plan([OLD], reading(100 * DAY + 3000, 1100), MONTH)
    assert (span.from_ms, span.end_ms) == (100 * DAY + 3001, 130 * DAY)
    assert span.until_ms == 130 * DAY + CLOSING_TOLERANCE_MS


def test_a_meter_about_to_be_removed_is_not_read_after_its_removal() -> None:
    removed = OLD._replace(removed_at_ms=130 * DAY + 60_000, final=5000)
    (span,) = planning.plan([removed], None, MONTH)
    assert (span.is_open, span.until_ms) == (True, 130 * DAY + 60_000)


@given(
    used=st.lists(st.integers(0, 10**7), min_size=2, max_size=8),
    start=st.integers(0, 10**8 - 1),
    silent=st.sets(st.integers(0, 6)),
)
def test_lines_add_up_to_what_was_used_whatever_was_missing(
    used: list[int], start: int, silent: set[int]
) -> None:
    """The sum of the lines is the register's way, with months unread and ends gone over."""
    full = 10**8
    meter = OLD._replace(installed_at_ms=0, initial=start)
    opening: Mark | None = None
    billed, true, counted = 0, start, start // full
    for month, amount in enumerate(used):
        true += amount
        bounds = Bounds(month * 30 * DAY, (month + 1) * 30 * DAY)
        unread = month in silent and month < len(used) - 1
        fact = Facts(None, 0)
        if not unread:
            fact = Facts(reading(bounds.end_ms, true % full), true // full - counted)
            counted = true // full
        line = settled([meter], opening, fact, bounds=bounds)
        billed, opening = billed + line.consumption, line.closing
    assert billed == sum(used)
