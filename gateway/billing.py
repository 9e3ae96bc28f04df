"""What closes a period: one line per metering point and register, by arithmetic alone.

A line runs from its *opening*, which is the closing of the line before (or the value a meter was
installed with), to its *closing*. So whatever is late, missing or closed in the wrong hour moves
consumption between neighbouring lines and never bills it twice or loses it.

Between the two a meter may have been exchanged. `plan` therefore cuts a line into *spans*, one
per meter; storage answers each span with the *facts* of its accepted readings; `settle` adds the
spans up. The reading that closes a period is the first one taken at or just after its end, which
is the daily read at local midnight that carries the meter's own bytes, and otherwise the last one
taken before it. A period without either closes by a straight line to the first reading after it,
where there is one already: the register's own difference is then split, never changed.

Values are integer mantissas at the register's exponent. Nothing here reads a clock or a store.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from drivers.reading import Unit, from_ms
from gateway.estimation import interpolation
from gateway.estimation.terms import Cause
from gateway.model import FOREVER_MS, Level
from gateway.periods import Bounds

# The midnight read of a full M-Bus segment (250 meters, 2400 baud, about a second each) takes
# four minutes; a quarter of an hour leaves room for one retry and ends before the next interval.
CLOSING_TOLERANCE_MS = 15 * 60 * 1000

# A maximum, a temperature or a flow is watched, not billed.
BILLED_UNITS = frozenset({Unit.KWH, Unit.KVARH, Unit.M3, Unit.GCAL, Unit.GJ, Unit.TONNE, Unit.HCA})


class Method(StrEnum):
    """Where a closing value comes from."""

    ACTUAL = "actual"
    CARRIED = "carried"
    """No accepted reading: the opening value stands, nothing is billed yet."""
    INTERPOLATED = "interpolated"
    """No accepted reading of the period: its end is placed between those before and after."""
    AVERAGE = "average"
    """No accepted reading: the average is billed on account, the opening value stands."""
    NORM = "norm"
    """As with the average, by the norm of consumption."""


# What is billed on account: no reading stands behind it, so an obligation is open until one does.
ON_ACCOUNT = frozenset({Method.AVERAGE, Method.NORM})
# determiningMethod of ГИС ЖКХ's bills: by the meter, by norm, or otherwise.
DETERMINED = {
    Method.ACTUAL: "M",
    Method.CARRIED: "M",
    Method.INTERPOLATED: "O",
    Method.AVERAGE: "O",
    Method.NORM: "N",
}
# What later readings may show otherwise.
ESTIMATED = ON_ACCOUNT | {Method.INTERPOLATED}


class ReadingKey(NamedTuple):
    """Which reading of a register: its capture time, and which of several values for it."""

    captured_at_ms: int
    copy: int


class Mark(NamedTuple):
    """A register's value at an instant: a reading, or the act of a meter's exchange."""

    register_no: int
    at_ms: int
    mantissa: int
    reading: ReadingKey | None


class Installation(NamedTuple):
    """One meter's time at a metering point, as it concerns one of its registers.

    `barred_ms`: from then on the meter is out of order for `cause`, and what it shows is not
    billed, not even in the act of its removal (ПП 354 п. 81(12)).
    """

    register_no: int
    exponent: int
    digits: int
    installed_at_ms: int
    initial: int
    removed_at_ms: int | None = None
    final: int | None = None
    barred_ms: int | None = None
    cause: Cause | None = None

    @property
    def reads_until_ms(self) -> int:
        """The first instant whose readings do not count."""
        return min(self.removed_at_ms or FOREVER_MS, self.barred_ms or FOREVER_MS)


class Span(NamedTuple):
    """One meter's part of a line: readings after `start.at_ms` and before `until_ms` count.

    An open span ends in a reading of the period: the first one from `end_ms` on, else the last
    one from `from_ms` on. The others end in the act of the meter's removal.
    """

    installation: Installation
    start: Mark
    from_ms: int
    end_ms: int
    until_ms: int
    is_open: bool


class Facts(NamedTuple):
    """What a span's accepted readings say: which one closes it, how often it rolled over.

    `after` is the first one too late to close an open span that has no `last`, unless the
    register rolled over with it.
    """

    last: Mark | None
    rollovers: int
    after: Level | None = None


class Segment(NamedTuple):
    """One meter's share of a line's consumption."""

    register_no: int
    opening: int
    closing: int
    rollovers: int
    exponent: int
    consumption: int


class Settled(NamedTuple):
    """A line's numbers: `consumption` is a mantissa at `exponent`."""

    opening: Mark
    closing: Mark
    consumption: int
    exponent: int
    method: Method
    reason: str
    segments: tuple[Segment, ...]
    unmeasured: tuple[Bounds, ...] = ()
    """When a meter hung there and was out of order, as far as no reading before says what it was.

    Such time may begin before the line does."""
    cause: Cause = Cause.MISSING
    """Why there is a time without readings."""


def plan(
    installations: Sequence[Installation], opening: Mark | None, bounds: Bounds
) -> tuple[Span, ...]:
    """The spans of one register of one metering point; none if there is nothing to close.

    `installations` are in order of time, `opening` is the closing of the line before. Without
    one, meters that were gone before the period began were billed elsewhere and are left out.
    """
    current = [one for one in installations if one.installed_at_ms < bounds.end_ms]
    if opening is None:
        current = [one for one in current if not _removed_by(one, bounds.start_ms)]
    else:
        current = _from_opening(current, opening)
    spans = []
    for number, one in enumerate(current):
        start = _installed(one) if number or opening is None else opening
        spans.append(_span(one, start, bounds))
    return tuple(spans)


def settle(spans: Sequence[Span], facts: Sequence[Facts]) -> Settled:
    """Add a planned line up. `facts` answer `spans` one by one; there is at least one span."""
    ends = [_end(span, fact) for span, fact in zip(spans, facts, strict=True)]
    segments = tuple(
        _segment(span, fact, end) for span, fact, end in zip(spans, facts, ends, strict=True)
    )
    exponent = min(segment.exponent for segment in segments)
    consumption = sum(
        segment.consumption * 10 ** (segment.exponent - exponent) for segment in segments
    )
    opening, closing = spans[0].start, ends[-1]
    method = Method.CARRIED if closing == opening else Method.ACTUAL
    reason = _reason(spans, ends)
    if method is Method.ACTUAL and (after := _drawn_to(spans[-1], facts[-1])) is not None:
        method = Method.INTERPOLATED
        reason = f"{reason}; {_drawn(spans[-1].start, after)}"
    causes = [span.installation.cause for span in spans if _is_barred(span)]
    return Settled(
        *(opening, closing, consumption, exponent, method, reason, segments),
        unmeasured=_unmeasured(spans, facts),
        cause=(causes and causes[0]) or Cause.MISSING,
    )


def _unmeasured(spans: Sequence[Span], facts: Sequence[Facts]) -> tuple[Bounds, ...]:
    return tuple(
        Bounds((fact.last or span.start).at_ms, span.end_ms)
        for span, fact in zip(spans, facts, strict=True)
        if _is_barred(span)
    )


def _is_barred(span: Span) -> bool:
    barred_ms = span.installation.barred_ms
    return barred_ms is not None and barred_ms < span.end_ms


def _removed_by(installation: Installation, moment_ms: int) -> bool:
    return installation.removed_at_ms is not None and installation.removed_at_ms <= moment_ms


def _from_opening(installations: list[Installation], opening: Mark) -> list[Installation]:
    """The meter the opening was taken on, unless that was its removal, and those after it.

    A removal that is recorded after its period was closed may lie before the opening. The meter
    then still gets its span, and the difference to the act is made good in this line.
    """
    first = 0
    for number, one in enumerate(installations):
        if one.register_no == opening.register_no and one.installed_at_ms <= opening.at_ms:
            # A line may also close by interpolation at the very instant of a removal.
            is_act = opening.reading is None and one.final in (None, opening.mantissa)
            removed = is_act and one.removed_at_ms == opening.at_ms
            first = number + 1 if removed else number
    return installations[first:]


def _installed(installation: Installation) -> Mark:
    return Mark(installation.register_no, installation.installed_at_ms, installation.initial, None)


def _span(installation: Installation, start: Mark, bounds: Bounds) -> Span:
    removed_ms = installation.removed_at_ms
    if removed_ms is not None and removed_ms <= bounds.end_ms:
        after_ms, until_ms = start.at_ms + 1, installation.reads_until_ms
        return Span(installation, start, after_ms, removed_ms, until_ms, is_open=False)
    until_ms = min(bounds.end_ms + CLOSING_TOLERANCE_MS, installation.reads_until_ms)
    from_ms = max(start.at_ms + 1, bounds.start_ms)
    return Span(installation, start, from_ms, bounds.end_ms, until_ms, is_open=True)


def _end(span: Span, facts: Facts) -> Mark:
    """Where a span ends: in the removal act's value, else its last reading, else where it began.

    Where it would end as it began, a straight line to a later value ends it instead.
    """
    one = span.installation
    if not span.is_open and one.final is not None:
        return Mark(one.register_no, span.end_ms, one.final, None)
    after = _drawn_to(span, facts)
    if after is not None:
        before = Level(span.start.at_ms, span.start.mantissa)
        value = interpolation.between(before, after, span.end_ms)
        return Mark(one.register_no, span.end_ms, value, None)
    return facts.last or span.start


def _drawn_to(span: Span, facts: Facts) -> Level | None:
    """The later value a straight line from a span's start may be drawn to: a reading or an act."""
    one = span.installation
    if not span.is_open or facts.last is not None or span.start.at_ms >= span.end_ms:
        return None
    after = facts.after
    if _is_barred(span):
        return None
    if after is None and one.removed_at_ms is not None and one.final is not None:
        after = Level(one.removed_at_ms, one.final)
    return after if after is not None and after.mantissa >= span.start.mantissa else None


def _drawn(start: Mark, after: Level) -> str:
    days = (f"{from_ms(moment):%Y-%m-%d %H:%M} UTC" for moment in (start.at_ms, after.at_ms))
    return f"the end of the period lies on a line between {' and '.join(days)}"


def _segment(span: Span, facts: Facts, end: Mark) -> Segment:
    one = span.installation
    if _is_barred(span):
        end = facts.last or span.start
    rollovers = facts.rollovers + _rolled_at_removal(span, facts, end)
    consumption = end.mantissa - span.start.mantissa + rollovers * 10**one.digits
    return Segment(
        one.register_no, span.start.mantissa, end.mantissa, rollovers, one.exponent, consumption
    )


def _rolled_at_removal(span: Span, facts: Facts, end: Mark) -> int:
    """One if the register went over its end between the last reading and the removal act.

    The rule is V-ROLL's: from the top tenth of the register into its bottom tenth. Any other
    decrease is an act that contradicts the readings, and is billed as the act says.
    """
    if end.reading is not None or end == span.start:
        return 0
    before = (facts.last or span.start).mantissa
    full = 10**span.installation.digits
    return int(before * 10 > full * 9 and end.mantissa * 10 < full)


def _reason(spans: Sequence[Span], ends: Sequence[Mark]) -> str:
    """Why the line is as it is, empty where a reading closes it and nothing was exchanged."""
    said = []
    if len(spans) > 1:
        said.append(f"the meter was exchanged {_times(len(spans) - 1)}")
    last = spans[-1]
    if ends[-1] == last.start or (last.is_open and ends[-1].reading is None):
        act = len(spans) > 1 and "no accepted reading of the new meter"
        said.append(act or "no accepted reading in the period")
    elif ends[-1].reading is None:
        said.append("closed by the act of the meter's removal")
    return "; ".join(said)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
