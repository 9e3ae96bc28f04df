"""V-SUM: the slots of a day must add up to the difference of its registers.

The difference is taken from the two readings at midnight alone, the sum from every reading
between: a register that fell and rose again, or rolled over twice, shows here. Where midnight
itself lies in a gap there is nothing to compare.
"""

from gateway.model import Finding, Severity
from gateway.profile.series import Series
from gateway.rules.parameters import Limits
from gateway.rules.subject import Dial, advance

RULE = "V-SUM"


def check(series: Series, dial: Dial, limits: Limits) -> Finding | None:
    """A warning with both numbers."""
    begin, end = series.marks.get(0), series.marks.get(series.grid.size)
    amounts = [one.amount for one in series.slots]
    if begin is None or end is None or None in amounts:
        return None
    went = advance(begin.level.mantissa, end.level.mantissa, dial).delta
    added = sum(one for one in amounts if one is not None)
    if abs(added - went) <= limits.sum_units:
        return None
    detail = (
        f"the slots add up to {dial.text(added)}, the register went {dial.text(went)}; "
        f"{dial.text(limits.sum_units)} apart are in order"
    )
    return Finding(RULE, Severity.WARNING, "3.6.0", detail)
