"""Whether a value could stand where a reading stands: what the two hints ask of another value."""

from gateway.model import Severity
from gateway.rules import decrease, rate, rollover
from gateway.rules.subject import Candidate, History

_CHECKS = (decrease.check, rollover.check, rate.check)


def fits(candidate: Candidate, history: History) -> bool:
    """Whether neither V-NEG nor V-ROLL nor V-RATE blocks the value."""
    findings = [check(candidate, history) for check in _CHECKS]
    return not any(found and found.severity is Severity.ERROR for found in findings)
