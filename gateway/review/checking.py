"""What the rules say of a value that a person read at the meter, as far as nothing blocks it.

A value that contradicts an accepted neighbour is refused (see rising.py). What is only unlikely (it
ran around, it came faster than pipe or fuse allow, its comma may stand elsewhere) is told to the
person and kept beside the value: somebody stood before the meter, and the registry may be wrong.
"""

from drivers.reading import ClockState
from gateway.model import Finding, Level, Severity
from gateway.review import rising
from gateway.review.ports import ReviewStore
from gateway.review.words import Subject
from gateway.rules import decrease, rate, rollover, slip
from gateway.rules.parameters import TABLE
from gateway.rules.subject import Candidate, Dial, History

_RULES = (decrease.check, rollover.check, rate.check, slip.check)


def told(
    store: ReviewStore, subject: Subject, dial: Dial, level: Level, now_ms: int
) -> tuple[Finding, ...]:
    """What speaks against a value among the readings accepted around it, as warnings."""
    limits = TABLE.limits(dial.resource, level.at_ms)
    candidate = Candidate(
        dial, level.at_ms, level.mantissa, ClockState.INFORMATIVE, 0, now_ms, limits,
        subject.reference.register,
    )  # fmt: skip
    before, after = rising.around(store, subject, level.at_ms)
    found = [check(candidate, History(before=before, after=after)) for check in _RULES]
    return tuple(one._replace(severity=Severity.WARNING) for one in found if one is not None)
