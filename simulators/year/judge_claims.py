"""The judge of claims: right figures that were needed are believed, in their order, and no other.

A line that a person's figure closes bills what was given of the truth: with all digits the truth
itself, rounded off never more than it.
"""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from simulators.evidence import Tally
from simulators.truth import DAY_MS
from simulators.year.judge_lines import Case, name_of
from simulators.year.judge_papers import RAISED, REFUSALS_MIN, refusals
from simulators.year.ledger import ACCEPTED, CLAIMED
from simulators.year.model import House, Place, Said
from simulators.year.said import INSPECTION, SOURCES
from simulators.year.usable import NEVER_MS, TOLERANCE_MS

_FRESH_MS = 3 * DAY_MS


def claims_are_true(case: Case, tally: Tally) -> Iterator[str]:
    """What people gave counts only where it was right, and a line says whose figure closes it."""
    given = {
        (one.serial, obis, one.at_ms): one
        for _, place in case.evidence.places.values()
        for one in place.said
        for obis in one.values
    }
    for reading in case.ledger.readings():
        if reading.copy >= CLAIMED and reading.state == ACCEPTED:
            tally()
            one = given.get((reading.serial, reading.obis, reading.at_ms))
            if one is None or not one.is_right:
                yield f"the wrong figure {reading} counts"
    for line in case.ledger.lines:
        mark = line.closing
        if mark.copy is not None and mark.copy >= CLAIMED and mark != line.opening:
            one = given.get((mark.serial, line.obis, mark.at_ms))
            if one is None or line.source != one.source:
                yield f"{name_of(line)} says {line.source}, given was {one}"


def the_best_claim_is_believed(case: Case, tally: Tally) -> Iterator[str]:
    """Automatic readings always win; where they are missing the best source's newest figure does.

    Judged at every closing: what had to be believed was, and what was believed had to be.
    """
    for line in case.ledger.lines:
        house, place = case.evidence.places[line.place]
        if not place.said:
            continue
        of_period = [
            one
            for one in place.said
            if one.is_right
            and _period(house, one) == line.period
            and _known_ms(case, one) <= line.closed_at_ms
            and _lacks_reading(case, place, (one, line.obis), line.closed_at_ms)
            and _is_heard(case, place, one, line.closed_at_ms)
        ]
        if not of_period:
            continue
        tally()
        best = min(of_period, key=lambda one: (SOURCES.index(one.source), -one.at_ms))
        chosen = {
            one.at_ms: case.ledger.chosen[one.serial, line.obis, one.at_ms][0]
            for one in place.said
            if (one.serial, line.obis, one.at_ms) in case.ledger.chosen
        }
        before = [at for at, when in chosen.items() if when < line.closed_at_ms]
        if any(best.at_ms <= at_ms + _FRESH_MS for at_ms in before):
            continue
        if chosen.get(best.at_ms, NEVER_MS) > line.closed_at_ms:
            yield f"{name_of(line)}: nobody believed {best.reference}"
    yield from _needless(case, tally)


def _needless(case: Case, tally: Tally) -> Iterator[str]:
    """Claims that were believed although readings stood there."""
    for _, place in case.evidence.places.values():
        for one in place.said:
            for obis in one.values:
                found = case.ledger.chosen.get((one.serial, obis, one.at_ms))
                if found is None:
                    continue
                tally()
                if not one.is_right:
                    yield f"{one.reference} {obis} is wrong and was believed"
                elif not _lacks_reading(case, place, (one, obis), found[0]):
                    yield f"{one.reference} {obis} was believed beside an automatic reading"
                elif not _is_heard(case, place, one, found[0]):
                    yield f"{one.reference} {obis} was believed, and access had been refused"


def _is_heard(case: Case, place: Place, one: Said, now_ms: int) -> bool:
    """Whether nobody had kept the controller out twice, or it is the controller who says so."""
    house, _ = case.evidence.places[place.name]
    if one.source == INSPECTION or str(place.kind.resource) not in RAISED:
        return True
    day = from_ms(one.at_ms).astimezone(ZoneInfo(house.timezone)).date()
    return refusals(case, place, day + timedelta(days=1), now_ms) < REFUSALS_MIN


def _lacks_reading(case: Case, place: Place, about: tuple[Said, str], now_ms: int) -> bool:
    """Whether no automatic reading known by then is fresh when a figure is read."""
    (one, obis), (house, _) = about, case.evidence.places[place.name]
    known = [
        reading.at_ms
        for reading in case.usable.readings(house, place, obis)
        if reading.from_ms <= now_ms and reading.serial == one.serial
    ]
    before = max((at for at in known if at <= one.at_ms), default=place.hangings[0].span.start_ms)
    after = min((at for at in known if at >= one.at_ms), default=NEVER_MS)
    return one.at_ms - before > _FRESH_MS and after - before > _FRESH_MS


def _period(house: House, one: Said) -> str:
    return house.calendar.period_of(one.at_ms - TOLERANCE_MS, house.days // 28 + 1)


def _known_ms(case: Case, one: Said) -> int:
    return case.evidence.entered.get((one.reference, "claimed"), NEVER_MS)
