"""What must hold of a register whatever is decided: its accepted readings rise, or roll over.

And by how much a decision moves what counts, which is what decides whether it takes two people.
"""

from collections.abc import Mapping
from decimal import Decimal

from drivers.reading import Resource, Unit
from gateway.model import Flag, Level
from gateway.review.ports import ReviewStore
from gateway.review.reference import moment
from gateway.review.words import ReviewError, Stood, Subject
from gateway.rules.subject import Dial, advance

Limits = Mapping[tuple[Resource, Unit], Decimal]
"""How far one person may move a register's accepted value; what is not named takes two."""


def check_dial(dial: Dial, mantissa: int) -> None:
    """ReviewError for a value that the register cannot show."""
    if not 0 <= mantissa < dial.capacity:
        raise ReviewError(f"{dial.text(mantissa)} does not fit a dial of {dial.digits} digits")


def keep_rising(store: ReviewStore, subject: Subject, dial: Dial, at_ms: int) -> None:
    """Set the rollover flags around an instant anew; ReviewError where the register would fall."""
    around = store.review.neighbours(subject.register_no, at_ms)
    if len(around.here) > 1:
        raise ReviewError(
            f"another value is accepted for the same instant, {_name(subject, around.here)}: "
            "reject that one first"
        )
    before = _level(around.before, subject.initial, at_ms)
    for stood in (*around.here, *([around.after] if around.after else [])):
        if before is not None:
            way = advance(before.mantissa, stood.mantissa, dial)
            if way.delta < 0:
                raise ReviewError(_falls(subject, dial, before, stood))
            rolled = Flag.ROLLED if way.rolled else Flag.NONE
            flags = Flag(stood.flags) & ~Flag.ROLLED | rolled
            store.review.set_flags(subject.register_no, stood.at_ms, stood.copy, flags)
        before = Level(stood.at_ms, stood.mantissa)


def _falls(subject: Subject, dial: Dial, before: Level, after: Stood) -> str:
    return (
        f"the register would fall from {dial.text(before.mantissa)} ({moment(before.at_ms)}) to "
        f"{dial.text(after.mantissa)} ({moment(after.at_ms)}): reject first what is wrong of them "
        f"(meter {subject.reference.meter}, register {subject.reference.register})"
    )


def standing(store: ReviewStore, subject: Subject, at_ms: int) -> Level | None:
    """What counts for the register at an instant: its last accepted value, or the first one."""
    if subject.dial is None:
        return None
    around = store.review.neighbours(subject.register_no, at_ms + 1)
    return _level(around.before, subject.initial, at_ms)


def around(store: ReviewStore, subject: Subject, at_ms: int) -> tuple[Level | None, Level | None]:
    """What counts for the register next before an instant and next after it."""
    found = store.review.neighbours(subject.register_no, at_ms)
    after = found.after and Level(found.after.at_ms, found.after.mantissa)
    return _level(found.before, subject.initial, at_ms), after


def _level(stood: Stood | None, initial: Level | None, at_ms: int) -> Level | None:
    """A meter is installed with its first value, so that counts for its very instant too."""
    levels = [Level(stood.at_ms, stood.mantissa)] if stood else []
    if initial is not None and initial.at_ms <= at_ms:
        levels.append(initial)
    return max(levels, default=None)


def effect(dial: Dial | None, before: Level | None, after: Level | None) -> int | None:
    """By how much the accepted value moved, None where there was or is none."""
    if dial is None:
        return 0  # nothing of such a register is billed
    if before is None or after is None:
        return None
    return abs(advance(before.mantissa, after.mantissa, dial).delta)


def takes_two(dial: Dial | None, moved: int | None, limits: Limits) -> bool:
    """Whether what counts moved too far for one person; an unknown distance is too far."""
    if dial is None or moved == 0:
        return False
    limit = None if dial.resource is None else limits.get((dial.resource, dial.unit))
    return limit is None or moved is None or Decimal(moved).scaleb(dial.exponent) > limit


def _name(subject: Subject, stood: tuple[Stood, ...]) -> str:
    other = next(one for one in stood if (one.at_ms, one.copy) != subject.reference[2:4])
    return str(subject.reference._replace(at_ms=other.at_ms, copy=other.copy))
