"""V-DUP: two different values for one register and instant. Equal ones are dropped before."""

from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, History

RULE = "V-DUP"


def check(candidate: Candidate, history: History) -> Finding | None:
    """An error, for nobody can say which of the two the meter showed."""
    if not history.copies:
        return None
    text = candidate.dial.text
    return Finding(
        RULE,
        Severity.ERROR,
        "3.6.0",
        f"duplicate-conflict: {text(candidate.mantissa)} came, "
        f"{text(history.copies[0])} is stored for the same instant",
    )
