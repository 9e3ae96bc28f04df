"""V-GAP: slots of a day without a reading at both their edges."""

from drivers.reading import from_ms
from gateway.model import Finding, Severity
from gateway.profile.series import Method, Series
from gateway.quality import MISSING

RULE = "V-GAP"


def check(series: Series) -> Finding | None:
    """A warning with the first of them, and how many were estimated."""
    holes = [one for one in series.slots if one.method is not Method.MEASURED]
    if not holes:
        return None
    missing = sum(one.method is Method.MISSING for one in holes)
    detail = (
        f"{series.held} of {len(series.slots)} slots were measured, {len(holes) - missing} "
        f"estimated, {missing} missing; the first is that of {from_ms(holes[0].from_ms):%H:%M} UTC"
    )
    return Finding(RULE, Severity.WARNING, MISSING, detail)
