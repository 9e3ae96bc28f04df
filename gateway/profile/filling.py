"""How the slots of a gap are estimated: the first of the methods that may be used.

The order and the limits are those of the VEE practice (billing-rules §1.3): a check meter beside
the meter; a straight line over a gap of an hour at most; the same in every slot over two; then the
average of the three nearest like days of four weeks, if each of them was measured whole; and where
there are none, the same in every slot over a day at most. What is left stays missing. Whatever the
method says is only a shape: it is scaled to what the register went.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from gateway.profile.series import Filling, Gap, Method
from gateway.profile.slots import Grid
from gateway.rules.parameters import Limits

LikeDays = Callable[[], Mapping[date, Sequence[int]]]
"""The whole measured days of the weeks before, each with the amount of every slot."""

# Monday to Friday are alike, and Saturday and Sunday.
_WEEKEND = 5


class Aids(NamedTuple):
    """What may help: the check meter's measured slots by number, and the register's own days."""

    check: Mapping[int, int]
    like_days: LikeDays
    day: date


def filling(grid: Grid, aids: Aids, limits: Limits) -> Filling:
    """The way the gaps of a day are filled."""

    def fill(gap: Gap) -> tuple[Method, Sequence[int]] | None:
        took_ms = grid.edge_ms(gap.last) - grid.edge_ms(gap.first)
        lengths = [grid.edge_ms(at + 1) - grid.edge_ms(at) for at in range(gap.first, gap.last)]
        checked = _checked(gap, aids.check)
        if checked is not None:
            return Method.CHECK, checked
        if took_ms <= limits.gap_linear_ms:
            return Method.LINEAR, lengths
        if took_ms <= limits.gap_even_ms:
            return Method.EVEN, lengths
        usual = _usual(grid, gap, aids, limits)
        if usual is not None:
            return Method.LIKE_DAY, usual
        return (Method.EVEN, lengths) if took_ms <= limits.gap_even_last_ms else None

    return fill


def like(one: date, other: date) -> bool:
    """Whether two days are of one type."""
    return (one.weekday() >= _WEEKEND) == (other.weekday() >= _WEEKEND)


def nearest_like(day: date, known: Mapping[date, Sequence[int]], limits: Limits) -> list[date]:
    """The nearest like days before one, as many as an average takes; empty if they are too few."""
    first = day - timedelta(days=limits.like_days_back)
    found = sorted((one for one in known if first <= one < day and like(one, day)), reverse=True)
    return found[: limits.like_days] if len(found) >= limits.like_days else []


def _checked(gap: Gap, check: Mapping[int, int]) -> list[int] | None:
    """The check meter's slots, if it was read in all of them and ran where the meter did."""
    if not all(at in check for at in range(gap.first, gap.last)):
        return None
    weights = [check[at] for at in range(gap.first, gap.last)]
    return _usable(weights, gap)


def _usual(grid: Grid, gap: Gap, aids: Aids, limits: Limits) -> list[int] | None:
    """The sums of each slot over its like days; all have the same number of them."""
    known = aids.like_days()
    weights = []
    for at in range(gap.first, gap.last):
        days_on, slot = divmod(at, grid.size)
        chosen = nearest_like(aids.day + timedelta(days=days_on), known, limits)
        amounts = [known[one][slot] for one in chosen if len(known[one]) == grid.size]
        if len(amounts) < limits.like_days:
            return None
        weights.append(sum(amounts))
    return _usable(weights, gap)


def _usable(weights: list[int], gap: Gap) -> list[int] | None:
    """Weights that can carry the total: none below zero, and not all nothing."""
    return weights if min(weights) >= 0 and (any(weights) or not gap.total) else None
