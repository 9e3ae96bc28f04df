"""The judge of papers: what follows from the registry, relations, norms and acts, to the digit."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from simulators.evidence import Tally
from simulators.year.judge_lines import AVERAGES_MAX, Case, name_of
from simulators.year.ledger import Line
from simulators.year.model import House, Place
from simulators.year.papers import INSPECTED, INTERFERED, REFUSED
from simulators.year.town import month_after
from simulators.year.usable import NEVER_MS, TOLERANCE_MS

_RAISED = Fraction(3, 2)
REFUSALS_MIN = 2
# Water after the averages (п. 60(1)), electricity at once (п. 60(3)); nothing else is raised.
_RAISED_AT_ONCE, _RAISED_LATER = ("electricity",), ("cold-water", "hot-water")
RAISED = frozenset({*_RAISED_AT_ONCE, *_RAISED_LATER})


def roles_are_the_registrys(case: Case, tally: Tally) -> Iterator[str]:
    """Totals beside tariffs and check meters are checks, what is given back is export."""
    for line in case.ledger.lines:
        tally()
        _, place = case.evidence.places[line.place]
        expected = _role(place, line.obis), place.behind or None, place.factor
        if (line.role, line.behind, line.factor) != expected:
            came = line.role, line.behind, line.factor
            yield f"{name_of(line)} says {came}, the registry {expected}"


def _role(place: Place, obis: str) -> str:
    registers = {make.obis for make in place.kind.makes}
    total, tariff = f"{obis[:-1]}0", obis[-1]
    beside = tariff == "0" and any(one != total and one[:-1] == obis[:-1] for one in registers)
    if place.checks or beside:
        return "check"
    return "export" if obis.startswith("1-0:2.") else "billed"


def check_meters_stand_in(case: Case, tally: Tally) -> Iterator[str]:
    """A line by its check meter bills what that one's line does, for the time it was unread."""
    of_check = {
        (case.evidence.places[line.place][1].checks, line.obis, line.period): line
        for line in case.ledger.lines
    }
    for line in case.ledger.lines:
        if line.method == "check" and line.opening == line.closing:
            tally()
            beside = of_check.get((line.place, line.obis, line.period))
            expected = None if beside is None else _of_time(case, line, beside.consumption)
            if expected != line.consumption:
                yield f"{name_of(line)} bills {line.consumption}, its check meter says {expected}"


def _of_time(case: Case, line: Line, used: int) -> int:
    """What a check meter counted, from where the line was last read; to the nearest digit."""
    house, _ = case.evidence.places[line.place]
    term = house.calendar.term(line.period)
    took_ms = term.end_ms - term.start_ms
    return _nearest(
        Fraction(used * (term.end_ms - max(line.opening.at_ms, term.start_ms)), took_ms)
    )


def _nearest(exact: Fraction) -> int:
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def norms_are_the_norm(case: Case, tally: Tally) -> Iterator[str]:
    """A whole month by norm is the norm, shared by the meters of a flat; refusals raise it."""
    for (name, _), group in groupby(case.ledger.lines, lambda line: (line.place, line.obis)):
        house, place = case.evidence.places[name]
        unread = 0
        for line in group:
            is_whole = line.closing == line.opening
            counted = is_whole and line.method in ("average", "norm", "carried")
            settled = any(one.closed_at_ms <= line.closed_at_ms for one in line.corrections)
            unread = unread + 1 if counted and not settled else 0
            if line.method in ("average", "norm") and is_whole and place.barred is None:
                tally()
                yield from _norm(case, house, line, unread)


def _norm(case: Case, house: House, line: Line, unread: int) -> Iterator[str]:
    _, place = case.evidence.places[line.place]
    amount = case.ledger.norms.get((house.name, line.obis))
    resource = str(place.kind.resource)
    after = month_after(date.fromisoformat(f"{line.period}-01"), 1)
    refused = refusals(case, place, after, line.closed_at_ms) >= REFUSALS_MIN
    if line.method == "average":
        if refused and amount is not None and resource in _RAISED_AT_ONCE:
            yield f"{name_of(line)}: an average, though access was refused"
        return
    if amount is None:
        yield f"{name_of(line)}: a norm of a house without one"
        return
    started_ms = house.calendar.term(line.period).start_ms + TOLERANCE_MS
    if line.opening.at_ms > started_ms or resource == "heat" or place.checks:
        return
    raised = refused and (
        resource in _RAISED_AT_ONCE
        or (resource in _RAISED_LATER and f"after {AVERAGES_MAX} by average" in line.reason)
    )
    if raised and resource in _RAISED_LATER and unread <= AVERAGES_MAX:
        yield f"{name_of(line)}: raised in the {unread}th unread period"
    exact = Fraction(amount) * 10**-line.exponent / _sharing(house, place, line.obis)
    exact *= _RAISED if raised else 1
    expected = _nearest(exact)
    if line.consumption != expected:
        yield f"{name_of(line)}: {line.consumption}, the norm is {expected}"


def _sharing(house: House, place: Place, obis: str) -> int:
    """How many billed meters of a flat count the same."""
    return (
        sum(
            one.dwelling == place.dwelling
            and not one.checks
            and _role(one, obis) == "billed"
            and obis in {make.obis for make in one.kind.makes}
            for one in house.places
        )
        or 1
    )


def refusals(case: Case, place: Place, until: date, now_ms: int) -> int:
    """How many refusals of days before `until` stand against a place, as entered by then."""
    known = [
        one
        for one in place.papers
        if _entered_ms(case, place, one.kind, one.made_on) <= now_ms and one.made_on < until
    ]
    inspected = max((one.made_on for one in known if one.kind == INSPECTED), default=date.min)
    return sum(one.kind == REFUSED and one.made_on > inspected for one in known)


def _entered_ms(case: Case, place: Place, kind: str, made_on: date) -> int:
    return case.evidence.entered.get((place.name, f"{kind} on {made_on}"), NEVER_MS)


def interferences_are_charged(case: Case, tally: Tally) -> Iterator[str]:
    """What was interfered with is charged once, by its capacity around the clock."""
    expected: dict[str, Decimal] = {}
    for _, place in case.evidence.places.values():
        for one in place.papers:
            entered_ms = _entered_ms(case, place, one.kind, one.made_on)
            if one.kind == INTERFERED and one.capacity is not None and entered_ms < NEVER_MS:
                tally()
                checks = [
                    other.made_on
                    for other in place.papers
                    if other.kind == INSPECTED
                    and other.made_on <= one.made_on
                    and _entered_ms(case, place, other.kind, other.made_on) <= entered_ms
                ]
                since = max([one.begun_on or date.min, *checks])
                expected[place.name] = one.capacity * 24 * (one.made_on - since).days
    if expected != case.ledger.charged:
        yield f"charged are {case.ledger.charged}, expected {expected}"
