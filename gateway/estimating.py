"""What a line bills whose period nobody read: its check meter, the average or the norm, or nothing.

An estimate is billed *on account*. The line's marks stay where the meter was last read, so the
chain of readings is not touched, nothing billable is ever replaced by an estimate, and the whole
of it can be taken back when a reading comes (see `gateway.correcting`).
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from drivers.reading import Resource
from gateway.billing import ON_ACCOUNT, UNREAD, Method, Settled
from gateway.estimation.average import Average, Measured, amount, average_of, half_up, share
from gateway.estimation.check import ByCheck, Checked, by_check
from gateway.estimation.choice import Choice, Decision, choose
from gateway.estimation.norm import MonthNorm
from gateway.estimation.refusal import Raised, Refusal, raised_by
from gateway.estimation.terms import HOUSE_ROWS, ROWS, Cause, Terms, terms_for
from gateway.periods import Bounds

# Newest lines looked at: three years, after which a debt can no longer be claimed. What was used
# before says nothing of today, also of a meter that has been out of order ever since.
HISTORY_PERIODS_MAX = 36

_ORDER = {
    Cause.MISSING: "",
    Cause.EXPIRED: "the meter's verification has run out",
    Cause.FAILED: "the meter is out of order",
}
_METHODS = {
    Choice.CHECK: Method.CHECK,
    Choice.AVERAGE: Method.AVERAGE,
    Choice.NORM: Method.NORM,
}


class PastLine(NamedTuple):
    """A closed line as it stands now, with its correction if it has one; `used` in its unit.

    `cause` is why it has a time without readings, if it has any, as far as it is known now.
    """

    line_id: str
    period: Bounds
    opening_ms: int
    closing_ms: int
    used: Decimal
    method: Method
    cause: Cause = Cause.MISSING


class Unread(NamedTuple):
    """A period of a register that no reading closes, and all that may say what was used.

    `history` is newest first. `norm` is a month's, in the register's unit; `seasons` are the
    house's heating seasons; `checks` are lines of the same period by check meters; `refusals` are
    acts that stand against whoever keeps the premises closed. `of_house`: it is a house meter's.
    """

    settled: Settled
    resource: Resource
    name: str
    period: Bounds
    history: Sequence[PastLine]
    norm: MonthNorm | None
    seasons: Sequence[Bounds]
    checks: Sequence[Checked] = ()
    refusals: Sequence[Refusal] = ()
    of_house: bool = False


class _Filled(NamedTuple):
    """What is billed for the unread time, and why."""

    billed: int
    decision: Decision


def estimated(unread: Unread) -> Settled:
    """The line with what is billed on account; where nothing can be, as it was, saying why.

    What a line measured before its meter failed, or with the next one, is billed as measured.
    """
    scale = Fraction(10) ** unread.settled.exponent
    checked = by_check(unread.checks, _parts(unread), unread.period, scale)
    filled = _by_rules(unread, scale) if checked is None else _by_check(checked)
    settled = unread.settled
    decision = filled.decision
    reason = "; ".join(filter(None, (settled.reason, _ORDER[settled.cause], decision.reason)))
    if decision.choice is Choice.NOTHING:
        return settled._replace(reason=reason)
    billed = filled.billed + settled.consumption
    return settled._replace(consumption=billed, method=_METHODS[decision.choice], reason=reason)


def _by_check(checked: ByCheck) -> _Filled:
    return _Filled(checked.billed, Decision(Choice.CHECK, f"by its check meter at {checked.point}"))


def _by_rules(unread: Unread, scale: Fraction) -> _Filled:
    """By the average or the norm of ПП 354, whichever is its turn."""
    cause, resource = unread.settled.cause, unread.resource
    terms = terms_for(cause, resource, unread.name, HOUSE_ROWS if unread.of_house else ROWS)
    seasons = tuple(unread.seasons) if terms.heating_season else None
    average = _average(unread, terms, seasons)
    norm = unread.norm if seasons != () else None
    decision = choose(
        _unread_before(unread.history, cause),
        terms,
        average,
        norm=norm and norm.said,
        short_of=_short_of(terms, seasons),
        raised=raised_by(unread.refusals, cause, resource, unread.name),
    )
    billed = 0
    if decision.choice is Choice.AVERAGE and average is not None:
        billed = sum(amount(average, part, unread.period, seasons) for part in _parts(unread))
    if decision.choice is Choice.NORM and norm is not None:
        billed = _by_norm(unread, norm.amount / scale, decision.raised, seasons)
    return _Filled(billed, decision)


def _average(unread: Unread, terms: Terms, seasons: Sequence[Bounds] | None) -> Average | None:
    scale = Fraction(10) ** unread.settled.exponent
    return average_of(
        [_measured(line, scale) for line in unread.history],
        months=terms.months,
        months_min=terms.months_min,
        seasons=seasons,
        running=unread.period,
    )


def _measured(line: PastLine, scale: Fraction) -> Measured:
    """What was billed on account measures nothing, as a carried line does."""
    if line.method in ON_ACCOUNT:
        return Measured(line.period, line.opening_ms, line.opening_ms, Fraction(0))
    return Measured(line.period, line.opening_ms, line.closing_ms, Fraction(line.used) / scale)


def _unread_before(history: Sequence[PastLine], cause: Cause) -> int:
    """How many periods of the run that ends with the newest line were estimated for `cause`.

    A line that measured something and then no more begins the run, one that was read again at its
    end closes it. What another cause or a check meter had its turn with is not counted, and does
    not end the run either.
    """
    count = 0
    for line in history:
        is_measured = line.method not in UNREAD and line.cause is Cause.MISSING
        if is_measured or line.closing_ms >= line.period.end_ms:
            break
        count += line.cause is cause and line.method is not Method.CHECK
        if line.closing_ms > line.opening_ms:
            break
    return count


def _parts(unread: Unread) -> Sequence[Bounds]:
    """The unread parts of a period: while its meter was out of order, else while there was one."""
    return unread.settled.unmeasured or [Bounds(unread.settled.opening.at_ms, unread.period.end_ms)]


def _by_norm(
    unread: Unread, month: Fraction, raised: Raised | None, seasons: Sequence[Bounds] | None
) -> int:
    """A month's norm, of the part of the month in which there was a meter, rounded half up."""
    month *= Fraction(raised.factor) if raised else 1
    return sum(half_up(month * share(part, unread.period, seasons)) for part in _parts(unread))


def _short_of(terms: Terms, seasons: Sequence[Bounds] | None) -> str:
    if seasons == ():
        return "no heating season of the house is known: see registry seasons"
    return f"less than {terms.months_min} measured months for an average"
