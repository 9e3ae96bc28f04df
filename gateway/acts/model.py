"""The words of acts: what was put on paper at a dwelling, and what follows from it for billing."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from gateway.plain import as_text


class Kind(StrEnum):
    """What an act says."""

    REFUSED = "access-refused"
    """The controller was not let in (ПП 354 п. 85)."""
    INSPECTION = "inspection"
    """The meters were inspected: ends refusals before it, and is the last check before a later
    interference."""
    INTERFERENCE = "interference"
    """A meter was interfered with, or bypassed (ПП 354 п. 62)."""


class Act(NamedTuple):
    """One act. `point` is empty where it is about all the account's metering points.

    `register`, `capacity` (units an hour, None: not known) and `begun_on` (None: not known) are of
    an interference only.
    """

    kind: Kind
    number: str
    made_on: date
    made_by: str
    account: str
    point: str
    register: str
    capacity: Decimal | None
    begun_on: date | None

    @property
    def subject(self) -> tuple[object, ...]:
        """What there is one act of."""
        return self.kind, self.number, self.made_on, self.account, self.point

    def __str__(self) -> str:
        """How a person names it."""
        return f"act {self.number} of {self.made_on}"


class Method(StrEnum):
    """What an interference is charged by."""

    CAPACITY = "capacity"
    NORM = "norm"


class Charged(NamedTuple):
    """What an interference comes to, from `first_on` until before `until_on`, in the unit."""

    first_on: date
    until_on: date
    method: Method
    amount: Decimal
    reason: str


class Charge(NamedTuple):
    """A charge as people and billing systems read it. Amounts are exact, days of the house.

    `charged_in` is the period it was handed over with, None before that; `confirmed_by` None
    says that it waits for another person. It stands beside the lines: no reading takes it back.
    """

    charge_id: str
    act: str
    act_on: date
    act_by: str
    house: str
    account: str
    dwelling: str
    point: str
    resource: str
    register: str
    unit: str
    first_on: date
    until_on: date
    method: str
    amount: Decimal
    reason: str
    entered_by: str
    confirmed_by: str | None
    charged_in: str | None
    charged_at_ms: int | None

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order."""
        return as_text(self._asdict())


# Wide enough that charges sort by their ids for as long as the ledger lasts.
_NUMBER_DIGITS = 6


def charge_id(number: int) -> str:
    """How a charge is named, and recognised when it is delivered twice."""
    return f"x-{number:0{_NUMBER_DIGITS}d}"
