"""V-SPIKE: one slot of a day far above the others.

(P1 - P3) / P3 above the tolerance, P1 the highest and P3 the *third* highest slot of the day, so
that a load that ran over the edge of two slots is no spike. A day whose third highest slot is
nothing has nothing to compare with. What may jump in any flat (a bath) is not called a spike.
"""

from gateway.model import Finding, Severity
from gateway.profile.noise import floor
from gateway.profile.series import Series
from gateway.rules.parameters import Limits
from gateway.rules.subject import Dial

RULE = "V-SPIKE"


def check(series: Series, dial: Dial, limits: Limits) -> Finding | None:
    """A warning with the highest slot of the day."""
    known = [one for one in series.amounts if one is not None]
    first, _, third = (*sorted(known, reverse=True)[:3], 0, 0, 0)[:3]
    percent = limits.spike_percent
    if third <= 0 or (first - third) * 100 <= percent * third:
        return None
    if first - third <= floor(series.grid.slot_ms, dial, limits):
        return None
    detail = (
        f"{dial.text(first)} in a slot, the third highest is {dial.text(third)}: "
        f"{(first - third) * 100 // third} % above, limit {percent} %"
    )
    return Finding(RULE, Severity.WARNING, "3.6.5", detail)
