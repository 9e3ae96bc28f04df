"""What people look at: the state of a house, its meters, doubts and periods, as plain rows.

Everything here is read from the ledger in one go and never written. The web page, ``/api/status``
and the commands that list things are views of these rows.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from gateway.acts.port import ChargeList
from gateway.balance.report import BalanceStore
from gateway.claims.list import ClaimList
from gateway.explain.model import ExplainStore
from gateway.handoff.reconcile import ReconcilePort
from gateway.history.years import RollupRows
from gateway.obligations import ObligationStore
from gateway.period_book import PeriodView
from gateway.profile.model import SeriesStore
from gateway.resident.dispute import DisputeList
from gateway.review.queue import Queue
from gateway.surveillance import Deliveries


class Counts(NamedTuple):
    """Running totals of the whole gateway.

    `stored` = accepted + suspect + rejected; `waiting` readings came in relative time and will be
    stored once their boot is placed in real time.
    """

    batches: int
    stored: int
    accepted: int
    suspect: int
    rejected: int
    waiting: int
    quarantined: int
    lines: int
    handed_to_billing: int


class HouseCard(NamedTuple):
    """A house."""

    name: str
    address: str
    timezone: str
    points: int


class RegisterRow(NamedTuple):
    """A register as it stands: its newest reading, whatever the rules thought of it."""

    dwelling: str | None
    account: str | None
    point: str
    resource: str
    meter: str
    model: str
    register: str
    unit: str
    value: Decimal | None
    captured_at_ms: int | None
    state: int | None


class PeriodRow(NamedTuple):
    """A closed period of a house on its way to billing; `deliveries` counts lines times targets.

    `corrections` are those handed over with it, of lines of earlier periods.
    """

    period: str
    house: str
    lines: int
    corrections: int
    deliveries: int
    acknowledged: int
    refused: int
    last_error: str


class DeviceRow(NamedTuple):
    """An edge device as the gateway knows it."""

    name: str
    house: str | None
    batches: int
    last_received_at_ms: int | None
    last_sequence: int | None
    has_gap: bool


class Series(NamedTuple):
    """Consumption of a house in equal steps; `amounts[i]` is what was used from `steps_ms[i]`."""

    resource: str
    unit: str
    steps_ms: tuple[int, ...]
    amounts: tuple[Decimal, ...]


class Overview(Protocol):
    """A ledger one can look at, as it stood at one instant."""

    @property
    def balance(self) -> BalanceStore:
        """What a house's balance is made of."""

    @property
    def acts(self) -> ChargeList:
        """What interferences are charged for."""

    @property
    def estimates(self) -> ObligationStore:
        """What is billed without a reading."""

    @property
    def explain(self) -> ExplainStore:
        """What stands behind a bill line."""

    @property
    def reconcile(self) -> ReconcilePort:
        """What was handed over, and what was closed."""

    @property
    def deliveries(self) -> Deliveries:
        """What arrived, and when."""

    @property
    def days(self) -> SeriesStore:
        """The days of registers, slot by slot."""

    @property
    def history(self) -> RollupRows:
        """Roll-ups of registers by day and month."""

    @property
    def claims(self) -> ClaimList:
        """What people say meters showed."""

    @property
    def queue(self) -> Queue:
        """What waits for a person."""

    @property
    def disputes(self) -> DisputeList:
        """What residents do not agree with."""

    def counts(self) -> Counts:
        """The running totals."""

    def delivered(self) -> int:
        """How many readings the stored batches hold: a sum over all of them, not a total."""

    def houses(self) -> list[HouseCard]:
        """All houses, by name."""

    def registers(self, house: str, limit: int) -> list[RegisterRow]:
        """The registers of the meters that stand in a house now, by dwelling."""

    def closed_periods(self, house: str | None, limit: int) -> list[PeriodRow]:
        """The newest closed periods."""

    def period_book(self, house: str, now_ms: int, limit: int) -> list[PeriodView]:
        """The periods of a house, the newest first: open, due, and so many closed ones."""

    def devices(self, limit: int) -> list[DeviceRow]:
        """The edge devices, by name."""

    def first_reading_ms(self, house: str) -> int | None:
        """When the first accepted reading of a house was captured."""

    def consumption(self, house: str, edges_ms: Sequence[int]) -> list[Series]:
        """What the dwellings of a house used between each two neighbouring `edges_ms`."""
