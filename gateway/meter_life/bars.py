"""When what a meter shows may not be billed: V-VERIF, and the orders of people, by date.

A reading after the end of a verification is kept and does not bill (ПП 354 п. 81(12) «д»),
without anybody entering an order: closing a period asks `bars` what bars each meter. A new
verification ends it from its day on; one that finds the meter was fit throughout takes it back
whole (the Supreme Court lets that be shown afterwards). A person's order goes on until it is
taken back, until a new verification ends one that was given for expiry, or until the meter is put
into service anew.

Where a bar ends while the meter hangs there, `pieces` lets the meter count anew from an act: its
dial at the verification, or else its first accepted reading after it. What it counted in between
is not billed by readings but estimated, like any meter out of order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import zip_longest
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.billing import Installation
from gateway.estimation.terms import Cause
from gateway.meter_life.verification import Finding, Verification, end_of, start_of
from gateway.model import FOREVER_MS, Level
from gateway.rules.parameters import Mark


class Suspended(NamedTuple):
    """Days, both included, on which an expired verification bars nothing."""

    first: date
    last: date
    clause: str
    mark: Mark


# billing-rules.md §2, "moratorium".
CALENDAR: Final = (
    Suspended(date(2020, 4, 6), date(2020, 12, 31), "ПП 424 of 2.04.2020", Mark.SOURCED),
)


class Order(NamedTuple):
    """A person's order that stands; `until_ms` is when the meter was put into service anew."""

    from_ms: int
    cause: Cause
    until_ms: int | None = None


class Bar(NamedTuple):
    """From when and for what a meter is not billed by.

    `until_ms` is the first instant from which readings count again (FOREVER_MS: none does), and
    `verified_on` the verification that ended it, if one did.
    """

    from_ms: int
    until_ms: int
    cause: Cause
    verified_on: date | None = None


def bars(
    verifications: Iterable[Verification],
    orders: Iterable[Order],
    zone: ZoneInfo,
    calendar: Iterable[Suspended] = CALENDAR,
) -> list[Bar]:
    """All that bars a meter, in order of time; what overlaps is one, for its earliest cause."""
    known = sorted(verifications, key=lambda one: one.verified_on)
    found = [part for bar in _expired(known, zone) for part in _outside(bar, list(calendar), zone)]
    found += filter(None, (_ordered(order, known, zone) for order in orders))
    return _merged(found)


def _expired(known: Sequence[Verification], zone: ZoneInfo) -> Iterator[Bar]:
    for one, after in zip_longest(known, known[1:]):
        unfit = one.finding is Finding.UNFIT
        from_ms = end_of(one.last_day, zone)
        cause = Cause.FAILED if unfit else Cause.EXPIRED
        if after is None:
            yield Bar(from_ms, FOREVER_MS, cause)
        elif after.finding is not Finding.THROUGHOUT:
            until_ms = start_of(after.verified_on, zone)
            if from_ms < until_ms:
                yield Bar(from_ms, until_ms, cause, after.verified_on)


def _outside(bar: Bar, calendar: Sequence[Suspended], zone: ZoneInfo) -> list[Bar]:
    """What is left of a bar beside the days of the calendar."""
    left = [bar]
    if bar.cause is not Cause.EXPIRED:
        return left
    for days in calendar:
        first_ms, last_ms = start_of(days.first, zone), end_of(days.last, zone)
        left = [
            part
            for one in left
            for part in (
                one._replace(until_ms=first_ms, verified_on=None)
                if first_ms < one.until_ms
                else one,
                one._replace(from_ms=max(one.from_ms, last_ms)),
            )
            if part.from_ms < part.until_ms
        ]
    return left


def _ordered(order: Order, known: Sequence[Verification], zone: ZoneInfo) -> Bar | None:
    """An order for expiry ends with the next verification; others end only by a person's act."""
    until_ms = FOREVER_MS if order.until_ms is None else order.until_ms
    for one in known if order.cause is Cause.EXPIRED else ():
        verified_ms = start_of(one.verified_on, zone)
        if order.from_ms < verified_ms < until_ms and one.finding is not Finding.UNFIT:
            if one.finding is Finding.THROUGHOUT:
                return None
            return Bar(order.from_ms, verified_ms, order.cause, one.verified_on)
    return Bar(order.from_ms, until_ms, order.cause) if order.from_ms < until_ms else None


def _merged(found: Iterable[Bar]) -> list[Bar]:
    merged: list[Bar] = []
    for bar in sorted(found, key=lambda one: (one.from_ms, one.until_ms)):
        before = merged[-1] if merged else None
        if before is None or before.until_ms < bar.from_ms:
            merged.append(bar)
        elif before.until_ms < bar.until_ms:
            merged[-1] = before._replace(until_ms=bar.until_ms, verified_on=bar.verified_on)
    return merged


def pieces(
    installation: Installation, barred: Sequence[Bar], restarts: Mapping[int, Level]
) -> list[Installation]:
    """An installation cut where it counts anew after a bar.

    `restarts` has, by the end of a bar, the value and instant from which readings count again. A
    bar without one lasts as long as the installation: nothing says yet where to begin.
    """
    cut: list[Installation] = []
    now, ends_ms = installation, installation.removed_at_ms or FOREVER_MS
    for bar in barred:
        if bar.until_ms <= now.installed_at_ms or bar.from_ms >= ends_ms:
            continue
        out = now._replace(barred_ms=bar.from_ms, cause=bar.cause)
        restart = restarts.get(bar.until_ms)
        if restart is None or not now.installed_at_ms < restart.at_ms < ends_ms:
            return [*cut, out]
        cut.append(
            out._replace(removed_at_ms=restart.at_ms, final=restart.mantissa, final_rolled=False)
        )
        now = now._replace(installed_at_ms=restart.at_ms, initial=restart.mantissa)
    return [*cut, now]
