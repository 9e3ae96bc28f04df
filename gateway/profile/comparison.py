"""V-MAIN: a meter's day against that of the check meter beside it.

|main - check| at most the greater of an absolute number and a share of the main meter's, and a
last digit of either, since both are cut off there. Skipped while the main meter ran less than a
threshold, where the cut-off digits would weigh more than the meters' errors. Each is multiplied
by its transformer's factor.
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from gateway.model import Finding, Severity
from gateway.profile.series import Series
from gateway.rules.parameters import Limits
from gateway.rules.subject import Dial, advance

RULE = "V-MAIN"


class Advance(NamedTuple):
    """What a register went in a day: in last digits, what one of them is, and the meter."""

    units: int
    unit: Fraction
    meter: str

    @property
    def amount(self) -> Fraction:
        """In the unit billed."""
        return self.units * self.unit


def advance_of(series: Series, dial: Dial, factor: Fraction, meter: str) -> Advance | None:
    """From midnight to midnight by the readings there; None where one is not there."""
    begin, end = series.marks.get(0), series.marks.get(series.grid.size)
    if begin is None or end is None:
        return None
    went = advance(begin.level.mantissa, end.level.mantissa, dial).delta
    return Advance(went, Fraction(10) ** dial.exponent * factor, meter)


def check(main: Advance, other: Advance, limits: Limits) -> Finding | None:
    """A warning with both numbers."""
    if main.units < limits.main_units_min:
        return None
    absolute = limits.main_units * main.unit
    allowed = max(absolute, main.amount * limits.main_permille / 1000) + main.unit + other.unit
    apart = abs(main.amount - other.amount)
    if apart <= allowed:
        return None
    detail = (
        f"{main.meter} went {_text(main.amount)}, its check meter {other.meter} "
        f"{_text(other.amount)}: {_text(apart)} apart, {_text(allowed)} are in order"
    )
    return Finding(RULE, Severity.WARNING, "3.6.0", detail)


def _text(amount: Fraction) -> str:
    """As a decimal of at most nine places, the finest power of ten a register has."""
    places = Decimal(round(amount * 10**9)).scaleb(-9).normalize()
    return f"{places:f}"
