"""The balance of a house for a closed period, with the hints of that time, asked of a store.

The lines are those the period was closed with, corrected as far as is known by now; areas,
residents and norms are those of its last day. Hints are of any stretch of time, so that the page
can show what is going on now.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from gateway import periods
from gateway.balance import hints, night
from gateway.balance.hints import Flagged, Flow, Hint, Judged
from gateway.balance.house import balances
from gateway.balance.model import Balance, BalanceError, House, Used


class BalanceStore(Protocol):
    """What a balance asks of storage, all of one snapshot."""

    def timezone(self, house: str) -> str | None:
        """The zone of a house, None if none is called so."""

    def last_closed(self, house: str) -> str | None:
        """The newest closed period of a house."""

    def is_closed(self, house: str, period: str) -> bool:
        """Whether a period of a house is closed."""

    def lines(self, house: str, period: str) -> list[Used]:
        """The closed lines of a period."""

    def facts(self, house: str, period: str) -> House:
        """What the registry says of a house at the end of a period."""

    def flagged(self, house: str, from_ms: int, until_ms: int) -> list[Flagged]:
        """What the meters of a house said of themselves."""

    def judged(self, house: str, from_ms: int, until_ms: int) -> list[Judged]:
        """Falls found in that time, and registers that still stand still at its end."""

    def flows(self, house: str, windows: Sequence[tuple[int, int]]) -> list[Flow]:
        """The levels of the dwellings' water registers in each window, both ends included."""


class HouseBalance(NamedTuple):
    """One house, one period."""

    house: str
    period: str
    resources: tuple[Balance, ...]
    hints: tuple[Hint, ...]


def house_balance(store: BalanceStore, house: str, period: str | None) -> HouseBalance:
    """The balance of a period, the last closed one if None; BalanceError where there is none."""
    zone = store.timezone(house)
    if zone is None:
        raise BalanceError(f"no house is called {house!r}: see plomba-gateway registry list")
    asked = period or store.last_closed(house)
    if asked is None:
        raise BalanceError(f"house {house} has no closed period: run plomba-gateway close-period")
    bounds = periods.bounds(asked, ZoneInfo(zone))
    if not store.is_closed(house, asked):
        raise BalanceError(
            f"period {asked} of house {house} is not closed: run plomba-gateway close-period"
        )
    lines = store.lines(house, asked)
    found = balances(lines, store.facts(house, asked), asked)
    seen = [
        *_seen(store, house, ZoneInfo(zone), bounds.start_ms, bounds.end_ms),
        *hints.of_lines(lines, bounds.start_ms, bounds.end_ms),
    ]
    return HouseBalance(house, asked, tuple(found), tuple(hints.ordered(seen)))


def recent_hints(store: BalanceStore, house: str, from_ms: int, until_ms: int) -> list[Hint]:
    """What was seen in a house in a stretch of time."""
    zone = store.timezone(house)
    if zone is None:
        raise BalanceError(f"no house is called {house!r}: see plomba-gateway registry list")
    return hints.ordered(_seen(store, house, ZoneInfo(zone), from_ms, until_ms))


def _seen(
    store: BalanceStore, house: str, zone: ZoneInfo, from_ms: int, until_ms: int
) -> list[Hint]:
    hours = night.nights(until_ms, zone)
    windows = [(at[0] - night.TOLERANCE_MS, at[-1] + night.TOLERANCE_MS) for at in hours]
    return [
        *hints.of_flags(store.flagged(house, from_ms, until_ms)),
        *hints.of_nights(hours, store.flows(house, windows)),
        *hints.of_verdicts(store.judged(house, from_ms, until_ms)),
    ]
