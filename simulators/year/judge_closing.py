"""The judge of closings: which reading had to close each line, from what had arrived by then.

The rule is that of docs/periods.md, worked out anew: the reading at the end, else the nearest one
of the contract's window, else the last one before the end; or a straight line, where the contract
asks for it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from simulators.evidence import Tally
from simulators.year.judge_lines import Case, name_of
from simulators.year.ledger import Line
from simulators.year.model import House, Place
from simulators.year.terms import Term
from simulators.year.usable import NEVER_MS, TOLERANCE_MS, Known


def lines_close_with_the_right_reading(case: Case, tally: Tally) -> Iterator[str]:
    """A line is closed by the reading that had to, where one had arrived; else it says why not."""
    for name, group in groupby(case.ledger.lines, lambda line: line.place):
        house, place = case.evidence.places[name]
        for line in group:
            tally()
            yield from _closed_rightly(case, house, place, line)


def _closed_rightly(case: Case, house: House, place: Place, line: Line) -> Iterator[str]:
    term = house.calendar.term(line.period)
    known = [one for one in place.hangings if case.usable.entered_ms(one) <= line.closed_at_ms]
    standing = [one for one in known if one.span.start_ms < term.end_ms]
    if not standing:
        yield f"{name_of(line)} is of a meter nobody had entered"
        return
    last = standing[-1]
    bar = case.usable.barred(place, line.closed_at_ms)
    if bar is not None and place.barred and last.meter.serial != place.barred.serial:
        bar = None
    # The round of the midnight at which its last day ends counts.
    is_after = bar is not None and bar[0] == term.end_ms
    barred = range(0) if bar is None else range(bar[0] + is_after * TOLERANCE_MS, bar[1])
    came = [
        one
        for one in _counting(case, house, place, line)
        if one.serial == last.meter.serial
        and one.from_ms <= line.closed_at_ms
        and line.opening.at_ms < one.at_ms
        and one.at_ms not in barred
    ]
    closes = closing_one(came, term)
    is_read = closes is not None and closes.at_ms >= term.end_ms
    if term.drawn and not is_read:
        if bar is not None and bar[0] < term.end_ms:
            return  # From where a line may be drawn is for _may_be_drawn to say.
        if (after := _first_after(came, term.end_ms)) is not None:
            hung_ms = last.span.start_ms if line.opening.serial != last.meter.serial else None
            yield from _drawn_rightly(case, line, (closes, after), term, hung_ms)
            return
    exchanged = last.span.start_ms > line.opening.at_ms and last is not place.hangings[0]
    if closes is not None and line.closing[:2] != (closes.serial, closes.at_ms):
        yield (
            f"{name_of(line)} ({place.fate}) closes at {line.closing.at_ms} by {line.method}, "
            f"the reading of {closes.at_ms} had arrived"
        )
    elif closes is None and line.method == "actual" and not exchanged and bar is None:
        yield f"{name_of(line)} ({place.fate}) is actual, and no reading had arrived"


def _counting(case: Case, house: House, place: Place, line: Line) -> list[Known]:
    """The readings of a place that count, and the figures of people that were believed."""
    found = list(case.usable.readings(house, place, line.obis))
    for said in place.said:
        chosen = case.ledger.chosen.get((said.serial, line.obis, said.at_ms))
        decided_ms = case.usable.decided_ms(said.serial, line.obis, said.at_ms)
        from_ms = min(decided_ms, NEVER_MS if chosen is None else chosen[0])
        if from_ms < NEVER_MS:
            found.append(Known(said.at_ms, from_ms, said.serial))
    return sorted(found) if place.said else found


def closing_one(came: Sequence[Known], term: Term) -> Known | None:
    """Which of the readings that had come closes a period, if any does."""
    at_end = _first_after(came, term.end_ms)
    if at_end is not None and at_end.at_ms < term.end_ms + TOLERANCE_MS:
        return at_end
    before = [one for one in came if term.start_ms <= one.at_ms < term.end_ms]
    if term.window is None or term.drawn:
        return before[-1] if before else None
    taken = [one for one in came if term.window[0] <= one.at_ms < term.window[1]]
    nearest = min(taken, key=lambda one: (abs(one.at_ms - term.end_ms), one.at_ms), default=None)
    return nearest or (before[-1] if before else None)


def _first_after(came: Sequence[Known], at_ms: int) -> Known | None:
    return next((one for one in came if one.at_ms >= at_ms), None)


def _drawn_rightly(
    case: Case,
    line: Line,
    ends: tuple[Known | None, Known],
    term: Term,
    hung_ms: int | None,
) -> Iterator[str]:
    """The end of the period is where a straight line between the readings around it passes.

    Where no reading had come before it, the line is drawn from the opening; where that is another
    meter's, from what the new one showed when it was hung (`hung_ms`).
    """
    before, after = ends
    register = case.evidence.registers[after.serial, line.obis]
    opened_ms = line.opening.at_ms if hung_ms is None else hung_ms
    since_ms = opened_ms if before is None else before.at_ms
    low, high = register.counted(since_ms), register.counted(after.at_ms)
    if before is None and hung_ms is None:
        low += line.opening.mantissa - register.shown(since_ms)
    rise, took_ms = (high - low) * (term.end_ms - since_ms), after.at_ms - since_ms
    expected = (low + (2 * rise + took_ms) // (2 * took_ms)) % 10**register.digits
    if high // 10**register.digits != low // 10**register.digits:
        return  # Over the end of a dial there is no straight line.
    if line.closing[1:] != (term.end_ms, None, expected):
        yield (
            f"{name_of(line)} closes at {line.closing[1:]}, a straight line from {since_ms} to "
            f"{after.at_ms} passes {expected} at {term.end_ms}"
        )
