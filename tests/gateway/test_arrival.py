"""Late, out of order, never, or of a meter out of order: the sum is always what was used."""

import tempfile
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway import orders
from gateway.closing_records import Closing
from gateway.estimation.terms import Cause
from gateway.sql.estimates import EstimateLedger
from gateway.sql.orders import OrderLedger
from tests.gateway.test_corrections import WATER, month_start, norms
from tests.gateway.town import DAY_MS, HOUR_MS, HOUSE, Dial, Town

MONTHS = 8
FIRST = 9
DIGITS = 8

Arrivals = dict[int, list[int]]
"""Capture times of readings by the closing before which they arrive."""


class Ended(NamedTuple):
    """What a ledger says after its last period was closed."""

    closings: list[Closing]
    still_open: int
    suspect: int
    marks: list[tuple[tuple[int, int], tuple[int, int]]]


def arrivals(late: list[int | None], inner: list[tuple[int, int]]) -> Arrivals:
    """When each reading arrives: of midnights (None: never) and of days of the whole time."""
    found: Arrivals = {}
    for place, delay in enumerate(late):
        if delay is not None:
            found.setdefault(place + delay, []).append(month_start(FIRST + 1 + place))
    for number, delay in inner:
        at_ms = month_start(FIRST) + number * DAY_MS + 7 * HOUR_MS
        place = sum(at_ms >= month_start(FIRST + 1 + one) for one in range(MONTHS))
        found.setdefault(place + delay, []).append(at_ms)
    return found


def register(used: list[int], initial: int) -> Callable[[int], int]:
    """What a register shows at an instant that counts `used` in the months, evenly in each."""

    def shown(at_ms: int) -> int:
        total = initial
        for place, amount in enumerate(used):
            start, end = month_start(FIRST + place), month_start(FIRST + 1 + place)
            total += amount * (min(max(at_ms, start), end) - start) // (end - start)
        return total % 10**DIGITS

    return shown


def lived_through(
    town: Town,
    dial: Dial,
    shown: Callable[[int], int],
    coming: Arrivals,
    barred: tuple[int, int] | None,
) -> Ended:
    """Eight months of a town: readings as they come, a closing after each, the last one read."""

    def read(at_ms: int) -> None:
        town.read("W1", at_ms, shown(at_ms), dial)
        town.send()

    read(month_start(FIRST) + HOUR_MS)
    closings = []
    for place in range(MONTHS):
        end_ms = month_start(FIRST + 1 + place)
        # Out of order among themselves too: the newest first.
        for at_ms in sorted(set(coming.get(place, [])), reverse=True):
            read(at_ms)
        if place == MONTHS - 1:
            read(end_ms)
        state_order(town, place, barred)
        closings.append(town.close(now_ms=end_ms + HOUR_MS))
    ledger = EstimateLedger(town.store.database.connection)
    still_open = len(ledger.obligations(None, only_open=True, limit=100))
    suspect = town.store.ledger.totals().get("suspect", 0)
    return Ended(closings, still_open, suspect, standing_marks(town))


def state_order(town: Town, place: int, barred: tuple[int, int] | None) -> None:
    """The meter is out of order from the middle of a month on, and found fit a while later."""
    if barred is None or barred[0] >= barred[1]:
        return
    ledger = OrderLedger(town.store.database.connection)
    with town.store.transaction():
        if place == barred[0]:
            orders.declare(ledger, "W1", Cause.EXPIRED, month_start(FIRST + place) + 12 * DAY_MS)
        elif place == barred[1]:
            orders.declare_fit(ledger, "W1", month_start(FIRST + place))


def standing_marks(town: Town) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Opening and closing of every line as it stands corrected; those that bill nothing apart."""
    rows = town.store.database.connection.execute(
        "SELECT coalesce(c.opening_at_ms, l.opening_at_ms),"
        " coalesce(c.opening_mantissa, l.opening_mantissa),"
        " coalesce(c.closing_at_ms, l.closing_at_ms),"
        " coalesce(c.closing_mantissa, l.closing_mantissa)"
        " FROM closing_line AS l LEFT JOIN correction AS c USING (line_no)"
        " WHERE coalesce(c.method, l.method) <> 'carried' ORDER BY line_no"
    )
    return [((opening, value), (closing, end)) for opening, value, closing, end in rows]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    used=st.lists(st.integers(0, 40_000), min_size=MONTHS, max_size=MONTHS),
    # Which month's midnight is read, and how many closings its batch comes late.
    late=st.lists(st.none() | st.integers(0, 3), min_size=MONTHS - 1, max_size=MONTHS - 1),
    # Readings within months, likewise: (day of the whole time, closings late).
    inner=st.lists(st.tuples(st.integers(1, 235), st.integers(0, 4)), max_size=6),
    # For which closings the meter counts as out of order, and is found fit before the last.
    barred=st.none() | st.tuples(st.integers(0, MONTHS - 2), st.integers(1, MONTHS - 1)),
    rolls=st.booleans(),
    has_norm=st.booleans(),
)
# Unread until past the dial's end, read once, and out of order before that reading is settled.
@example(
    used=[0, 0, 0, 1, 0, 0, 0, 0],
    late=[None, None, None, 1, None, None, None],
    inner=[],
    barred=(4, 5),
    rolls=True,
    has_norm=True,
)
def test_in_any_order_of_arrival_lines_and_corrections_add_up_to_what_was_used(
    used: list[int],
    late: list[int | None],
    inner: list[tuple[int, int]],
    barred: tuple[int, int] | None,
    *,
    rolls: bool,
    has_norm: bool,
) -> None:
    initial = 10**DIGITS - sum(used) // 2 - 1 if rolls else 0
    dial = WATER._replace(initial=initial, digits=DIGITS)
    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder))
        town.install("W1", town.point("P1", resource="cold-water"), dial)
        if has_norm:
            header = "house,account,register,unit,since,amount"
            norms(town, f"{header}\n{HOUSE},,8-0:1.0.0,m3,2026-01,6.5")
        shown = register(used, initial)
        ended = lived_through(town, dial, shown, arrivals(late, inner), barred)
        town.store.close()
    assert (ended.suspect, ended.still_open) == (0, 0)
    lines = [line.consumption for closing in ended.closings for line in closing.lines]
    differences = [one.difference for closing in ended.closings for one in closing.corrections]
    assert sum(lines) + sum(differences) == Decimal(sum(used)).scaleb(-3)
    assert all(before[1] == after[0] for before, after in pairwise(ended.marks))
