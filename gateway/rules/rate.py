"""V-RATE: no pipe and no fuse lets more through than its physical maximum.

One unit of the last digit is granted beyond it: a register shows its value cut off, so two
readings a moment apart may differ by a whole unit that took hours to gather.
"""

from gateway.model import Finding, Severity
from gateway.rules.subject import MS_PER_H, Candidate, History, advance

RULE = "V-RATE"


def check(candidate: Candidate, history: History) -> Finding | None:
    """An error where the register went faster than it can, to or from a neighbour."""
    dial = candidate.dial
    for earlier, later in history.pairs(candidate):
        delta = advance(earlier.mantissa, later.mantissa, dial).delta
        took_ms = later.at_ms - earlier.at_ms
        if (delta - 1) * MS_PER_H > dial.rate_max_per_h * took_ms:
            detail = (
                f"rose by {dial.text(delta)} in {took_ms // 1000} s, "
                f"at most {dial.text(dial.rate_max_per_h)} an hour are possible"
            )
            return Finding(RULE, Severity.ERROR, "3.6.3", detail)
    return None
