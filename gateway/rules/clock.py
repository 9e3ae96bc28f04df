"""V-TIME: the capture time must be one that can be believed.

A time from an unset clock and one in the future cannot; they block billing. A clock whose
possible error is large, and a time that was placed afterwards, are only flagged.
"""

from drivers.reading import ClockState
from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, History

RULE = "V-TIME"
_QUALITY = "1.1.9"


def check(candidate: Candidate, _history: History) -> Finding | None:
    """The weightiest doubt about the time, if any."""
    limits = candidate.limits
    ahead_ms = candidate.at_ms - candidate.now_ms
    if candidate.clock_state is ClockState.UNSYNCHRONISED:
        return _finding(Severity.ERROR, "captured by a clock that was never set")
    if ahead_ms > limits.ahead_ms:
        return _finding(
            Severity.ERROR,
            f"captured {ahead_ms / 1000:.0f} s after it was received, at most "
            f"{limits.ahead_ms // 1000} s are clock difference",
        )
    if candidate.clock_state is ClockState.RELATIVE:
        return _finding(Severity.WARNING, "captured in relative time, placed by its boot's start")
    if candidate.clock_error_s > limits.clock_error_s:
        return _finding(
            Severity.WARNING,
            f"the clock may have been wrong by {candidate.clock_error_s} s, "
            f"at most {limits.clock_error_s} s are in order",
        )
    return None


def _finding(severity: Severity, detail: str) -> Finding:
    return Finding(RULE, severity, _QUALITY, detail)
