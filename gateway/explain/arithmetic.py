"""A line's consumption as a sum that a person can follow, and that always adds up.

The ledger keeps where a line opens and closes, how often its register rolled over, and what it
billed. What each meter counted in between follows from the acts of installation and removal. If
that is not what was billed, the difference is a summand of its own: what an estimate
or a check meter added, or else a remainder that is shown and not hidden.
"""

from collections.abc import Sequence
from decimal import Decimal

from gateway.billing import ON_ACCOUNT, Method
from gateway.explain.model import Hung, Part, PartKind, Written
from gateway.meter_life import factor


def parts(written: Written, hung: Sequence[Hung]) -> tuple[Part, ...]:
    """The summands of the line's consumption, in order of time."""
    line = written.line
    counted = _counted(written, hung)
    turned = _rollovers(counted, line.rollovers)
    meters = tuple(
        _meter(one, span, rollovers)
        for (one, *span), rollovers in zip(counted, turned, strict=True)
    )
    rest = line.consumption - sum((part.amount for part in meters), Decimal(0))
    if rest == 0:
        return meters
    return (*meters, Part(_kind(written), rest))


def _counted(written: Written, hung: Sequence[Hung]) -> list[tuple[Hung, Decimal, Decimal]]:
    """Each meter of the line with the values between which it counted."""
    opening, closing = written.opening, written.closing
    first = _first(written, hung)
    last = max(
        (n for n, one in enumerate(hung) if one.register_no == closing.register_no), default=-1
    )
    counted = []
    for number in range(first, last + 1):
        one = hung[number]
        start = opening.value if number == first and _is_opened_on(written, one) else one.initial
        counted.append((one, start, closing.value if number == last else _end(one, start)))
    return counted


def _first(written: Written, hung: Sequence[Hung]) -> int:
    """The meter the line opens on, or the next one where it opens with that one's removal."""
    opening = written.opening
    for number, one in reversed(list(enumerate(hung))):
        if _is_opened_on(written, one):
            removed = opening.copy is None and one.removed_at_ms == opening.at_ms
            goes_on = written.closing.register_no == opening.register_no
            return number if goes_on or not removed else number + 1
    return 0


def _is_opened_on(written: Written, one: Hung) -> bool:
    opening = written.opening
    return one.register_no == opening.register_no and one.installed_at_ms <= opening.at_ms


def _end(one: Hung, start: Decimal) -> Decimal:
    """Where a removed meter ended: by its act, else its last accepted reading."""
    if one.final is not None:
        return one.final
    return start if one.last is None else one.last


def _rollovers(counted: Sequence[tuple[Hung, Decimal, Decimal]], total: int) -> list[int]:
    """How often each meter rolled over: those that fell did once, more of them the last one."""
    fell = [int(end < start) for _, start, end in counted]
    turned: list[int] = []
    for one in fell:
        turned.append(min(one, total - sum(turned)))
    if turned:
        turned[-1] += total - sum(turned)
    return turned


def _meter(one: Hung, span: Sequence[Decimal], rollovers: int) -> Part:
    start, end = span
    exponent = int(one.initial.as_tuple().exponent)
    amount = factor.used(
        *(int(start.scaleb(-exponent)), int(end.scaleb(-exponent))),
        turns=rollovers,
        digits=one.full.adjusted() - exponent,
        factor=one.factor,
    )
    return Part(
        *(PartKind.METER, Decimal(amount).scaleb(exponent), one.meter, start, end),
        *(rollovers, one.full, one.factor),
    )


def _kind(written: Written) -> PartKind:
    if written.line.method in ON_ACCOUNT:
        return PartKind.ESTIMATE
    if written.line.method == Method.CHECK:
        return PartKind.CHECK
    return PartKind.REMAINDER
