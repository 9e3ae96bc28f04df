"""The periods of a house as people look at them: closed, due or open, and what stands in the way.

A closed period shows its lines by method, and every register and metering point that has no line
with the reason why; there is nothing without one of the two.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import Resource, from_ms
from gateway import periods
from gateway.closing_records import House
from gateway.contracts import Calendar, Cutoff

# The open periods shown of a house that nobody closes: two years.
OPEN_MAX: Final = 24


class PeriodState(StrEnum):
    """How far a period has come."""

    CLOSED = "closed"
    DUE = "due"
    OPEN = "open"


class Closed(NamedTuple):
    """A standing closing; `lines` counts by method. `revision` is above 1 after a reopening."""

    closing_no: int
    period: str
    revision: int
    closed_at_ms: int
    lines: Mapping[str, int]


class Taken(NamedTuple):
    """A closing that was taken back."""

    period: str
    revision: int
    at_ms: int
    by: str
    why: str


class Carried(NamedTuple):
    """A register at a metering point, or none where a meter has nothing that is billed."""

    point: str
    resource: Resource
    obis: str | None
    unit: str | None
    installed_at_ms: int | None
    removed_at_ms: int | None


class WithoutLine(NamedTuple):
    """A register (None: a whole metering point) that a closed period has no line of."""

    point: str
    register: str | None
    why: str


class Days(NamedTuple):
    """The window of a resource in a period, and where its lines end."""

    resource: Resource
    opens_ms: int
    ends_ms: int
    closing_ms: int
    cutoff: Cutoff | None


class PeriodView(NamedTuple):
    """One period of a house. `over_ms`: from when on it can be closed."""

    house: House
    period: str
    state: PeriodState
    over_ms: int
    windows: tuple[Days, ...]
    blocks: tuple[str, ...] = ()
    closed: Closed | None = None
    without_line: tuple[WithoutLine, ...] = ()
    withdrawn: tuple[Taken, ...] = ()


class PeriodStore(Protocol):
    """A ledger that can be asked for its periods."""

    def closings(self, house: House, limit: int) -> Sequence[Closed]:
        """The newest standing closings, the newest first."""

    def taken_back(self, house: House) -> Sequence[Taken]:
        """Every closing that was withdrawn, the newest first."""

    def carried(self, house: House) -> Sequence[Carried]:
        """Every metering point with its billed registers, in order of time."""

    def with_line(self, closing_no: int) -> Collection[tuple[str, str, str]]:
        """Point, register and unit of every line of a closing."""


def book(
    store: PeriodStore,
    house: House,
    calendar: Calendar,
    due: str | None,
    *,
    now_ms: int,
    limit: int,
) -> list[PeriodView]:
    """The periods of a house, the newest first; `due` is the next one to be closed."""
    carried = store.carried(house)
    resources = sorted({one.resource for one in carried})
    taken = store.taken_back(house)
    found = []
    for period in _unclosed(due, house.zone, now_ms):
        view = _view(house, calendar, resources, period)
        found.append(_open(view, due, now_ms))
    for closed in store.closings(house, limit):
        view = _view(house, calendar, resources, closed.period)
        lines = store.with_line(closed.closing_no)
        missing = without_line(carried, lines, calendar, closed.period)
        found.append(view._replace(closed=closed, without_line=tuple(missing)))
    return [
        one._replace(withdrawn=tuple(two for two in taken if two.period == one.period))
        for one in sorted(found, key=lambda view: view.period, reverse=True)
    ]


def without_line(
    carried: Iterable[Carried],
    lines: Collection[tuple[str, str, str]],
    calendar: Calendar,
    period: str,
) -> list[WithoutLine]:
    """What has no line in a closed period, each with its reason."""
    found = []
    for point, group in groupby(carried, lambda one: one.point):
        rows = list(group)
        billed = [one for one in rows if one.obis is not None]
        if not billed:
            installed = any(one.installed_at_ms is not None for one in rows)
            why = "its meter has no register that is billed" if installed else "no meter is known"
            found.append(WithoutLine(point, None, why))
        for (obis, unit), same in groupby(billed, lambda one: (one.obis, one.unit)):
            if (point, obis, unit) not in lines:
                why = _why(list(same), calendar, period)
                found.append(WithoutLine(point, obis, why))
    return found


def _why(rows: Sequence[Carried], calendar: Calendar, period: str) -> str:
    end_ms = calendar.term(rows[0].resource, period).bounds.end_ms
    there = [one for one in rows if (one.installed_at_ms or 0) < end_ms]
    if not there:
        day = _day(min(one.installed_at_ms or 0 for one in rows), calendar.zone)
        return f"its meter is there from {day} on, after the period ended"
    removed = [one.removed_at_ms for one in there]
    if all(one is not None and one <= end_ms for one in removed):
        day = _day(max(one or 0 for one in removed), calendar.zone)
        return f"its last meter was removed on {day}, and a line before ended with that"
    return "it came into the registry after the period was closed"


def _unclosed(due: str | None, zone: ZoneInfo, now_ms: int) -> list[str]:
    """From the period that is due up to the one that is running."""
    found: list[str] = []
    period = due
    while period is not None and period <= periods.containing(now_ms, zone):
        if len(found) == OPEN_MAX:
            break
        found.append(period)
        period = periods.following(period)
    return found


def _view(
    house: House, calendar: Calendar, resources: Iterable[Resource], period: str
) -> PeriodView:
    windows = []
    for resource in resources:
        term = calendar.term(resource, period)
        contract = calendar.windows(resource).holding(period)
        days = term.taking.window or periods.bounds(period, house.zone)
        cutoff = contract and contract.cutoff
        windows.append(Days(resource, *days, term.bounds.end_ms, cutoff))
    over_ms = calendar.over_ms(period)
    return PeriodView(house, period, PeriodState.CLOSED, over_ms, tuple(windows))


def _open(view: PeriodView, due: str | None, now_ms: int) -> PeriodView:
    blocks = []
    if now_ms < view.over_ms:
        blocks.append(f"not over before {_local(view.over_ms, view.house.zone)}")
    if view.period != due:
        blocks.append(f"{due} is to be closed first")
    state = PeriodState.OPEN if blocks else PeriodState.DUE
    return view._replace(state=state, blocks=tuple(blocks))


def document(view: PeriodView, now_ms: int) -> dict[str, object]:
    """A period as one JSON document; times on the clocks of the house."""
    zone, closed = view.house.zone, view.closed
    return {
        "house": view.house.name,
        "period": view.period,
        "state": view.state.value,
        "revision": closed and closed.revision,
        "closed_at": closed and _local(closed.closed_at_ms, zone),
        "over_at": _local(view.over_ms, zone),
        "windows": [
            {
                "resource": one.resource.value,
                "opens_at": _local(one.opens_ms, zone),
                "ends_at": _local(one.ends_ms, zone),
                "is_open": one.opens_ms <= now_ms < one.ends_ms,
                "closing_at": _local(one.closing_ms, zone),
                "cutoff": one.cutoff and one.cutoff.value,
            }
            for one in view.windows
        ],
        "blocks": list(view.blocks),
        "lines": dict(closed.lines) if closed else {},
        "without_line": [one._asdict() for one in view.without_line],
        "withdrawn": [
            {"revision": one.revision, "at": _local(one.at_ms, zone), "by": one.by, "why": one.why}
            for one in view.withdrawn
        ],
    }


def _local(moment_ms: int, zone: ZoneInfo) -> str:
    return from_ms(moment_ms).astimezone(zone).isoformat(timespec="minutes")


def _day(moment_ms: int, zone: ZoneInfo) -> str:
    return from_ms(moment_ms).astimezone(zone).date().isoformat()
