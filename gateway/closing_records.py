"""The records a closing is made of, and the ports it asks storage and billing through.

A second storage engine implements `ClosingStore` and gets all of `gateway.closing`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import Resource
from gateway.acts.model import Charge
from gateway.audit import Act, Head
from gateway.billing import AUTOMATIC, Facts, Installation, Mark, Role, Settled, Span
from gateway.claims.ports import ChoosingPort
from gateway.contracts import Calendar
from gateway.correcting import CorrectedLine, Correction, Owed
from gateway.estimating import PastLine
from gateway.estimation.norm import Norms
from gateway.estimation.refusal import AccessAct
from gateway.periods import Bounds
from gateway.plain import as_text
from gateway.withdrawn import Withdrawn


class House(NamedTuple):
    """A house as far as its periods go."""

    house_no: int
    name: str
    timezone: str

    @property
    def zone(self) -> ZoneInfo:
        """The clock its months are counted by."""
        return ZoneInfo(self.timezone)


class RegisterKey(NamedTuple):
    """What has one line per period: a register of a metering point, whatever meter is there."""

    point_no: int
    obis: str
    unit: str


class BilledRegister(NamedTuple):
    """A register to close, with the meters that carried it, in order of time.

    `behind` names the point whose sub-meter this register's point is.
    """

    key: RegisterKey
    resource: Resource
    account: str | None
    dwelling: str | None
    installations: tuple[Installation, ...]
    role: Role = Role.BILLED
    behind: str | None = None


class NewLine(NamedTuple):
    """A line about to be written; `replaces` is the id of the withdrawn one before it."""

    line_id: str
    register: BilledRegister
    settled: Settled
    replaces: str | None = None


class ClosingLine(NamedTuple):
    """A line as people and billing systems read it. Values are exact, times UTC ms.

    `source` says who brought the closing reading (empty: none closes it), `factor` what the
    register's values are multiplied by (a decimal or a fraction), `role` whether it is billed.
    """

    line_id: str
    period: str
    house: str
    account: str | None
    dwelling: str | None
    point: str
    resource: str
    register: str
    unit: str
    opening_meter: str
    opening_value: Decimal
    opening_at_ms: int
    closing_meter: str
    closing_value: Decimal
    closing_at_ms: int
    consumption: Decimal
    rollovers: int
    method: str
    reason: str
    closed_at_ms: int
    source: str = AUTOMATIC
    factor: str = "1"
    role: str = Role.BILLED
    behind: str | None = None
    replaces: str | None = None

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order: plain decimals, ISO 8601 times, empty where nothing is."""
        return as_text(self._asdict())


Record = ClosingLine | CorrectedLine | Charge | Withdrawn
"""What is handed over to billing."""


class Event(NamedTuple):
    """One thing billing is told: `payload` is its CloudEvent, `event_id` the idempotency key."""

    event_id: str
    payload: bytes


class Closing(NamedTuple):
    """What closing a period did."""

    house: str
    period: str
    lines: tuple[ClosingLine, ...]
    corrections: tuple[CorrectedLine, ...]
    charges: tuple[Charge, ...] = ()


class CheckPoint(NamedTuple):
    """A metering point whose meter checks that of another one."""

    point_no: int
    name: str
    checks_no: int


class Beginning(NamedTuple):
    """When the first meter of a house was installed, and when one was first read and accepted."""

    installed_ms: int
    read_ms: int


class ClosingTransaction(Protocol):
    """What closing asks of storage, inside one transaction that holds the write lock."""

    @property
    def claims(self) -> ChoosingPort:
        """What people say meters showed."""

    def house(self, name: str) -> House | None:
        """The house of that name."""

    def houses(self) -> list[House]:
        """All houses, by name."""

    def houses_behind(self, period: str) -> Iterator[House]:
        """Houses that have not closed `period` yet, those furthest behind first, then by name.

        One question that costs nothing for the others; the rows come as they are asked for.
        """

    def last_closed(self, house_no: int) -> str | None:
        """The newest closed period of a house."""

    def beginning(self, house_no: int) -> Beginning | None:
        """When a house began, None before its first accepted reading."""

    def registers(self, house_no: int, before_ms: int) -> Iterable[BilledRegister]:
        """What was installed before an instant, registers of `billing.BILLED_UNITS` only."""

    def openings(self, house_no: int) -> dict[RegisterKey, Mark]:
        """Where each register's newest line closed."""

    def facts(self, spans: Sequence[Span]) -> list[Facts]:
        """What the accepted readings of each span say (see `billing.Span`)."""

    def owed(self, house_no: int) -> dict[RegisterKey, list[Owed]]:
        """The open estimates of a house, each register's oldest first."""

    def past_lines(
        self, house: House, registers: Collection[RegisterKey]
    ) -> dict[RegisterKey, list[PastLine]]:
        """The newest `estimating.HISTORY_PERIODS_MAX` lines of registers, newest first."""

    def norms(self, house_no: int, period: str) -> Norms:
        """The norms that hold in a period."""

    def check_points(self, house_no: int, at_ms: int) -> list[CheckPoint]:
        """The check meters of a house as they stand just before an instant."""

    def access_acts(self, house_no: int, before: date) -> list[AccessAct]:
        """The refusals and inspections of a house before a day, in order of days."""

    def accounts(self, house_no: int) -> Mapping[int, str]:
        """The account of each metering point of a house that has one."""

    def charges(self, house_no: int) -> list[Charge]:
        """What was confirmed of interferences since the last closing; it belongs to this one."""

    def seasons(self, house: House) -> list[Bounds]:
        """The heating seasons of a house, in order of time."""

    def calendar(self, house: House) -> Calendar:
        """The windows of a house's contracts."""

    def last_number(self, period: str) -> int:
        """The highest number a line of a period ever had, over all houses."""

    def revision(self, house: House, period: str) -> int:
        """1 where a period was never closed, one more for each closing that was withdrawn."""

    def withdrawn_lines(self, house: House, period: str) -> Mapping[RegisterKey, str]:
        """The newest withdrawn line of each register in a period."""

    def withdraw(
        self, house: House, period: str, now_ms: int, actor: str, why: str
    ) -> list[Withdrawn]:
        """Take back a period's closing with all it wrote, its obligations and their ends."""

    def note(self, act: Act) -> Head:
        """Add to the audit log; its head then."""

    def write(
        self, house: House, period: str, now_ms: int, lines: Sequence[NewLine]
    ) -> list[ClosingLine]:
        """Write a closed period with its lines, and the obligations of those estimated."""

    def correct(self, corrections: Sequence[Correction]) -> list[CorrectedLine]:
        """End the obligations of corrected lines; write the corrections that are news.

        They belong to the period just written.
        """

    def hand_over(self, events: Sequence[Event], targets: Sequence[str], now_ms: int) -> None:
        """Put events of the closing just written or withdrawn into the outbox of every target."""


class ClosingStore(Protocol):
    """A ledger whose periods can be closed."""

    def closing(self) -> AbstractContextManager[ClosingTransaction]:
        """All or nothing."""


class EventMaker(Protocol):
    """How a line, a correction or a charge becomes an event."""

    def __call__(self, record: Record, head: Head | None = None) -> Event:
        """The event of a record, the same for the same one.

        `head` is that of the audit log when the record was made, which the event carries away.
        """
