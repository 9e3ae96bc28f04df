"""V-HAMPEL: a slot far from the median of its neighbours.

|x - median| above t * 1.4826 * MAD over the 2k + 1 slots around it, where MAD is the median
distance from the median and 1.4826 * MAD stands for a standard deviation that one wild value
cannot move. It is floored by resource: where nothing ran, the first litre would be an outlier.
Windows are of measured slots only, and whole, so a series needs more than 2k of them.
"""

from collections.abc import Sequence
from fractions import Fraction

from drivers.reading import from_ms
from gateway.model import Finding, Severity
from gateway.profile.noise import floor
from gateway.profile.series import Series
from gateway.rules.parameters import Limits
from gateway.rules.subject import Dial

RULE = "V-HAMPEL"
# What makes the MAD of normal noise its standard deviation.
MAD_TO_SIGMA = Fraction(14826, 10_000)


def check(series: Series, dial: Dial, limits: Limits) -> Finding | None:
    """A warning with the furthest of the day's outliers."""
    least = floor(series.grid.slot_ms, dial, limits)
    tolerance = Fraction(limits.outlier_tenths, 10)
    found = outliers(series.amounts, limits.outlier_reach, tolerance, least)
    if not found:
        return None
    place, median, allowed = max(found, key=lambda one: abs(_at(series, one[0]) - one[1]))
    begin = from_ms(series.slots[place].from_ms)
    detail = (
        f"{dial.text(_at(series, place))} in the slot of {begin:%H:%M} UTC, median around it "
        f"{dial.text(median)}, {dial.text(int(allowed))} apart are in order; "
        f"slots like that: {len(found)}"
    )
    return Finding(RULE, Severity.WARNING, "3.6.0", detail)


def outliers(
    values: Sequence[int | None], reach: int, tolerance: Fraction, least: Fraction
) -> list[tuple[int, int, Fraction]]:
    """Place, median around it and what was allowed, of each outlier."""
    found = []
    for place in range(reach, len(values) - reach):
        window = [one for one in values[place - reach : place + reach + 1] if one is not None]
        here = values[place]
        if here is None or len(window) < 2 * reach + 1:
            continue
        median = sorted(window)[reach]
        mad = sorted(abs(one - median) for one in window)[reach]
        allowed = tolerance * max(MAD_TO_SIGMA * mad, least)
        if abs(here - median) > allowed:
            found.append((place, median, allowed))
    return found


def _at(series: Series, place: int) -> int:
    return series.slots[place].amount or 0
