"""Runs of unread periods: a counter for each cause, what begins a run and what ends it."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from drivers.reading import Resource
from gateway.billing import Mark, Method, Settled
from gateway.estimating import PastLine, Unread, estimated
from gateway.estimation.check import Checked
from gateway.estimation.norm import MonthNorm
from gateway.estimation.terms import Cause
from gateway.explain.reasons import in_russian
from tests.gateway.estimation.test_estimates import month

MISSING, EXPIRED, FAILED = Cause.MISSING, Cause.EXPIRED, Cause.FAILED
MARCH = month(2027, 3)
NORM = MonthNorm(Fraction(13, 2))
READ = "read"

Story = Sequence[tuple[str, Cause]]
"""The periods before March, oldest first: a method (or READ) and the cause."""


def past(story: Story) -> list[PastLine]:
    """Six read months of 11 m3 each, then the story, as history is told: newest first."""
    told = [*[(READ, MISSING)] * 6, *story]
    first = 2027 * 12 + 2 - len(told)
    lines = []
    for number, (method, cause) in enumerate(told):
        year, place = divmod(first + number, 12)
        period = month(year, place + 1)
        was_read = method == READ
        closing_ms = period.end_ms if was_read else period.start_ms
        lines.append(
            PastLine(
                *("", period, period.start_ms, closing_ms, Decimal(11)),
                *(Method.ACTUAL if was_read else Method(method), cause),
            )
        )
    return lines[::-1]


def unread(story: Story, cause: Cause, **changes: object) -> Unread:
    mark = Mark(1, MARCH.start_ms, 66_000, None)
    settled = Settled(mark, mark, 0, -3, Method.CARRIED, "", (), cause=cause)
    fields = (settled, Resource.COLD_WATER, "2027-03", MARCH, past(story), NORM, ())
    return Unread(*fields)._replace(**changes)  # type: ignore[arg-type]


def number(settled: Settled) -> str:
    """Which unread period a reason says it is."""
    return settled.reason.partition("unread period ")[2].split(" ")[0].rstrip(",")


AVERAGED = ("average", MISSING)


@pytest.mark.parametrize(
    ("story", "cause", "expected"),
    [
        ([], MISSING, ("average", "1")),
        ([AVERAGED] * 2, MISSING, ("average", "3")),
        ([AVERAGED] * 3, MISSING, ("norm", "4")),
        ([*[AVERAGED] * 3, ("norm", MISSING)], MISSING, ("norm", "5")),
        # A reading closes the run.
        ([*[AVERAGED] * 3, (READ, MISSING)], MISSING, ("average", "1")),
        ([*[AVERAGED] * 3, ("interpolated", MISSING), AVERAGED], MISSING, ("average", "2")),
        # A counter for each cause: what ran out before does not shorten what comes.
        ([AVERAGED] * 3, EXPIRED, ("average", "1")),
        ([*[AVERAGED] * 3, *[("average", EXPIRED)] * 2], EXPIRED, ("average", "3")),
        ([*[AVERAGED] * 3, *[("average", EXPIRED)] * 3], EXPIRED, ("norm", "4")),
        # And what another cause had in between does not begin it anew.
        ([*[AVERAGED] * 3, ("average", EXPIRED)], MISSING, ("norm", "4")),
        ([AVERAGED, ("average", FAILED), AVERAGED], MISSING, ("average", "3")),
        # A month nothing could be billed for counts; a check meter's does not.
        ([("carried", MISSING)] * 3, MISSING, ("norm", "4")),
        ([("check", MISSING)] * 5, MISSING, ("average", "1")),
        ([AVERAGED, ("check", MISSING), AVERAGED], MISSING, ("average", "3")),
    ],
)
def test_the_counters_of_a_run(story: Story, cause: Cause, expected: tuple[str, str]) -> None:
    found = estimated(unread(story, cause))
    assert (found.method, number(found)) == expected
    assert found.consumption == (11_000 if found.method == "average" else 6_500)


def test_a_line_that_measured_until_its_meter_failed_begins_the_run() -> None:
    one = unread([("average", FAILED)] * 3, FAILED)
    oldest = one.history[2]
    partly = oldest._replace(closing_ms=oldest.period.start_ms + 1)
    history = [*one.history[:2], partly, *[oldest._replace(method=Method.NORM)] * 9]
    assert number(estimated(one._replace(history=history))) == "4"


def test_a_line_read_again_after_its_meter_was_out_of_order_ends_the_run() -> None:
    one = unread([("average", FAILED)] * 2, FAILED)
    newest = one.history[0]
    again = newest._replace(closing_ms=newest.period.end_ms + 1)
    assert number(estimated(one._replace(history=[again, *one.history[1:]]))) == "1"


def test_a_line_measured_in_part_counts_also_where_nothing_could_be_billed_for_the_rest() -> None:
    one = unread([("carried", FAILED)], FAILED)
    newest = one.history[0]
    partly = newest._replace(closing_ms=newest.period.start_ms + 1, method=Method.ACTUAL)
    assert number(estimated(one._replace(history=[partly, *one.history[1:]]))) == "2"


def test_the_check_meter_goes_before_average_and_norm() -> None:
    check = Checked("C1", MARCH.start_ms, MARCH.end_ms, Fraction("12.4"))
    for story in ([], [AVERAGED] * 5):
        found = estimated(unread(story, MISSING, checks=[check]))
        assert (found.method, found.consumption) == (Method.CHECK, 12_400)
        assert found.reason == "by its check meter at C1"
    failed = estimated(unread([], FAILED, checks=[check]))
    assert failed.reason == "the meter is out of order; by its check meter at C1"


def test_months_enough_for_an_average_may_come_later() -> None:
    """Two measured months are too few; when a late reading made them three, they are not."""
    one = unread([("norm", MISSING)], MISSING)
    two = one._replace(history=[one.history[0], *one.history[1:3]])
    assert estimated(two).method == Method.NORM
    assert "less than 3 measured months" in estimated(two).reason
    three = one._replace(history=one.history[:4])
    assert (estimated(three).method, number(estimated(three))) == ("average", "2")


def test_a_house_meter_has_three_periods_by_its_own_clause_and_then_nothing() -> None:
    third = estimated(unread([AVERAGED] * 2, MISSING, norm=None, of_house=True))
    assert "unread period 3 of 3 (ПП 354 п. 59(1))" in third.reason
    fourth = estimated(unread([AVERAGED] * 3, MISSING, norm=None, of_house=True))
    assert (fourth.method, fourth.consumption) == (Method.CARRIED, 0)
    assert fourth.reason.endswith("see house-balance for the common needs by norm")


@pytest.mark.parametrize(
    ("reason", "russian"),
    [
        ("by its check meter at C1", "по контрольному счётчику: точка учёта C1"),
        (
            (
                "norm of consumption, 4.2 for each of 3 residents (акт), shared by 2 metering"
                " points, shared by 2 tariffs, ПП 354 п. 60: unread period 4, after 3 by average"
                " (ПП 354 п. 59 «б»); access refused (acts 12 of 2026-11-03, 14 of 2026-11-20),"
                " raised by 1.5, ПП 354 п. 60(1)"
            ),
            (
                "норматив потребления, 4.2 на каждого из жителей (их 3) (акт), поровну на точек"
                " учёта: 2, поровну на тарифов: 2, ПП 354 п. 60: период без показаний 4-й, после 3"
                " по среднему (ПП 354 п. 59 «б»); отказ в допуске (акты 12 от 2026-11-03, 14 от"
                " 2026-11-20), коэффициент 1.5, ПП 354 п. 60(1)"
            ),
        ),
        (
            (
                "norm of consumption, ПП 354 п. 60: access refused (acts 1 of 2026-11-03, 2 of"
                " 2026-11-20), raised by 1.5, ПП 354 п. 60(3)"
            ),
            (
                "норматив потребления, ПП 354 п. 60: отказ в допуске (акты 1 от 2026-11-03, 2 от"
                " 2026-11-20), коэффициент 1.5, ПП 354 п. 60(3)"
            ),
        ),
        (
            "no norm is a house meter's: see house-balance for the common needs by norm",
            "у общедомового счётчика нет норматива: ОДН по нормативу, см. баланс дома",
        ),
    ],
)
def test_what_is_said_can_be_said_in_russian(reason: str, russian: str) -> None:
    assert in_russian(reason) == russian
