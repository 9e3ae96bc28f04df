"""What entering acts and confirming charges asks of storage."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import Resource, Unit
from gateway.acts.model import Act, Charge, Charged, Kind


class Place(NamedTuple):
    """A metering point: whose it is, and the units of its registers by OBIS code."""

    account: str
    resource: Resource
    units: Mapping[str, Unit]


class ChargeList(Protocol):
    """A ledger that can be asked for its charges."""

    def charges(self, house: str | None) -> Iterator[Charge]:
        """All charges, the oldest first."""


class ActStore(ChargeList, Protocol):
    """A ledger that keeps acts; all in the transaction open around it."""

    def zones(self, accounts: Collection[str]) -> dict[str, ZoneInfo]:
        """The known accounts, each with the clock of its house."""

    def places(self, points: Collection[str]) -> dict[str, Place]:
        """The known metering points of dwellings."""

    def acts(self, accounts: Collection[str]) -> list[Act]:
        """The acts of accounts, in order of days."""

    def month_norm(self, point: str, register: str, month: str) -> Fraction | None:
        """The norm of the dwelling of a register, as if the point were its only one, in a month."""

    def add(self, act: Act, audit_no: int) -> int:
        """Enter an act; its number."""

    def add_charge(self, act_no: int, unit: Unit, charged: Charged, entered_by: str) -> str:
        """Enter what an act is charged for, as a proposal; the charge's id."""

    def confirm(self, charge_id: str, confirmed_by: str, audit_no: int) -> None:
        """Let a charge be handed over with the next closing."""

    def waiting(self, charge_id: str) -> Charge | None:
        """A charge that waits for another person."""


def check_before(acts: Iterable[Act], act: Act) -> Act | None:
    """The last act before another that says the metering point was looked at."""
    found = (
        one
        for one in acts
        if one.account == act.account
        and one.point in ("", act.point)
        and one.kind is not Kind.REFUSED
        and one.made_on < act.made_on
    )
    return max(found, key=_made_on, default=None)


def _made_on(act: Act) -> date:
    return act.made_on
