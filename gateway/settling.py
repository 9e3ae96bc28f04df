"""Settling a line: the spans of a plan and the facts of their readings added up, exactly.

A period that no reading closes ends on a straight line to the first reading after it, where there
is one already: the register's own difference is then split, never changed. Nothing here reads a
clock or a store.
"""

from collections.abc import Sequence
from itertools import pairwise

from drivers.reading import from_ms
from gateway.billing import AUTOMATIC, NO_SOURCE, Facts, Mark, Method, Segment, Settled, Span
from gateway.estimation import interpolation
from gateway.estimation.terms import Cause
from gateway.meter_life import factor
from gateway.model import Level, went_over
from gateway.periods import Bounds


def settle(spans: Sequence[Span], facts: Sequence[Facts]) -> Settled:
    """Add a planned line up. `facts` answer `spans` one by one; there is at least one span."""
    ends = [_end(span, fact) for span, fact in zip(spans, facts, strict=True)]
    segments = tuple(
        _segment(span, fact, end) for span, fact, end in zip(spans, facts, ends, strict=True)
    )
    exponent = min(segment.exponent for segment in segments)
    consumption = sum(
        segment.consumption * 10 ** (segment.exponent - exponent)
        for span, segment in zip(spans, segments, strict=True)
        if not span.installation.is_check or is_check(spans)
    )
    opening, closing = spans[0].start, ends[-1]
    after = _drawn_to(spans[-1], facts[-1])
    method = Method.CARRIED if closing == opening else Method.ACTUAL
    reason = _reason(spans, ends, facts[-1])
    if method is Method.ACTUAL and after is not None:
        method = Method.INTERPOLATED
        reason = f"{reason}; {_drawn(facts[-1].last or spans[-1].start, after)}"
    causes = [span.installation.cause for span in spans if _is_barred(span)]
    return Settled(
        *(opening, closing, consumption, exponent, method, reason, segments),
        unmeasured=_unmeasured(spans, facts),
        cause=(causes and causes[0]) or Cause.MISSING,
        source=AUTOMATIC if closing.reading and closing != opening else NO_SOURCE,
        factor=spans[-1].installation.factor,
    )


def is_check(spans: Sequence[Span]) -> bool:
    """Whether a line only checks others: it is shown and never billed.

    Where a meter with tariffs takes the place of one without, the line of the total is billed,
    with what the meter without tariffs counted.
    """
    return all(span.installation.is_check for span in spans)


def _unmeasured(spans: Sequence[Span], facts: Sequence[Facts]) -> tuple[Bounds, ...]:
    return tuple(
        Bounds(since_ms, span.end_ms)
        for span, fact in zip(spans, facts, strict=True)
        if _is_barred(span) and (since_ms := (fact.last or span.start).at_ms) < span.end_ms
    )


def _is_barred(span: Span) -> bool:
    barred_ms = span.installation.barred_ms
    return barred_ms is not None and barred_ms < span.end_ms


def _end(span: Span, facts: Facts) -> Mark:
    """Where a span ends: in the removal act's value, else its last reading, else where it began.

    Where it would end as it began, or a contract asks for it, a straight line to a later value
    ends it instead.
    """
    one = span.installation
    if not span.is_open and one.final is not None:
        return Mark(one.register_no, span.end_ms, one.final, None)
    after = _drawn_to(span, facts)
    if after is not None:
        last = facts.last or span.start
        before = Level(last.at_ms, last.mantissa)
        value = interpolation.between(before, after, span.end_ms)
        return Mark(one.register_no, span.end_ms, value, None)
    return facts.last or span.start


def _drawn_to(span: Span, facts: Facts) -> Level | None:
    """The later value a straight line from a span's start may be drawn to: a reading or an act.

    Where a contract asks for it, the line is drawn from the span's last reading before its end.
    """
    one, before = span.installation, facts.last or span.start
    if not span.is_open or _is_barred(span) or before.at_ms >= span.end_ms:
        return None
    if facts.last is not None and not span.taking.is_drawn:
        return None
    after = facts.after
    # What a meter out of order showed at its removal says nothing of the months before, either.
    removed_ms = one.removed_at_ms if one.barred_ms is None else None
    if after is None and removed_ms is not None and one.final is not None:
        after = Level(removed_ms, one.final)
    return after if after is not None and after.mantissa >= before.mantissa else None


def _drawn(start: Mark, after: Level) -> str:
    days = (f"{from_ms(moment):%Y-%m-%d %H:%M} UTC" for moment in (start.at_ms, after.at_ms))
    return f"the end of the period lies on a line between {' and '.join(days)}"


def _segment(span: Span, facts: Facts, end: Mark) -> Segment:
    one = span.installation
    if _is_barred(span):
        end = facts.last or span.start
    rollovers = facts.rollovers + _rolled_at_removal(span, facts, end)
    consumption = factor.used(
        *(span.start.mantissa, end.mantissa),
        turns=rollovers,
        digits=one.digits,
        factor=one.factor,
    )
    return Segment(
        one.register_no, span.start.mantissa, end.mantissa, rollovers, one.exponent, consumption
    )


def _rolled_at_removal(span: Span, facts: Facts, end: Mark) -> int:
    """One if the register went over its end between the last reading and the removal act.

    The rule is V-ROLL's; any other decrease is an act that contradicts the readings, and is billed
    as the act says.
    """
    if end.reading is not None or end == span.start:
        return 0
    before = (facts.last or span.start).mantissa
    if span.installation.final_rolled and end.mantissa < before:
        return 1
    return int(went_over(before, end.mantissa, 10**span.installation.digits))


def _reason(spans: Sequence[Span], ends: Sequence[Mark], closing: Facts) -> str:
    """Why the line is as it is, empty where a reading closes it and nothing was exchanged."""
    said = []
    meters = [span.installation.register_no for span in spans]
    same = sum(one == other for one, other in pairwise(meters))
    if len(spans) - 1 > same:
        said.append(f"the meter was exchanged {_times(len(spans) - 1 - same)}")
    if same:
        said.append(f"the meter counts anew from an act {_times(same)}")
    last = spans[-1]
    if last.is_open and closing.last is not None and ends[-1].reading is None:
        said.append("no reading where the period ends")
    elif ends[-1] == last.start or (last.is_open and ends[-1].reading is None):
        act = len(spans) > 1 and "no accepted reading of the new meter"
        said.append(act or "no accepted reading in the period")
    elif ends[-1].reading is None:
        said.append("closed by the act of the meter's removal")
    return "; ".join(said)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
