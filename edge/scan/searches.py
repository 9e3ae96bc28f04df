"""Which searches a scan of a line is made of, in the order in which they are run.

M-Bus by secondary address comes first: on a line without M-Bus meters it takes seconds. Modbus
asks every address and takes minutes. M-Bus by primary address is run only on request: it takes as
long, and every meter that it could find but those without secondary addresses is found sooner.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, NamedTuple

from drivers.bus import Framing, Line
from drivers.driver import Step
from edge import places
from edge.scan import addresses

Protocol = Literal["modbus", "mbus"]
Begin = Callable[[Line, tuple[str, ...] | None], AsyncIterator[Step]]

SECONDARY = "M-Bus secondary addresses"


class Search(NamedTuple):
    """One pass over a line. `title` is what a person reads, and tells it from every other pass.

    `begin(line, todo)` starts it, with None from its start, else where its last step said.
    """

    title: str
    protocol: Protocol
    begin: Begin


class Searchers(NamedTuple):
    """The drivers' searches, see `drivers.driver.Step`; secondary ones go by masks of their own."""

    modbus: Callable[[Line, Sequence[int]], AsyncIterator[Step]]
    primary: Callable[[Line, Sequence[int]], AsyncIterator[Step]]
    secondary: Begin


def plan(
    searchers: Searchers,
    *,
    protocol: Literal["modbus", "mbus", "all"],
    framing: Framing,
    wanted: tuple[int, ...] | None = None,
    primary: bool = False,
) -> tuple[Search, ...]:
    """The searches of one line; ValueError where the wishes contradict each other."""
    if framing == "tcp" and protocol == "mbus":
        raise ValueError("this line's framing is tcp, which is Modbus TCP: M-Bus has no such thing")
    if wanted is not None and protocol == "mbus" and not primary:
        raise ValueError("--addresses are Modbus and primary ones: add --primary for M-Bus")
    found = []
    if protocol != "modbus" and framing != "tcp":
        found.append(_primary(searchers, wanted) if primary else _secondary(searchers))
    if protocol != "mbus":
        found.append(_modbus(searchers, wanted, framing))
    return tuple(found)


def _secondary(searchers: Searchers) -> Search:
    return Search(SECONDARY, "mbus", searchers.secondary)


def _primary(searchers: Searchers, wanted: tuple[int, ...] | None) -> Search:
    asked = _within(wanted, places.MBUS_ADDRESSES, "M-Bus primary addresses go")
    title = f"M-Bus primary addresses {addresses.spell(asked)}"
    return Search(title, "mbus", _by_address(searchers.primary, asked))


def _modbus(searchers: Searchers, wanted: tuple[int, ...] | None, framing: Framing) -> Search:
    # Few gateways are units themselves: 0 and 255 are asked where somebody wants to know.
    known = places.MODBUS_ADDRESSES[framing if wanted else "rtu"]
    asked = _within(wanted, known, "Modbus addresses go")
    title = f"Modbus addresses {addresses.spell(asked)}"
    return Search(title, "modbus", _by_address(searchers.modbus, asked))


def _within(wanted: tuple[int, ...] | None, known: range, what: str) -> tuple[int, ...]:
    beyond = sorted(set(wanted or ()) - set(known))
    if beyond:
        raise ValueError(f"{what} from {known[0]} to {known[-1]}, got {beyond[0]}")
    return wanted or tuple(known)


def _by_address(
    search: Callable[[Line, Sequence[int]], AsyncIterator[Step]], asked: tuple[int, ...]
) -> Begin:
    """A search whose masks are plain addresses."""

    def begin(line: Line, todo: tuple[str, ...] | None) -> AsyncIterator[Step]:
        return search(line, asked if todo is None else tuple(map(int, todo)))

    return begin
