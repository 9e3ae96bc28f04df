"""Closed periods that what is being entered comes too late for, asked of the ledger.

Taken as a picture before and after, so it does not matter which file or command changed what.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from gateway.billing import CLOSING_TOLERANCE_MS, UNREAD
from gateway.meter_life.bars import Bar
from gateway.periods import Bounds
from gateway.sql.engine import Connection
from gateway.sql.house_meters import Barred
from gateway.too_late import Closed

_UNREAD = ", ".join(f"'{method}'" for method in sorted(UNREAD))

# Only meters that something is known of can be barred.
_HOUSES = """
SELECT DISTINCT house_no, timezone FROM house JOIN point USING (house_no)
JOIN installation USING (point_no)
WHERE meter_no IN (SELECT meter_no FROM verification UNION SELECT meter_no FROM out_of_order)
"""

# Lines that readings of a time closed; what is on account was not billed by any.
_BILLED_BY = f"""
SELECT DISTINCT house.name, period, newest_closed FROM closing_line AS line
JOIN closed_period USING (closing_no) JOIN house USING (house_no)
LEFT JOIN correction USING (line_no)
WHERE ?1 IN (line.opening_register_no, line.closing_register_no)
  AND coalesce(correction.method, line.method) NOT IN ({_UNREAD})
  AND coalesce(correction.closing_at_ms, line.closing_at_ms) > ?2
  AND coalesce(correction.opening_at_ms, line.opening_at_ms) < ?3
"""  # noqa: S608 - the methods are our own constants

# Lines that nobody read, or that rest on what a resident said, from the month of an act on.
_UNREAD_SINCE = f"""
SELECT DISTINCT house.name, period, newest_closed FROM act
JOIN point ON point.account_no = act.account_no
    AND (act.point_no IS NULL OR act.point_no = point.point_no)
JOIN closing_line AS line ON line.point_no = point.point_no
JOIN closed_period USING (closing_no) JOIN house ON house.house_no = closed_period.house_no
WHERE act_no > ? AND act.kind <> 'interference' AND period >= substr(made_on, 1, 7)
  AND (line.method IN ({_UNREAD}) OR line.source IN ('resident', 'photo', 'gis-zhkh'))
"""  # noqa: S608 - the methods are our own constants

_Bars = dict[int, list[Bounds]]


@contextmanager
def bars_entered(connection: Connection) -> Iterator[list[Closed]]:
    """Afterwards the list has the closed periods billed by meters that are barred then by now."""
    found: list[Closed] = []
    before = _bars(connection)
    yield found
    concerned = set()
    for register_no, bars in _bars(connection).items():
        for time in _added(before.get(register_no, []), bars):
            # The read at the midnight with which a bar begins is not barred by it.
            asked = (register_no, time.start_ms + CLOSING_TOLERANCE_MS, time.end_ms)
            concerned |= {Closed(*row) for row in connection.execute(_BILLED_BY, asked)}
    found += sorted(concerned)


@contextmanager
def acts_entered(connection: Connection) -> Iterator[list[Closed]]:
    """Afterwards the list has the closed periods that acts of access entered now come after."""
    found: list[Closed] = []
    (newest,) = connection.execute("SELECT coalesce(max(act_no), 0) FROM act").fetchone()
    yield found
    found += sorted(Closed(*row) for row in connection.execute(_UNREAD_SINCE, (newest,)))


def _bars(connection: Connection) -> _Bars:
    found: defaultdict[int, list[Bounds]] = defaultdict(list)
    for house_no, timezone in connection.execute(_HOUSES).fetchall():
        for register_no, bars in Barred(connection, house_no, ZoneInfo(timezone)).all.items():
            found[register_no] = [_time(bar) for bar in bars]
    return found


def _time(bar: Bar) -> Bounds:
    return Bounds(bar.from_ms, bar.until_ms)


def _added(before: list[Bounds], after: list[Bounds]) -> Iterator[Bounds]:
    """The times within `after` and in none of `before`; both are in order and do not overlap."""
    for one in after:
        start_ms = one.start_ms
        for known in before:
            if known.end_ms <= start_ms or known.start_ms >= one.end_ms:
                continue
            if start_ms < known.start_ms:
                yield Bounds(start_ms, known.start_ms)
            start_ms = known.end_ms
        if start_ms < one.end_ms:
            yield Bounds(start_ms, one.end_ms)
