"""V-ZERO: a register that has not moved for longer than its resource can stand still.

It is a hint that a person should look, not a doubt about the value: the reading stays accepted.
The finding comes once, with the reading at which the limit is passed.
"""

from gateway.model import Finding, Severity
from gateway.rules.subject import MS_PER_H, Candidate, History

RULE = "V-ZERO"


def check(candidate: Candidate, history: History) -> Finding | None:
    """A warning with the first unchanged reading past the limit."""
    before, since_ms = history.before, history.unchanged_since_ms
    if before is None or since_ms is None or before.mantissa != candidate.mantissa:
        return None
    limit = candidate.limits.still_ms
    if not before.at_ms - since_ms < limit <= candidate.at_ms - since_ms:
        return None
    hours = (candidate.at_ms - since_ms) // MS_PER_H
    detail = (
        f"unchanged at {candidate.dial.text(candidate.mantissa)} for {hours} h, "
        f"limit {limit // MS_PER_H} h"
    )
    return Finding(RULE, Severity.WARNING, "3.6.1", detail)
