"""V-SRC: what a person gave against what came by itself, |claim − automatic| ≤ tolerance.

The automatic value at the claim's instant lies on a straight line between the readings around it.
A claim given in whole units differs only by what lies outside its last digit.
"""

from typing import NamedTuple

from gateway.claims.policy import Policy
from gateway.estimation import interpolation
from gateway.model import Finding, Level, Severity
from gateway.rules.subject import Dial, advance

RULE = "V-SRC"
_QUALITY = "3.6.0"


def automatic_at(before: Level, after: Level, at_ms: int, dial: Dial) -> int:
    """The automatic value at an instant between two readings, over the end of the dial as well.

    ValueError where the register fell between the two.
    """
    way = advance(before.mantissa, after.mantissa, dial).delta
    unrolled = Level(after.at_ms, before.mantissa + way)
    return interpolation.between(before, unrolled, at_ms) % dial.capacity


def distance(mantissa: int, step: int, automatic: int, dial: Dial) -> int:
    """How far a claim lies from a value; nothing while that is within its last digit."""
    over = (automatic - mantissa) % dial.capacity
    if over < step:
        return 0
    return min(over - step + 1, dial.capacity - over)


class Pair(NamedTuple):
    """A claim (`said` names it) beside the automatic value of its instant.

    `used` is what went through the register since the line before, of which 2 % are tolerated.
    """

    said: str
    mantissa: int
    step: int
    automatic: int
    used: int


def contradiction(pair: Pair, dial: Dial, policy: Policy) -> Finding | None:
    """A finding where the two are farther apart than the policy tolerates."""
    said, mantissa, step, automatic, used = pair
    apart = distance(mantissa, step, automatic, dial)
    tolerance = policy.tolerance(dial, used)
    if apart <= tolerance:
        return None
    detail = (
        f"{said} says {dial.text(mantissa)}, the automatic readings say {dial.text(automatic)} "
        f"then: {dial.text(apart)} apart, {dial.text(tolerance)} are tolerated; a visit is due "
        "(ПП 354 п. 61)"
    )
    return Finding(RULE, Severity.WARNING, _QUALITY, detail)
