"""What a line bills whose period nobody read: the average or the norm of ПП 354, or nothing.

An estimate is billed *on account*. The line's marks stay where the meter was last read, so the
chain of readings is not touched, nothing billable is ever replaced by an estimate, and the whole
of it can be taken back when a reading comes (see `gateway.correcting`).
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from drivers.reading import Resource
from gateway.billing import ON_ACCOUNT, Method, Settled
from gateway.estimation.average import Average, Measured, amount, average_of, half_up, share
from gateway.estimation.choice import Choice, choose
from gateway.estimation.terms import Cause, Terms, terms_for
from gateway.periods import Bounds

# Newest lines looked at: three years, after which a debt can no longer be claimed. What was used
# before says nothing of today, also of a meter that has been out of order ever since.
HISTORY_PERIODS_MAX = 36

_ORDER = {
    Cause.MISSING: "",
    Cause.EXPIRED: "the meter's verification has run out",
    Cause.FAILED: "the meter is out of order",
}
_METHODS = {Choice.AVERAGE: Method.AVERAGE, Choice.NORM: Method.NORM}


class PastLine(NamedTuple):
    """A closed line as it stands now, with its correction if it has one; `used` in its unit."""

    line_id: str
    period: Bounds
    opening_ms: int
    closing_ms: int
    used: Decimal
    method: Method


class Unread(NamedTuple):
    """A period of a register that no reading closes, and all that may say what was used.

    `history` is newest first. `norm` is a month's, in the register's unit; `seasons` are the
    house's heating seasons.
    """

    settled: Settled
    resource: Resource
    name: str
    period: Bounds
    history: Sequence[PastLine]
    norm: Decimal | None
    seasons: Sequence[Bounds]


def estimated(unread: Unread) -> Settled:
    """The line with what is billed on account; where nothing can be, as it was, saying why.

    What a line measured before its meter failed, or with the next one, is billed as measured.
    """
    terms = terms_for(unread.settled.cause, unread.resource, unread.name)
    seasons = tuple(unread.seasons) if terms.heating_season else None
    average = _average(unread, terms, seasons)
    decision = choose(
        _unread_before(unread.history),
        terms,
        average,
        has_norm=unread.norm is not None and seasons != (),
        short_of=_short_of(terms, seasons),
    )
    settled = unread.settled
    reason = "; ".join(filter(None, (settled.reason, _ORDER[settled.cause], decision.reason)))
    if decision.choice is Choice.NOTHING:
        return settled._replace(reason=reason)
    if decision.choice is Choice.AVERAGE and average is not None:
        billed = sum(amount(average, part, unread.period, seasons) for part in _parts(unread))
    else:
        billed = _by_norm(unread, seasons)
    billed += settled.consumption
    return settled._replace(consumption=billed, method=_METHODS[decision.choice], reason=reason)


def _average(unread: Unread, terms: Terms, seasons: Sequence[Bounds] | None) -> Average | None:
    scale = Fraction(10) ** unread.settled.exponent
    return average_of(
        [_measured(line, scale) for line in unread.history],
        months=terms.months,
        months_min=terms.months_min,
        seasons=seasons,
    )


def _measured(line: PastLine, scale: Fraction) -> Measured:
    """What was billed on account measures nothing, as a carried line does."""
    if line.method in ON_ACCOUNT:
        return Measured(line.period, line.opening_ms, line.opening_ms, Fraction(0))
    return Measured(line.period, line.opening_ms, line.closing_ms, Fraction(line.used) / scale)


def _unread_before(history: Sequence[PastLine]) -> int:
    count = 0
    for line in history:
        if line.closing_ms > line.opening_ms:
            break
        count += 1
    return count


def _parts(unread: Unread) -> Sequence[Bounds]:
    """The unread parts of a period: while its meter was out of order, else while there was one."""
    return unread.settled.unmeasured or [Bounds(unread.settled.opening.at_ms, unread.period.end_ms)]


def _by_norm(unread: Unread, seasons: Sequence[Bounds] | None) -> int:
    """A month's norm, of the part of the month in which there was a meter, rounded half up."""
    norm = Fraction(unread.norm or 0) / Fraction(10) ** unread.settled.exponent
    return sum(half_up(norm * share(part, unread.period, seasons)) for part in _parts(unread))


def _short_of(terms: Terms, seasons: Sequence[Bounds] | None) -> str:
    if seasons == ():
        return "no heating season of the house is known: see registry seasons"
    return f"less than {terms.months_min} measured months for an average"
