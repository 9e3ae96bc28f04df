"""Roll-ups checked against the readings, another way than they were made: reading by reading.

Only what the follower has come to can be compared, so it goes to the end first; what differs is
looked at again after that, since a gateway that runs takes readings in all the while. Days whose
readings stand in files are compared with those (gateway/history/parquet.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from gateway.history.model import Rollup, RollupLook
from gateway.history.rollups import day_at, months_of
from gateway.model import Flag
from gateway.stream import Place

REGISTERS_AT_ONCE = 200
# A register read every minute has 40 320 readings in four weeks.
READINGS_AT_ONCE = 50_000
DIFFERENCES_MAX = 100
FIRST, LAST = "0000", "9999"
_BEGINNING_MS, _END_MS = -(2**62), 2**62


class Reading(NamedTuple):
    """An accepted reading of a device."""

    at_ms: int
    mantissa: int
    flags: int


class CheckLook(RollupLook, Protocol):
    """What a check asks of a look at the ledger."""

    def registered(self, after_no: int, limit: int) -> Sequence[tuple[int, str, str]]:
        """Registers by number, with meter and name."""

    def days_of(self, register_no: int, first: str, last: str) -> Sequence[Rollup]:
        """A register's days."""

    def months_of(self, register_no: int, first: str, last: str) -> Sequence[Rollup]:
        """A register's months."""

    def raw(
        self, register_no: int, from_ms: int, to_ms: int, limit: int
    ) -> Sequence[tuple[int, int, int]]:
        """Accepted readings of devices by time."""


class Difference(NamedTuple):
    """A roll-up that is not what the readings say; None: there is none."""

    register_no: int
    meter: str
    register: str
    span: str
    rolled_up: Rollup | None
    readings_say: Rollup | None

    def __str__(self) -> str:
        told = [_told(one) for one in (self.rolled_up, self.readings_say)]
        return f"{self.meter} {self.register} {self.span}: rolled up {told[0]}, read {told[1]}"


class Checked(NamedTuple):
    """How much was compared, and what differs."""

    days: int
    months: int
    differences: tuple[Difference, ...]


def check(look: CheckLook, registers: Iterable[int] | None = None) -> Checked:
    """Compare all roll-ups, or those of some registers."""
    asked = None if registers is None else set(registers)
    days = months = 0
    found: list[Difference] = []
    for register_no, meter, register in _registers(look):
        if asked is not None and register_no not in asked:
            continue
        named = (register_no, meter, register)
        known, said = _days(look, register_no)
        held = {one.span: one for one in look.months_of(register_no, FIRST, LAST)}
        summed = in_months(known.values())
        days, months = days + len(known), months + len(held)
        for mine, theirs in ((known, said), (held, summed)):
            found += [
                Difference(*named, span, mine.get(span), theirs.get(span))
                for span in sorted(mine.keys() | theirs.keys())
                if mine.get(span) != theirs.get(span)
            ]
        if len(found) >= DIFFERENCES_MAX:
            break
    return Checked(days, months, tuple(found[:DIFFERENCES_MAX]))


def in_days(register_no: int, readings: Iterable[Reading], timezone: str) -> dict[str, Rollup]:
    """What readings in the order of time add up to, day by day; one day's are held at once."""
    found: dict[str, Rollup] = {}
    part: list[Reading] = []
    end_ms, day = _BEGINNING_MS, ""
    for one in readings:
        if one.at_ms >= end_ms:
            if part:
                found[day] = _summed(register_no, day, part)
            part = []
            _, day, _, end_ms = day_at(Place(register_no, one.at_ms), timezone)
        part.append(one)
    if part:
        found[day] = _summed(register_no, day, part)
    return found


def in_months(days: Iterable[Rollup]) -> dict[str, Rollup]:
    """What days add up to, month by month."""
    parts: dict[str, list[Rollup]] = defaultdict(list)
    for one in sorted(days, key=lambda one: one.span):
        parts[one.span[:7]].append(one)
    return {
        month: part[0]._replace(
            span=month,
            last_at_ms=part[-1].last_at_ms,
            last=part[-1].last,
            least=min(one.least for one in part),
            greatest=max(one.greatest for one in part),
            readings=sum(one.readings for one in part),
            rolled=sum(one.rolled + one.first_rolled for one in part) - part[0].first_rolled,
        )
        for month, part in parts.items()
    }


def _summed(register_no: int, span: str, part: Sequence[Reading]) -> Rollup:
    rolled = [one.flags & Flag.ROLLED for one in part]
    mantissas = [one.mantissa for one in part]
    return Rollup(
        register_no, span, part[0].at_ms, part[0].mantissa, int(rolled[0]), part[-1].at_ms,
        part[-1].mantissa, min(mantissas), max(mantissas), len(part), int(sum(rolled[1:])),
    )  # fmt: skip


def _registers(look: CheckLook) -> Iterator[tuple[int, str, str]]:
    after_no = 0
    while part := look.registered(after_no, REGISTERS_AT_ONCE):
        yield from part
        after_no = part[-1][0]


def _days(look: CheckLook, register_no: int) -> tuple[dict[str, Rollup], dict[str, Rollup]]:
    """A register's days as rolled up and as read, but for those whose readings are in files."""
    timezone = look.zones([register_no]).get(register_no)
    known = {one.span: one for one in look.days_of(register_no, FIRST, LAST)}
    if timezone is None:
        return known, {}
    archived = look.archived()
    said = in_days(register_no, _readings(look, register_no), timezone)
    filed = {
        one.span
        for one in chain(known.values(), said.values())
        if archived & months_of(day_at(Place(register_no, one.first_at_ms), timezone))
    }
    said = {span: one for span, one in said.items() if span not in filed}
    return known, said | {span: known[span] for span in filed & known.keys()}


def _readings(look: CheckLook, register_no: int) -> Iterator[Reading]:
    from_ms = _BEGINNING_MS
    while part := look.raw(register_no, from_ms, _END_MS, READINGS_AT_ONCE):
        yield from (Reading(*row) for row in part)
        from_ms = part[-1][0] + 1


def _told(one: Rollup | None) -> str:
    if one is None:
        return "nothing"
    return f"{one.readings} from {one.first} to {one.last} within {one.least}…{one.greatest}"
