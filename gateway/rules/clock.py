"""V-TIME: the capture time must be one that can be believed.

A time from an unset clock and one in the future cannot; they block billing. A clock whose
possible error is large, and a time that was placed afterwards, are only flagged.
"""

from drivers.reading import ClockState
from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, History

RULE = "V-TIME"
# How far apart gateway and edge may stand with both clocks in order: network time keeps either
# within a second, an hour of lost network within a few; a minute is generous.
AHEAD_MS_MAX = 60_000
# PTB-A 50.8 allows a registration interval to vary by 1 %: 9 s of a quarter of an hour.
CLOCK_ERROR_S_MAX = 9

_QUALITY = "1.1.9"


def check(candidate: Candidate, _history: History) -> Finding | None:
    """The weightiest doubt about the time, if any."""
    ahead_ms = candidate.at_ms - candidate.now_ms
    if candidate.clock_state is ClockState.UNSYNCHRONISED:
        return _finding(Severity.ERROR, "captured by a clock that was never set")
    if ahead_ms > AHEAD_MS_MAX:
        return _finding(
            Severity.ERROR,
            f"captured {ahead_ms / 1000:.0f} s after it was received, at most "
            f"{AHEAD_MS_MAX // 1000} s are clock difference",
        )
    if candidate.clock_state is ClockState.RELATIVE:
        return _finding(Severity.WARNING, "captured in relative time, placed by its boot's start")
    if candidate.clock_error_s > CLOCK_ERROR_S_MAX:
        return _finding(
            Severity.WARNING,
            f"the clock may have been wrong by {candidate.clock_error_s} s, "
            f"at most {CLOCK_ERROR_S_MAX} s are in order",
        )
    return None


def _finding(severity: Severity, detail: str) -> Finding:
    return Finding(RULE, severity, _QUALITY, detail)
