"""The lines of a closing that no reading closes, each given what may say how much was used.

What is known is gathered once for the whole house, and `gateway.estimating` decides line by line.
Corrections that this closing makes count already: they are the newest history there is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from gateway import periods
from gateway.billing import Method, Role, Settled
from gateway.closing_records import (
    BilledRegister,
    CheckPoint,
    ClosingTransaction,
    House,
    RegisterKey,
)
from gateway.contracts import Calendar
from gateway.correcting import Correction
from gateway.estimating import PastLine, Unread, estimated
from gateway.estimation.average import share
from gateway.estimation.check import Checked
from gateway.estimation.norm import Norms, norm_of
from gateway.estimation.refusal import AccessAct, standing
from gateway.estimation.terms import Cause
from gateway.periods import Bounds

Line = tuple[BilledRegister, Settled]


class Again(NamedTuple):
    """What settling owed lines again has found: corrections, and why each line was not read.

    A meter may have been found out of order, or in order, since a line was closed.
    """

    corrections: Sequence[Correction]
    causes: Mapping[str, Cause]


class _Known(NamedTuple):
    """All that may be said of a house's unread lines in one period."""

    period: str
    calendar: Calendar
    history: Mapping[RegisterKey, Sequence[PastLine]]
    norms: Norms
    of_account: Mapping[str | None, Sequence[RegisterKey]]
    seasons: Sequence[Bounds]
    checks: Mapping[RegisterKey, Sequence[Checked]]
    access: Sequence[AccessAct]


def filled(
    transaction: ClosingTransaction,
    house: House,
    period: str,
    lines: Sequence[Line],
    again: Again,
) -> list[Line]:
    """The lines, with an estimate where there is no reading."""
    calendar = transaction.calendar(house)
    unread = {
        one.key
        for one, now in lines
        if now.method is Method.CARRIED
        or _is_out_in(now, calendar.term(one.resource, period).bounds)
    }
    lines = [(one, _as_read(now) if one.key not in unread else now) for one, now in lines]
    if not unread:
        return lines
    history = _history(transaction, house, unread, again)
    known = _gathered(transaction, house, period, lines, history)
    return [
        (one, estimated(_unread(one, now, known)) if one.key in unread else now)
        for one, now in lines
    ]


def _is_out_in(settled: Settled, period: Bounds) -> bool:
    """Whether a meter was out of order in the period itself, and not only in one before it."""
    return any(share(part, period) for part in settled.unmeasured)


def _as_read(settled: Settled) -> Settled:
    """A line that was read has no cause of not being read, whatever was the matter before it."""
    return settled._replace(cause=Cause.MISSING)


def _history(
    transaction: ClosingTransaction,
    house: House,
    keys: Collection[RegisterKey],
    again: Again,
) -> dict[RegisterKey, list[PastLine]]:
    corrected = {one.owed.line_id: one for one in again.corrections}
    return {
        key: [
            _as_corrected(
                line._replace(cause=again.causes.get(line.line_id, line.cause)),
                corrected.get(line.line_id),
            )
            for line in past
        ]
        for key, past in transaction.past_lines(house, keys).items()
    }


def _gathered(
    transaction: ClosingTransaction,
    house: House,
    period: str,
    lines: Sequence[Line],
    history: Mapping[RegisterKey, Sequence[PastLine]],
) -> _Known:
    bounds = periods.bounds(period, house.zone)
    after = date.fromisoformat(f"{periods.following(period)}-01")
    of_account: dict[str | None, list[RegisterKey]] = defaultdict(list)
    for one, _ in lines:
        if one.role is Role.BILLED:
            of_account[one.account].append(one.key)
    return _Known(
        period,
        transaction.calendar(house),
        history,
        transaction.norms(house.house_no, period),
        of_account,
        transaction.seasons(house),
        _checks(transaction.check_points(house.house_no, bounds.end_ms), lines),
        transaction.access_acts(house.house_no, after),
    )


def _unread(one: BilledRegister, settled: Settled, known: _Known) -> Unread:
    return Unread(
        settled,
        one.resource,
        known.period,
        known.calendar.term(one.resource, known.period).bounds,
        known.history.get(one.key, ()),
        norm_of(known.norms, one.account, one.key, known.of_account[one.account]),
        known.seasons,
        checks=known.checks.get(one.key, ()),
        refusals=standing(known.access, one.account, one.key.point_no),
        of_house=one.account is None,
    )


def _checks(
    points: Iterable[CheckPoint], lines: Iterable[Line]
) -> dict[RegisterKey, list[Checked]]:
    """What check meters measured in this period, by the register they stand beside."""
    measured = {
        one.key: now for one, now in lines if now.method is Method.ACTUAL and not now.unmeasured
    }
    found: dict[RegisterKey, list[Checked]] = defaultdict(list)
    for point in points:
        for key, now in measured.items():
            if key.point_no == point.point_no:
                used = now.consumption * Fraction(10) ** now.exponent
                checked = Checked(point.name, now.opening.at_ms, now.closing.at_ms, used)
                found[key._replace(point_no=point.checks_no)].append(checked)
    return found


def _as_corrected(line: PastLine, correction: Correction | None) -> PastLine:
    """A past line as it stands with a correction that is not written yet."""
    if correction is None:
        return line
    settled = correction.settled
    return line._replace(
        opening_ms=settled.opening.at_ms,
        closing_ms=settled.closing.at_ms,
        used=Decimal(settled.consumption).scaleb(settled.exponent),
        method=settled.method,
    )
