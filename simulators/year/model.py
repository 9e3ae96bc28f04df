"""The words of a year: houses, places, what hangs there, and what befalls them.

Everything in these is *known to the judge and to nobody else*. The gateway learns of it what
devices sign, what a clerk enters and what an operator decides. A kind of trouble that comes later
adds its own record here, is drawn in `fates`, carried out by `clerk`, `device` or `operator`, and
taken into account by the judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from simulators.house import local_midnight
from simulators.truth import Meter, Span
from simulators.year.makes import Kind
from simulators.year.terms import Agreed, Calendar


class Trouble(StrEnum):
    """How a reading is made wrong."""

    SLIP = "decimal slip"
    FALL = "decrease"
    LEAP = "impossible rate"
    SWAP = "tariffs swapped"
    RIVAL = "second value of one instant"


class Wrong(NamedTuple):
    """A reading of one night that is wrong in all its registers or, if a rival, comes twice.

    `replaced`: the operator enters what the meter's archive shows, else the reading is rejected.
    """

    day: int
    trouble: Trouble
    replaced: bool


class Outage(NamedTuple):
    """Nights from `first` to before `end`."""

    first: int
    end: int

    def __contains__(self, day: object) -> bool:
        return isinstance(day, int) and self.first <= day < self.end


class Unset(NamedTuple):
    """Nights after a power cut in which the device does not know the time.

    `placed`: it learns the time in the same boot; else it is cut again before.
    """

    nights: Outage
    placed: bool


class Barred(NamedTuple):
    """A meter out of order from a night on: when that is declared, and when it is found fit."""

    serial: str
    cause: str
    from_ms: int
    declared_ms: int
    fit_ms: int | None
    finding: str = ""
    """Not empty: by its certificate, known from the start, and what a later one found."""
    until_ms: int | None = None
    """From when on a later certificate lets it count again; None: throughout, or never."""
    noted: bool = False
    """That certificate has what the dial showed."""

    @property
    def is_estimated(self) -> bool:
        """Whether a stretch stays that nothing measured."""
        return self.fit_ms is None or self.until_ms is not None


class Reopened(NamedTuple):
    """The newest closed period is taken back on a day of the year, and closed again on another."""

    day: int
    again: int


class Paper(NamedTuple):
    """An act at a place: access refused, inspected, or interfered with (then with a capacity)."""

    kind: str
    made_on: date
    entered_ms: int
    capacity: Decimal | None = None
    begun_on: date | None = None


class Said(NamedTuple):
    """A person's figures of a meter, as they were given; `is_right`: read off the dial.

    `values` are mantissas by register at its exponent, `step` what the last digit given is worth.
    """

    source: str
    reference: str
    serial: str
    at_ms: int
    entered_ms: int
    is_right: bool
    step: int
    values: Mapping[str, int]


class Hanging(NamedTuple):
    """One meter's time at a place, and when the registry learns that it came."""

    meter: Meter
    span: Span
    entered_ms: int


@dataclass(frozen=True)
class Place:
    """A metering point with all that happens there. `fate` is one word for people."""

    name: str
    dwelling: str
    kind: Kind
    hangings: tuple[Hanging, ...]
    fate: str
    silent: tuple[Outage, ...] = ()
    wrongs: Mapping[int, Wrong] | None = None
    barred: Barred | None = None
    factor: str = "1"
    behind: str = ""
    """The place whose meter has counted all that this one counts."""
    checks: str = ""
    """The place whose flow this one measures once more."""
    papers: tuple[Paper, ...] = ()
    said: tuple[Said, ...] = ()

    @property
    def is_house(self) -> bool:
        """Whether the whole house is measured here."""
        return not self.dwelling

    def hanging_at(self, time_ms: int) -> Hanging:
        """What hangs here at an instant; the first meter hung long before anybody registered it."""
        found = self.hangings[0]
        for one in self.hangings[1:]:
            if one.span.start_ms <= time_ms:
                found = one
        return found

    def wrong(self, day: int) -> Wrong | None:
        """What is wrong with a night's reading."""
        return None if self.wrongs is None else self.wrongs.get(day)


@dataclass(frozen=True)
class House:
    """A house with one device, and what befalls them. Days are counted from `first_day`."""

    number: int
    name: str
    timezone: str
    first_day: date
    days: int
    installed_on: date
    offset_ms: int
    """How long after midnight its round is read."""
    places: tuple[Place, ...]
    silences: tuple[Outage, ...]
    """Nothing is read."""
    blackouts: tuple[Outage, ...]
    """What is read leaves the house when it is over."""
    unset: tuple[Unset, ...]
    backdated: tuple[Outage, ...]
    """The clock stands weeks behind, and says that nothing vouches for it."""
    hasty: bool
    """A person closes its periods on the first day of the next one."""
    agreed: tuple[Agreed, ...] = ()
    reopened: tuple[Reopened, ...] = ()

    @property
    def device(self) -> str:
        """The name of its device."""
        return f"edge-{self.name}"

    @property
    def calendar(self) -> Calendar:
        """Where its periods end."""
        return Calendar(self.timezone, self.first_day, self.agreed)

    def midnight_ms(self, day: int) -> int:
        """The first instant of a day."""
        return local_midnight(self.first_day + timedelta(days=day), self.timezone)

    def read_ms(self, day: int) -> int:
        """When the round of a night is read."""
        return self.midnight_ms(day) + self.offset_ms

    def is_read(self, day: int) -> bool:
        """Whether the device reads anything in a night."""
        return not any(day in one for one in self.silences)
