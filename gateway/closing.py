"""Closing a period: the steps between storage and arithmetic, in one transaction.

`close_period` asks storage for what stood where, lets `gateway.planning` and `gateway.settling`
do each register, `gateway.correcting` settle again what was estimated before and
`gateway.estimating` fill in what nobody read, and writes lines and corrections together with the
events that hand them to billing. Each event carries away the head of the audit log, in which the
closing stands too.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.reading import Resource, from_ms
from gateway import billing, correcting, periods, planning, settling
from gateway.audit import GATEWAY, Act, By
from gateway.billing import Mark, Method, Role, Settled, Span
from gateway.claims import choosing, sourcing
from gateway.claims.access import Access
from gateway.closing_records import (
    BilledRegister,
    Closing,
    ClosingStore,
    ClosingTransaction,
    EventMaker,
    House,
    NewLine,
    Record,
    RegisterKey,
)
from gateway.contracts import Term
from gateway.correcting import Chain, Correction
from gateway.filling import Again, filled

# Where a month ends before it does anywhere else (signs of these zones are turned round).
_FIRST_ZONE = ZoneInfo("Etc/GMT-14")
# Wide enough that the lines of a period sort by their ids: a million meters and their tariffs.
LINE_NUMBER_DIGITS = 6

CLOSE = "close-period"


class ClosingError(ValueError):
    """A period that cannot be closed now; the text says why and what to do."""


def close_period(
    store: ClosingStore,
    house: str,
    period: str | None,
    now_ms: int,
    *,
    targets: Sequence[str],
    event_of: EventMaker,
    by: By = GATEWAY,
) -> Closing:
    """Close `period` of `house` (the next due one if None) and put its lines into the outbox.

    Raises ClosingError for an unknown house, a period that is not over, is closed already or
    would leave one open before it.
    """
    with store.closing() as transaction:
        found = transaction.house(house)
        if found is None:
            raise ClosingError(f"no house is called {house!r}: see plomba-gateway registry list")
        period = _closable(transaction, found, period, now_ms)
        unheard = _chosen(transaction, found, period, now_ms)
        outcome = _settled(transaction, found, period, unheard)
        lines = transaction.write(
            found, period, now_ms, _lines(transaction, found, period, outcome)
        )
        corrections = transaction.correct(outcome.corrections)
        charges = transaction.charges(found.house_no)
        closing = Closing(house, period, tuple(lines), tuple(corrections), tuple(charges))
        revision = transaction.revision(found, period) - 1
        head = transaction.note(
            Act(now_ms, *by, CLOSE, f"{house} {period}", "", _said(closing, revision), "")
        )
        records: list[Record] = [*lines, *corrections, *charges]
        transaction.hand_over([event_of(one, head) for one in records], targets, now_ms)
        return closing


def close_next_due(
    store: ClosingStore,
    now_ms: int,
    *,
    grace_ms: int,
    targets: Sequence[str],
    event_of: EventMaker,
) -> Closing | None:
    """Close one period that ended at least `grace_ms` ago; None if there is none.

    A house's periods are closed in order, so a gateway that was away for a quarter closes three.
    Houses that have closed the newest period that is over anywhere are not looked at.
    """
    with store.closing() as transaction:
        due = _first_due(transaction, now_ms - grace_ms)
        return due and close_period(store, *due, now_ms, targets=targets, event_of=event_of)


def _first_due(transaction: ClosingTransaction, moment_ms: int) -> tuple[str, str] | None:
    """The house, and its period, that is furthest behind of those over at a moment."""
    newest = periods.preceding(periods.containing(moment_ms, _FIRST_ZONE))
    for house in transaction.houses_behind(newest):
        period = due_period(transaction, house)
        if period and moment_ms >= transaction.calendar(house).over_ms(period):
            return house.name, period
    return None


def due_period(transaction: ClosingTransaction, house: House) -> str | None:
    """The period to close next, over or not: after the last closed one, else the first read."""
    last = transaction.last_closed(house.house_no)
    if last is not None:
        return periods.following(last)
    beginning = transaction.beginning(house.house_no)
    if beginning is None:
        return None
    # A first reading just after midnight can still close the month before, if a meter was there.
    first_ms = max(beginning.installed_ms, beginning.read_ms - billing.CLOSING_TOLERANCE_MS)
    period = periods.containing(first_ms, house.zone)
    ended = transaction.calendar(house).last_instant_ms(period) <= first_ms
    return periods.following(period) if ended else period


def _closable(transaction: ClosingTransaction, house: House, asked: str | None, now_ms: int) -> str:
    due = due_period(transaction, house)
    period = asked or due
    if period is None:
        raise ClosingError(f"house {house.name} has no accepted reading yet: nothing to close")
    over_ms = transaction.calendar(house).over_ms(period)
    last = transaction.last_closed(house.house_no)
    if last is not None and period <= last:
        raise ClosingError(f"period {period} of house {house.name} is already closed")
    if last is not None and period != due:
        raise ClosingError(f"period {due} of house {house.name} is still open: close it first")
    if now_ms < over_ms:
        end = from_ms(over_ms).astimezone(house.zone).isoformat(timespec="minutes")
        raise ClosingError(f"period {period} of house {house.name} is not over before {end}")
    return period


def _chosen(
    transaction: ClosingTransaction, house: House, period: str, now_ms: int
) -> dict[RegisterKey, str]:
    """Let the claims count that may; by register, what was said and does not count, and why."""
    after = date.fromisoformat(f"{periods.following(period)}-01")
    acts = transaction.access_acts(house.house_no, after)
    access = Access(house.zone, acts, transaction.accounts(house.house_no) if acts else {})
    calendar = transaction.calendar(house)
    return choosing.choose(transaction.claims, house, calendar, period, now_ms, access=access)


def _said(closing: Closing, revision: int) -> str:
    counts = (len(closing.lines), len(closing.corrections), len(closing.charges))
    return "closed, revision {}: {} lines, {} corrections, {} charges".format(revision, *counts)


class _Outcome(NamedTuple):
    lines: Sequence[tuple[BilledRegister, Settled]]
    corrections: Sequence[Correction]


def _settled(
    transaction: ClosingTransaction, house: House, period: str, unheard: Mapping[RegisterKey, str]
) -> _Outcome:
    """Every register settled: first again where it was estimated, then for this period."""
    calendar = transaction.calendar(house)
    month_end = periods.bounds(period, house.zone).end_ms
    registers = list(transaction.registers(house.house_no, month_end))
    terms = {one.key: calendar.term(one.resource, period) for one in registers}
    owed = transaction.owed(house.house_no)
    chains = {
        one.key: Chain(
            one.installations,
            owed[one.key],
            calendar.windows(one.resource).term,
            transaction.seasons(house) if one.resource is Resource.HEAT else None,
        )
        for one in registers
        if one.key in owed
    }
    again = {
        key: sourcing.sourced(transaction.claims, lines)
        for key, lines in correcting.resettled(chains, transaction.facts).items()
    }
    openings = transaction.openings(house.house_no)
    openings |= {key: settled[-1].closing for key, settled in again.items()}
    settled = _settled_now(transaction, registers, openings, terms)
    read = {one.key for one, now in settled if now.method is not Method.CARRIED}
    corrections = [
        correction
        for key, settled_again in again.items()
        for correction in correcting.corrections(
            chains[key], settled_again, terms[key].bounds.end_ms, is_read=key in read
        )
    ]
    causes = {
        line.line_id: now.cause
        for key, chain in chains.items()
        for line, now in zip(chain.owed, again[key], strict=True)
    }
    lines = filled(transaction, house, period, settled, Again(corrections, causes))
    sources = sourcing.sourced(transaction.claims, [now for _, now in lines])
    sourced = [
        (one, _with_unheard(now, unheard.get(one.key)))
        for (one, _), now in zip(lines, sources, strict=True)
    ]
    return _Outcome(sourced, corrections)


def _settled_now(
    transaction: ClosingTransaction,
    registers: Iterable[BilledRegister],
    openings: Mapping[RegisterKey, Mark],
    terms: Mapping[RegisterKey, Term],
) -> list[tuple[BilledRegister, Settled]]:
    planned = []
    for one in registers:
        term = terms[one.key]
        spans = planning.plan(one.installations, openings.get(one.key), term.bounds, term.taking)
        if spans:
            planned.append((one, spans))
    facts = iter(transaction.facts([span for _, spans in planned for span in spans]))
    return [
        (_in_its_role(register, spans), settling.settle(spans, [next(facts) for _ in spans]))
        for register, spans in planned
    ]


def _with_unheard(settled: Settled, said: str | None) -> Settled:
    """An unread line also says what was said of it and does not count."""
    if said is None or settled.method not in billing.UNREAD:
        return settled
    return settled._replace(reason=f"{settled.reason}; {said}")


def _in_its_role(register: BilledRegister, spans: Sequence[Span]) -> BilledRegister:
    """A total is a check while all meters of the line had tariffs beside it."""
    return register._replace(role=Role.CHECK) if settling.is_check(spans) else register


def _lines(
    transaction: ClosingTransaction, house: House, period: str, outcome: _Outcome
) -> list[NewLine]:
    """The lines with their ids; closed again, a register's line keeps its number."""
    before = transaction.withdrawn_lines(house, period)
    revision = transaction.revision(house, period)
    numbers = count(transaction.last_number(period) + 1)
    found = []
    for register, settled in outcome.lines:
        replaces = before.get(register.key)
        number = next(numbers) if replaces is None else number_of(replaces)
        line_id = f"{period}-{number:0{LINE_NUMBER_DIGITS}d}"
        if revision > 1:
            line_id += f"-r{revision}"
        found.append(NewLine(line_id, register, settled, replaces))
    return found


def number_of(line_id: str) -> int:
    """The number of a line within its period."""
    return int(line_id.split("-")[2])
