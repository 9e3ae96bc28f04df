"""The evidence of a finished world: all that the invariants may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulators.billing_system import BillingSystem
from simulators.house import House
from simulators.ledger_view import LedgerView
from simulators.truth import Register
from simulators.witness import WitnessKey


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that an invariant may look at."""

    houses: Sequence[House]
    keys: Mapping[str, WitnessKey]
    """The witness of each device, by the device's name."""
    heads: Mapping[str, int]
    """The last sequence number each spool has given."""
    spooled: Mapping[str, set[tuple[int, bytes]]]
    """What each spool still holds."""
    delivered: Mapping[str, int]
    """How many readings each spool says it was relieved of."""
    forged: set[bytes]
    billing: BillingSystem
    ledger: LedgerView
    deaths: Sequence[str]
    registers: dict[tuple[str, str], Register] = field(default_factory=dict)
    """The true registers by serial and OBIS name."""
    verdicts: set[tuple[str, str, int, str]] = field(default_factory=set)
    """Serial, OBIS name, capture time and rule of every verdict."""
    untimed: set[tuple[str, str, int]] = field(default_factory=set)
    """Serial, OBIS name and alleged capture time of readings by clocks that nothing vouched for."""

    def __post_init__(self) -> None:
        for house in self.houses:
            for point in house.points:
                for meter, _ in point.meters:
                    for register in meter.registers:
                        self.registers[meter.serial, register.obis] = register
        for verdict in self.ledger.verdicts:
            self.verdicts.add(verdict[:4])
        for key in self.keys.values():
            self.untimed.update(key.untimed())


class Tally:
    """Counts what an invariant looked at while it yields its violations."""

    def __init__(self) -> None:
        self.checked = 0

    def __call__(self) -> None:
        """One more thing was looked at."""
        self.checked += 1
