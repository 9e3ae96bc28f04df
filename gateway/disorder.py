"""V-ORD for the readings of a group that came out of order, once all of the group is stored.

A reading that is captured and chained after all that is stored contradicts none and is not looked
at. Of the others one question tells the neighbours; only beside a clock that was set back the
readings further away are asked for. The newest is judged first, so that each finds those after it
judged.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from gateway import rules
from gateway.model import Finding
from gateway.rules import order
from gateway.rules.order import Chained, Placed
from gateway.store import Beside, Instant, LedgerPort, VerdictRow

# A month of quarters of an hour that lie over each other; a clock set back further has V-TIME.
WALK_MAX = 3000

_Place = tuple[int, int, int]


class Late(NamedTuple):
    """An accepted reading that came late, by time or by its place in the chain."""

    instant: Instant
    copy: int
    chained: Chained


def verdicts(ledger: LedgerPort, late: Sequence[Late], now_ms: int) -> list[VerdictRow]:
    """The verdicts that they bring with them, for themselves and for what was there before."""
    stored = ledger.beside({one.instant for one in late})
    found: dict[_Place, Finding] = {}
    for one in sorted(late, key=lambda late: late.instant.at_ms, reverse=True):
        _judge(ledger, one, stored[one.instant], found)
    return [VerdictRow(*place, *each, now_ms, rules.VERSION) for place, each in found.items()]


def _judge(ledger: LedgerPort, late: Late, beside: Beside, found: dict[_Place, Finding]) -> None:
    register_no, at_ms = late.instant
    own = Placed(at_ms, late.copy, late.chained, disordered=False)

    def walk(near: Placed | None, *, forward: bool) -> Iterator[Placed]:
        if near is None:
            return
        yield near._replace(disordered=_is_known(near))
        for one in islice(ledger.placed(register_no, near.at_ms, forward=forward), WALK_MAX):
            yield one._replace(disordered=_is_known(one))

    def _is_known(one: Placed) -> bool:
        return one.disordered or (register_no, one.at_ms, one.copy) in found

    if finding := order.check(own, walk(beside.after, forward=True)):
        found.setdefault((register_no, at_ms, late.copy), finding)
    for one, finding in order.contradicted(own, walk(beside.before, forward=False)):
        found[(register_no, one.at_ms, one.copy)] = finding
