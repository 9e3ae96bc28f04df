"""V-SIB: a reading that may close a period brings all registers of its meter along.

A bill of a meter with tariffs needs all of them, read at one instant. Interval readings are left
out: a schedule may well fetch the total alone every quarter of an hour.
"""

from drivers.reading import Source
from gateway.model import Finding, Severity
from gateway.rules.subject import Candidate, History

RULE = "V-SIB"


def check(candidate: Candidate, _history: History) -> Finding | None:
    """A warning that names the registered registers that were not in the answer."""
    company = candidate.company
    if not company.absent or company.source is Source.INTERVAL:
        return None
    names = ", ".join(company.absent)
    return Finding(RULE, Severity.WARNING, "2.5.259", f"read without {names} of the same meter")
