"""Verification (поверка): when a meter was verified, until when that counts, what is due.

A day counts to its end on the clock of the house: a verification of 10 March 2020 for six years
counts through 10 March 2026, unless its certificate names another last day. What follows for
billing is in `gateway.meter_life.bars`.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import to_ms

# The longest interval of any dwelling's meter is sixteen years; fifty is a slip.
MONTHS_MAX: Final = 600
# Days before the last one at which somebody is warned (billing-rules.md, V-VERIF), widest first.
LADDER: Final = (90, 30, 7)
_DAY = timedelta(days=1)


class Finding(StrEnum):
    """What a verification found."""

    FIT = "fit"
    THROUGHOUT = "fit-throughout"
    """Fit, and it was so all the time since the verification before had expired."""
    UNFIT = "unfit"


class Verification(NamedTuple):
    """One verification of one meter, by day on the house's calendar."""

    meter: str
    verified_on: date
    months: int
    valid_until: date
    number: str
    verified_by: str
    finding: Finding

    @property
    def last_day(self) -> date:
        """The last day on which the meter may be billed by, as far as this one goes."""
        return self.verified_on - _DAY if self.finding is Finding.UNFIT else self.valid_until


class Tier(StrEnum):
    """How far a meter has come on the ladder."""

    EXPIRED = "expired"
    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    VALID = "valid"
    UNKNOWN = "unknown"
    """Nobody has entered a verification."""


DUE: Final = (Tier.EXPIRED, Tier.WEEK, Tier.MONTH, Tier.QUARTER)
"""What a person is told of, most urgent first."""


class Standing(NamedTuple):
    """Which tier a meter has reached, since which day, and how many days are left (or over)."""

    tier: Tier
    since: date | None
    days_left: int | None


class Due(NamedTuple):
    """A standing meter with its newest verification, None if it has none."""

    house: str
    dwelling: str | None
    point: str
    resource: str
    meter: str
    verification: Verification | None
    standing: Standing


def after_months(day: date, months: int) -> date:
    """The same day `months` later; the last one of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def start_of(day: date, zone: ZoneInfo) -> int:
    """When a day begins on the clocks of `zone`, in ms since the epoch."""
    return to_ms(datetime.combine(day, time(), zone))


def end_of(day: date, zone: ZoneInfo) -> int:
    """The first instant after a day."""
    return start_of(day + _DAY, zone)


def newest(verifications: Iterable[Verification]) -> Verification | None:
    """The last one in the order of days."""
    return max(verifications, key=lambda one: one.verified_on, default=None)


def standing(verification: Verification | None, today: date) -> Standing:
    """The one tier a verification has reached on a day, and since when: one warning each."""
    if verification is None:
        return Standing(Tier.UNKNOWN, None, None)
    last = verification.last_day
    left = (last - today).days
    if left < 0:
        return Standing(Tier.EXPIRED, last + _DAY, left)
    for days in reversed(LADDER):
        if left <= days:
            # A verification that is entered late, or for less than the ladder, begins its tier.
            since = max(last - timedelta(days=days), verification.verified_on)
            return Standing(Tier(str(days)), since, left)
    return Standing(Tier.VALID, verification.verified_on, left)


def due(rows: Sequence[Due], *, everything: bool = False) -> list[Due]:
    """What a person is to look at, the most urgent first."""
    tiers = tuple(Tier) if everything else DUE
    order = {tier: number for number, tier in enumerate(tiers)}
    shown = [row for row in rows if row.standing.tier in order]
    return sorted(shown, key=lambda row: (order[row.standing.tier], row.standing.days_left or 0))
