"""Contracts of a house and where its periods end by them: worked out anew, for the judge.

A period of a house without a contract is its month. With one, readings are taken in a window; the
period ends with the month, or with the window's last day where that comes before.
"""

from calendar import monthrange
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from simulators.house import local_midnight

LAST_DAY = 99


class Agreed(NamedTuple):
    """A contract of a whole house, from its `since`-th month on; `drawn`: cutoff interpolated."""

    since: int
    first_day: int
    last_day: int
    next_month: bool
    drawn: bool


class Term(NamedTuple):
    """From when to when a period's lines run, and which readings may close them.

    `over_ms`: from when on it may be closed.
    """

    start_ms: int
    end_ms: int
    window: tuple[int, int] | None
    drawn: bool
    over_ms: int


class Calendar(NamedTuple):
    """What a house has agreed, by months counted from `first` (the first day of its year)."""

    timezone: str
    first: date
    agreed: tuple[Agreed, ...]

    def term(self, period: str) -> Term:
        """The term of a period (YYYY-MM)."""
        month = date.fromisoformat(f"{period}-01")
        one, month_end_ms = self._holding(month), self._midnight(_next(month))
        start_ms, end_ms = self._end_ms(_before(month)), self._end_ms(month)
        window = self._window(month, one)
        over_ms = max(month_end_ms, window[1]) if window else month_end_ms
        return Term(start_ms, end_ms, window, one is not None and one.drawn, over_ms)

    def period_of(self, at_ms: int, months: int) -> str:
        """The first period whose window is not over: what a person's figure is for."""
        month = _before(self.first)
        for _ in range(months + 2):
            window = self._window(month, self._holding(month))
            if at_ms < (window[1] if window else self._midnight(_next(month))):
                break
            month = _next(month)
        return f"{month:%Y-%m}"

    def _end_ms(self, month: date) -> int:
        month_end_ms = self._midnight(_next(month))
        window = self._window(month, self._holding(month))
        return min(month_end_ms, window[1]) if window else month_end_ms

    def _holding(self, month: date) -> Agreed | None:
        number = (month.year - self.first.year) * 12 + month.month - self.first.month
        return next((one for one in reversed(self.agreed) if one.since <= number), None)

    def _window(self, month: date, one: Agreed | None) -> tuple[int, int] | None:
        if one is None:
            return None
        last_in = _next(month) if one.next_month else month
        last = _day(last_in, one.last_day) + timedelta(days=1)
        return self._midnight(_day(month, one.first_day)), self._midnight(last)

    def _midnight(self, day: date) -> int:
        return local_midnight(day, self.timezone)


# Of a hundred houses, how many have a contract; of those, how many agree on another one later.
_WITH_CONTRACT, _CHANGING = 40, 40
# The windows that are in use, among them those that ГИС ЖКХ's documents name.
_WINDOWS = (
    (15, 3, True),
    (20, 25, False),
    (19, 23, False),
    (1, 25, False),
    (LAST_DAY, LAST_DAY, False),
)


def agree(random: Random, months: int) -> tuple[Agreed, ...]:
    """What a house agrees on in a year."""
    if random.randrange(100) >= _WITH_CONTRACT:
        return ()
    begins = [0 if random.random() < 0.5 else random.randrange(max(1, months))]
    if random.randrange(100) < _CHANGING and begins[0] + 1 < months:
        begins.append(random.randrange(begins[0] + 1, months))
    return tuple(
        Agreed(since, *random.choice(_WINDOWS), drawn=random.random() < 0.4) for since in begins
    )


def _day(month: date, number: int) -> date:
    return month.replace(day=min(number, monthrange(month.year, month.month)[1]))


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)
