"""V-ROLL: a register passes its last digit and begins again; and none shows more than its digits.

A rollover is accepted and flagged. It then has to pass the physical maximum like any other
advance, so a reset meter does not pass as one that ran around.
"""

from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, History, advance

RULE = "V-ROLL"


def check(candidate: Candidate, history: History) -> Finding | None:
    """An error for a value beyond the dial, a warning for a rollover since the reading before."""
    dial = candidate.dial
    if candidate.mantissa >= dial.capacity:
        detail = f"{dial.text(candidate.mantissa)} does not fit the {dial.digits} digits"
        return Finding(RULE, Severity.ERROR, "3.6.3", detail)
    before = history.before
    if before is None or not advance(before.mantissa, candidate.mantissa, dial).rolled:
        return None
    detail = f"rolled over from {dial.text(before.mantissa)} to {dial.text(candidate.mantissa)}"
    return Finding(RULE, Severity.WARNING, "3.0.1", detail)
