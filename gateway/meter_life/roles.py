"""What each register of a metering point is for in a period: billed, a check, or given back.

1.8.0 already is 1.8.1 + 1.8.2 + 1.8.3, so beside its tariffs a total is a check of them: it is
closed and shown, and no sum counts it. What electricity gives back (C = 2 and 4) has lines of its
own. All registers of a check meter are checks.
"""

from collections.abc import Collection
from typing import NamedTuple

from drivers.reading import Resource
from gateway.billing import Role

_TOTAL = "0"
_GIVEN_BACK = frozenset({"2", "4"})


class Code(NamedTuple):
    """An OBIS code A-B:C.D.E in the parts that tell quantity and tariff."""

    medium: str
    quantity: str
    kind: str
    tariff: str

    @classmethod
    def of(cls, obis: str) -> "Code":
        """The parts of A-B:C.D.E, with or without *F."""
        medium, _, rest = obis.partition(":")
        return cls(medium, *rest.partition("*")[0].split("."))

    @property
    def is_total(self) -> bool:
        """Whether it counts over all tariffs."""
        return self.tariff == _TOTAL

    @property
    def total(self) -> "Code":
        """The total it is a part of, or is."""
        return self._replace(tariff=_TOTAL)


def role_of(
    resource: str, obis: str, registers: Collection[str], *, is_check_meter: bool = False
) -> Role:
    """The role of a register beside all `registers` of its point (itself may be among them).

    `registers` are those of the same unit.
    """
    code = Code.of(obis)
    others = (Code.of(one) for one in registers)
    beside_tariffs = code.is_total and any(one.total == code and not one.is_total for one in others)
    if is_check_meter or beside_tariffs:
        return Role.CHECK
    if resource == Resource.ELECTRICITY and code.quantity in _GIVEN_BACK:
        return Role.EXPORT
    return Role.BILLED
