"""V-NEG: a register of consumption never falls, except over its last digit (see rollover)."""

from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, History, advance

RULE = "V-NEG"
_QUALITY = "3.6.4"


def check(candidate: Candidate, history: History) -> Finding | None:
    """An error for a negative value, one below the reading before or above the one after."""
    dial = candidate.dial
    if candidate.mantissa < 0:
        detail = f"{dial.text(candidate.mantissa)} is negative"
        return Finding(RULE, Severity.ERROR, _QUALITY, detail)
    for earlier, later in history.pairs(candidate):
        if advance(earlier.mantissa, later.mantissa, dial).delta < 0:
            detail = f"fell from {dial.text(earlier.mantissa)} to {dial.text(later.mantissa)}"
            return Finding(RULE, Severity.ERROR, _QUALITY, detail)
    return None
