"""V-DST: a day on which the clocks change must hold as many slots as it is long.

A local day holds 92, 96 or 100 quarter hours. A source that keeps its series by the clock on the
wall shows 96 on every day: the hour that comes twice in autumn collapses into one. Russia's clocks
do not change; a house elsewhere, or an import, is found by this.
"""

from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.model import Finding, Severity
from gateway.profile.series import Method, Series
from gateway.profile.slots import DAY_MS

RULE = "V-DST"


def check(series: Series, zone: ZoneInfo) -> Finding | None:
    """A warning for a long day that holds just what an ordinary one would."""
    grid = series.grid
    ordinary = DAY_MS // grid.slot_ms
    if grid.size <= ordinary or series.held != ordinary:
        return None
    holes = [one for one in series.slots if one.method is not Method.MEASURED]
    if not all(comes_twice(one.from_ms, zone) for one in holes):
        return None
    detail = (
        f"{series.held} slots on a day of {grid.day.length_ms // 3_600_000} hours that holds "
        f"{grid.size}: the hour that comes twice was kept once"
    )
    return Finding(RULE, Severity.WARNING, "3.6.0", detail)


def comes_twice(at_ms: int, zone: ZoneInfo) -> bool:
    """Whether the clock on the wall shows this time twice."""
    local = from_ms(at_ms).astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
