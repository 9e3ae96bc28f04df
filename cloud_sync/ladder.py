"""How near a certificate's end is: 90, 30 and 7 days, and what follows from each.

The steps are those of a certificate that lives nine months or longer. A shorter one has them in
proportion: of 90 days they are 30, 10 and 2⅓ days. Renewal begins with the last third of its life,
which for short lives is the first step: whoever sees the second step sees that renewal has failed.
"""

from enum import StrEnum

DAY_MS = 86_400_000
# The life at which the first step is the last third.
WHOLE_LIFE_MS = 270 * DAY_MS


class Step(StrEnum):
    """Where a certificate stands."""

    VALID = "valid"
    FIRST = "90"
    SECOND = "30"
    LAST = "7"
    EXPIRED = "expired"


_STEPS = ((Step.LAST, 7 * DAY_MS), (Step.SECOND, 30 * DAY_MS), (Step.FIRST, 90 * DAY_MS))


def step_of(valid_from_ms: int, valid_to_ms: int, now_ms: int) -> Step:
    """The step a certificate stands on."""
    left_ms, life_ms = valid_to_ms - now_ms, valid_to_ms - valid_from_ms
    if left_ms <= 0:
        return Step.EXPIRED
    for step, before_ms in _STEPS:
        if left_ms * WHOLE_LIFE_MS <= before_ms * min(life_ms, WHOLE_LIFE_MS):
            return step
    return Step.VALID


def is_due(valid_from_ms: int, valid_to_ms: int, now_ms: int) -> bool:
    """Whether it is time to renew: the last third of its life has begun."""
    return 3 * (valid_to_ms - now_ms) <= valid_to_ms - valid_from_ms
