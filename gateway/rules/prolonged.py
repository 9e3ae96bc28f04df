"""V-EST: a register that was estimated for several periods in a row.

The VEE vocabularies call it an error, because billing then takes another branch. That branch is a
clause's matter here (ПП 354 п. 60, gateway/estimation/terms.py) and a period must be billed all the
same, so the finding holds nothing back: it tells the operator that somebody should go and see. It
is asked of a closed line: the run are the register's newest lines without a reading of its own
meter, as they stand with their corrections. A value drawn between two readings, and a line that a
reading has settled since, end the run.
"""

from gateway.model import Finding, Severity
from gateway.rules.parameters import Limits

RULE = "V-EST"


def check(periods: int, limits: Limits) -> Finding | None:
    """A warning from the first period on that makes the run a long one."""
    if periods < limits.estimated_in_a_row:
        return None
    detail = f"estimated for {periods} periods in a row, limit {limits.estimated_in_a_row}"
    return Finding(RULE, Severity.WARNING, "3.8.0", detail)
