"""V-SILENT and V-GAP: what has stopped coming, and what comes with holes.

No reading can be asked about readings that are not there, so this is looked up, not judged at
ingest. How often a register is read is *observed* (the median of its last gaps), because a
schedule may differ from meter to meter and change without anybody telling the gateway.

A register is *silent* when nothing was captured for longer than its resource's limit. It has
*gaps* when, over a week that ended one observed interval ago, less than the wanted share of the
expected readings is there; the last interval is left out because what is due now may be on its
way. Nothing is concluded from fewer than three intervals.

A question costs a bounded number of rows for each register, however long its history is.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, Protocol

from drivers.reading import Resource
from gateway.rules.parameters import TABLE, Limits, Table

WINDOW_MS = 7 * 86_400_000
# An odd number of gaps has a median that was seen; a day of hourly readings is enough of them.
GAPS_KEPT = 25
_GAPS_MIN = 3


class Delivered(NamedTuple):
    """A registered register of a standing meter, and when it was captured last, newest first.

    `dwelling` is None for the house's own meters. `first_ms` is the first capture ever;
    `captured_ms` holds at most GAPS_KEPT + 1 times.
    """

    register_no: int
    house: str
    point: str
    dwelling: str | None
    resource: str
    meter: str
    register: str
    installed_at_ms: int
    first_ms: int | None
    captured_ms: tuple[int, ...]


class Span(NamedTuple):
    """A register and a time, its end included."""

    register_no: int
    after_ms: int
    until_ms: int


class Deliveries(Protocol):
    """What the ledger knows of what arrived."""

    def delivered(self, house: str | None, now_ms: int) -> list[Delivered]:
        """The registers of one house or of all, with what was captured up to now.

        Readings that are another device's to send (rejected ones) do not count as delivered.
        """

    def received(self, spans: Sequence[Span]) -> list[int]:
        """How many instants were captured in each span."""


class Delivery(StrEnum):
    """How a register's readings arrive."""

    SILENT = "silent"
    GAPS = "gaps"
    IN_ORDER = "in-order"
    NEW = "new"
    """Installed a moment ago, or read too seldom to tell."""


class Watched(NamedTuple):
    """A register with what was found. `interval_ms` is None while it cannot be told."""

    register: Delivered
    state: Delivery
    newest_ms: int | None
    interval_ms: int | None
    expected: int
    received: int

    def as_text(self) -> dict[str, object]:
        """The same as one JSON object."""
        one = self.register
        return {
            "house": one.house,
            "point": one.point,
            "dwelling": one.dwelling,
            "resource": one.resource,
            "meter": one.meter,
            "register": one.register,
            "state": self.state.value,
            "newest_ms": self.newest_ms,
            "interval_ms": self.interval_ms,
            "expected": self.expected,
            "received": self.received,
        }


def watch(
    deliveries: Deliveries, house: str | None, now_ms: int, table: Table = TABLE
) -> list[Watched]:
    """How the registers of one house or of all arrive, the silent ones first."""
    known = deliveries.delivered(house, now_ms)
    intervals = [interval_ms(one.captured_ms) for one in known]
    spans = [_span(one, interval, now_ms) for one, interval in zip(known, intervals, strict=True)]
    counts = iter(deliveries.received([span for span in spans if span is not None]))
    found = []
    for one, interval, span in zip(known, intervals, spans, strict=True):
        week = _NOTHING if span is None or not interval else _week(span, interval, next(counts))
        limits = table.limits(Resource(one.resource), now_ms)
        newest = one.captured_ms[0] if one.captured_ms else None
        found.append(Watched(one, _state(one, week, limits, now_ms), newest, interval, *week))
    return sorted(found, key=lambda one: _ORDER.index(one.state))


def troubled(found: Sequence[Watched]) -> Iterator[Watched]:
    """Those that somebody should look at."""
    return (one for one in found if one.state in {Delivery.SILENT, Delivery.GAPS})


def interval_ms(newest_first: Sequence[int]) -> int | None:
    """How long usually lies between two readings; None where too few were seen."""
    gaps = sorted(later - earlier for later, earlier in pairwise(newest_first))
    return gaps[len(gaps) // 2] if len(gaps) >= _GAPS_MIN else None


def _span(one: Delivered, interval: int | None, now_ms: int) -> Span | None:
    """The week that is looked at, or what there is of it since the first reading."""
    if interval is None or one.first_ms is None:
        return None
    until_ms = now_ms - interval
    after_ms = max(until_ms - WINDOW_MS, one.first_ms)
    return Span(one.register_no, after_ms, until_ms) if after_ms < until_ms else None


class _Week(NamedTuple):
    expected: int
    received: int


_NOTHING = _Week(0, 0)


def _week(span: Span, interval: int, received: int) -> _Week:
    return _Week((span.until_ms - span.after_ms) // interval, received)


def _state(one: Delivered, week: _Week, limits: Limits, now_ms: int) -> Delivery:
    newest_ms = max(one.captured_ms, default=one.installed_at_ms)
    if now_ms - newest_ms > limits.silent_ms:
        return Delivery.SILENT
    if not week.expected:
        return Delivery.NEW
    enough = week.received * 100 >= week.expected * limits.coverage_percent
    return Delivery.IN_ORDER if enough else Delivery.GAPS


_ORDER = (Delivery.SILENT, Delivery.GAPS, Delivery.NEW, Delivery.IN_ORDER)
