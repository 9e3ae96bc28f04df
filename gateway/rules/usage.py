"""V-HILO: a week's use far from what is usual for this register.

Use is compared per day (ADU), so that a period with a lost day is not low. A period is a week,
for weeks are alike where days are not; it is judged once, by the first reading of the next one.
Its history is the first accepted reading of each of the weeks before, a handful of numbers.

A week in which nearly nothing was used is an empty home: it is neither called low (V-ZERO looks
at registers that stand still) nor counted as usual. One unit of the last digit is granted, as in
V-RATE, so that a coarse register's steps are not taken for a change of habits.
"""

from itertools import pairwise
from typing import NamedTuple

from gateway.model import Finding, Level, Severity
from gateway.rules.parameters import Limits
from gateway.rules.subject import MS_PER_H, Candidate, Dial, History, advance

RULE = "V-HILO"
PERIOD_MS = 7 * 24 * MS_PER_H
# Six weeks: enough for the three that are asked for beside three of a holiday, and short enough
# to follow the season.
PERIODS_KEPT = 6
# Between two first readings of neighbouring weeks less than half a week passes only around gaps.
_SPAN_MS_MIN = PERIOD_MS // 2
_MS_PER_DAY = 24 * MS_PER_H


class Use(NamedTuple):
    """How far a register went, and how long that took."""

    amount: int
    took_ms: int


def can_judge(openings: int, limits: Limits) -> bool:
    """Whether so many openings and the next one are history enough."""
    return openings > limits.usage_periods_min


def period(at_ms: int) -> int:
    """The number of the week, counted from 1970-01-01."""
    return at_ms // PERIOD_MS


def check(candidate: Candidate, history: History) -> Finding | None:
    """A warning with the first reading after a week of unusual use."""
    openings = history.openings
    if not openings or period(candidate.at_ms) == period(openings[-1].at_ms):
        return None
    dial, factor = candidate.dial, candidate.limits.usage_factor
    now = _use(openings[-1], Level(candidate.at_ms, candidate.mantissa), dial)
    norm = usual(openings, candidate)
    if now is None or norm is None or _is_empty(now, norm, candidate):
        return None
    scaled = norm.amount * now.took_ms
    if (now.amount - 1) * norm.took_ms > factor * scaled:
        return _finding("3.6.5", f"more than {factor} times", now, norm, dial)
    if (now.amount + 1) * norm.took_ms * factor < scaled:
        return _finding("3.6.6", f"less than 1/{factor} of", now, norm, dial)
    return None


def usual(openings: tuple[Level, ...], candidate: Candidate) -> Use | None:
    """The use of the weeks in which somebody was at home; None while too few are known."""
    uses = [_use(*pair, candidate.dial) for pair in pairwise(openings)]
    known = sorted([one for one in uses if one is not None], key=_rate)
    median = known[len(known) // 2] if known else Use(0, 1)
    lived = [one for one in known if not _is_empty(one, median, candidate)]
    if not median.amount or len(lived) < candidate.limits.usage_periods_min:
        return None
    return Use(sum(one.amount for one in lived), sum(one.took_ms for one in lived))


def _is_empty(use: Use, norm: Use, candidate: Candidate) -> bool:
    divisor = candidate.limits.usage_empty_divisor
    return use.amount * norm.took_ms * divisor < norm.amount * use.took_ms


def _use(earlier: Level, later: Level, dial: Dial) -> Use | None:
    """The use between two levels; None for a decrease, or too short a time to tell."""
    took_ms = later.at_ms - earlier.at_ms
    delta = advance(earlier.mantissa, later.mantissa, dial).delta
    return Use(delta, took_ms) if delta >= 0 and took_ms >= _SPAN_MS_MIN else None


def _rate(use: Use) -> int:
    """Whole thousandths of the last digit a day, which is fine enough to sort by."""
    return use.amount * 1000 * _MS_PER_DAY // use.took_ms


def _finding(quality: str, what: str, now: Use, norm: Use, dial: Dial) -> Finding:
    days = [f"{one.took_ms / _MS_PER_DAY:.1f} days" for one in (now, norm)]
    detail = (
        f"used {dial.text(now.amount)} in {days[0]}, a day {what} the usual "
        f"{dial.text(norm.amount)} in {days[1]}"
    )
    return Finding(RULE, Severity.WARNING, quality, detail)
