"""V-SWAP: impossible values of two registers of one answer that fit when they are exchanged.

T1 and T2 are named differently from meter to meter, and a profile or a person takes one for the
other. It is a question to a person, beside the error that blocks the value; nothing is exchanged.
"""

from gateway.model import Finding, Level, Severity
from gateway.rules.plausible import fits
from gateway.rules.subject import Candidate, History, Shown

RULE = "V-SWAP"


def check(candidate: Candidate, history: History) -> Finding | None:
    """A warning with the register whose value this seems to be."""
    if history.before is None or not candidate.company.shown or fits(candidate, history):
        return None
    for other in candidate.company.shown:
        if other.before is not None and _exchangeable(candidate, history, other, other.before):
            text = candidate.dial.text
            detail = (
                f"{text(candidate.mantissa)} fits {other.obis}, whose {text(other.mantissa)} "
                f"fits {candidate.obis}: are the two registers exchanged?"
            )
            return Finding(RULE, Severity.WARNING, "2.5.258", detail)
    return None


def _exchangeable(candidate: Candidate, history: History, other: Shown, before: Level) -> bool:
    same = (candidate.dial.unit, candidate.dial.exponent) == (other.dial.unit, other.dial.exponent)
    mine = candidate._replace(mantissa=other.mantissa)
    its = candidate._replace(dial=other.dial, obis=other.obis)
    return same and fits(mine, history) and fits(its, History(before=before))
