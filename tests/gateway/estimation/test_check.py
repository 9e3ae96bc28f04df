"""What a check meter says of the meter beside it, by hand."""

from fractions import Fraction

import pytest

from gateway.estimation.check import APART_MS_MAX, Checked, by_check
from gateway.periods import Bounds
from tests.gateway.estimation.test_estimates import DAY, day, month

OCTOBER = month(2026, 10)
LITRES = Fraction(1, 1000)


def checked(used: str = "12.4", **changes: object) -> Checked:
    return Checked("C1", OCTOBER.start_ms, OCTOBER.end_ms, Fraction(used))._replace(**changes)


@pytest.mark.parametrize(
    ("lines", "parts", "expected"),
    [
        ([checked()], [OCTOBER], 12_400),
        # The first that covers the month, of several.
        ([checked(point="C0", to_ms=day(2026, 10, 20)), checked()], [OCTOBER], 12_400),
        ([checked("9"), checked()], [OCTOBER], 9_000),
        # Installed on the 17th: 15 of 31 days.
        ([checked()], [Bounds(day(2026, 10, 17), OCTOBER.end_ms)], 6_000),
        # Unread since September: the check meter's month is this month's.
        ([checked()], [Bounds(day(2026, 9), OCTOBER.end_ms)], 12_400),
        # Two parts of a month with an exchange, 10 and 15 days.
        (
            [checked()],
            [Bounds(OCTOBER.start_ms, day(2026, 10, 11)), Bounds(day(2026, 10, 17), day(2026, 11))],
            10_000,
        ),
        # A day early is a daily read; more is another month's.
        ([checked(from_ms=OCTOBER.start_ms - APART_MS_MAX)], [OCTOBER], 12_400),
        ([checked(from_ms=OCTOBER.start_ms - APART_MS_MAX - 1)], [OCTOBER], None),
        ([checked(to_ms=OCTOBER.end_ms - 2 * DAY)], [OCTOBER], None),
        # Half a litre is a litre.
        ([checked("0.0005")], [OCTOBER], 1),
        ([checked("-1")], [OCTOBER], None),
        ([], [OCTOBER], None),
    ],
)
def test_the_check_meters_month(
    lines: list[Checked], parts: list[Bounds], expected: int | None
) -> None:
    found = by_check(lines, parts, OCTOBER, LITRES)
    assert (found and found.billed) == expected
