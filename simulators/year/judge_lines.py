"""The judge of lines: what is billed is the truth where there are readings, and says why elsewhere.

It works out for itself which reading had to close each line, from what had arrived by then.
"""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import groupby, pairwise
from math import floor
from typing import NamedTuple

from simulators.evidence import Tally
from simulators.truth import Register
from simulators.year.evidence import Evidence
from simulators.year.ledger import CLAIMED, Ledger, Line, Mark, Reading
from simulators.year.model import Barred, Hanging, House, Place
from simulators.year.town import month_after
from simulators.year.usable import TOLERANCE_MS, Usable

# What a reason must name, by the method of the line.
_CLAUSES = {
    "average": ("ПП 354 п. 59",),
    "norm": ("ПП 354 п. 60",),
    "interpolated": ("on a line between",),
    "check": ("by its check meter at",),
    "carried": ("no accepted reading", "no norm applies", "the meter had been removed"),
}
AVERAGES_MAX = 3
"""How many periods in a row are billed by average where readings are missing."""


class Case(NamedTuple):
    """All that is judged: the evidence, the ledger, and what could be used when."""

    evidence: Evidence
    ledger: Ledger
    usable: Usable


def marks_are_true(case: Case, tally: Tally) -> Iterator[str]:
    """Every mark that is a reading or an act shows what the register showed at that instant."""
    for line in case.ledger.lines:
        corrected = [mark for one in line.corrections for mark in (one.opening, one.closing)]
        for mark in (line.opening, line.closing, *corrected):
            tally()
            register = case.evidence.registers[mark.serial, line.obis]
            if mark.copy is not None or _is_act(case, line, mark):
                if not is_shown(case, line.obis, mark, register):
                    shown = register.shown(mark.at_ms)
                    yield f"{name_of(line)}: {mark.mantissa} at {mark.at_ms}, the truth is {shown}"
            elif not _is_between(case, line, mark):
                yield f"{name_of(line)}: {mark.mantissa} at {mark.at_ms} lies on no line"
            elif not _may_be_drawn(case, line, mark):
                yield f"{name_of(line)}: {mark} is drawn to what a meter out of order showed"


def sums_are_true(case: Case, tally: Tally) -> Iterator[str]:
    """Lines and corrections of a register together are its way, but for what is on account."""
    for (name, obis), group in groupby(case.ledger.lines, lambda line: (line.place, line.obis)):
        house, place = case.evidence.places[name]
        lines = list(group)
        tally()
        total = sum(line.billed for line in lines)
        on_account = sum(line.billed for line in lines if line.is_open)
        way = _way(case, place, obis, lines[0].opening, lines[-1].now_closing)
        if lines[0].opening.at_ms != _first(place).span.start_ms:
            yield f"{name} {obis} begins at {lines[0].opening.at_ms}, not when it was installed"
        if place.barred is not None and place.barred.is_estimated:
            yield from _barred_sum(case, place, place.barred, lines)
        elif total - on_account != way:
            yield (
                f"{name} {obis} ({place.fate}): billed {total}, {on_account} of it on account, "
                f"the truth is {way}; seed {case.evidence.seed} {house.name}"
            )


def deviations_say_why(case: Case, tally: Tally) -> Iterator[str]:
    """Every line that no reading determined names the rule by which it was; corrections, too."""
    for line in case.ledger.lines:
        for method, reason in (
            (line.method, line.reason),
            *((one.method, one.reason) for one in line.corrections),
        ):
            if method == "actual":
                continue
            tally()
            clauses = _CLAUSES.get(method)
            if clauses is None or not any(clause in reason for clause in clauses):
                yield f"{name_of(line)}: {method} because of {reason!r}"


def averages_end_in_norms(case: Case, tally: Tally) -> Iterator[str]:
    """After three periods by average comes the norm."""
    for (name, _), group in groupby(case.ledger.lines, lambda line: (line.place, line.obis)):
        _, place = case.evidence.places[name]
        in_a_row: list[Line] = []
        for line in group:
            # What has been corrected by then was read after all; a month read in part is read.
            known = [one for one in in_a_row if not _was_settled(one, line.closed_at_ms)]
            unread = line.method == "average" and line.closing == line.opening
            in_a_row = [*known, line] if unread else []
            # What a check meter measures is not counted.
            unlimited = place.barred is not None and place.kind.resource == "electricity"
            tally()
            if len(in_a_row) > AVERAGES_MAX and not unlimited:
                yield f"{name_of(line)}: the average for the {len(in_a_row)}th time"


def every_register_has_its_line(case: Case, tally: Tally) -> Iterator[str]:
    """Each closed period has one line of each register, which opens where the last one closed."""
    of_register: dict[tuple[str, str], list[Line]] = {}
    for line in case.ledger.lines:
        of_register.setdefault((line.place, line.obis), []).append(line)
    for (name, obis), lines in of_register.items():
        yield from _in_a_row(f"{name} {obis}", lines, case.evidence.places[name][1].barred, tally)
    for house in case.evidence.town:
        closed = sorted(period for name, period in case.ledger.periods if name == house.name)
        if not closed or closed != _months(closed[0], len(closed)):
            yield f"{house.name} has closed {closed}"
        for place in house.places:
            for make in place.kind.makes:
                tally()
                found = {line.period for line in of_register.get((place.name, make.obis), ())}
                yield from _missing(case, house, place, closed, found)


def _in_a_row(name: str, lines: list[Line], barred: Barred | None, tally: Tally) -> Iterator[str]:
    periods = [line.period for line in lines]
    if len(set(periods)) != len(periods):
        yield f"{name} has a period twice: {periods}"
    # A line that nobody read passes its mark on, as it stood when the line was closed.
    for before, after in pairwise(one for one in lines if one.now_closing != one.now_opening):
        tally()
        # What a later certificate lets count again does so from an instant of its own.
        anew_ms = None if barred is None else barred.until_ms
        if anew_ms is not None and before.now_closing.at_ms < anew_ms <= after.now_opening.at_ms:
            continue
        if after.now_opening != before.now_closing:
            yield f"{name_of(after)} does not open where {before.line_id} closed"


def _missing(
    case: Case, house: House, place: Place, closed: list[str], found: set[str]
) -> Iterator[str]:
    """Periods closed after a place was entered in which it has no line."""
    since_ms = max(case.usable.entered_ms(_first(place)), 0)
    for period in closed:
        closed_ms = case.ledger.closed_ms[house.name, period]
        ends_ms = house.calendar.term(period).end_ms
        if closed_ms > since_ms and _first(place).span.start_ms < ends_ms and period not in found:
            yield f"{place.name} has no line in {period}"


def _was_settled(line: Line, at_ms: int) -> bool:
    return any(one.closed_at_ms <= at_ms for one in line.corrections)


def _barred_sum(case: Case, place: Place, barred: Barred, lines: list[Line]) -> Iterator[str]:
    """What a meter out of order counted before, what the next one counted, and an estimate."""
    obis, total = lines[0].obis, sum(line.billed for line in lines)
    marks = [mark for line in lines for mark in (line.now_opening, line.now_closing)]
    old = _first(place).meter.serial
    counted_ms = barred.from_ms + TOLERANCE_MS
    read = [
        mark
        for mark in marks
        if mark.serial == old and mark.copy is not None and mark.at_ms < counted_ms
    ]
    until = read[-1] if read else lines[0].opening
    measured = _way(case, place, obis, lines[0].opening, until)
    if marks[-1].serial != old:
        begun = place.hangings[1].span.start_ms
        new = case.evidence.registers[marks[-1].serial, obis]
        measured += position(place, new, new.counted(marks[-1].at_ms))
        measured -= position(place, new, new.counted(begun))
    elif barred.noted and barred.until_ms is not None and marks[-1].at_ms > barred.until_ms:
        anew = case.evidence.registers[old, obis]
        measured += position(place, anew, anew.counted(marks[-1].at_ms))
        measured -= position(place, anew, anew.counted(barred.until_ms))
    if total < measured:
        yield f"{place.name} {obis} (out of order): billed {total}, {measured} was measured"


def _way(case: Case, place: Place, obis: str, opening: Mark, closing: Mark) -> int:
    """How far the registers of a place really went between two marks.

    A mark on a straight line between readings counts as it stands.
    """
    way, inside = 0, False
    for one in place.hangings:
        serial = one.meter.serial
        inside = inside or serial == opening.serial
        if not inside:
            continue
        register = case.evidence.registers[serial, obis]
        begin = opening.at_ms if serial == opening.serial else one.span.start_ms
        end = closing.at_ms if serial == closing.serial else one.span.end_ms
        end_count = register.counted(end)
        is_round = closing.copy is not None and closing.copy < CLAIMED
        if serial == closing.serial and not is_round and end != one.span.end_ms:
            end_count += closing.mantissa - register.shown(end)
        way += position(place, register, end_count)
        way -= position(place, register, register.counted(begin))
        if serial == closing.serial:
            return way
    return way


def position(place: Place, register: Register, counted: int) -> int:
    """Where a register that has counted so far stands in what is billed: its dial, multiplied.

    Each position is rounded down, and so is a full turn of the dial, so that lines add up.
    """
    factor, capacity = Fraction(place.factor), int(10**register.digits)
    turns, shown = divmod(counted, capacity)
    return turns * floor(capacity * factor) + floor(shown * factor)


def _is_act(case: Case, line: Line, mark: Mark) -> bool:
    """Whether a mark stands at the instant a meter came or went."""
    _, place = case.evidence.places[line.place]
    if place.barred and place.barred.noted and mark.at_ms == place.barred.until_ms:
        return True
    return any(
        one.meter.serial == mark.serial and mark.at_ms in (one.span.start_ms, one.span.end_ms)
        for one in place.hangings
    )


def is_shown(case: Case, obis: str, mark: Mark | Reading, register: Register) -> bool:
    """Whether a register showed a value then, cut off where a person left digits off."""
    shown = register.shown(mark.at_ms)
    if mark.copy is None or mark.copy < CLAIMED:
        return mark.mantissa == shown
    step = case.evidence.steps.get((mark.serial, obis, mark.at_ms), 0)
    return step > 0 and shown // step * step <= mark.mantissa <= shown


def _is_between(case: Case, line: Line, mark: Mark) -> bool:
    """Whether a mark without a reading lies between the true values before and after it."""
    house, _ = case.evidence.places[line.place]
    register = case.evidence.registers[mark.serial, line.obis]
    low = register.counted(house.midnight_ms(-40))
    high = register.counted(house.read_ms(house.days))
    capacity: int = 10**register.digits
    return (mark.mantissa - low) % capacity <= high - low


def _may_be_drawn(case: Case, line: Line, mark: Mark) -> bool:
    """Whether a straight line ends where the meter was in order, as far as that was known."""
    house, place = case.evidence.places[line.place]
    barred = place.barred
    last_ms = max([line.closed_at_ms, *(one.closed_at_ms for one in line.corrections)])
    if barred is None or mark.serial != barred.serial:
        return True
    bar = case.usable.barred(place, last_ms)
    return (
        bar is None
        or mark.at_ms >= bar[1]
        or any(
            mark.at_ms < one.at_ms < barred.from_ms and one.serial == mark.serial
            for one in case.usable.readings(house, place, line.obis)
        )
    )


def _first(place: Place) -> Hanging:
    return place.hangings[0]


def _months(first: str, count: int) -> list[str]:
    begin = date.fromisoformat(f"{first}-01")
    return [f"{month_after(begin, ahead):%Y-%m}" for ahead in range(count)]


def name_of(line: Line) -> str:
    """How a line is called in what is said of it."""
    return f"line {line.line_id} of {line.place} {line.obis} in {line.period}"


__all__ = [
    "Case",
    "averages_end_in_norms",
    "deviations_say_why",
    "every_register_has_its_line",
    "marks_are_true",
    "sums_are_true",
]
