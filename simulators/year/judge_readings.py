"""The judge of readings: what counts is true, and what was made wrong never counted."""

from collections import defaultdict
from collections.abc import Iterator

from simulators.evidence import Tally
from simulators.year.judge_lines import Case, is_shown
from simulators.year.ledger import ACCEPTED, SUSPECT, Reading


def accepted_are_true(case: Case, tally: Tally) -> Iterator[str]:
    """Every accepted reading shows what the register showed."""
    for reading in case.ledger.readings():
        if reading.state != ACCEPTED:
            continue
        tally()
        register = case.evidence.registers[reading.serial, reading.obis]
        if not is_shown(case, reading.obis, reading, register):
            yield f"{_name(reading)} counts, the truth is {register.shown(reading.at_ms)}"


def wrong_ones_never_count(case: Case, tally: Tally) -> Iterator[str]:
    """Every value that was made wrong is stored, in doubt for a reason, and in no line."""
    wrong = {(one.serial, one.obis, one.at_ms, one.mantissa) for one in case.evidence.injected}
    known = {
        hanging.meter.serial: case.usable.entered_ms(hanging)
        for _, place in case.evidence.places.values()
        for hanging in place.hangings
    }
    stored = {
        (one.serial, one.obis, one.at_ms, one.mantissa): one
        for one in case.ledger.readings()
        if (one.serial, one.obis, one.at_ms, one.mantissa) in wrong
    }
    for key in sorted(wrong):
        reading = stored.get(key)
        tally()
        if reading is None:
            yield f"the wrong value of {key} is not in the ledger (entered {known[key[0]]})"
        elif reading.state in (ACCEPTED, SUSPECT):
            yield f"the wrong {_name(reading)} is in state {reading.state} at the end"
        elif not any(severity == "E" for _, severity in _verdicts(case, reading)):
            yield f"the wrong {_name(reading)} has no verdict that blocks it"
    for line in case.ledger.lines:
        for mark in (line.opening, line.closing, line.now_opening, line.now_closing):
            if (mark.serial, line.obis, mark.at_ms, mark.mantissa) in wrong:
                yield f"line {line.line_id} stands on the wrong value {mark}"


def true_ones_count(case: Case, tally: Tally) -> Iterator[str]:
    """Every true reading of an entered meter that arrived counts in the end."""
    accepted: dict[tuple[str, str], set[int]] = defaultdict(set)
    for reading in case.ledger.readings():
        if reading.state == ACCEPTED:
            accepted[reading.serial, reading.obis].add(reading.at_ms)
    for house, place in case.evidence.places.values():
        for make in place.kind.makes:
            for one in case.usable.readings(house, place, make.obis):
                tally()
                if one.at_ms not in accepted[one.serial, make.obis]:
                    yield (
                        f"the true reading of {one.serial} {make.obis} at {one.at_ms} "
                        f"({place.fate}) does not count"
                    )


def nothing_waits(case: Case, tally: Tally) -> Iterator[str]:
    """Nobody has anything left to decide, and nothing was refused on the road."""
    tally()
    if case.ledger.waiting:
        yield f"{case.ledger.waiting} readings wait for a decision"
    for reason, times in case.ledger.refused.items():
        yield f"{times} messages were refused as {reason}"
    if case.evidence.counts["road under way"]:
        yield f"{case.evidence.counts['road under way']} batches are covered by no receipt"


def _verdicts(case: Case, reading: Reading) -> list[tuple[str, str]]:
    return case.ledger.verdicts.get(reading[:4], [])


def _name(reading: Reading) -> str:
    return f"reading of {reading.serial} {reading.obis} at {reading.at_ms}: {reading.mantissa}"
