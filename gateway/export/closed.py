"""What an export works on: the closing lines of a period, with what stands behind each.

Every line of a period ends up in the file or is *left out* with a reason, so an export can always
be reconciled with the ledger: lines = exported + left out.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.closing_records import ClosingLine
from gateway.evidence import Verdict


class ExportError(ValueError):
    """Nothing can be exported, or not in this form; the text says why and what to do."""


class Origin(StrEnum):
    """Where a closing value was taken from."""

    READING = "reading"
    REMOVAL = "removal"
    """The act of the meter's removal."""
    ESTIMATE = "estimate"
    """A straight line between the readings around the end of the period."""
    INSTALLATION = "installation"
    """The act of the meter's installation: it has not been read since."""


class Closed(NamedTuple):
    """A closing line with the clock of its house and the origin of its closing value.

    `verdicts` are those on the closing reading.
    """

    line: ClosingLine
    address: str
    timezone: str
    origin: Origin
    verdicts: tuple[Verdict, ...] = ()

    @property
    def closing_date(self) -> date:
        """The day of the closing value on the clocks of the house."""
        return local_date(self.line.closing_at_ms, self.timezone)


class LeftOut(NamedTuple):
    """A line that is not in the file, and why."""

    line: str
    meter: str
    register: str
    reason: str

    @classmethod
    def of(cls, closed: Closed, reason: str) -> "LeftOut":
        """`closed` is left out for that reason."""
        line = closed.line
        return cls(line.line_id, line.closing_meter, line.register, reason)


class Documents(NamedTuple):
    """The files an export makes, in order; `lines` of the period stand in them.

    `devices` is how many meters of another system's list they are of, where there is such a list.
    """

    files: tuple[bytes, ...]
    lines: int
    left_out: tuple[LeftOut, ...] = ()
    devices: int | None = None


class ClosedStore(Protocol):
    """A ledger whose closed periods can be exported."""

    def last_closed(self) -> str | None:
        """The newest period any house has closed."""

    def closed(self, period: str, house: str | None) -> Iterable[Closed]:
        """The lines of a period, of one house or all, by line id."""


class Exporter(Protocol):
    """A format."""

    def __call__(self, lines: Iterable[Closed]) -> Documents:
        """The files of `lines`, the same for the same ones."""


def local_date(moment_ms: int, timezone: str) -> date:
    """The day on which `moment_ms` falls where the clocks show `timezone`."""
    return from_ms(moment_ms).astimezone(ZoneInfo(timezone)).date()
