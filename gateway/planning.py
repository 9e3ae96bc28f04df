"""Planning a line: its stretch cut into spans, one per meter that stood there.

The reading that closes a period is the first one taken at or just after its end, which is the
daily read at local midnight that carries the meter's own bytes, and otherwise the last one taken
before it. Which readings may do so is all a span says; what they are, storage answers. Nothing
here reads a clock or a store.
"""

from collections.abc import Sequence

from gateway.billing import CLOSING_TOLERANCE_MS, Installation, Mark, Span
from gateway.model import FOREVER_MS
from gateway.periods import WHENEVER, Bounds, Taking


def plan(
    installations: Sequence[Installation],
    opening: Mark | None,
    bounds: Bounds,
    taking: Taking = WHENEVER,
) -> tuple[Span, ...]:
    """The spans of one register of one metering point; none if there is nothing to close.

    `installations` are in order of time, `opening` is the closing of the line before. Without
    one, meters that were gone before the period began were billed elsewhere and are left out.
    `taking` says which readings may end the period.
    """
    current = [one for one in installations if one.installed_at_ms < bounds.end_ms]
    if opening is None:
        current = [one for one in current if not _removed_by(one, bounds.start_ms)]
    else:
        current = _from_opening(current, opening)
    starts = [_installed(one) for one in current]
    if opening is not None and current and _stood_at(current[0], opening):
        starts[0] = opening
    return tuple(_span(*pair, bounds, taking) for pair in zip(current, starts, strict=True))


def _stood_at(one: Installation, mark: Mark) -> bool:
    # A line that closed by a meter's removal is followed by one that opens on the next meter.
    return one.register_no == mark.register_no and one.installed_at_ms <= mark.at_ms


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


def _span(installation: Installation, start: Mark, bounds: Bounds, taking: Taking) -> Span:
    removed_ms = installation.removed_at_ms
    if removed_ms is not None and removed_ms <= bounds.end_ms:
        after_ms, until_ms = start.at_ms + 1, installation.reads_until_ms
        return Span(installation, start, after_ms, removed_ms, until_ms, is_open=False)
    # The read at midnight closes the period also where the meter's last day ends with it.
    barred_ms = installation.barred_ms
    is_barred = barred_ms is not None and barred_ms < bounds.end_ms
    reads_ms = installation.reads_until_ms if is_barred else removed_ms or FOREVER_MS
    until_ms = min(bounds.end_ms + CLOSING_TOLERANCE_MS, reads_ms)
    from_ms = max(start.at_ms + 1, bounds.start_ms)
    return Span(installation, start, from_ms, bounds.end_ms, until_ms, is_open=True, taking=taking)
