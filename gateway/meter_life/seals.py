"""Seals: which, where on the meter, set when and by whom, and what became of them.

A broken seal is something to look at, never a judgement: whether the meter is out of order for it
(ПП 354 п. 81(12)) is for a person to say, with ``registry out-of-order``.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from operator import itemgetter
from typing import NamedTuple


class Seal(NamedTuple):
    """One seal of one meter; days on the house's calendar, None for what has not happened."""

    meter: str
    number: str
    place: str
    set_on: date
    set_by: str
    checked_on: date | None
    broken_on: date | None
    removed_on: date | None

    @property
    def said(self) -> str:
        """All of it in one line."""
        days = {"checked": self.checked_on, "broken": self.broken_on, "removed": self.removed_on}
        told = [f"{what} {day}" for what, day in days.items() if day is not None]
        return ", ".join([f"{self.place}, set {self.set_on} by {self.set_by}", *told])


def broken(seals: Iterable[Seal]) -> list[Seal]:
    """Those found broken and not replaced since, the newest first."""
    of_place: dict[tuple[str, str], list[Seal]] = defaultdict(list)
    for one in seals:
        of_place[one.meter, one.place].append(one)
    found = [
        (one.broken_on, one.meter, one)
        for there in of_place.values()
        for one in there
        if one.broken_on is not None
        and not any(other.set_on >= one.broken_on for other in there if other is not one)
    ]
    return [one for *_, one in sorted(found, key=itemgetter(0, 1), reverse=True)]
