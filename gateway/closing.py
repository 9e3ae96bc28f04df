"""Closing a period: the steps between storage and arithmetic, in one transaction.

`close_period` asks storage for what stood where, lets `gateway.billing` plan and settle each
register, `gateway.correcting` settle again what was estimated before and `gateway.estimating`
fill in what nobody read, and writes lines and corrections together with the events that hand them
to billing. A second storage engine implements `ClosingStore` and gets all of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import Resource, from_ms
from gateway import billing, correcting, periods
from gateway.billing import Facts, Installation, Mark, Method, Settled, Span
from gateway.correcting import Chain, CorrectedLine, Correction, Owed
from gateway.estimating import PastLine, Unread, estimated
from gateway.periods import Bounds
from gateway.plain import as_text

# Wide enough that the lines of a period sort by their ids: a million meters and their tariffs.
LINE_NUMBER_DIGITS = 6


class ClosingError(ValueError):
    """A period that cannot be closed now; the text says why and what to do."""


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
    """A register to close, with the meters that carried it, in order of time."""

    key: RegisterKey
    resource: Resource
    account: str | None
    dwelling: str | None
    installations: tuple[Installation, ...]


class NewLine(NamedTuple):
    """A line about to be written."""

    line_id: str
    register: BilledRegister
    settled: Settled


class ClosingLine(NamedTuple):
    """A line as people and billing systems read it. Values are exact, times UTC ms."""

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

    def as_text(self) -> dict[str, str]:
        """Every field as text, in order: plain decimals, ISO 8601 times, empty where nothing is."""
        return as_text(self._asdict())


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


class Norms(NamedTuple):
    """A month's norms that hold in a period, by account (None: any), register and unit."""

    amounts: Mapping[tuple[str | None, str, str], Decimal]

    def of(self, register: "BilledRegister") -> Decimal | None:
        """The register's norm: its account's own, or the house's; a house meter has none."""
        if register.account is None:
            return None
        kind = (register.key.obis, register.key.unit)
        return self.amounts.get((register.account, *kind), self.amounts.get((None, *kind)))


class Beginning(NamedTuple):
    """When the first meter of a house was installed, and when one was first read and accepted."""

    installed_ms: int
    read_ms: int


class ClosingTransaction(Protocol):
    """What closing asks of storage, inside one transaction that holds the write lock."""

    def house(self, name: str) -> House | None:
        """The house of that name."""

    def houses(self) -> list[House]:
        """All houses, by name."""

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

    def seasons(self, house: House) -> list[Bounds]:
        """The heating seasons of a house, in order of time."""

    def line_count(self, period: str) -> int:
        """How many lines a period has, over all houses."""

    def write(
        self, house: House, period: str, now_ms: int, lines: Sequence[NewLine]
    ) -> list[ClosingLine]:
        """Write a closed period with its lines, and the obligations of those estimated."""

    def correct(self, corrections: Sequence[Correction]) -> list[CorrectedLine]:
        """End the obligations of corrected lines; write the corrections that are news.

        They belong to the period just written.
        """

    def hand_over(self, events: Sequence[Event], targets: Sequence[str], now_ms: int) -> None:
        """Put the events of the period just written into the outbox of every target."""


class ClosingStore(Protocol):
    """A ledger whose periods can be closed."""

    def closing(self) -> AbstractContextManager[ClosingTransaction]:
        """All or nothing."""


class EventMaker(Protocol):
    """How a line becomes an event."""

    def __call__(self, record: ClosingLine | CorrectedLine) -> Event:
        """The event of a line or a correction, the same for the same one."""


def close_period(
    store: ClosingStore,
    house: str,
    period: str | None,
    now_ms: int,
    *,
    targets: Sequence[str],
    event_of: EventMaker,
) -> Closing:
    """Close `period` of `house` (the next due one if None) and put its lines into the outbox.

    Raises ClosingError for an unknown house, a period that is not over, is closed already or
    would leave one open before it.
    """
    with store.closing() as transaction:
        found = transaction.house(house)
        if found is None:
            raise ClosingError(f"no house is called {house!r}: see plomba-gateway registry list")
        period = _closable(transaction, found, period, now_ms)
        settling = _settled(transaction, found, period)
        lines = transaction.write(found, period, now_ms, _lines(transaction, period, settling))
        corrections = transaction.correct(settling.corrections)
        events = [event_of(line) for line in lines]
        events += [event_of(correction) for correction in corrections]
        transaction.hand_over(events, targets, now_ms)
        return Closing(house, period, tuple(lines), tuple(corrections))


def close_next_due(
    store: ClosingStore,
    now_ms: int,
    *,
    grace_ms: int,
    targets: Sequence[str],
    event_of: EventMaker,
) -> Closing | None:
    """Close one period that ended at least `grace_ms` ago; None if there is none.

    A house's periods are closed in order, so a gateway that was away for a quarter closes three.
    """
    with store.closing() as transaction:
        for house in transaction.houses():
            period = due_period(transaction, house)
            if period and now_ms >= periods.bounds(period, house.zone).end_ms + grace_ms:
                return close_period(
                    store, house.name, period, now_ms, targets=targets, event_of=event_of
                )
    return None


def due_period(transaction: ClosingTransaction, house: House) -> str | None:
    """The period to close next, over or not: after the last closed one, else the first read."""
    last = transaction.last_closed(house.house_no)
    if last is not None:
        return periods.following(last)
    beginning = transaction.beginning(house.house_no)
    if beginning is None:
        return None
    # A first reading just after midnight can still close the month before, if a meter was there.
    first_ms = max(beginning.installed_ms, beginning.read_ms - billing.CLOSING_TOLERANCE_MS)
    return periods.containing(first_ms, house.zone)


def _closable(transaction: ClosingTransaction, house: House, asked: str | None, now_ms: int) -> str:
    due = due_period(transaction, house)
    period = asked or due
    if period is None:
        raise ClosingError(f"house {house.name} has no accepted reading yet: nothing to close")
    bounds = periods.bounds(period, house.zone)
    last = transaction.last_closed(house.house_no)
    if last is not None and period <= last:
        raise ClosingError(f"period {period} of house {house.name} is already closed")
    if last is not None and period != due:
        raise ClosingError(f"period {due} of house {house.name} is still open: close it first")
    if now_ms < bounds.end_ms:
        end = from_ms(bounds.end_ms).astimezone(house.zone).isoformat(timespec="minutes")
        raise ClosingError(f"period {period} of house {house.name} is not over before {end}")
    return period


class _Settling(NamedTuple):
    lines: Sequence[tuple[BilledRegister, Settled]]
    corrections: Sequence[Correction]


def _settled(transaction: ClosingTransaction, house: House, period: str) -> _Settling:
    """Every register settled: first again where it was estimated, then for this period."""
    bounds = periods.bounds(period, house.zone)
    registers = list(transaction.registers(house.house_no, bounds.end_ms))
    owed = transaction.owed(house.house_no)
    chains = {
        one.key: Chain(one.installations, owed[one.key]) for one in registers if one.key in owed
    }
    again = correcting.resettled(
        chains, lambda period: periods.bounds(period, house.zone), transaction.facts
    )
    openings = transaction.openings(house.house_no)
    openings |= {key: settled[-1].closing for key, settled in again.items()}
    settled = _settled_now(transaction, registers, openings, bounds)
    read = {one.key for one, now in settled if now.method is not Method.CARRIED}
    corrections = [
        correction
        for key, settled_again in again.items()
        for correction in correcting.corrections(
            chains[key], settled_again, bounds.end_ms, is_read=key in read
        )
    ]
    filled = _filled(transaction, house, period, settled, corrections)
    return _Settling(filled, corrections)


def _settled_now(
    transaction: ClosingTransaction,
    registers: Iterable[BilledRegister],
    openings: Mapping[RegisterKey, Mark],
    bounds: Bounds,
) -> list[tuple[BilledRegister, Settled]]:
    planned = [
        (register, billing.plan(register.installations, openings.get(register.key), bounds))
        for register in registers
    ]
    planned = [(register, spans) for register, spans in planned if spans]
    facts = iter(transaction.facts([span for _, spans in planned for span in spans]))
    return [
        (register, billing.settle(spans, [next(facts) for _ in spans]))
        for register, spans in planned
    ]


def _filled(
    transaction: ClosingTransaction,
    house: House,
    period: str,
    settled: Sequence[tuple[BilledRegister, Settled]],
    corrections: Iterable[Correction],
) -> list[tuple[BilledRegister, Settled]]:
    """The lines, with an estimate where there is no reading."""
    unread = {one.key for one, now in settled if now.method is Method.CARRIED or now.unmeasured}
    if not unread:
        return list(settled)
    bounds = periods.bounds(period, house.zone)
    norms, seasons = transaction.norms(house.house_no, period), transaction.seasons(house)
    corrected = {one.owed.line_id: one for one in corrections}
    history = {
        key: [_as_corrected(line, corrected.get(line.line_id)) for line in lines]
        for key, lines in transaction.past_lines(house, unread).items()
    }
    filled = []
    for one, now in settled:
        about = (one.resource, period, bounds, history.get(one.key, ()), norms.of(one), seasons)
        filled.append((one, estimated(Unread(now, *about)) if one.key in unread else now))
    return filled


def _as_corrected(line: PastLine, correction: Correction | None) -> PastLine:
    """A past line as it stands with a correction that is not written yet."""
    if correction is None:
        return line
    settled = correction.settled
    return line._replace(
        opening_ms=settled.opening.at_ms,
        closing_ms=settled.closing.at_ms,
        used=Decimal(settled.consumption).scaleb(settled.exponent),
        method=settled.method,
    )


def _lines(transaction: ClosingTransaction, period: str, settling: _Settling) -> list[NewLine]:
    first = transaction.line_count(period) + 1
    return [
        NewLine(f"{period}-{number:0{LINE_NUMBER_DIGITS}d}", register, settled)
        for number, (register, settled) in enumerate(settling.lines, first)
    ]
