"""V-ORD: along a device's chain, a register's readings must go forward in time.

Batches may arrive in any order; what counts is the order in which they were *chained*. A reading
is out of order if its device had chained one of the same register before it that shows a later
time: the clock was set back in between, and two stretches of time lie over each other. Both are
kept and may be billed (each is what the meter showed), but which came first the clock does not
tell any more. Two values of one instant are V-DUP's; only accepted readings are compared.

So the finding stands with the reading chained later, whichever came first, and nothing that comes
afterwards takes it back. To find it by neighbours alone it is used that the readings around are
judged already: one that is in order has none behind it that were chained before it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from drivers.reading import from_ms
from gateway.model import Finding, Severity

RULE = "V-ORD"
_QUALITY = "1.4.128"


class Chained(NamedTuple):
    """Where a reading stands in a device's chain: its batch, and its place in the batch."""

    device_no: int
    sequence: int
    position: int

    def precedes(self, other: "Chained") -> bool:
        """Whether the same device chained this reading before `other`."""
        return self.device_no == other.device_no and self[1:] < other[1:]


class Placed(NamedTuple):
    """An accepted reading of a register: when, where in the chain, and whether it has V-ORD."""

    at_ms: int
    copy: int
    chained: Chained
    disordered: bool


def check(own: Placed, later: Iterable[Placed]) -> Finding | None:
    """A warning if one of the readings captured after it, the next one first, was chained before.

    It ends at the first that is in order itself, or another device's: a meter has one at a time.
    """
    for one in later:
        if one.chained.precedes(own.chained):
            return _finding(own, one)
        if not one.disordered or not own.chained.precedes(one.chained):
            return None
    return None


def contradicted(own: Placed, earlier: Iterable[Placed]) -> Iterator[tuple[Placed, Finding]]:
    """The readings captured before it, the next one first, that were chained after.

    Those beyond the first in order have been judged by that one.
    """
    for one in earlier:
        if not own.chained.precedes(one.chained):
            return
        if not one.disordered:
            yield one, _finding(one, own)


def _finding(own: Placed, sooner: Placed) -> Finding:
    detail = (
        f"chained as #{own.chained.sequence} and captured {_text(own.at_ms)}, after "
        f"#{sooner.chained.sequence} captured {_text(sooner.at_ms)}: the clock was set back"
    )
    return Finding(RULE, Severity.WARNING, _QUALITY, detail)


def _text(at_ms: int) -> str:
    return f"{from_ms(at_ms):%Y-%m-%dT%H:%M:%SZ}"
