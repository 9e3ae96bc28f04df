"""The words of billing: what a line of one metering point and register is made of.

A line runs from its *opening*, which is the closing of the line before (or the value a meter was
installed with), to its *closing*. So whatever is late, missing or closed in the wrong hour moves
consumption between neighbouring lines and never bills it twice or loses it.

Between the two a meter may have been exchanged. `gateway.planning` therefore cuts a line into
*spans*, one per meter; storage answers each span with the *facts* of its accepted readings;
`gateway.settling` adds the spans up.

Values are integer mantissas at the register's exponent.
"""

from enum import StrEnum
from typing import NamedTuple

from drivers.reading import Unit
from gateway.estimation.terms import Cause
from gateway.model import FOREVER_MS, Level
from gateway.periods import WHENEVER, Bounds, Taking

# The midnight read of a full M-Bus segment (250 meters, 2400 baud, about a second each) takes
# four minutes; a quarter of an hour leaves room for one retry and ends before the next interval.
CLOSING_TOLERANCE_MS = 15 * 60 * 1000

# A maximum, a temperature or a flow is watched, not billed.
BILLED_UNITS = frozenset({Unit.KWH, Unit.KVARH, Unit.M3, Unit.GCAL, Unit.GJ, Unit.TONNE, Unit.HCA})


class Method(StrEnum):
    """Where a closing value comes from."""

    ACTUAL = "actual"
    CARRIED = "carried"
    """No accepted reading: the opening value stands, nothing is billed yet."""
    INTERPOLATED = "interpolated"
    """No accepted reading of the period: its end is placed between those before and after."""
    AVERAGE = "average"
    """No accepted reading: the average is billed on account, the opening value stands."""
    NORM = "norm"
    """As with the average, by the norm of consumption."""
    CHECK = "check"
    """As with the average, by what the check meter beside it counted."""


# What is billed on account: no reading stands behind it, so an obligation is open until one does.
ON_ACCOUNT = frozenset({Method.AVERAGE, Method.NORM, Method.CHECK})
# What a line's own readings say nothing of, or not of all of it.
UNREAD = ON_ACCOUNT | {Method.CARRIED}
# determiningMethod of ГИС ЖКХ's bills: by the meter, by norm, or otherwise.
DETERMINED = {
    Method.ACTUAL: "M",
    Method.CARRIED: "M",
    Method.INTERPOLATED: "O",
    Method.AVERAGE: "O",
    Method.NORM: "N",
    Method.CHECK: "O",
}
# What later readings may show otherwise.
ESTIMATED = ON_ACCOUNT | {Method.INTERPOLATED}


# Who brought a reading that came in a signed batch; no reading closes a line without a source.
AUTOMATIC = "automatic"
NO_SOURCE = ""


class Role(StrEnum):
    """What a register's line is for."""

    BILLED = "billed"
    CHECK = "check"
    """A total beside its tariffs: shown, never billed."""
    EXPORT = "export"
    """Energy given back into the network."""


class ReadingKey(NamedTuple):
    """Which reading of a register: its capture time, and which of several values for it."""

    captured_at_ms: int
    copy: int


class Mark(NamedTuple):
    """A register's value at an instant: a reading, or the act of a meter's exchange."""

    register_no: int
    at_ms: int
    mantissa: int
    reading: ReadingKey | None


class Installation(NamedTuple):
    """One meter's time at a metering point, as it concerns one of its registers.

    `barred_ms`: from then on the meter is out of order for `cause`, and what it shows is not
    billed, not even in the act of its removal (ПП 354 п. 81(12)). `factor`: what its values are
    multiplied by (transformers, pulses), a decimal or a fraction as text.
    """

    register_no: int
    exponent: int
    digits: int
    installed_at_ms: int
    initial: int
    removed_at_ms: int | None = None
    final: int | None = None
    barred_ms: int | None = None
    cause: Cause | None = None
    factor: str = "1"
    final_rolled: bool = False
    """Whoever took it away says that it passed its last digit after its last reading."""
    is_check: bool = False
    """A total beside its tariffs: they are billed, it is not."""

    @property
    def reads_until_ms(self) -> int:
        """The first instant whose readings do not count."""
        return min(self.removed_at_ms or FOREVER_MS, self.barred_ms or FOREVER_MS)


class Span(NamedTuple):
    """One meter's part of a line: readings after `start.at_ms` and before `until_ms` count.

    An open span ends in a reading of the period: the first one from `end_ms` on, else the one of
    the contract's window that is nearest to it, else the last one from `from_ms` on. The others
    end in the act of the meter's removal.
    """

    installation: Installation
    start: Mark
    from_ms: int
    end_ms: int
    until_ms: int
    is_open: bool
    taking: Taking = WHENEVER


class Facts(NamedTuple):
    """What a span's accepted readings say: which one closes it, how often it rolled over.

    `after` is the first one too late to close an open span that has no `last` at its end, unless
    the register rolled over with it. `is_counted_on`: there is such a one, rolled over or not.
    """

    last: Mark | None
    rollovers: int
    after: Level | None = None
    is_counted_on: bool = False


class Segment(NamedTuple):
    """One meter's share of a line's consumption."""

    register_no: int
    opening: int
    closing: int
    rollovers: int
    exponent: int
    consumption: int


class Settled(NamedTuple):
    """A line's numbers: `consumption` is a mantissa at `exponent`."""

    opening: Mark
    closing: Mark
    consumption: int
    exponent: int
    method: Method
    reason: str
    segments: tuple[Segment, ...]
    unmeasured: tuple[Bounds, ...] = ()
    """When a meter hung there and was out of order, as far as no reading before says what it was.

    Such time may begin before the line does."""
    cause: Cause = Cause.MISSING
    """Why there is a time without readings."""
    source: str = NO_SOURCE
    """Who brought the reading that closes the line."""
    factor: str = "1"
    """What the register's values are multiplied by: the factor of the meter at the end."""
