"""What an act says of a meter's dial, checked against the dial and against what was read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from drivers.reading import from_ms, scaled
from gateway.csv_lines import RegistryError
from gateway.meter_life import factor
from gateway.model import went_over
from gateway.registry_csv import RegisterLine
from gateway.store import Store


class Shape(Protocol):
    """A register's power of ten and digits."""

    @property
    def exponent(self) -> int:
        """The power of ten its mantissas stand at."""

    @property
    def digits(self) -> int:
        """How many digits its dial has."""


def check_standing(standing: Sequence[RegisterLine], point: str, meter: str, at_ms: int) -> None:
    """RegistryError unless `meter` stands at a point, since before `at_ms`."""
    if not standing:
        raise RegistryError(f"expected a point with a meter, got {point!r}: see registry list")
    if standing[0].meter != meter:
        raise RegistryError(f"point {point} has the meter {standing[0].meter}, not {meter}")
    if at_ms <= standing[0].installed_on:
        since = from_ms(standing[0].installed_on).isoformat()
        raise RegistryError(f"meter {meter} stands only since {since}, give a later time")


def mantissas(
    shapes: Mapping[str, Shape], values: Mapping[str, Decimal], what: str
) -> dict[str, int]:
    """The values of all registers as mantissas; RegistryError for one that cannot be shown."""
    if shapes.keys() != values.keys():
        raise RegistryError(
            f"expected a {what} for {', '.join(sorted(shapes))}, "
            f"got {', '.join(sorted(values)) or 'none'}"
        )
    return {obis: mantissa(shapes[obis], obis, value, what) for obis, value in values.items()}


def mantissa(shape: Shape, obis: str, value: Decimal, what: str) -> int:
    """One value of a dial as its mantissa; RegistryError where the dial cannot show it."""
    try:
        found = scaled(value, shape.exponent)
    except ValueError as error:
        raise RegistryError(f"{what}, register {obis}: {error}") from error
    if not 0 <= found < 10**shape.digits:
        raise RegistryError(f"{what}, register {obis}: {value} is not on its dial")
    return found


def factor_of(text: str) -> str:
    """A factor in its one form; RegistryError for anything else."""
    try:
        return factor.canonical(text)
    except ValueError as error:
        raise RegistryError(str(error)) from error


def shapes_of(lines: Iterable[RegisterLine]) -> dict[str, RegisterLine]:
    """Registry lines by their register."""
    return {line.register: line for line in lines}


def rolled_over(
    store: Store, serial: str, finals: Mapping[str, int], at_ms: int, *, said: bool
) -> Collection[str]:
    """Which registers went over their last digit after their last reading, by a person's word.

    A final value below an accepted reading would bill less than nothing. What V-ROLL's
    rule allows closing sees by itself; anything else is refused unless whoever was there says so
    (`said`).
    """
    card = store.registry.meters([serial])[serial]
    pasts = store.ledger.pasts({register.register_no: 0 for register in card.registers})
    found = []
    for register in card.registers:
        past = pasts.get(register.register_no)
        level = past.accepted if past else None
        final = finals[register.obis]
        if level is None or level.at_ms > at_ms or final >= level.mantissa:
            continue
        if went_over(level.mantissa, final, 10**register.digits):
            continue
        if said:
            found.append(register.obis)
            continue
        raise RegistryError(
            f"final value of meter {serial}, register {register.obis}: expected at least "
            f"{Decimal(level.mantissa).scaleb(register.exponent)}, which was read at "
            f"{from_ms(level.at_ms).isoformat()}, or --rolled-over if it passed its last digit, "
            f"got {Decimal(final).scaleb(register.exponent)}"
        )
    return found
