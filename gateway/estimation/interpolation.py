"""A register's value at an instant between two readings, by straight line.

Used for the ends of months nobody read, once both neighbours are known. Cutting the stretch at
several ends one after another splits it evenly by time, and the parts always add up to the
register's own difference: what is rounded off one part is in the next.
"""

from gateway.model import Level


def between(before: Level, after: Level, at_ms: int) -> int:
    """The mantissa at `at_ms`, to the nearest; ValueError unless it lies between the two.

    A register that went down (an end gone over, an exchange) has no straight line through it.
    """
    if not before.at_ms <= at_ms <= after.at_ms or before.mantissa > after.mantissa:
        raise ValueError(
            f"expected an instant between rising values, got {at_ms}: {before}, {after}"
        )
    span_ms = after.at_ms - before.at_ms
    if span_ms == 0:
        return before.mantissa
    rise = (after.mantissa - before.mantissa) * (at_ms - before.at_ms)
    return before.mantissa + (2 * rise + span_ms) // (2 * span_ms)
