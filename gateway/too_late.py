"""Facts entered after their period was closed: a closed line is never edited, so somebody is told.

What bars a meter, and who did not let the controller in, is asked when a period is closed. Entered
later it changes nothing that was billed by then, unless the period is reopened.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

# A town's file may concern every house: the first few show what is meant.
HOUSES_SAID_MAX = 5


class Closed(NamedTuple):
    """A closed period that would be billed otherwise now; `newest` is its house's newest one."""

    house: str
    period: str
    newest: str


def told(found: Sequence[Closed]) -> str | None:
    """One line that names the closed periods and the command that opens them; None for none."""
    houses = [list(group) for _, group in groupby(sorted(found), key=lambda one: one.house)]
    if not houses:
        return None
    named = [
        f"{group[0].house} {', '.join(one.period for one in group)}"
        for group in houses[:HOUSES_SAID_MAX]
    ]
    if len(houses) > HOUSES_SAID_MAX:
        named.append(f"and {len(houses) - HOUSES_SAID_MAX} more houses")
    first = houses[0][0]
    return (
        f"closed already, billed without it: {'; '.join(named)}; to bill it anew, the newest period"
        f' first: plomba-gateway reopen "{first.house}" {first.newest} --why TEXT --by NAME'
    )
