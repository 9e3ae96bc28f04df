"""Windows of contracts: when readings are taken for a period, and when the period then ends.

ГИС ЖКХ keeps with every contract the days on which readings are to be given (`PeriodMetering`):
the 15th to the 3rd of the next month, the 19th to the 23rd, the 20th to the 25th, up to the 25th.
A period is named after the month in which its window begins.

The *closing instant* of a period is where its lines end: the end of the month, or the midnight
that ends the window's last day where that comes before. It always lies within its own month, so
whatever contracts come and go, each period ends after the one before it and lines leave no
instant out. Without a contract a window is the whole month.

Days are of the house's calendar. Nothing here reads a clock or a store.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import Resource
from gateway import periods
from gateway.periods import WHENEVER, Bounds, Taking

LAST_DAY: Final = 99
"""How ГИС ЖКХ writes the last day of a month, whichever it is."""


class Cutoff(StrEnum):
    """How a period ends where no reading was taken at its closing instant."""

    READING = "reading"
    """With the reading of the window that is nearest to it."""
    INTERPOLATED = "interpolated"
    """On a straight line between the readings around it."""


class Contract(NamedTuple):
    """A window, from the period `since` (``YYYY-MM``) on.

    Days are 1 to 31 (the last one of a shorter month) or LAST_DAY; with `next_month` the last one
    lies in the month after.
    """

    since: str
    first_day: int
    last_day: int
    next_month: bool
    cutoff: Cutoff


class Term(NamedTuple):
    """A period as a register's line sees it: from closing instant to closing instant.

    `over_ms` is when it can be closed: the month, the window and the closing instant are over.
    """

    period: str
    bounds: Bounds
    taking: Taking
    over_ms: int


def window(contract: Contract | None, period: str, zone: ZoneInfo) -> Bounds:
    """The window of a period: the whole month where no contract says otherwise."""
    if contract is None:
        return periods.bounds(period, zone)
    last_in = periods.following(period) if contract.next_month else period
    first, last = _day(period, contract.first_day), _day(last_in, contract.last_day)
    return periods.days(first, last, zone)


def closing_instant(contract: Contract | None, period: str, zone: ZoneInfo) -> int:
    """Where the lines of a period end."""
    month_end = periods.bounds(period, zone).end_ms
    return min(month_end, window(contract, period, zone).end_ms)


class Windows(NamedTuple):
    """The contracts of a house for one resource, in the order of their periods."""

    zone: ZoneInfo
    contracts: Sequence[Contract] = ()

    def holding(self, period: str) -> Contract | None:
        """The contract that holds in a period."""
        return next((one for one in reversed(self.contracts) if one.since <= period), None)

    def term(self, period: str) -> Term:
        """The line's bounds in a period, and which readings may end it."""
        contract = self.holding(period)
        end_ms = closing_instant(contract, period, self.zone)
        before = periods.preceding(period)
        bounds = Bounds(closing_instant(self.holding(before), before, self.zone), end_ms)
        month_end = periods.bounds(period, self.zone).end_ms
        if contract is None:
            return Term(period, bounds, WHENEVER, month_end)
        days = window(contract, period, self.zone)
        taking = Taking(days, is_drawn=contract.cutoff is Cutoff.INTERPOLATED)
        return Term(period, bounds, taking, max(month_end, days.end_ms))

    def period_of(self, at_ms: int) -> str:
        """The period for which a reading taken at `at_ms` is (V-WINDOW).

        Inside a window it is that window's, outside of any it is the next one's.
        """
        period = periods.preceding(periods.containing(at_ms, self.zone))
        while window(self.holding(period), period, self.zone).end_ms <= at_ms:
            period = periods.following(period)
        return period


class Calendar(NamedTuple):
    """All contracts of a house. A resource without any of its own has those of the key None."""

    zone: ZoneInfo
    contracts: Mapping[Resource | None, Sequence[Contract]] = {}

    def windows(self, resource: Resource) -> Windows:
        """The contracts of a resource: its own from their first period on, before the house's."""
        own = self.contracts.get(resource, ())
        first = own[0].since if own else None
        house = self.contracts.get(None, ())
        before = [one for one in house if first is None or one.since < first]
        return Windows(self.zone, (*before, *own))

    def term(self, resource: Resource, period: str) -> Term:
        """A period as a line of the resource sees it."""
        return self.windows(resource).term(period)

    def over_ms(self, period: str) -> int:
        """When all of a period is over, whatever the resource."""
        return max(self.term(resource, period).over_ms for resource in Resource)

    def last_instant_ms(self, period: str) -> int:
        """The last closing instant of a period."""
        return max(self.term(resource, period).bounds.end_ms for resource in Resource)


def _day(period: str, number: int) -> date:
    year, month = (int(part) for part in period.split("-"))
    return date(year, month, min(number, monthrange(year, month)[1]))
