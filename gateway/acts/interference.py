"""What an interference is charged for (ПП 354 п. 62): capacity around the clock, or the norm often.

The time runs back from the act to where the act says it began, to the last check before it, or as
far as the terms allow, whichever is latest, and ends before the day of the act. A capacity is
counted for 24 hours of every day; without one the dwelling's norm is taken ten times. Exact until
the last step of the norm, which is rounded half up.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from gateway.acts.model import Act, Charged, Method
from gateway.balance.odn import SHARE_EXPONENT
from gateway.estimation.average import half_up
from gateway.rules.parameters import Mark

_HOURS = 24
_MONTHS = 12

MonthNorm = Callable[[str], Fraction | None]
"""The dwelling's norm for a month (``YYYY-MM``), in the unit."""


class Terms(NamedTuple):
    """How far back is charged, and how many norms where no capacity is known."""

    valid_from: date
    months_back: int
    norms: int
    clause: str
    mark: Mark
    source: str


TERMS: Final = (
    Terms(
        date(2012, 9, 1), 3, 10, "п. 62", Mark.MEMORY,
        "the factor of ten is named in questions to lawyers; the months are from memory",
    ),
)  # fmt: skip


class NoNormError(ValueError):
    """A month without a norm, where no capacity is known; the text is the month."""


def charged(act: Act, last_check: Act | None, month_norm: MonthNorm) -> Charged:
    """What an interference comes to; NoNormError where neither capacity nor norm says it."""
    terms = [one for one in TERMS if one.valid_from <= act.made_on][-1]
    first_on, since = _first(act, last_check, terms)
    days = (act.made_on - first_on).days
    if act.capacity is not None:
        amount, method = act.capacity * _HOURS * days, Method.CAPACITY
        how = f"capacity {act.capacity:f} an hour × {_HOURS} h × {days} days"
    else:
        amount, method = _by_norm(first_on, act.made_on, terms.norms, month_norm), Method.NORM
        how = f"norm × {terms.norms} for {days} days, no capacity known"
    reason = f"interference, ПП 354 {terms.clause}, {act}: {how}, {since}"
    return Charged(first_on, act.made_on, method, amount, reason)


def _first(act: Act, last_check: Act | None, terms: Terms) -> tuple[date, str]:
    """From which day, and why from that one; of two reasons for one day the first."""
    back = _months_before(act.made_on, terms.months_back)
    begins = [(back, f"{terms.months_back} months back")]
    if last_check is not None:
        begins.append((last_check.made_on, f"since the check before ({last_check})"))
    if act.begun_on is not None:
        begins.append((act.begun_on, "since the day the act names"))
    first_on, why = max(begins, key=lambda one: one[0])
    return first_on, f"{why}: {first_on}"


def _months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or its last one."""
    whole, month = divmod(day.year * _MONTHS + day.month - 1 - months, _MONTHS)
    return date(whole, month + 1, min(day.day, monthrange(whole, month + 1)[1]))


def _by_norm(first_on: date, until_on: date, norms: int, month_norm: MonthNorm) -> Decimal:
    total = Fraction(0)
    for month, share in _shares(first_on, until_on):
        norm = month_norm(month)
        if norm is None:
            raise NoNormError(month)
        total += norm * norms * share
    steps = half_up(total / Fraction(10) ** SHARE_EXPONENT)
    return Decimal(steps).scaleb(SHARE_EXPONENT)


def _shares(first_on: date, until_on: date) -> Iterator[tuple[str, Fraction]]:
    """Each month of a time with the part of its days."""
    begins = first_on
    while begins < until_on:
        length = monthrange(begins.year, begins.month)[1]
        ends = min(until_on, begins.replace(day=1) + timedelta(days=length))
        yield f"{begins:%Y-%m}", Fraction((ends - begins).days, length)
        begins = ends
