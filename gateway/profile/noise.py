"""What a slot's use may jump by without being odd: a share of what fuse or pipe let through."""

from fractions import Fraction

from gateway.rules.parameters import Limits
from gateway.rules.subject import MS_PER_H, Dial


def floor(slot_ms: int, dial: Dial, limits: Limits) -> Fraction:
    """In units of the last digit, for one slot."""
    return Fraction(dial.rate_max_per_h * slot_ms * limits.noise_permille, MS_PER_H * 1000)
