"""Reopening a period: its closing is taken back, with all it wrote, and is to be done again.

Lines are never edited. The closing is marked as withdrawn, with who did it and why; each of its
lines and corrections is withdrawn towards billing by an event of its own; the obligations it
opened are void, and those it ended are open again. Closing again writes new lines, which name the
ones they replace.

Only a house's newest period can be reopened: a later line opens where an earlier one closed, so
what lies behind must be taken back first. What was charged for interferences is not taken back:
no line stands behind it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.audit import Act
from gateway.closing import ClosingError
from gateway.closing_records import ClosingStore, ClosingTransaction, EventMaker, House
from gateway.withdrawn import Withdrawn

REOPEN = "reopen-period"
# A reason that says something to whoever reads the audit log in a year, and still is one line.
WHY_CHARS_MIN, WHY_CHARS_MAX = 3, 500


class Person(NamedTuple):
    """Who reopens a period, how the program knows them, and why they do it."""

    actor: str
    via: str
    why: str


class Reopened(NamedTuple):
    """What reopening took back."""

    house: str
    period: str
    withdrawn: tuple[Withdrawn, ...]


def reopen_period(
    store: ClosingStore,
    house: str,
    period: str,
    person: Person,
    now_ms: int,
    *,
    targets: Sequence[str],
    event_of: EventMaker,
) -> Reopened:
    """Take back the closing of `period`; ClosingError if it is not the newest one of the house."""
    why = person.why.strip()
    if not WHY_CHARS_MIN <= len(why) <= WHY_CHARS_MAX or not why.isprintable():
        raise ClosingError(
            f"expected a reason of {WHY_CHARS_MIN} to {WHY_CHARS_MAX} characters in one line,"
            f" got {person.why[:80]!r}"
        )
    with store.closing() as transaction:
        found = _reopenable(transaction, house, period)
        before = f"closed, revision {transaction.revision(found, period) - 1}"
        withdrawn = transaction.withdraw(found, period, now_ms, person.actor, why)
        after = f"open, {len(withdrawn)} records withdrawn"
        head = transaction.note(
            Act(now_ms, person.actor, person.via, REOPEN, f"{house} {period}", before, after, why)
        )
        transaction.hand_over([event_of(one, head) for one in withdrawn], targets, now_ms)
        return Reopened(house, period, tuple(withdrawn))


def _reopenable(transaction: ClosingTransaction, name: str, period: str) -> House:
    house = transaction.house(name)
    if house is None:
        raise ClosingError(f"no house is called {name!r}: see plomba-gateway registry list")
    last = transaction.last_closed(house.house_no)
    if last is None:
        raise ClosingError(f"house {name} has no closed period")
    if period != last:
        raise ClosingError(
            f"only the newest closed period of house {name} can be reopened: {last}, not {period}"
        )
    return house
