"""V-DEC: an impossible value that would be the expected one with its decimal point elsewhere.

It happens where a meter is read with another meter's resolution, or a person misses the comma.
It is a question to a person, beside the error that blocks the value; nothing is corrected.
"""

from gateway.model import Finding, Severity
from gateway.rules.plausible import fits
from gateway.rules.subject import Candidate, History
from gateway.rules.usage import usual

RULE = "V-DEC"


def check(candidate: Candidate, history: History) -> Finding | None:
    """A warning with the value that the register may have shown."""
    if history.before is None or candidate.mantissa <= 0 or fits(candidate, history):
        return None
    expected, limits, text = _expected(candidate, history), candidate.limits, candidate.dial.text
    for places in range(1, limits.slip_places + 1):
        for value, direction in _shifted(candidate.mantissa, places, history.before.mantissa):
            near = abs(value - expected) * 100 <= limits.slip_tolerance_percent * expected
            if near and fits(candidate._replace(mantissa=value), history):
                detail = (
                    f"{text(candidate.mantissa)} may be {text(value)} with the decimal point "
                    f"{places} to the {direction}; expected about {text(expected)}"
                )
                return Finding(RULE, Severity.WARNING, "2.5.258", detail)
    return None


def _expected(candidate: Candidate, history: History) -> int:
    """The last level and the usual use since, where that is known."""
    if history.before is None:
        return 0
    norm = usual(history.openings, candidate)
    since_ms = candidate.at_ms - history.before.at_ms
    return history.before.mantissa + (norm.amount * since_ms // norm.took_ms if norm else 0)


def _shifted(mantissa: int, places: int, before: int) -> list[tuple[int, str]]:
    """What was meant, if the point stood too far right or too far left.

    Digits lost behind a point too far left may have been any, so those that make the value no
    less than the last level are believed.
    """
    power = int(10**places)
    enlarged = mantissa * power
    return [
        (mantissa // power, "right"),
        (max(enlarged, min(before, enlarged + power - 1)), "left"),
    ]
