"""V-UOM: a value must be the quantity, at the resolution, that its register is registered with.

A value in another unit, or with digits the register is not registered to have, is stored exactly
as it came under a register of its own and never mixed with the billed ones.
"""

from drivers.reading import MANTISSA_MAX, RegisterValue
from gateway.model import Finding, Severity
from gateway.rules.subject import Dial

RULE = "V-UOM"
_QUALITY = "3.6.0"


def canonical(value: RegisterValue, dial: Dial) -> int | None:
    """The value's mantissa at the dial's exponent, or None where `check` finds a fault."""
    if value.unit is not dial.unit or value.exponent < dial.exponent:
        return None
    mantissa = int(value.mantissa * 10 ** (value.exponent - dial.exponent))
    return mantissa if abs(mantissa) <= MANTISSA_MAX else None


def check(value: RegisterValue, dial: Dial) -> Finding | None:
    """An error for another unit, a finer resolution, or a value too large for the register."""
    if canonical(value, dial) is not None:
        return None
    detail = (
        f"expected {dial.unit} at 1e{dial.exponent}, got {value.mantissa}e{value.exponent} "
        f"{value.unit}: correct the register's unit and exponent in the registry"
    )
    return Finding(RULE, Severity.ERROR, _QUALITY, detail)
