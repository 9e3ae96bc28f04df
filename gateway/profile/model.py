"""What the day series is made from, and the ports to it."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple, Protocol

from drivers.reading import Resource, Unit
from gateway.model import Finding, Level
from gateway.rules.subject import Dial


class ProfileError(ValueError):
    """A day or a meter that cannot be shown; the text is one line."""


class Standing(NamedTuple):
    """A registered register of a meter while it stood at a point.

    `initial` and `final` are what it showed when it was installed and removed, None as far as
    unknown. `to_ms` is None while it stands. Amounts become use by the transformer's `factor`.
    """

    register_no: int
    house: str
    timezone: str
    point_no: int
    point: str
    dwelling: str | None
    resource: str
    meter: str
    obis: str
    unit: str
    exponent: int
    digits: int
    rate_max_per_h: int
    from_ms: int
    to_ms: int | None
    initial: int | None
    final: int | None
    factor: Fraction

    @property
    def dial(self) -> Dial:
        """The register as the rules see it."""
        resource = Resource(self.resource)
        return Dial(Unit(self.unit), self.exponent, self.digits, self.rate_max_per_h, resource)


class DayFinding(NamedTuple):
    """What was found about a register's day."""

    house: str
    point: str
    dwelling: str | None
    resource: str
    meter: str
    register: str
    day: str
    finding: Finding


class Stand(NamedTuple):
    """How far the check of a house's day has come: the last register, and whether all are done."""

    register_no: int
    done: bool


class SeriesStore(Protocol):
    """What a day series asks of the ledger."""

    def standing(
        self, house: str, from_ms: int, to_ms: int, after_no: int, limit: int
    ) -> list[Standing]:
        """Registers of a house that stood in a time, by number, those above `after_no`."""

    def named(self, name: str, from_ms: int, to_ms: int) -> list[Standing]:
        """The registers that stood at a point, or of a meter, of that name."""

    def timezone_of(self, name: str) -> str | None:
        """The time zone of the house in which a point or meter of that name is or was."""

    def newest(self, register_no: int, until_ms: int, count: int) -> list[int]:
        """When the register was last captured up to then, newest first."""

    def levels(self, register_no: int, from_ms: int, to_ms: int, limit: int) -> list[Level]:
        """Its accepted readings from `from_ms` to `to_ms`, both included, in order of time."""

    def check_of(self, register: Standing, at_ms: int) -> Standing | None:
        """The same register of the meter that checks this one's."""

    def findings(self, house: str | None, days: tuple[str, str], limit: int) -> list[DayFinding]:
        """What was found of days from the first to the last of `days`, the newest first."""


class JobStore(Protocol):
    """What the daily job keeps."""

    @property
    def series(self) -> SeriesStore:
        """The readings, in the same transaction."""

    def houses(self) -> list[tuple[str, str]]:
        """Names and time zones."""

    def first_reading_ms(self, house: str) -> int | None:
        """When the first reading of a house was captured, None before there is one."""

    def stands(self, house: str, since: date) -> dict[date, Stand]:
        """The days of a house that were begun or done, from one on."""

    def keep(
        self, house: str, day: date, stand: Stand, found: Sequence[tuple[int, Finding]], now_ms: int
    ) -> None:
        """Add findings by register, and remember how far the day is."""

    def begin(self, house: str, day: date) -> None:
        """Drop what was found of a day, and that it was done."""

    def forget(self, house: str, before: date) -> None:
        """Drop findings of days before one."""

    def arrivals(self, limit: int) -> list[tuple[str, int, int]]:
        """House, and first and last capture time, of what is new about readings.

        That is batches that came and decisions of people, of either at most `limit`; each is told
        once, and nothing when there are no more.
        """
