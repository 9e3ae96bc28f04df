"""Invariants of the values: what is accepted and what is billed is what the registers counted."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from simulators.evidence import Evidence, Tally
from simulators.house import Point
from simulators.ledger_view import (
    ACCEPTED,
    ON_ACCOUNT,
    StoredLine,
    StoredMark,
    StoredReading,
)
from simulators.truth import Register, Span

# A capture time is the end of a read, the value is of some moment within it: a greeting and two
# telegrams, each asked for up to three times of a meter whose late answers taught the line to wait
# 2 s. The readout's clock error says so, too. A stale value would be from the read before, minutes
# ago.
SKEW_MS = 30_000


def accepted_equals_truth(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """Every accepted reading shows what the register had counted when it was captured."""
    for reading in evidence.ledger.readings:
        if reading.state != ACCEPTED:
            continue
        tally()
        register = evidence.registers.get((reading.serial, reading.obis))
        if register is None:
            yield f"{_name(reading)} is accepted of a register that hangs nowhere"
        elif not _is_true(register, reading.mantissa, reading.captured_at_ms):
            shown = register.shown(reading.captured_at_ms)
            yield f"{_name(reading)} says {reading.mantissa}, the truth is {shown}"


def billed_equals_truth(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """A line's closing value and its consumption are the truth, as the line stands now.

    What is billed on account is no truth yet: it names the clause that allows it, and its closing
    is the value the meter was last read with. A closing between readings lies between true values.
    """
    points = {point.name: point for house in evidence.houses for point in house.points}
    for written in evidence.ledger.lines:
        tally()
        line = written.now
        closing = line.closing
        register = evidence.registers[closing.serial, line.obis]
        if line.method != "interpolated" and not _is_true(
            register, closing.mantissa, closing.at_ms
        ):
            shown = register.shown(closing.at_ms)
            yield f"line {line.line_id} closes at {closing.mantissa}, the truth is {shown}"
        if line.method in ON_ACCOUNT:
            if "ПП 354 п." not in line.reason:
                yield f"line {line.line_id} bills by {line.method} because of {line.reason!r}"
            continue
        low, high = _consumed(evidence, points[line.point], line)
        if not low <= line.consumption <= high:
            yield f"line {line.line_id} bills {line.consumption}, the truth is {low} to {high}"


def lines_follow_each_other(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """Each register has a line per closed period, and each opens where the last one closed."""
    lines = [line.now for line in evidence.ledger.lines]
    # A line that bills nothing passes its mark on, as it stood when the line was closed.
    for before, after in pairwise(line for line in lines if line.method != "carried"):
        if (before.point, before.obis) == (after.point, after.obis):
            tally()
            if before.closing[:3] != after.opening[:3]:
                yield f"line {after.line_id} does not open where {before.line_id} closed"
    have = Counter((line.point, line.period) for line in lines)
    for house in evidence.houses:
        periods = {line.period for line in lines if line.point.startswith(f"{house.name}-")}
        for point in house.points:
            expected = len(point.meters[0][0].registers)
            for period in periods:
                tally()
                if have[point.name, period] != expected:
                    yield f"{point.name} has {have[point.name, period]} lines in {period}"


def billing_has_every_line_once(evidence: Evidence, tally: Tally) -> Iterator[str]:
    """What billing booked is exactly the lines and corrections, each under its own id, once."""
    lines, booked = evidence.ledger.lines, evidence.billing.booked
    if evidence.billing.contradictions:
        yield f"{evidence.billing.contradictions} events came again with other contents"
    if evidence.ledger.undelivered:
        yield f"{evidence.ledger.undelivered} events are not acknowledged"
    expected = {event_id: line for line in lines for event_id in line.event_ids}
    for event_id, line in expected.items():
        tally()
        if booked.get(event_id, {}).get("point") != line.point:
            yield f"line {event_id} was not booked"
    extra = booked.keys() - expected.keys()
    if extra:
        yield f"billing booked {min(extra)}, which is no line"


def _name(reading: StoredReading) -> str:
    return f"the reading of {reading.serial} {reading.obis} at {reading.captured_at_ms}"


def _is_true(register: Register, mantissa: int, at_ms: int) -> bool:
    """Whether the register showed `mantissa` at some moment of a read that ended at `at_ms`."""
    low, high = _counted(register, at_ms, SKEW_MS)
    capacity: int = 10**register.digits
    return (mantissa - low) % capacity <= high - low


def _counted(register: Register, at_ms: int, skew_ms: int) -> tuple[int, int]:
    counts = [register.counted(at_ms + offset) for offset in (-skew_ms, 0, skew_ms)]
    return min(counts), max(counts)


def _consumed(evidence: Evidence, point: Point, line: StoredLine) -> tuple[int, int]:
    """The least and the most that can have been consumed between a line's two marks."""
    low = high = 0
    for meter, span in point.meters:
        register = evidence.registers[meter.serial, line.obis]
        begin_low, begin_high = _at(register, line.opening, span)
        end_low, end_high = _at(register, line.closing, span)
        low += end_low - begin_high
        high += end_high - begin_low
    return low, high


def _at(register: Register, mark: StoredMark, span: Span) -> tuple[int, int]:
    """The register's count at a mark, or at the bound of its meter's time if that is nearer.

    What is written in the acts of installation and removal is exact; a reading has its skew. A
    mark on a straight line between readings is no truth: it counts as it stands.
    """
    inside = min(max(mark.at_ms, span.start_ms), span.end_ms)
    is_drawn = inside == mark.at_ms and not mark.is_reading
    if is_drawn and inside not in (span.start_ms, span.end_ms):
        count = register.counted(inside)
        shift = mark.mantissa - count % 10**register.digits
        return count + shift, count + shift
    skew_ms = SKEW_MS if mark.is_reading and inside == mark.at_ms else 0
    return _counted(register, inside, skew_ms)
