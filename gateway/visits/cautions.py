"""What a record says, before anything is done with it: when it was, and whether it can be believed.

Pure: every question has its answer in the arguments. A doubt that a person may set aside is asked
through `Person`, which is None while the gateway acts by itself.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple, Protocol

from cloud_sync import points
from cloud_sync.visit import Install, Level, When, agrees
from drivers.reading import ClockState, from_ms
from gateway.audit import By
from gateway.registry_csv import UNITS
from gateway.visits.model import Doubt, PlanShape, PointPlace, Why

# A device's clock may be this far ahead of the gateway's, as the rules of readings have it.
AHEAD_MS = 5 * 60_000


class Person(NamedTuple):
    """Who applies an event after all, and what they add to it; empty: as the record says.

    `rates` are the most a register can count in an hour, in its unit.
    """

    by: By
    why: str
    at_ms: int | None = None
    point: str = ""
    finals: Mapping[str, Decimal] = {}
    rates: Mapping[str, Decimal] = {}
    factor: str = ""
    rolled_over: bool = False


class Counted(Protocol):
    """A register as the registry has it."""

    @property
    def unit(self) -> str:
        """The unit it counts in."""


def caution(person: Person | None, why: Why, said: str) -> None:
    """A Doubt, unless a person has set it aside."""
    if person is None:
        raise Doubt(why, said)


def moment(when: When, stands: Mapping[bytes, int], person: Person | None, now_ms: int) -> int:
    """When it was, in ms since the epoch; Doubt where the device did not know."""
    if person is not None and person.at_ms is not None:
        at_ms = person.at_ms
    elif when.clock_state is ClockState.UNSYNCHRONISED:
        raise Doubt(
            Why.CLOCK_DOUBTFUL,
            f"the device's clock was wrong and said {_time(when.ms)}: say when it was (--at)",
        )
    elif when.clock_state is not ClockState.RELATIVE:
        at_ms = when.ms
    elif when.boot in stands:
        at_ms = stands[when.boot] + when.ms
    else:
        raise Doubt(
            Why.CLOCK_UNKNOWN,
            "the device's clock was not set: this waits for a batch of that boot with a known"
            " time, or for a person who says when it was (--at)",
        )
    if at_ms > now_ms + AHEAD_MS:
        raise Doubt(Why.FROM_THE_FUTURE, f"it was at {_time(at_ms)}, which is to come")
    return at_ms


def check_dial(install: Install, person: Person | None) -> None:
    """Doubt where a person saw another value on the dial than the meter said."""
    read = {one.obis: one for one in install.levels}
    for seen in install.dial:
        said = read.get(seen.obis)
        if said is None or not agrees(said, seen):
            shown = "nothing" if said is None else f"{said.value:f}"
            caution(
                person,
                Why.DIAL_DIFFERS,
                f"register {seen.obis} of {install.serial}: the dial shows {seen.value:f}, the"
                f" meter said {shown}",
            )


def check_fits(install: Install, point: PointPlace) -> None:
    """Doubt where a meter counts something else than its point."""
    units = UNITS[point.resource]
    if install.resource is not point.resource:
        raise Doubt(
            Why.OTHER_RESOURCE,
            f"meter {install.serial} counts {install.resource}, point {point.name} measures"
            f" {point.resource}",
        )
    odd = [one.obis for one in install.levels if one.unit not in units]
    if len(odd) == len(install.levels):
        raise Doubt(
            Why.NO_VALUE, f"meter {install.serial} said no value that point {point.name} measures"
        )


def shapes_of(
    install: Install, planned: Sequence[PlanShape], rates: Mapping[str, Decimal]
) -> list[PlanShape]:
    """The registers of a new meter: its own dial, as fast as planned; Doubt where none is known.

    What the meter's profile says of its dial is nearer than what stood there before.
    """
    by_obis = {one.obis: one for one in planned}
    found, unknown = [], []
    for level in install.levels:
        shape = _shape(level, by_obis.get(level.obis), rates.get(level.obis))
        if shape is not None:
            found.append(shape)
        elif not by_obis or level.obis in rates:
            unknown.append(level.obis)
    if not found:
        raise Doubt(
            Why.NO_PLAN,
            f"nothing says how many digits and how fast a register {', '.join(unknown) or 'of it'}"
            f" of {install.serial} may count: registry points, or --rate-max",
        )
    return found


def _shape(level: Level, plan: PlanShape | None, rate: Decimal | None) -> PlanShape | None:
    """None where too little is known, or the unit is not the planned one."""
    if plan is not None and plan.unit is not level.unit:
        return None
    if rate is None and plan is not None:
        rate = Decimal(plan.rate_max_per_h).scaleb(plan.exponent)
    if rate is None:
        return None
    if level.digits:
        exponent, digits = level.exponent, level.digits
    elif plan is not None:
        exponent, digits = plan.exponent, plan.digits
    else:
        return None
    mantissa = int(rate.scaleb(-exponent).to_integral_value(ROUND_CEILING))
    return PlanShape(level.obis, level.unit, exponent, digits, max(1, mantissa))


def values_of(
    levels: Sequence[Level], wanted: Mapping[str, Counted], what: str
) -> dict[str, Decimal]:
    """The values of registers in their units; Doubt where one is missing, or in another unit."""
    found = {one.obis: one for one in levels if one.obis in wanted}
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        raise Doubt(Why.NO_VALUE, f"no {what} of register {', '.join(missing)}")
    for obis, one in found.items():
        if one.unit != wanted[obis].unit:
            # A heat meter may count in Gcal, GJ or kWh: the number alone would be billed wrong.
            said = f"{one.unit}, the registry counts it in {wanted[obis].unit}"
            raise Doubt(Why.NO_VALUE, f"{what} of register {obis} came in {said}")
    return {obis: one.value for obis, one in found.items()}


def point_number(name: str) -> int | None:
    """The number that a record names a point by, None where it says its name."""
    return points.number_of(name)


def _time(moment_ms: int) -> str:
    return from_ms(moment_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
