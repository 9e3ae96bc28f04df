"""Common house needs (ОДН): formulas 10 and 12 of ПП 354, and their sharing by area.

    V_i = (V_D − ΣV_nonresidential − ΣV_unmetered − ΣV_metered − V_heat) · S_i / S_total
    V_i = N · S_common · S_i / S_total           where the house has no meter

The formulas and their examples are quoted in billing-rules.md §2 [S28]. How a share is rounded is
ours [P]: to the step below, the largest remainders up, so that shares add up to the whole.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

# A ten-thousandth of a kWh, m3 or Gcal [P]: below every bill's resolution, and inside the seven
# digits that ГИС ЖКХ takes of a volume.
SHARE_EXPONENT = -4


class Volumes(NamedTuple):
    """The terms of the formula, in one unit."""

    house: Decimal
    nonresidential: Decimal
    unmetered: Decimal
    metered: Decimal
    heating: Decimal


class Limits(NamedTuple):
    """From which period on a residual is worth a look above which share of the house meter."""

    since: str
    share_max: Decimal
    mark: str
    source: str


# Never law: a documented default, newest last.
LIMITS = (Limits("2000-01", Decimal("0.10"), "[P]", "billing-rules.md §8, building balance"),)


def residual(volumes: Volumes) -> Decimal:
    """What the house meter counted and no premises did; negative where they counted more."""
    spent = volumes.nonresidential + volumes.unmetered + volumes.metered + volumes.heating
    return volumes.house - spent


def by_norm(per_m2: Decimal, common_area: Decimal) -> Decimal:
    """The common needs of a house without a meter: the norm times its common property."""
    return per_m2 * common_area


def limits(period: str) -> Limits:
    """The limits of a period."""
    return [one for one in LIMITS if one.since <= period][-1]


def is_large(left: Decimal, house: Decimal, period: str) -> bool:
    """Whether a residual is above the share that is worth a look."""
    return left > limits(period).share_max * house


def percent(left: Decimal, house: Decimal) -> Decimal | None:
    """The residual's share to a tenth of a per cent; None of nothing."""
    if not house:
        return None
    exact = Fraction(left) * 1000 / Fraction(house)
    return Decimal(round(exact)).scaleb(-1)


def share_out(whole: Decimal, areas: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Divide `whole` (not negative) by area; the shares add up to it exactly.

    A step left over goes to the largest remainder, of equal ones to the first name.
    """
    total = Fraction(sum(areas.values()))
    exponent = min(SHARE_EXPONENT, int(whole.as_tuple().exponent))
    steps = int(whole.scaleb(-exponent))
    exact = {name: steps * Fraction(area) / total for name, area in areas.items()}
    given = {name: int(steps_of) for name, steps_of in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (given[name] - exact[name], name))
    for name in by_remainder[: steps - sum(given.values())]:
        given[name] += 1
    return {name: Decimal(count).scaleb(exponent) for name, count in given.items()}
