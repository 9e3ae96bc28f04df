"""The judge of money: billing booked what the ledger says, and the houses are in balance."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

from gateway.balance.house import balances
from gateway.sql.balance import BalanceLedger
from gateway.withdrawn import withdrawal_id
from simulators.evidence import Tally
from simulators.truth import GRAINS
from simulators.year.judge_lines import Case
from simulators.year.ledger import Line
from simulators.year.model import House, Place


def books_are_the_ledger(case: Case, tally: Tally) -> Iterator[str]:
    """Billing has every line and correction once, with the ledger's amount, and nothing else."""
    books, ledger = case.evidence.books, case.ledger
    if books.contradictions:
        yield f"{books.contradictions} events came again with other contents"
    amounts = {event_id: amount for event_id, (_, amount) in _entries(case)}
    amounts.update(ledger.charges)
    standing = books.standing
    for event_id, amount in amounts.items():
        tally()
        booked = standing.get(event_id)
        if booked is None and event_id not in books.refused:
            yield f"{event_id} is neither booked nor refused"
        elif booked is not None and booked.amount != amount:
            yield f"{event_id} is booked with {booked.amount}, the ledger says {amount}"
    # What billing would not take back, it still has.
    kept = _kept(case)
    extra = standing.keys() - amounts.keys() - kept
    if extra:
        yield f"billing booked {min(extra)}, which does not stand"
    taken = {one: amount for one, amount in ledger.withdrawn.items() if one not in kept}
    if books.withdrawn != taken:
        differ = sorted(books.withdrawn.items() ^ taken.items())
        yield f"billing was told to take back other than the ledger: {differ[0]}"


def sent_is_accounted_for(case: Case, tally: Tally) -> Iterator[str]:
    """Sent = acknowledged + refused + pending, on both sides, and the resources add up."""
    books, states = case.evidence.books, case.ledger.deliveries
    acknowledged = {event for event, state in states.items() if state == "acknowledged"}
    refused = {event for event, state in states.items() if state == "refused"}
    pending = {event for event, state in states.items() if state == "pending"}
    # Left out is what was refused and taken back before anybody sent it again; nothing else is.
    left_out = {event for event in case.ledger.withdrawn if states.get(event) == "left-out"}
    tally()
    if len(states) != len(acknowledged) + len(refused) + len(pending) + len(left_out):
        yield f"{len(states)} events are in other states than these"
    if left_out & books.booked.keys():
        yield f"billing booked {min(left_out & books.booked.keys())}, which was left out"
    if acknowledged != books.booked.keys() - pending - refused:
        yield f"{len(acknowledged)} are acknowledged, billing booked {len(books.booked)}"
    if refused != books.refused & refused:
        yield "the ledger holds events for refused that billing did not refuse"
    if pending:
        yield f"{len(pending)} events are still pending at the end"
    booked, entries = books.sums(), list(_entries(case))
    kept = [one for one in _kept(case) if one in acknowledged]
    for resource, parts in case.ledger.sums.items():
        tally()
        total = sum((Decimal(mantissa).scaleb(exponent) for mantissa, exponent in parts), Decimal())
        lacking = [one for event, one in entries if event in refused]
        total -= sum((one for name, one in lacking if name == resource), Decimal())
        of_it = [one for one in kept if case.ledger.resource_of[one] == resource]
        total += sum((case.ledger.withdrawn[one] for one in of_it), Decimal())
        if total != booked.get(resource, Decimal()):
            yield f"{resource}: the ledger has {total}, billing {booked.get(resource)}"


def _kept(case: Case) -> set[str]:
    """What was taken back and billing still has to be told of: it refused the withdrawal."""
    said = {withdrawal_id(one): one for one in case.ledger.withdrawn}
    return {said[event] for event in case.evidence.books.refused & said.keys()}


def houses_are_in_balance(case: Case, tally: Tally) -> Iterator[str]:
    """Where everything was read at both ends of a month, the stairs used what they truly used."""
    lines: dict[tuple[str, str, str], list[Line]] = {}
    for line in case.ledger.lines:
        house, place = case.evidence.places[line.place]
        key = house.name, line.period, str(place.kind.resource)
        lines.setdefault(key, []).append(line)
    houses = {house.name: house for house in case.evidence.town}
    with closing(sqlite3.connect(f"{case.evidence.ledger.as_uri()}?mode=ro", uri=True)) as db:
        gateway = BalanceLedger(db)
        for (name, period), group in _by_month(lines).items():
            whole = [
                one for one in group if _is_whole(case, houses[name], lines[name, period, one])
            ]
            if not whole:
                continue
            found = balances(gateway.lines(name, period), gateway.facts(name, period), period)
            # Flats without a meter are taken off by norm; here they use nothing.
            residuals = {
                one.resource: None if one.residual is None else one.residual + one.unmetered
                for one in found
            }
            for resource in whole:
                tally()
                these = lines[name, period, resource]
                low, high = _common(houses[name], resource, these)
                left = residuals.get(resource)
                if left is None or not low <= left <= high:
                    yield (
                        f"{name} {resource} in {period}: {left} is left for the stairs, "
                        f"the truth is {low} to {high}"
                    )


def _by_month(lines: dict[tuple[str, str, str], list[Line]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, period, resource in lines:
        found.setdefault((name, period), []).append(resource)
    return found


def _is_whole(case: Case, house: House, lines: list[Line]) -> bool:
    """Whether every meter of a resource was read in the same two rounds, and is in the registry."""
    resource = case.evidence.places[lines[0].place][1].kind.resource
    places = [place for place in house.places if place.kind.resource == resource]
    if {line.place for line in lines} != {place.name for place in places}:
        return False
    rounds = {(line.now_opening.at_ms, line.now_closing.at_ms) for line in lines}
    methods = {line.now_method for line in lines}
    has_inlet = any(place.is_house for place in places)
    # What flows past a register that stands still, or is out of order, is left for the stairs.
    if any(place.factor != "1" or place.checks for place in places):
        return False
    if any(place.barred or place.fate.startswith("stuck") for place in places):
        return False
    # A mark on a straight line is no round.
    for line in lines:
        _, place = case.evidence.places[line.place]
        starts = {one.span.start_ms for one in place.hangings}
        if line.now_opening.copy is None and line.now_opening.at_ms not in starts:
            return False
    begins_ms, ends_ms = house.calendar.term(lines[0].period)[:2]
    opened, closed = next(iter(rounds))
    return (
        has_inlet
        and len(rounds) == 1
        and methods == {"actual"}
        and opened <= begins_ms + house.offset_ms
        and closed == ends_ms + house.offset_ms
    )


def _common(house: House, resource: str, lines: list[Line]) -> tuple[Decimal, Decimal]:
    """What flowed in the stairs between the rounds, give or take a last digit of each register."""
    inlet = next(one for one in house.places if one.is_house and one.kind.resource == resource)
    opened, closed = lines[0].now_opening.at_ms, lines[0].now_closing.at_ms
    grains = 0
    for register in inlet.hangings[0].meter.registers:
        stairs = register.flows[-1]
        grains += stairs.total(closed) - stairs.total(opened)
    slack = len(lines) + 1
    exponent = inlet.kind.exponent
    low, high = grains // GRAINS - slack, grains // GRAINS + slack
    return Decimal(low).scaleb(exponent), Decimal(high).scaleb(exponent)


def _entries(case: Case) -> Iterator[tuple[str, tuple[str, Decimal]]]:
    for line in case.ledger.lines:
        _, place = case.evidence.places[line.place]
        resource = str(place.kind.resource)
        yield line.line_id, (resource, Decimal(line.consumption).scaleb(line.exponent))
        for one in line.corrections:
            yield one.correction_id, (resource, Decimal(one.difference).scaleb(line.exponent))


__all__ = ["Place", "books_are_the_ledger", "houses_are_in_balance", "sent_is_accounted_for"]
